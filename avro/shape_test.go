package avro

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// shape is a type as the schema file spells it, read without the compiler.
type shape struct {
	kind      string // Avro's name, or the logical type
	branch    string // goavro's name for it in a union
	nullable  bool
	nullFirst bool
	fields    []shapeField
	items     *shape // of an array, or the values of a map
	branches  []shape
	symbols   []string
	fallback  string // of an enum, "" for none
	precision int
	scale     int
	size      int    // of a fixed
	privacy   string // of strings in it
}

type shapeField struct {
	shape
	name, source string
	required     bool
	optional     bool
	drop         bool
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
	return shapeReader{}.read(schema, "")
}

// shapeReader knows the named types so far.
type shapeReader map[string]shape

func (r shapeReader) read(schema any, namespace string) (s shape) {
	switch schema := schema.(type) {
	case string:
		for _, full := range []string{namespace + schema, schema} {
			if known, ok := r[full]; ok {
				return known
			}
		}
		s.kind, s.branch = schema, schema
	case []any:
		for i, b := range schema {
			if b == "null" {
				s.nullable, s.nullFirst = true, i == 0
			} else {
				s.branches = append(s.branches, r.read(b, namespace))
			}
		}
		if nullable, nullFirst := s.nullable, s.nullFirst; len(s.branches) == 1 {
			s = s.branches[0]
			s.nullable, s.nullFirst = nullable, nullFirst
		} else {
			s.kind = "union"
		}
	case map[string]any:
		s = r.readObject(schema, namespace)
	}
	return s
}

func (r shapeReader) readObject(schema map[string]any, namespace string) shape {
	s := r.read(schema["type"], namespace)
	for _, property := range []string{"items", "values"} {
		if schema[property] != nil {
			items := r.read(schema[property], namespace)
			s.items = &items
		}
	}
	switch logical, _ := schema["logicalType"].(string); logical {
	case "":
	case "timestamp-millis", "timestamp-micros", "date", "time-millis", "time-micros":
		s.kind, s.branch = logical, s.branch+"."+logical
	case "decimal":
		s.kind = logical
		s.precision, s.scale = number(schema, "precision"), number(schema, "scale")
		if s.branch == "bytes" {
			s.branch = "bytes.decimal"
		}
		s.size = number(schema, "size")
	default: // goavro knows nothing of it
		s.kind = logical
	}
	if name, ok := schema["name"].(string); ok {
		if own, ok := schema["namespace"].(string); ok {
			namespace = own + "."
		}
		if dot := strings.LastIndex(name, "."); dot >= 0 {
			namespace, name = name[:dot+1], name[dot+1:]
		}
		s.branch = namespace + name
	}
	if symbols, ok := schema["symbols"].([]any); ok {
		for _, symbol := range symbols {
			s.symbols = append(s.symbols, symbol.(string))
		}
		s.fallback, _ = schema["default"].(string)
	}
	if fields, ok := schema["fields"].([]any); ok {
		for _, f := range fields {
			s.fields = append(s.fields, r.readField(f.(map[string]any), namespace))
		}
	}
	if schema["name"] != nil {
		r[s.branch] = s
	}
	return s
}

func number(schema map[string]any, key string) int {
	n, _ := strconv.Atoi(fmt.Sprint(schema[key]))
	return n
}

func (r shapeReader) readField(schema map[string]any, namespace string) shapeField {
	f := shapeField{shape: r.read(schema["type"], namespace), name: schema["name"].(string)}
	f.source = f.name
	if source, ok := schema["source"].(string); ok {
		f.source = source
	}
	f.required, _ = schema["required"].(bool)
	f.optional, _ = schema["optional"].(bool)
	value, ok := schema["default"]
	f.hasDefault, f.defaultNull, f.defaultValue = ok, ok && value == nil, value
	switch mark, _ := schema["privacy"].(string); mark {
	case "":
	case "drop":
		f.drop = true
	default:
		f.shape = f.marked(mark)
	}
	return f
}

// marked is the type with its strings marked.
func (s shape) marked(mark string) shape {
	if s.items != nil {
		items := s.items.marked(mark)
		s.items = &items
	}
	s.privacy = mark
	return s
}

// expects is what a reject, or drift, says was expected of a value.
func (s *shape) expects() string {
	switch s.kind {
	case "record", "map":
		return "object"
	case "decimal":
		return fmt.Sprintf("decimal(%d,%d)", s.precision, s.scale)
	case "union":
		var names []string
		for i := range s.branches {
			names = append(names, s.branches[i].expects())
		}
		return strings.Join(names, " or ")
	}
	return s.kind
}

// nested says whether a value of the type holds values.
func (s *shape) nested() bool { return s.fields != nil || s.items != nil }

// hasMap says whether a map stands anywhere in the type.
func (s *shape) hasMap() bool {
	if s.kind == "map" || s.items != nil && s.items.hasMap() {
		return true
	}
	for i := range s.branches {
		if s.branches[i].hasMap() {
			return true
		}
	}
	for i := range s.fields {
		if s.fields[i].hasMap() {
			return true
		}
	}
	return false
}
