package avro

import (
	"bytes"
	"encoding/json"
	"strings"
)

// readType is a type as a Decoder needs it to print what goavro decodes. Any schema of a
// topic can be read, so that a type which no contract has is printed as goavro holds it.
type readType struct {
	branches map[string]*readType // of a union, by goavro's names: a value comes in a map that names its branch
	fields   []readField          // of a record; nil of anything else
	items    *readType            // of an array, or the values of a map
	logical  string               // the logical type
	scale    int                  // of a decimal
}

type readField struct {
	*readType
	name string
}

// readParser knows the named types of a schema so far.
type readParser map[string]*readType

// readSchemaType is a type as any schema spells it, where it is an object.
type readSchemaType struct {
	Type, Items, Values json.RawMessage
	LogicalType         string
	Scale               int
	Name, Namespace     string
	Fields              []struct {
		Name string
		Type json.RawMessage
	}
}

// parse reads a type of a schema that goavro has taken, inside a namespace, and goavro's name
// for it in a union.
func (p readParser) parse(schema json.RawMessage, namespace string) (t *readType, name string, err error) {
	switch schema = bytes.TrimSpace(schema); {
	case bytes.HasPrefix(schema, []byte{'['}):
		var branches []json.RawMessage
		if err := json.Unmarshal(schema, &branches); err != nil {
			return nil, "", err
		}
		t = &readType{branches: map[string]*readType{}}
		for _, b := range branches {
			branch, name, err := p.parse(b, namespace)
			if err != nil {
				return nil, "", err
			}
			t.branches[name] = branch
		}
		return t, "union", nil
	case !bytes.HasPrefix(schema, []byte{'{'}):
		if err := json.Unmarshal(schema, &name); err != nil {
			return nil, "", err
		}
		for _, full := range []string{name, namespace + "." + name} {
			if known := p[full]; known != nil {
				return known, full, nil
			}
		}
		return &readType{}, name, nil
	}
	var s readSchemaType
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, "", err
	}
	return p.parseObject(&s, namespace)
}

func (p readParser) parseObject(s *readSchemaType, namespace string) (t *readType, name string, err error) {
	inner, name, err := p.parse(s.Type, namespace)
	if err != nil {
		return nil, "", err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(s.Type), []byte{'"'}) {
		return inner, name, nil // a type in a type says no more
	}
	t = &readType{logical: s.LogicalType, scale: s.Scale}
	switch name {
	case "record", "enum", "fixed":
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		if name = s.Name; !strings.Contains(name, ".") && namespace != "" {
			name = namespace + "." + name
		}
		namespace = strings.TrimSuffix(name[:strings.LastIndexByte(name, '.')+1], ".")
		p[name] = t
	case "array", "map":
		items := s.Items
		if name == "map" {
			items = s.Values
		}
		t.items, _, err = p.parse(items, namespace)
		return t, name, err
	default:
		if known := p[name]; known != nil {
			return known, name, nil
		}
		switch s.LogicalType {
		case "timestamp-millis", "timestamp-micros", "time-millis", "time-micros", "date", "decimal":
			name += "." + s.LogicalType
		}
	}
	for _, f := range s.Fields {
		inner, _, err := p.parse(f.Type, namespace)
		if err != nil {
			return nil, "", err
		}
		t.fields = append(t.fields, readField{readType: inner, name: f.Name})
	}
	return t, name, nil
}
