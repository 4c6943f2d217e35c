package simulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"convstream/internal/conv"
)

// Drift is what a change of a flow makes of rows, and of conversations, whose time lies in
// [From, To): one field of them is another one. Rows that are invalid keep their fields.
type Drift struct {
	From   time.Time `yaml:"from"` // zero for the beginning
	To     time.Time `yaml:"to"`   // zero for never
	Field  string    `yaml:"field"`
	Change string    `yaml:"change"`
	Value  any       `yaml:"value"` // of an added field; default "gold"
}

// What can become of a field. One that a row has not, or that is null, is not turned.
const (
	added    = "added"
	removed  = "removed"
	nulled   = "nulled"
	toString = "to_string" // a number's text; of an object or an array, another text
	toNumber = "to_number" // an instant's epoch ms; of another text, its length
	toObject = "to_object" // one with the member value
)

var changes = []string{added, removed, nulled, toString, toNumber, toObject}

// requiredFields are those that every row has to have. Invalid breaks them.
var requiredFields = []string{"interaction.id", "interaction.type", "conversation.id", "timestamp", "conversationId", "conversationStart"}

func (d Drift) validate(refuse refuse) {
	if d.Field == "" || strings.Contains(d.Field, "*") {
		refuse("drift: %q is no field; give its path, such as attributes.custom.case_priority", d.Field)
	}
	if slices.Contains(requiredFields, d.Field) {
		refuse("drift: every row has to have %s; invalid breaks such fields", d.Field)
	}
	for column := range columnOf {
		if d.Change == added && partOf(column, d.Field) {
			refuse("drift: %s cannot be added, as rows have it; name a new one", d.Field)
			break
		}
	}
	if !slices.Contains(changes, d.Change) {
		refuse("drift: change %q of %s is unknown; use %s", d.Change, d.Field, strings.Join(changes, ", "))
	}
	if d.Value != nil && d.Change != added {
		refuse("drift: %s has a value, which only an added field takes; remove it", d.Field)
	}
	if !d.To.IsZero() && !d.From.Before(d.To) {
		refuse("drift: of %s ends %s, which is not behind its start", d.Field, d.To.Format(time.RFC3339))
	}
}

// meets says whether two changes could be to one field of one row.
func (d Drift) meets(o Drift) bool {
	apart := func(a, b Drift) bool { return !a.To.IsZero() && !a.To.After(b.From) }
	return !apart(d, o) && !apart(o, d) && (partOf(d.Field, o.Field) || partOf(o.Field, d.Field))
}

// partOf says whether a field is another one, or a part of it.
func partOf(field, whole string) bool { return field == whole || strings.HasPrefix(field, whole+".") }

// driftAt returns the changes that hold for a row of the time.
func (w *world) driftAt(ms int64) (active []Drift) {
	for _, d := range w.drift {
		if at := time.UnixMilli(ms); !at.Before(d.From) && (d.To.IsZero() || at.Before(d.To)) {
			active = append(active, d)
		}
	}
	return active
}

// driftOf returns the changes that hold for a row; poison rows keep what they are.
func (w *world) driftOf(r *Row) []Drift {
	if r.Poison != "" {
		return nil
	}
	return w.driftAt(r.Time)
}

// published is the row as a contract for its columns publishes it.
func (w *world) published(r Row) Row {
	for _, d := range w.driftOf(&r) {
		d.publish(&r)
	}
	return r
}

// told is conversation i as JSON: as a page has it, or as a contract publishes it.
func (w *world) told(i int, c *conversation, page bool) []byte {
	if wrong := w.invalid.wrong(i); wrong != "" {
		return spoiled(c.json(), wrong)
	}
	return drifted(c.json(), w.driftAt(w.at(i)), false, page)
}

