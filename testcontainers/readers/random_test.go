package readers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is that of hashes.
var key = []byte("a key that only the test knows")

// maker makes contracts at random, and rows that keep them together with what a reader has to see of each. It has nothing
// of convstream's encoder: the value comes first, and its spelling in the row is made from it.
type maker struct {
	*rand.Rand
	named int // types so far, and fields
}

// made is a type: its schema, and how a value of it is made.
type made struct {
	avsc  string
	value func() (text string, seen any) // as it stands in a row, and as a reader sees it
	plain bool                           // a string of no logical type, which can be masked and hashed
}

func (m *maker) name(kind string) string {
	m.named++
	return kind + strconv.Itoa(m.named)
}

// either is true once in so many times.
func (m *maker) either(n int) bool { return m.IntN(n) == 0 }

// text is a string as a row spells it, with or without escapes, and as it is read.
func (m *maker) text() (text string, seen any) {
	parts := [][2]string{
		{"a", "a"}, {"B ", "B "}, {`\"`, `"`}, {`\\`, `\`}, {`\/`, "/"}, {`\n`, "\n"}, {`\u0000`, "\x00"}, {"ä", "ä"}, {`\u00e4`, "ä"},
		{"漢", "漢"}, {"😀", "😀"}, {`\ud83d\ude00`, "😀"}, {`\ud83d`, "\ufffd"}, {`\udE00x`, "\ufffdx"}, {"5", "5"},
	}
	var spelt, read strings.Builder
	for range m.IntN(6) {
		part := parts[m.IntN(len(parts))]
		if read.String() != "" && strings.HasSuffix(spelt.String(), `\ud83d`) {
			part = parts[0] // or two halves would meet
		}
		spelt.WriteString(part[0])
		read.WriteString(part[1])
	}
	return `"` + spelt.String() + `"`, read.String()
}

// whole is an integer of so many bits.
func (m *maker) whole(bits int) int64 {
	switch m.IntN(8) {
	case 0:
		return 1<<(bits-1) - 1
	case 1:
		return -1 << (bits - 1)
	}
	return int64(m.Uint64()) >> (64 - bits) >> m.IntN(bits)
}

func (m *maker) integer(bits int) func() (string, any) {
	return func() (string, any) {
		digits := strconv.FormatInt(m.whole(bits), 10)
		return []string{digits, digits, digits + ".0", `"` + digits + `"`}[m.IntN(4)], json.Number(digits)
	}
}

func (m *maker) fraction(bits int) func() (string, any) {
	return func() (string, any) {
		v := m.NormFloat64() * []float64{1, 1e-3, 1e9, 1e-20}[m.IntN(4)]
		if bits == 32 {
			v = float64(float32(v))
		}
		return strconv.FormatFloat(v, "eg"[m.IntN(2)], -1, bits), json.Number(strconv.FormatFloat(v, 'g', -1, 64))
	}
}

// instant is a time of the last hundred years or the next hundred, in units of so many to the second.
func (m *maker) instant(perSecond int64, layout string, zoned bool) func() (string, any) {
	return func() (string, any) {
		units := m.Int64N(6_000_000_000*perSecond) - 2_000_000_000*perSecond
		at := time.UnixMicro(units * (1_000_000 / perSecond)).UTC()
		if zoned && m.either(3) {
			at = at.In(time.FixedZone("", (m.IntN(24)-12)*3600+m.IntN(2)*1800))
		}
		return strconv.Quote(at.Format(layout)), json.Number(strconv.FormatInt(units, 10))
	}
}

func (m *maker) clock(perSecond int64, layout string) func() (string, any) {
	return func() (string, any) {
		units := m.Int64N(86_400 * perSecond)
		at := time.UnixMicro(units * (1_000_000 / perSecond)).UTC()
		return strconv.Quote(at.Format(layout)), json.Number(strconv.FormatInt(units, 10))
	}
}

func (m *maker) uuid() (string, any) {
	b := make([]byte, 16)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	h := hex.EncodeToString(b)
	id := strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
	return strconv.Quote(id), id
}

// decimal is a type of so many digits, some of them behind the point.
func (m *maker) decimal() made {
	precision := 1 + m.IntN(18)
	scale := m.IntN(precision + 1)
	avsc := fmt.Sprintf(`"logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
	if m.either(2) {
		avsc = `{"type":"bytes",` + avsc
	} else {
		avsc = fmt.Sprintf(`{"type":"fixed","name":%q,"size":%d,`, m.name("Fixed"), 8+m.IntN(3)) + avsc
	}
	return made{avsc: avsc, value: func() (string, any) {
		most := int64(1)
		for range 1 + m.IntN(precision) {
			most *= 10
		}
		digits := fmt.Sprintf("%0*d", scale+1, m.Int64N(most))
		text := digits[:len(digits)-scale]
		if scale > 0 {
			text += "." + digits[len(digits)-scale:]
		}
		if m.either(2) && strings.Trim(text, "0.") != "" {
			text = "-" + text
		}
		if m.either(3) {
			return strconv.Quote(text), text
		}
		return text, text
	}}
}

func (m *maker) enum() made {
	symbols := []string{"VOICE", "CHAT", "email", "_x1"}[:1+m.IntN(4)]
	list, _ := json.Marshal(symbols) // strings always can be
	return made{avsc: fmt.Sprintf(`{"type":"enum","name":%q,"symbols":%s}`, m.name("Enum"), list), value: func() (string, any) {
		symbol := symbols[m.IntN(len(symbols))]
		return strconv.Quote(symbol), symbol
	}}
}

// typ is any type, and the less nested the deeper it stands.
func (m *maker) typ(depth int) made {
	n := m.IntN(22)
	if depth > 3 {
		n = m.IntN(16)
	}
	switch n {
	case 0, 1:
		return made{avsc: `"string"`, value: m.text, plain: true}
	case 2:
		return made{avsc: `"long"`, value: m.integer(64)}
	case 3:
		return made{avsc: `"int"`, value: m.integer(32)}
	case 4:
		return made{avsc: `"double"`, value: m.fraction(64)}
	case 5:
		return made{avsc: `"float"`, value: m.fraction(32)}
	case 6:
		return made{avsc: `"boolean"`, value: func() (string, any) { v := m.either(2); return strconv.FormatBool(v), v }}
	case 7:
		return made{avsc: logical("long", "timestamp-millis"), value: m.instant(1000, "2006-01-02T15:04:05.000Z07:00", true)}
	case 8:
		return made{avsc: logical("long", "timestamp-micros"), value: m.instant(1_000_000, "2006-01-02T15:04:05.000000Z07:00", true)}
	case 9:
		return made{avsc: logical("long", "local-timestamp-millis"), value: m.instant(1000, "2006-01-02T15:04:05.000", false)}
	case 10:
		return made{avsc: logical("int", "date"), value: func() (string, any) {
			days := m.Int64N(60_000) - 20_000
			return strconv.Quote(time.UnixMilli(days * 86_400_000).UTC().Format(time.DateOnly)), json.Number(strconv.FormatInt(days, 10))
		}}
	case 11:
		return made{avsc: logical("int", "time-millis"), value: m.clock(1000, "15:04:05.000")}
	case 12:
		return made{avsc: logical("long", "time-micros"), value: m.clock(1_000_000, "15:04:05.000000")}
	case 13:
		return made{avsc: logical("string", "uuid"), value: m.uuid}
	case 14:
		return m.enum()
	case 15:
		return m.decimal()
	case 16, 17:
		return m.array(depth)
	case 18, 19:
		return m.mapping(depth)
	}
	return m.record(depth + 1)
}

func logical(typ, name string) string { return fmt.Sprintf(`{"type":%q,"logicalType":%q}`, typ, name) }

// item is a type of elements, nullable or not.
func (m *maker) item(depth int) made {
	t := m.typ(depth + 1)
	if m.either(2) {
		return t
	}
	return made{avsc: `["null",` + t.avsc + `]`, value: m.orNull(t.value)}
}

func (m *maker) orNull(value func() (string, any)) func() (string, any) {
	return func() (string, any) {
		if m.either(4) {
			return "null", nil
		}
		return value()
	}
}

func (m *maker) array(depth int) made {
	item := m.item(depth)
	return made{avsc: `{"type":"array","items":` + item.avsc + `}`, value: func() (string, any) {
		texts, seen := []string{}, []any{}
		for range m.IntN(4) {
			text, value := item.value()
			texts, seen = append(texts, text), append(seen, value)
		}
		return "[" + strings.Join(texts, " , ") + "]", seen
	}}
}

func (m *maker) mapping(depth int) made {
	item := m.item(depth)
	return made{avsc: `{"type":"map","values":` + item.avsc + `}`, value: func() (string, any) {
		texts, seen := []string{}, map[string]any{}
		for range m.IntN(4) {
			spelt, read := m.text()
			name := read.(string)
			if _, twice := seen[name]; twice {
				continue
			}
			text, value := item.value()
			texts, seen[name] = append(texts, spelt+":"+text), value
		}
		return "{" + strings.Join(texts, ",") + "}", seen
	}}
}

// several is a union of null and types that JSON tells apart.
func (m *maker) several(depth int) made {
	kinds := []made{
		{avsc: `"string"`, value: m.text},
		{avsc: `"long"`, value: func() (string, any) {
			digits := strconv.FormatInt(m.whole(64), 10)
			return digits, json.Number(digits)
		}},
		{avsc: `"boolean"`, value: func() (string, any) { v := m.either(2); return strconv.FormatBool(v), v }},
		m.array(depth + 1),
		m.mapping(depth + 1),
	}
	m.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	kinds = kinds[:2+m.IntN(len(kinds)-1)]
	avsc := `["null"`
	for _, k := range kinds {
		avsc += "," + k.avsc
	}
	return made{avsc: avsc + "]", value: m.orNull(func() (string, any) { return kinds[m.IntN(len(kinds))].value() })}
}

// fieldOf is a field of a record: its schema, and what it does to an object and to what a reader sees of it.
type fieldOf struct {
	avsc string
	put  func(o *object, seen map[string]any)
}

func (m *maker) record(depth int) made {
	var fields []fieldOf
	for range 1 + m.IntN(5) {
		fields = append(fields, m.field(depth))
	}
	return made{avsc: recordOf(m.name("Record"), fields), value: func() (string, any) { return m.object(fields) }}
}

func recordOf(name string, fields []fieldOf) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.avsc)
	}
	return fmt.Sprintf(`{"type":"record","name":%q,"fields":[%s]}`, name, strings.Join(list, ","))
}

