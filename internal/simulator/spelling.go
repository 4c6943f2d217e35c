package simulator

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"convstream/internal/conv"
)

// columns is a set of the columns of a row.
type columns uint8

const (
	interactionID columns = 1 << iota
	interactionType
	conversationID
	timestamp
	customerSegment
	casePriority
	queueTime
	handledTime

	customAttributes = customerSegment | casePriority
	metrics          = queueTime | handledTime
)

// columnOf finds a column by its path in select and filter.
var columnOf = map[string]columns{
	"interaction.id":                     interactionID,
	"interaction.type":                   interactionType,
	"conversation.id":                    conversationID,
	"timestamp":                          timestamp,
	"attributes.custom.customer_segment": customerSegment,
	"attributes.custom.case_priority":    casePriority,
	"metrics.queuetime.ms":               queueTime,
	"metrics.handledtime.ms":             handledTime,
}

// style is the choices that leave a row's meaning alone: white space, the order of keys,
// escapes, nesting, how a number and an instant are written, null or nothing. Zero is
// the guide's own style, and half of all rows have it.
type style uint64

// styleOf depends on the job and the page, so that a repeat is spelt otherwise than the
// first time, and a page that is asked for again is the same.
func (w *world) styleOf(r *Row, pos, job, page int) style {
	d := newDice(w.seed, forSpelling, uint64(pos), uint64(job), uint64(page))
	if r.Poison != "" || d.oneIn(2) {
		return 0
	}
	return style(d.next())
}

// choice reads n bits, those from bit at on.
func (s style) choice(at, n uint) int { return int(s >> at & (1<<n - 1)) }

func (s style) indented() bool { return s.choice(0, 2) == 3 }
func (s style) spaced() bool   { return s.choice(0, 2) >= 2 }
func (s style) rotation() int  { return s.choice(2, 8) % members }
func (s style) reversed() bool { return s.choice(10, 1) == 1 }
func (s style) escaped() bool  { return s.choice(11, 2) == 3 }
func (s style) instant() int   { return s.choice(13, 3) }
func (s style) zoned() style {
	if s.instant() == instantZoneless {
		s &^= 7 << 13
	}
	return s
}
func (s style) decimals() bool      { return s.choice(16, 2) == 3 }
func (s style) attributes() int     { return s.choice(18, 2) }
func (s style) nestedMetrics() bool { return s.choice(20, 2) == 3 }

// omits says whether a column without a value is left out rather than null.
func (s style) omits(c columns) bool { return s>>24&style(c) != 0 }

// instantZoneless is the way of telling a time that says nothing of its zone.
const instantZoneless = 4

// members is how many groups of columns have a place of their own in the order of keys.
const members = 6

// writer appends one row as JSON.
type writer struct {
	dst   []byte
	style style
	cols  columns
	depth int
	comma bool
}

// appendRow appends the selected columns of the row as a JSON object in the style.
func appendRow(dst []byte, r *Row, cols columns, s style) []byte {
	w := writer{dst: dst, style: s, cols: cols}
	w.open()
	for i := range members {
		at := (i + s.rotation()) % members
		if s.reversed() {
			at = members - 1 - at
		}
		w.group(at, r)
	}
	w.close()
	return w.dst
}

func (w *writer) group(at int, r *Row) {
	switch at {
	case 0:
		w.id("interaction.id", interactionID, r.InteractionID)
	case 1:
		w.kind(r)
	case 2:
		if r.ConversationID != (ID{}) {
			w.id("conversation.id", conversationID, r.ConversationID)
		}
	case 3:
		if w.cols&timestamp != 0 {
			w.instant(r.Time)
		}
	case 4:
		w.attributes(r)
	case 5:
		w.metrics(r)
	}
}

func (w *writer) kind(r *Row) {
	switch {
	case w.cols&interactionType == 0 || r.Type == "":
	case r.Poison == Retyped:
		w.key("interaction.type")
		w.open()
		w.text("value", r.Type)
		w.close()
	default:
		w.text("interaction.type", r.Type)
	}
}

// attributes writes the custom attributes as the guide does, one level deeper, or flat. An
// object without attributes may be empty, null, or not there.
func (w *writer) attributes(r *Row) {
	if w.cols&customAttributes == 0 {
		return
	}
	form := w.style.attributes()
	if r.Segment == "" && r.Priority == "" && w.style.omits(customAttributes) && form > 1 {
		if form == 2 {
			w.key("attributes.custom")
			w.dst = append(w.dst, "null"...)
		}
		return
	}
	prefix := ""
	switch form {
	case 0, 1:
		w.key("attributes.custom")
		w.open()
		defer w.close()
	case 2:
		w.key("attributes")
		w.open()
		defer w.close()
		w.key("custom")
		w.open()
		defer w.close()
	case 3:
		prefix = "attributes.custom."
	}
	w.attribute(prefix+"customer_segment", customerSegment, r.Segment)
	w.attribute(prefix+"case_priority", casePriority, r.Priority)
}

