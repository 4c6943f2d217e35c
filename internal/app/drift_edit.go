package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// avroTypeOf is the type, in JSON, of what is found under a key that no contract names, and
// the word for it in a field's name.
func avroTypeOf(found string) (avroType, word string) {
	switch found {
	case "boolean":
		return `"boolean"`, "boolean"
	case "number":
		return `"double"`, "number"
	case "object":
		return `{"type": "map", "values": ["null", "string"]}`, "map"
	case "array":
		return `{"type": "array", "items": ["null", "string"]}`, "array"
	}
	return `"string"`, "string"
}

// add appends a nullable field for an unknown key.
func (c *contractEdit) add(at contractPlace, e *driftEntry) string {
	if why := uncontractable(at.source); why != "" || at.fields == nil {
		return "none: " + cmp.Or(why, "the contract has no place for it")
	}
	if name := c.privateAt(at, at.source); name != "" {
		return privateSource(name)
	}
	avroType, _ := avroTypeOf(e.Found)
	optional := false // as the fields around it are
	if n := len(at.fields.Elements); n > 0 {
		last, _ := at.fields.Elements[n-1].Value.(*hujson.Object)
		optional = member(last, "optional") != nil
	}
	name := at.freeName(avroName(at.source))
	c.insert(at, len(at.fields.Elements), name, avroType, at.source, optional, "")
	return "add field " + name
}

// uncontractable says why no field can have the source.
func uncontractable(source string) string {
	switch segments := strings.Split(source, "."); {
	case strings.ContainsRune(source, '…'):
		return "the key is too long to be told whole"
	case strings.Contains(source, "*"), slices.Contains(segments, ""):
		return "a contract cannot name such a key"
	case len(segments) > 8:
		return "it stands too deep for a source"
	}
	return ""
}

func privateSource(name string) string {
	return fmt.Sprintf("none: a new field would publish what the field %q keeps private; change that field by hand", name)
}

// privateAt names the field that keeps something under a source private: the source itself, a
// part of it or what is around it. It is "" where none does.
func (c *contractEdit) privateAt(at contractPlace, source string) string {
	for i := range at.fields.Elements {
		field, _ := at.fields.Elements[i].Value.(*hujson.Object)
		other := sourceOf(field)
		overlap := strings.HasPrefix(source+".", other+".") || strings.HasPrefix(other+".", source+".")
		if overlap && c.private(field) {
			return literal(member(field, "name"))
		}
	}
	return ""
}

// private says whether a field is marked, or one in its records.
func (c *contractEdit) private(field *hujson.Object) bool {
	if member(field, "privacy") != nil {
		return true
	}
	fields, _ := value(member(c.recordOf(member(field, "type")), "fields")).(*hujson.Array)
	return fields != nil && slices.ContainsFunc(fields.Elements, func(v hujson.ArrayElement) bool {
		inner, _ := v.Value.(*hujson.Object)
		return c.private(inner)
	})
}