func (m *maker) object(fields []fieldOf) (text string, seen map[string]any) {
	var o object
	seen = map[string]any{}
	for _, f := range fields {
		f.put(&o, seen)
	}
	if m.either(4) {
		o.put([]string{m.name("unknown")}, "[{}]")
	}
	return o.spell(m), seen
}

func (m *maker) field(depth int) fieldOf {
	name := m.name("f")
	path := []string{[]string{"p", "p.q", "p.q.r", "s"}[m.IntN(4)], name}
	if m.either(2) {
		path = []string{name}
	}
	source := strings.Join(path, ".")
	head := fmt.Sprintf(`{"name":%q,"source":%q,`, name, source)
	put := func(o *object, text string) { o.put(m.split(source), text) }
	if depth < 3 && m.either(8) {
		t := m.several(depth)
		return fieldOf{head + `"type":` + t.avsc + `,"default":null}`, func(o *object, seen map[string]any) {
			text, value := t.value()
			put(o, text)
			seen[name] = value
		}}
	}
	t := m.typ(depth)
	if m.either(4) {
		return fieldOf{head + `"type":` + t.avsc + `,"required":true}`, func(o *object, seen map[string]any) {
			text, value := t.value()
			put(o, text)
			seen[name] = value
		}}
	}
	privacy, conceal := m.private(t)
	return fieldOf{head + `"type":["null",` + t.avsc + `],"default":null` + privacy + `}`, func(o *object, seen map[string]any) {
		seen[name] = nil
		switch m.IntN(4) {
		case 0:
		case 1:
			put(o, "null")
		default:
			text, value := t.value()
			put(o, text)
			seen[name] = conceal(value)
		}
	}}
}

