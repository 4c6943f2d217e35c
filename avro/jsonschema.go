package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// JSONSchema returns a JSON Schema of draft 2020-12 that accepts the rows which the contract
// accepts: those of which Encode rejects none. A value that becomes null where it does not fit
// is accepted, whatever it is; its description says what it should be.
//
// JSON Schema cannot say everything that Encode looks at. The two differ on
//
//   - an object in which one key comes twice, or one source in several spellings: Encode takes
//     the last, the schema asks it of each
//   - a string that holds a number for a long, an int or a decimal and spells it with an
//     exponent other than 0, as "5e1": the schema refuses it
//   - a string that holds a number too large for a double or float: the schema accepts it
//   - a number within half a unit of the last place of the largest double, which rounds to it
//   - an ISO 8601 text of week 53 in a year of 52 weeks, and one of 24:00 with digits behind
//     the ninth place of its fraction
//
// A validator that reads numbers as doubles is also off by a few at the ends of a long.
func (c *Contract) JSONSchema() ([]byte, error) {
	b := schemaBuilder{defs: object{}}
	schema := b.record(c.root, true)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	if len(b.defs) > 0 {
		schema["$defs"] = b.defs
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(schema); err != nil {
		return nil, fmt.Errorf("write JSON Schema: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// object is a JSON Schema, or a part of one.
type object = map[string]any

// schemaBuilder gathers what several fields refer to.
type schemaBuilder struct{ defs object }

// record is the schema of the object that a record is read from. Where it is not fatal,
// anything else is accepted as well: keywords of objects say nothing about it.
func (b *schemaBuilder) record(r *record, fatal bool) object {
	schema := b.node(r, 0)
	if fatal {
		schema["type"] = "object"
	}
	keys := r.keys()
	var required []string // found under one key
	for i := range r.fields {
		f := &r.fields[i]
		found := make([]any, len(f.place.leaves))
		for j, leaf := range f.place.leaves {
			found[j] = has(keys[leaf])
		}
		switch {
		case f.drop:
		case f.required && len(found) == 1:
			if !slices.Contains(required, f.source) {
				required = append(required, f.source)
			}
		case f.required:
			also(schema, anyOf(found))
		case f.fatal && len(f.place.above) > 0:
			also(schema, anyOf(append(found, b.unblocked(r, f, 0))))
		}
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// keys lists, for each node of a record's tree, the keys that lead to it.
func (r *record) keys() [][]string {
	keys := make([][]string, len(r.nodes))
	for i := range r.nodes { // a node comes before those below it
		for key, child := range r.nodes[i].children {
			keys[child] = append(keys[i][:len(keys[i]):len(keys[i])], key)
		}
	}
	return keys
}

// node is what holds for the value of a key: for the fields that are read there, and for the
// keys below it.
func (b *schemaBuilder) node(r *record, id int) object {
	schema := object{}
	properties := object{}
	for key, child := range r.nodes[id].children {
		properties[key] = b.node(r, child)
	}
	if len(properties) > 0 {
		schema["properties"] = properties
	}
	for i := range r.fields {
		f := &r.fields[i]
		for _, leaf := range f.place.leaves {
			if leaf == id && !f.drop {
				also(schema, b.field(f))
			}
		}
	}
	return schema
}

// field is what holds for the value of a field.
func (b *schemaBuilder) field(f *field) object {
	schema := b.value(&f.avroType)
	if !f.required && f.fatal {
		schema = anyOf([]any{object{"type": "null"}, schema})
	}
	switch {
	case f.required:
		schema["description"] = fmt.Sprintf("%s: %s, required", f.name, f.avroType.name)
	case f.fatal:
		schema["description"] = fmt.Sprintf("%s: %s, or a default where it is absent or null", f.name, f.avroType.name)
	default:
		schema["description"] = fmt.Sprintf("%s: %s; published as null where it does not fit", f.name, f.avroType.name)
	}
	return schema
}

// value is the schema of a type. Where a value that does not fit becomes null, or the record
// around it does, only what is inside can still reject the row.
func (b *schemaBuilder) value(t *avroType) object {
	schema := object{}
	switch t.kind {
	case typeRecord:
		return b.record(t.record, t.fatal)
	case typeArray:
		schema["items"] = b.value(t.items)
	case typeMap:
		schema["additionalProperties"] = b.value(t.items)
	case typeUnion:
		return b.union(t)
	default:
		if t.fatal {
			return b.scalar(t)
		}
		return schema
	}
	if t.fatal {
		schema["type"] = kinds[t.kind].spelled.String()
	}
	return schema
}

// union is the schema of several types. A row spells no two of them alike, so that what is
// asked of objects and of arrays does not meet.
func (b *schemaBuilder) union(t *avroType) object {
	var branches []any
	for i := range t.branches {
		branches = append(branches, b.value(&t.branches[i]))
	}
	if t.fatal {
		return anyOf(branches)
	}
	schema := object{}
	for _, branch := range branches {
		also(schema, branch.(object))
	}
	return schema
}

// has says that an object has a value behind keys, each inside the one before.
func has(keys []string) object {
	schema := object{"required": []string{keys[0]}}
	if len(keys) > 1 {
		inner := has(keys[1:])
		inner["type"] = "object"
		schema["properties"] = object{keys[0]: inner}
	}
	return schema
}

// unblocked says that nothing but objects and nulls stands on the way to a field that the
// object lacks.
func (b *schemaBuilder) unblocked(r *record, f *field, id int) object {
	properties := object{}
	for key, child := range r.nodes[id].children {
		for _, above := range f.place.above {
			if above == child {
				inner := b.unblocked(r, f, child)
				inner["type"] = []string{"object", "null"}
				properties[key] = inner
			}
		}
	}
	if len(properties) == 0 {
		return object{}
	}
	return object{"properties": properties}
}

// anyOf is the schema of what any of the schemas accepts.
func anyOf(schemas []any) object {
	if len(schemas) == 1 {
		return schemas[0].(object)
	}
	return object{"anyOf": schemas}
}

// also adds to a schema what another one asks for.
func also(schema, more object) {
	if len(more) == 0 {
		return
	}
	for key := range more {
		_, taken := schema[key]
		_, exempt := schema["properties"]
		if taken || exempt && key == "additionalProperties" {
			all, _ := schema["allOf"].([]any)
			schema["allOf"] = append(all, more)
			return
		}
	}
	for key, value := range more {
		schema[key] = value
	}
}