func (w *writer) attribute(key string, c columns, value string) {
	switch {
	case w.cols&c == 0 || value == "" && w.style.omits(c):
	case value == "":
		w.key(key)
		w.dst = append(w.dst, "null"...)
	default:
		w.text(key, value)
	}
}

func (w *writer) metrics(r *Row) {
	if w.cols&metrics == 0 {
		return
	}
	if !w.style.nestedMetrics() {
		w.metric("metrics.queuetime.ms", queueTime, r.Queue)
		w.metric("metrics.handledtime.ms", handledTime, r.Handled)
		return
	}
	w.key("metrics")
	w.open()
	w.key("queuetime")
	w.open()
	w.metric("ms", queueTime, r.Queue)
	w.close()
	w.key("handledtime")
	w.open()
	w.metric("ms", handledTime, r.Handled)
	w.close()
	w.close()
}

func (w *writer) metric(key string, c columns, value int64) {
	if w.cols&c == 0 || value == none && w.style.omits(c) {
		return
	}
	w.key(key)
	if value == none {
		w.dst = append(w.dst, "null"...)
		return
	}
	w.dst = strconv.AppendInt(w.dst, value, 10)
	if w.style.decimals() {
		w.dst = append(w.dst, ".0"...)
	}
}

var (
	berlin  = time.FixedZone("", 2*3600)
	kolkata = time.FixedZone("", 5*3600+1800)
)

func (w *writer) instant(ms int64) {
	t := time.UnixMilli(ms)
	w.key("timestamp")
	w.dst = append(w.dst, '"')
	switch w.style.instant() {
	default:
		w.dst = t.UTC().AppendFormat(w.dst, conv.InstantLayout)
	case instantZoneless:
		w.dst = t.UTC().AppendFormat(w.dst, "2006-01-02T15:04:05.000")
	case 5:
		w.dst = t.In(berlin).AppendFormat(w.dst, "2006-01-02T15:04:05.000-07:00")
	case 6:
		w.dst = t.In(kolkata).AppendFormat(w.dst, "2006-01-02T15:04:05.000-07:00")
	case 7:
		w.dst = t.UTC().AppendFormat(w.dst, "2006-01-02T15:04:05.000000Z")
	}
	w.dst = append(w.dst, '"')
}

func (w *writer) id(key string, c columns, id ID) {
	if w.cols&c == 0 {
		return
	}
	w.key(key)
	w.dst = append(w.dst, '"')
	if w.style.escaped() {
		var buf [36]byte
		text := id.append(buf[:0])
		w.dst = appendEscape(w.dst, uint16(text[0]))
		w.dst = append(w.dst, text[1:]...)
	} else {
		w.dst = id.append(w.dst)
	}
	w.dst = append(w.dst, '"')
}

func (w *writer) text(key, value string) {
	w.key(key)
	w.dst = append(w.dst, '"')
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case c == '"' || c == '\\' || c == '/' && w.style.escaped():
			w.dst = append(w.dst, '\\', c)
			i++
		case c < utf8.RuneSelf:
			w.dst = append(w.dst, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(value[i:])
			w.letter(r)
			i += n
		}
	}
	w.dst = append(w.dst, '"')
}

func (w *writer) letter(r rune) {
	if !w.style.escaped() {
		w.dst = utf8.AppendRune(w.dst, r)
		return
	}
	var units [2]uint16
	for _, u := range utf16.AppendRune(units[:0], r) {
		w.dst = appendEscape(w.dst, u)
	}
}

func appendEscape(dst []byte, unit uint16) []byte {
	return hex.AppendEncode(append(dst, `\u`...), []byte{byte(unit >> 8), byte(unit)})
}

func (w *writer) open() {
	w.dst = append(w.dst, '{')
	w.depth++
	w.comma = false
}

func (w *writer) close() {
	w.depth--
	w.line()
	w.dst = append(w.dst, '}')
	w.comma = true
}

func (w *writer) key(name string) {
	if w.comma {
		w.dst = append(w.dst, ',')
	}
	w.comma = true
	w.line()
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, `":`...)
	if w.style.spaced() {
		w.dst = append(w.dst, ' ')
	}
}

func (w *writer) line() {
	if !w.style.indented() {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, '\t')
	}
}