// private is a field's mark, and what is published instead of its value.
func (m *maker) private(t made) (property string, conceal func(any) any) {
	switch n := m.IntN(8); {
	case n == 0:
		return `,"privacy":"drop"`, func(any) any { return nil }
	case n == 1 && t.plain:
		return `,"privacy":"mask"`, func(v any) any {
			if v == "" {
				return ""
			}
			return "***"
		}
	case n == 2 && t.plain:
		return `,"privacy":"hash"`, func(v any) any {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(v.(string)))
			return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
		}
	}
	return "", func(v any) any { return v }
}

// split cuts a source into keys, at some of its dots.
func (m *maker) split(source string) []string {
	keys := strings.Split(source, ".")
	for i := len(keys) - 1; i > 0; i-- {
		if m.either(2) {
			keys = slices.Replace(keys, i-1, i+1, keys[i-1]+"."+keys[i])
		}
	}
	return keys
}

// object is an object of a row that is being written.
type object struct {
	keys  []string
	under map[string]*object // objects under some of the keys
	text  map[string]string  // values under the others
}

func (o *object) put(path []string, text string) {
	if o.text == nil {
		o.under, o.text = map[string]*object{}, map[string]string{}
	}
	if !slices.Contains(o.keys, path[0]) {
		o.keys = append(o.keys, path[0])
		o.under[path[0]] = &object{}
	}
	if len(path) > 1 {
		o.under[path[0]].put(path[1:], text)
		return
	}
	delete(o.under, path[0])
	o.text[path[0]] = text
}

func (o *object) spell(m *maker) string {
	var members []string
	for _, k := range o.keys {
		text := o.text[k]
		if inner := o.under[k]; inner != nil {
			text = inner.spell(m)
		}
		spelt := strconv.Quote(k)
		if m.either(6) {
			spelt = fmt.Sprintf(`"\u%04x%s"`, k[0], k[1:])
		}
		members = append(members, spelt+[]string{":", " :\n\t"}[m.IntN(2)]+text)
	}
	m.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ",") + "}"
}
