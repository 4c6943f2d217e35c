package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"convstream/internal/conv"
)

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
	if t.branches != nil {
		for name, inner := range t.wrapped(v) {
			if t.branches[name] != nil {
				return p.print(t.branches[name], inner)
			}
		}
		return p.scalar(v)
	}
	switch v := v.(type) {
	case time.Time:
		return p.scalar(v.Format(t.layout()))
	case time.Duration:
		return p.scalar(time.Time{}.Add(v).Format(t.layout()))
	case int64:
		switch t.logical {
		case "local-timestamp-millis":
			return p.scalar(time.UnixMilli(v).UTC().Format(t.layout()))
		case "local-timestamp-micros":
			return p.scalar(time.UnixMicro(v).UTC().Format(t.layout()))
		}
	case *big.Rat:
		p.line.WriteString(v.FloatString(t.scale))
		return nil
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

// wrapped is what goavro makes of a union's value: its branch, and the value.
func (t *readType) wrapped(v any) map[string]any {
	branch, _ := v.(map[string]any)
	return branch
}

// layout is how a date or a time is printed.
func (t *readType) layout() string {
	switch t.logical {
	case "date":
		return time.DateOnly
	case "time-millis":
		return "15:04:05.000"
	case "time-micros":
		return "15:04:05.000000"
	case "timestamp-micros":
		return "2006-01-02T15:04:05.000000Z07:00"
	case "local-timestamp-millis":
		return "2006-01-02T15:04:05.000"
	case "local-timestamp-micros":
		return "2006-01-02T15:04:05.000000"
	}
	return conv.InstantLayout
}

func (p *printer) record(fields []readField, native map[string]any) error {
	for i := range fields {
		f := &fields[i]
		if err := p.member(i, f.name, f.readType, native[f.name]); err != nil {
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