// publish changes the columns of a row: what has become another type is coerced where nothing
// is lost, else null.
func (d Drift) publish(r *Row) {
	for column, text := range map[string]*string{
		"attributes.custom.customer_segment": &r.Segment,
		"attributes.custom.case_priority":    &r.Priority,
	} {
		switch {
		case !partOf(column, d.Field) || *text == "" || d.Change == toString && column == d.Field || d.Change == toObject && column != d.Field:
		case d.Change == toNumber && column == d.Field:
			*text = strconv.Itoa(utf8.RuneCountInString(*text))
		default:
			*text = ""
		}
	}
	for column, number := range map[string]*int64{
		"metrics.queuetime.ms":   &r.Queue,
		"metrics.handledtime.ms": &r.Handled,
	} {
		lossless := d.Change == toString || d.Change == toNumber
		if partOf(column, d.Field) && !(lossless && column == d.Field) && !(d.Change == toObject && column != d.Field) {
			*number = none
		}
	}
}

// drifted returns a row or a conversation with the changes made. told is how a page has it,
// else it is what a contract publishes.
func drifted(text []byte, drift []Drift, flat, told bool) []byte {
	if len(drift) == 0 {
		return text
	}
	tree := decodeTree(text)
	for _, d := range drift {
		c := change{d, flat, told}
		c.below(tree, d.Field, false)
	}
	return encodeTree(tree)
}

func decodeTree(text []byte) map[string]any {
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		panic(err) // our own text
	}
	return tree
}

func encodeTree(tree map[string]any) []byte {
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err) // a tree of JSON
	}
	return text
}

// change is a drift at work.
type change struct {
	Drift
	flat bool // keys may hold dots
	told bool // else what is published
}

// below makes the change at a path below an object, wherever arrays lead to it. free says that
// the object's keys are the customer's, and so are all published.
func (c *change) below(object map[string]any, path string, free bool) {
	met := false
	for key, value := range maps.Clone(object) {
		rest, inside := strings.CutPrefix(path, key+".")
		if !inside {
			continue
		}
		list, array := value.([]any)
		if !array {
			list = []any{value}
		}
		for _, item := range list {
			if o, ok := item.(map[string]any); ok {
				met = true
				c.below(o, rest, free || key == "attributes" && !c.flat)
			}
		}
	}
	if whole, ok := c.gather(object, path); ok {
		met = true
		c.turn(object, path, whole, free)
	}
	if !met && c.Change == added && (c.flat || !strings.Contains(path, ".")) {
		c.add(object, path, free)
	}
}

// gather takes the value at a key out of the object. An object whose members are spelt flat,
// each with the whole path, is put together.
func (c *change) gather(object map[string]any, path string) (whole any, there bool) {
	whole, there = object[path]
	delete(object, path)
	parts := map[string]any{}
	for key, value := range maps.Clone(object) {
		if rest, part := strings.CutPrefix(key, path+"."); part {
			parts[rest] = value
			delete(object, key)
		}
	}
	if len(parts) > 0 {
		return parts, true
	}
	return whole, there
}

func (c *change) add(object map[string]any, key string, free bool) {
	var value any = "gold"
	if c.Value != nil {
		value = c.Value
	}
	if c.told || free {
		object[key] = value
	}
}

// turn puts the value back as what becomes of it.
func (c *change) turn(object map[string]any, key string, value any, free bool) {
	told, published, lost := c.become(value)
	switch {
	case c.Change == removed:
	case c.told:
		object[key] = told
	case !lost:
		object[key] = published
	case free:
		object[key] = nil
	}
}

// become returns the value as a page has it then, and as it is published; lost says that it
// becomes null.
func (c *change) become(value any) (told, published any, lost bool) {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	truth, isTruth := value.(bool)
	_, isObject := value.(map[string]any)
	switch {
	case c.Change == nulled:
		return nil, nil, true
	case value == nil || c.Change == added:
		return value, value, false
	case c.Change == toString && isNumber:
		return number.String(), value, false
	case c.Change == toString && isTruth:
		return strconv.FormatBool(truth), value, false
	case c.Change == toString && !isText:
		return "retyped", nil, true
	case c.Change == toNumber && isText:
		if ms, _, ok := conv.ParseTimestamp([]byte(text)); ok {
			return ms, value, false
		}
		n := utf8.RuneCountInString(text)
		return n, strconv.Itoa(n), false
	case c.Change == toNumber && !isNumber:
		return 1, nil, true
	case c.Change == toObject && !isObject:
		return map[string]any{"value": value}, nil, true
	}
	return value, value, false
}