// avroName replaces what Avro does not take in a name.
func avroName(source string) string {
	name := strings.Map(func(r rune) rune {
		if r < 128 && (r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') {
			return r
		}
		return '_'
	}, source)
	if name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// freeName is the name, numbered where another field has it.
func (at contractPlace) freeName(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(at.fields.Elements, func(v hujson.ArrayElement) bool {
			o, _ := v.Value.(*hujson.Object)
			return literal(member(o, "name")) == name
		})
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	return free
}

// absent answers to rows that lack a field. A custom attribute that is gone is for a person to look
// into, as a flow that no longer sets it is told of by nothing else.
func (c *contractEdit) absent(at contractPlace, e *driftEntry) string {
	if flagged(at.field, "optional") {
		return "none: it may be absent"
	}
	if customAttribute(e.Field) {
		return `none: a flow does not set it, or no longer does; "optional": true would silence this for good`
	}
	return c.allowAbsence(at)
}

// customAttribute says whether a path leads to what a flow sets: below attributes, on the row of
// dialect reports or on a participant of dialect jobs.
func customAttribute(path string) bool {
	around, _, below := strings.Cut("."+path, ".attributes.")
	return below && (around == "" || around == ".participants")
}

// allowAbsence marks a field as one that the platform leaves out where it does not apply.
func (c *contractEdit) allowAbsence(at contractPlace) string {
	if o := member(at.field, "optional"); o != nil {
		c.made, o.Value = true, hujson.Bool(true)
		return "mark it optional"
	}
	c.made = true
	at.field.Members = append(at.field.Members, hujson.ObjectMember{
		Name:  hujson.Value{Value: hujson.String("optional")},
		Value: hujson.Value{Value: hujson.Bool(true)},
	})
	n := len(at.field.Members)
	before, last := &at.field.Members[n-2], &at.field.Members[n-1]
	last.Name.BeforeExtra, last.Value.BeforeExtra = before.Name.BeforeExtra, before.Value.BeforeExtra
	last.Value.AfterExtra, before.Value.AfterExtra = before.Value.AfterExtra, nil
	return "mark it optional"
}

// deadLetters says what becomes of rows that a retyped field rejects.
const deadLetters = "rows that it does not fit are dead letters (dlq list)"

// coerced comes before it where the field takes some values of the type that was found: drift tells
// of these too, and not of how many there are.
const coerced = "published where nothing is lost; "

// widen makes room for values of another type: a wider number in place, and beside any other
// field one more, as consumers count on the type of the one they have. A field that rejects
// rows has to be null in them first.
func (c *contractEdit) widen(at contractPlace, e *driftEntry) string {
	contracted := c.scalar(member(at.field, "type"))
	items, inside := c.element(at, e)
	if inside {
		contracted = c.scalar(items)
	}
	narrow, t, rejects := literal(contracted), member(at.field, "type"), deadLetters
	if inside {
		t = items
	}
	if !c.blocked(at, e) {
		if symbol := c.standIn(t, e); symbol != "" {
			return fmt.Sprintf("none: published as %q; add the symbol, or make it a string, if you need it", symbol)
		}
		types := c.scalars(t, nil)
		switch {
		case slices.Contains(types, "string") && (e.Found == "number" || e.Found == "boolean"):
			return "none: it is published as text"
		case e.Found == "number" && (narrow == "int" || narrow == "long" || narrow == "float"):
			contracted.Value = hujson.String("double")
			c.made = true
			return "widen to double"
		case slices.ContainsFunc(types, func(t string) bool { return slices.Contains(takes[t], e.Found) }):
			rejects = coerced + deadLetters
		}
	}
	switch {
	case inside && nullable(items):
		return "none: elements that do not fit are null"
	case inside:
		return "none: " + rejects + "; let its elements be null by hand"
	case !at.fatal:
		return c.addBeside(at, e)
	case flagged(at.field, "identity"):
		return "none: " + rejects + ", and it is part of the row's own id"
	case slices.Contains(c.needed, e.Field):
		return "none: " + rejects + ", as convstream itself needs it"
	}
	c.loosen(at)
	change := rejects + ": let it be null"
	if beside := c.addBeside(at, e); !strings.HasPrefix(beside, "none: ") { // what is private, or taken, is null alone
		change += ", " + beside
	}
	return change
}

// loosen makes a field one that is null where its value does not fit.
func (c *contractEdit) loosen(at contractPlace) {
	c.made = true
	at.field.Members = slices.DeleteFunc(at.field.Members, func(m hujson.ObjectMember) bool { return literal(&m.Name) == "required" })
	t := member(at.field, "type")
	if nullable(t) {
		return
	}
	union, ok := t.Value.(*hujson.Array)
	if !ok {
		branch := *t
		branch.BeforeExtra, branch.AfterExtra = nil, nil
		union = &hujson.Array{Elements: []hujson.ArrayElement{branch}}
		t.Value = union
	}
	null := hujson.Value{Value: hujson.String("null")}
	first := &union.Elements[0]
	if member(at.field, "default") != nil { // the default is of the first type
		null.BeforeExtra = hujson.Extra(" ")
		union.Elements = append(union.Elements, null)
		return
	}
	if len(first.BeforeExtra) == 0 {
		first.BeforeExtra = hujson.Extra(" ")
	}
	union.Elements = slices.Insert(union.Elements, 0, null)
	for i := range at.field.Members {
		if literal(&at.field.Members[i].Name) == "type" {
			before := at.field.Members[i].Name.BeforeExtra
			if len(before) == 0 {
				before = hujson.Extra(" ")
			}
			at.field.Members = slices.Insert(at.field.Members, i+1, hujson.ObjectMember{
				Name: hujson.Value{BeforeExtra: before, Value: hujson.String("default")}, Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: hujson.Literal("null")},
			})
			return
		}
	}
}

// addBeside adds a field of the type that was found, of the same source.
func (c *contractEdit) addBeside(at contractPlace, e *driftEntry) string {
	if c.blocked(at, e) {
		return "none: what stands around it is no object"
	}
	found := e.Found
	if found == "boolean" || found == "number" {
		found = "string" // which takes the old type too, where that is a scalar
	}
	avroType, word := avroTypeOf(found)
	name := avroName(literal(member(at.field, "name")) + "_as_" + word)
	for i := range at.fields.Elements {
		if o, ok := at.fields.Elements[i].Value.(*hujson.Object); ok && literal(member(o, "name")) == name {
			return "none: " + name + " takes it"
		}
	}
	privacy, source := literal(member(at.field, "privacy")), sourceOf(at.field)
	if private := c.privateAt(at, source); privacy == "" && private != "" {
		return privateSource(private)
	}
	c.insert(at, at.index+1, name, avroType, source, member(at.field, "optional") != nil, privacy)
	return "add field " + name
}

// insert puts a nullable field at an index of its record's, on a line as the others are.
func (c *contractEdit) insert(at contractPlace, index int, name, avroType, source string, optional bool, privacy string) {
	text := fmt.Sprintf(`{"name": %q, "type": ["null", %s], "default": null`, name, avroType)
	if source != name {
		text += `, "source": ` + string(hujson.String(source))
	}
	if optional {
		text += `, "optional": true`
	}
	if privacy != "" {
		text += fmt.Sprintf(`, "privacy": %q`, privacy)
	}
	field, err := hujson.Parse([]byte(text + "}"))
	if err != nil {
		panic(err) // our own text
	}
	c.made = true
	elements := at.fields.Elements
	if n := len(elements); n > 0 {
		field.BeforeExtra = elements[n-1].BeforeExtra
		if index == n {
			field.AfterExtra, elements[n-1].AfterExtra = elements[n-1].AfterExtra, nil
		}
	}
	at.fields.Elements = slices.Insert(elements, index, field)
}
