package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"convstream/internal/conv"
)

// readType is a type as a Decoder needs it to print what goavro decodes. Any schema of a
// topic can be read, so that a type which no contract has is printed as goavro holds it.
type readType struct {
	union  bool        // goavro wraps a value in a map that names its branch
	fields []readField // of a record; nil of anything else
	items  *readType   // of an array, or the values of a map
}

type readField struct {
	readType
	name string
}

// parseReadType reads a type of a schema that goavro has taken.
func parseReadType(schema json.RawMessage) (t readType, err error) {
	if bytes.HasPrefix(schema, []byte{'['}) {
		var branches []json.RawMessage
		if err := json.Unmarshal(schema, &branches); err != nil {
			return t, err
		}
		// Of several branches beside null nothing would tell which one a value is of.
		branches = slices.DeleteFunc(branches, func(b json.RawMessage) bool { return string(b) == `"null"` })
		if len(branches) == 1 {
			t, err = parseReadType(branches[0])
		}
		t.union = true
		return t, err
	}
	if !bytes.HasPrefix(schema, []byte{'{'}) {
		return t, nil // a primitive, or the name of a type
	}
	var s struct {
		Type, Items, Values json.RawMessage
		Fields              []struct {
			Name string
			Type json.RawMessage
		}
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return t, err
	}
	switch string(s.Type) {
	case `"record"`:
		t.fields = make([]readField, len(s.Fields))
		for i, f := range s.Fields {
			inner, err := parseReadType(f.Type)
			if err != nil {
				return t, err
			}
			t.fields[i] = readField{readType: inner, name: f.Name}
		}
	case `"array"`, `"map"`:
		inner := s.Items
		if inner == nil {
			inner = s.Values
		}
		items, err := parseReadType(inner)
		if err != nil {
			return t, err
		}
		t.items = &items
	}
	return t, nil
}

// printer writes one line of JSON.
type printer struct {
	line bytes.Buffer
	enc  *json.Encoder
}

func newPrinter() *printer {
	p := &printer{}
	p.enc = json.NewEncoder(&p.line)
	p.enc.SetEscapeHTML(false)
	return p
}

func (p *printer) print(t *readType, v any) error {
	if branch, ok := v.(map[string]any); ok && t.union {
		for _, inner := range branch {
			v = inner
		}
	}
	switch v := v.(type) {
	case time.Time:
		return p.scalar(conv.FormatInstant(v.UnixMilli()))
	case []any:
		if t.items != nil {
			return p.array(t.items, v)
		}
	case map[string]any:
		switch {
		case t.fields != nil:
			return p.record(t.fields, v)
		case t.items != nil:
			return p.members(t.items, v)
		}
	}
	return p.scalar(v)
}

func (p *printer) record(fields []readField, native map[string]any) error {
	for i := range fields {
		f := &fields[i]
		if err := p.member(i, f.name, &f.readType, native[f.name]); err != nil {
			return fmt.Errorf("write field %q: %w", f.name, err)
		}
	}
	p.line.WriteByte('}')
	return nil
}

func (p *printer) members(values *readType, native map[string]any) error {
	if len(native) == 0 {
		p.line.WriteByte('{')
	}
	for i, key := range slices.Sorted(maps.Keys(native)) {
		if err := p.member(i, key, values, native[key]); err != nil {
			return fmt.Errorf("write key %q: %w", key, err)
		}
	}
	p.line.WriteByte('}')
	return nil
}

// member writes an object's member number i, with what stands before it.
func (p *printer) member(i int, name string, t *readType, v any) error {
	p.separate(i, '{')
	if err := p.scalar(name); err != nil {
		return err
	}
	p.line.WriteByte(':')
	return p.print(t, v)
}

func (p *printer) array(items *readType, native []any) error {
	if len(native) == 0 {
		p.line.WriteByte('[')
	}
	for i, v := range native {
		p.separate(i, '[')
		if err := p.print(items, v); err != nil {
			return fmt.Errorf("write element %d: %w", i, err)
		}
	}
	p.line.WriteByte(']')
	return nil
}

func (p *printer) separate(i int, open byte) {
	if i > 0 {
		open = ','
	}
	p.line.WriteByte(open)
}

// scalar writes what encoding/json knows how to write.
func (p *printer) scalar(v any) error {
	if err := p.enc.Encode(v); err != nil {
		return err
	}
	p.line.Truncate(p.line.Len() - 1) // Encode ends with a newline
	return nil
}
