package avro

import (
	"encoding/json"
	"strings"
	"testing"
)

// shape is a type as the schema file spells it, read without the compiler.
type shape struct {
	kind      string // Avro's name, or timestamp-millis
	branch    string // goavro's name for it in a union
	nullable  bool
	nullFirst bool
	fields    []shapeField
	items     *shape // of an array, or the values of a map
}

type shapeField struct {
	shape
	name, source string
	required     bool
	hasDefault   bool
	defaultNull  bool // the default is null
	defaultValue any  // as encoding/json reads it, numbers as they are spelled
}

// shapeOf reads a contract's schema.
func shapeOf(t testing.TB, c *Contract) shape {
	t.Helper()
	var schema any
	dec := json.NewDecoder(strings.NewReader(c.Schema()))
	dec.UseNumber()
	if err := dec.Decode(&schema); err != nil {
		t.Fatal(err)
	}
	return readShape(schema, "")
}

func readShape(schema any, namespace string) (s shape) {
	switch schema := schema.(type) {
	case string:
		s.kind, s.branch = schema, schema
	case []any:
		other := 1
		if schema[1] == "null" {
			other = 0
		}
		s = readShape(schema[other], namespace)
		s.nullable, s.nullFirst = true, other == 1
	case map[string]any:
		s = readShape(schema["type"], namespace)
		if schema["logicalType"] != nil {
			s.kind, s.branch = "timestamp-millis", "long.timestamp-millis"
		}
		for _, property := range []string{"items", "values"} {
			if schema[property] != nil {
				items := readShape(schema[property], namespace)
				s.items = &items
			}
		}
		if s.kind == "record" {
			if own, ok := schema["namespace"].(string); ok {
				namespace = own + "."
			}
			s.branch = namespace + schema["name"].(string)
			for _, f := range schema["fields"].([]any) {
				s.fields = append(s.fields, readShapeField(f.(map[string]any), namespace))
			}
		}
	}
	return s
}

func readShapeField(schema map[string]any, namespace string) shapeField {
	f := shapeField{shape: readShape(schema["type"], namespace), name: schema["name"].(string)}
	f.source = f.name
	if source, ok := schema["source"].(string); ok {
		f.source = source
	}
	f.required, _ = schema["required"].(bool)
	value, ok := schema["default"]
	f.hasDefault, f.defaultNull, f.defaultValue = ok, ok && value == nil, value
	return f
}

// expects is what a reject says was expected of a value.
func (s *shape) expects() string {
	if s.kind == "record" || s.kind == "map" {
		return "object"
	}
	return s.kind
}

// hasMap says whether a map stands anywhere in the type.
func (s *shape) hasMap() bool {
	if s.kind == "map" || s.items != nil && s.items.hasMap() {
		return true
	}
	for i := range s.fields {
		if s.fields[i].hasMap() {
			return true
		}
	}
	return false
}
