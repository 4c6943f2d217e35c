package avro

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"convstream/internal/conv"
)

var (
	// ofFields are the properties that convstream reads of a field, beside Avro's own.
	ofFields = []string{"source", "required", "identity", "optional", "privacy"}

	// ofTypes are the properties that Avro reads of a type. Any other is a note for consumers.
	ofTypes = []string{"type", "name", "namespace", "doc", "aliases", "fields", "symbols", "default", "items", "values", "size", "logicalType", "precision", "scale"}

	// readOfFields and readOfEither are what a misspelt property was meant to be.
	readOfFields = append([]string{"name", "type", "doc", "default", "aliases", "order"}, ofFields...)
	readOfEither = append(slices.Clone(ofTypes), ofFields...)
)

// checkProperties checks the properties of a type. A record that names its fields is gone
// through all the same, so that their problems are told in one go.
func (c *compiler) checkProperties(n *jsonValue, at position) error {
	err := misplaced(n)
	if err == nil || n.member("fields") == nil {
		return err
	}
	c.problems = append(c.problems, c.problem(n.at, at.path, err))
	return nil
}

// misplaced finds what was written in a type or a record where nothing reads it: a property of
// a field, and a misspelt one of either. Avro lets a type have any others, which consumers read.
func misplaced(n *jsonValue) error {
	for _, m := range n.members {
		near := ""
		if !slices.Contains(ofTypes, m.key) {
			near = nearest(m.key, readOfEither)
		}
		switch {
		case near == "":
		case near == m.key:
			return faultAt(m.at, "%q is a property of a field, and stands in a type; move it out, beside the field's name", m.key)
		case slices.Contains(ofFields, near):
			return faultAt(m.at, "%q is no property of a type; did you mean %q? That one belongs beside the field's name", m.key, near)
		default:
			return faultAt(m.at, "%q is no property of a type; did you mean %q? A note for consumers needs a name that is less like it", m.key, near)
		}
	}
	return nil
}

// strayProperty says what is wrong with a property that no field has.
func strayProperty(n *jsonValue, m jsonMember) error {
	if slices.Contains(ofTypes, m.key) {
		return faultAt(m.at, `%q is a property of a type, and stands beside it; write "type": %s`, m.key, typeWithin(n))
	}
	if near := nearest(m.key, readOfFields); near != "" {
		return faultAt(m.at, "%q is no property of a field; did you mean %q?", m.key, near)
	}
	return faultAt(m.at, "%q is no property of a field; those are name, type, doc, default, aliases, order, source, required, identity, optional and privacy", m.key)
}

// typeWithin writes the type of a field as it was meant, whose properties stand beside it.
func typeWithin(field *jsonValue) string {
	typ, before, after := field.member("type"), "", ""
	if typ != nil && len(typ.items) == 2 {
		switch {
		case typ.items[0].is("null"):
			typ, before, after = typ.items[1], `["null", `, `]`
		case typ.items[1].is("null"):
			typ, before, after = typ.items[0], `[`, `, "null"]`
		}
	}
	if typ != nil && typ.kind == conv.Object {
		typ = typ.member("type")
	}
	properties := []string{`"type": …`}
	if typ != nil && typ.kind == conv.String {
		properties[0] = `"type": ` + typ.excerpt()
		if slices.Contains([]string{"record", "enum", "fixed"}, typ.text) {
			properties = append(properties, `"name": "…"`)
		}
	}
	for _, m := range field.members {
		if slices.Contains(ofTypes, m.key) && !slices.Contains(readOfFields, m.key) {
			properties = append(properties, fmt.Sprintf("%q: %s", m.key, m.value.excerpt()))
		}
	}
	return before + "{" + strings.Join(properties, ", ") + "}" + after
}

// otherNames are the names that other languages and databases give to types of Avro.
var otherNames = map[string]string{
	"text": `"string"`, "str": `"string"`, "char": `"string"`, "varchar": `"string"`,
	"integer": `"long"`, "bigint": `"long"`, "int64": `"long"`, "int32": `"int"`, "short": `"int"`, "smallint": `"int"`,
	"number": `"double"`, "numeric": `"double"`, "real": `"double"`, "float64": `"double"`, "float32": `"float"`,
	"bool":     `"boolean"`,
	"datetime": withLogical(typeTimestamp), "date-time": withLogical(typeTimestamp), "timestamp": withLogical(typeTimestamp), "instant": withLogical(typeTimestamp),
	"time":    withLogical(typeTime),
	"decimal": `{"type": "bytes", "logicalType": "decimal", "precision": …, "scale": …}`,
	"object":  `{"type": "record", "name": "…", "fields": […]}`, "struct": `{"type": "record", "name": "…", "fields": […]}`,
	"list": `{"type": "array", "items": …}`,
}

// withLogical writes a type that Avro knows by its logicalType.
func withLogical(k kind) string {
	return fmt.Sprintf(`{"type": %q, "logicalType": %q}`, kinds[k].base, kinds[k].name)
}

// meant asks whether another type was meant by an unknown name: the question stands before
// what else can be done, and is empty where none is near.
func (c *compiler) meant(name, full string) string {
	written, known := otherNames[strings.ToLower(name)]
	for k := typeString; k <= typeUUID; k++ {
		if name == kinds[k].name { // it has a logicalType: any other is a type itself
			written, known = withLogical(k), true
		}
	}
	if !known {
		near := nearest(name, []string{"string", "long", "int", "double", "float", "boolean", "record", "array", "map", "enum"})
		if near == "" {
			near = nearest(full, slices.Sorted(maps.Keys(c.types)))
		}
		if near == "" {
			return ""
		}
		written = fmt.Sprintf("%q", near)
	}
	return "did you mean " + written + "? Else "
}

// nearest returns the word that a text was most likely meant to be, however its letters are
// capitalized: the one with the fewest letters changed, and no more than two of them, or one
// of a word of up to four. It is "" where none is near.
func nearest(text string, words []string) string {
	best, fewest := "", 3
	for _, word := range words {
		bound := 2
		if len(word) <= 4 {
			bound = 1
		}
		if n := levenshtein.ComputeDistance(strings.ToLower(text), strings.ToLower(word)); n <= bound && n < fewest {
			best, fewest = word, n
		}
	}
	return best
}
