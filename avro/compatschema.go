package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// compatType is a type of any Avro schema, as schema resolution needs it. A named type that is
// used again is the same compatType, so that recursive schemas are cycles.
type compatType struct {
	kind     string   // Avro's name of the type, or "union"
	name     string   // of record, enum and fixed, with its namespace
	aliases  []string // with their namespaces
	logical  string   // "" where there is none; decimal with precision and scale
	size     int      // of fixed
	symbols  []string // of enum
	fallback bool     // the enum has a default
	fields   []compatField
	items    *compatType   // of array and map
	branches []*compatType // of union
}

type compatField struct {
	name       string
	aliases    []string
	kind       *compatType
	hasDefault bool
}

// compatSchema is a type as a schema spells it, where it is an object.
type compatSchema struct {
	Type        json.RawMessage
	Name        string
	Namespace   *string
	Aliases     []string
	LogicalType json.RawMessage
	Precision   json.RawMessage
	Scale       json.RawMessage
	Size        int
	Symbols     []string
	Default     json.RawMessage
	Items       json.RawMessage
	Values      json.RawMessage
	Fields      []struct {
		Name    string
		Aliases []string
		Type    json.RawMessage
		Default json.RawMessage
	}
}

var primitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

// compatParser reads one schema.
type compatParser struct{ named map[string]*compatType }

func parseCompat(schema string) (*compatType, error) {
	p := compatParser{named: map[string]*compatType{}}
	return p.parse(json.RawMessage(strings.TrimSpace(schema)), "")
}

func (p *compatParser) parse(raw json.RawMessage, namespace string) (*compatType, error) {
	if len(raw) == 0 {
		return nil, errors.New("it is no Avro: a type is missing")
	}
	switch raw[0] {
	case '[':
		return p.union(raw, namespace)
	case '{':
		return p.object(raw, namespace)
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return nil, fmt.Errorf("it is no Avro: %w", err)
	}
	if slices.Contains(primitives, name) {
		return &compatType{kind: name}, nil
	}
	for _, full := range []string{qualify(name, namespace), name} {
		if t := p.named[full]; t != nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("it is no Avro: the type %q is defined nowhere before its use", name)
}

func (p *compatParser) union(raw json.RawMessage, namespace string) (*compatType, error) {
	var branches []json.RawMessage
	if err := json.Unmarshal(raw, &branches); err != nil {
		return nil, fmt.Errorf("it is no Avro: %w", err)
	}
	t := &compatType{kind: "union"}
	for _, b := range branches {
		inner, err := p.parse(b, namespace)
		if err != nil {
			return nil, err
		}
		t.branches = append(t.branches, inner)
	}
	return t, nil
}

func (p *compatParser) object(raw json.RawMessage, namespace string) (t *compatType, err error) {
	var s compatSchema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("it is no Avro: %w", err)
	}
	kind := strings.Trim(string(s.Type), `"`)
	if kind == "error" {
		kind = "record"
	}
	switch kind {
	case "record", "enum", "fixed":
		t = p.define(kind, &s, &namespace)
	case "array", "map":
		inner := s.Items
		if kind == "map" {
			inner = s.Values
		}
		t = &compatType{kind: kind}
		t.items, err = p.parse(inner, namespace)
	default:
		t, err = p.parse(s.Type, namespace)
	}
	if err != nil {
		return nil, err
	}
	if logical := s.logical(t); logical != "" && t.logical == "" {
		named := *t // the type may be one that others use as well
		named.logical = logical
		t = &named
	}
	if kind != "record" {
		return t, nil
	}
	t.fields = make([]compatField, len(s.Fields))
	for i, f := range s.Fields {
		inner, err := p.parse(f.Type, namespace)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		t.fields[i] = compatField{name: f.Name, aliases: f.Aliases, kind: inner, hasDefault: f.Default != nil}
	}
	return t, nil
}

// define makes a named type, and sets the namespace of the names inside it.
func (p *compatParser) define(kind string, s *compatSchema, namespace *string) *compatType {
	if s.Namespace != nil && !strings.Contains(s.Name, ".") {
		*namespace = *s.Namespace
	}
	t := &compatType{kind: kind, name: qualify(s.Name, *namespace), size: s.Size, symbols: s.Symbols, fallback: s.Default != nil}
	*namespace = ""
	if dot := strings.LastIndexByte(t.name, '.'); dot >= 0 {
		*namespace = t.name[:dot]
	}
	for _, alias := range s.Aliases {
		t.aliases = append(t.aliases, qualify(alias, *namespace))
	}
	t.logical = s.logical(t)
	p.named[t.name] = t
	return t
}

func qualify(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// unqualified is a name without its namespace.
func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// logicalTypes are the logical types of the specification, and the types that they stand on.
var logicalTypes = map[string][]string{
	"big-decimal":            {"bytes"},
	"decimal":                {"bytes", "fixed"},
	"uuid":                   {"string", "fixed"},
	"date":                   {"int"},
	"time-millis":            {"int"},
	"time-micros":            {"long"},
	"timestamp-millis":       {"long"},
	"timestamp-micros":       {"long"},
	"timestamp-nanos":        {"long"},
	"local-timestamp-millis": {"long"},
	"local-timestamp-micros": {"long"},
	"local-timestamp-nanos":  {"long"},
	"duration":               {"fixed"},
}

// logical is the logical type of t, "" where readers ignore what is written, as they do with
// one that they do not know or that stands on another type.
func (s *compatSchema) logical(t *compatType) string {
	var name string
	if json.Unmarshal(s.LogicalType, &name) != nil || !slices.Contains(logicalTypes[name], t.kind) {
		return ""
	}
	if name != "decimal" {
		return name
	}
	var precision, scale int
	if json.Unmarshal(s.Precision, &precision) != nil || s.Scale != nil && json.Unmarshal(s.Scale, &scale) != nil {
		return ""
	}
	return fmt.Sprintf("decimal(%d,%d)", precision, scale)
}

// String names a type in a message.
func (t *compatType) String() string {
	switch {
	case t.kind == "union":
		var names []string
		for _, b := range t.branches {
			names = append(names, b.String())
		}
		return strings.Join(names, " | ")
	case t.logical != "":
		return t.logical
	case t.name != "":
		return t.kind + " " + unqualified(t.name)
	}
	return t.kind
}
