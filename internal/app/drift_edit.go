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

// allowAbsence marks a field as one that the platform leaves out where it does not apply.
func (c *contractEdit) allowAbsence(at contractPlace) string {
	if o := member(at.field, "optional"); o != nil {
		if l, _ := o.Value.(hujson.Literal); string(l) == "true" {
			return "none: it may be absent"
		}
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

// widen makes room for values of another type: a wider number in place, and beside any other
// field one more, as consumers count on the type of the one they have.
func (c *contractEdit) widen(at contractPlace, e *driftEntry) string {
	contracted := c.scalar(member(at.field, "type"))
	narrow := literal(contracted)
	switch {
	case narrow == "string" && (e.Found == "number" || e.Found == "boolean"):
		return "none: it is published as text"
	case e.Found == "number" && (narrow == "int" || narrow == "long" || narrow == "float"):
		contracted.Value = hujson.String("double")
		c.made = true
		return "widen to double"
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
	privacy := literal(member(at.field, "privacy"))
	c.insert(at, at.index+1, name, avroType, sourceOf(at.field), member(at.field, "optional") != nil, privacy)
	return "add field " + name
}

// scalar is the place of a type's name, in a union with null too.
func (c *contractEdit) scalar(t *hujson.Value) *hujson.Value {
	switch v := value(t).(type) {
	case *hujson.Array:
		for i := range v.Elements {
			if s := c.scalar(&v.Elements[i]); s != nil && literal(s) != "null" {
				return s
			}
		}
	case hujson.Literal:
		return t
	}
	return nil
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
