package avro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/internal/conv"
)

// Decoder reads record values back as JSON, for people and for checks. It is safe for
// concurrent use.
type Decoder struct {
	registry *sr.Client
	mu       sync.Mutex
	schemas  map[int]*readSchema // by id; ids never change their meaning
}

// readSchema is a schema as a Decoder needs it.
type readSchema struct {
	codec  *goavro.Codec
	fields []readField
}

type readField struct {
	name  string
	label []byte // the name as a JSON key, with its colon
	union bool
}

// NewDecoder returns a decoder that fetches each schema once, when a value needs it.
func NewDecoder(cl *sr.Client) *Decoder {
	return &Decoder{registry: cl, schemas: map[int]*readSchema{}}
}

// Decode turns a value in Confluent wire format into one line of JSON: fields in schema
// order, unions without their branch names, timestamps as RFC 3339 in UTC with milliseconds.
// Where the schema cannot be had the error is a *RegistryError.
func (d *Decoder) Decode(ctx context.Context, value []byte) ([]byte, error) {
	id, body, err := new(sr.ConfluentHeader).DecodeID(value)
	if err != nil {
		return nil, fmt.Errorf("decode value: %d bytes %.16x do not start with the byte 0 and a schema id", len(value), value)
	}
	schema, err := d.schema(ctx, id)
	if err != nil {
		return nil, err
	}
	native, rest, err := schema.codec.NativeFromBinary(body)
	if err != nil {
		return nil, fmt.Errorf("decode value of schema %d: %w", id, err)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("decode value of schema %d: %d bytes are left behind the record", id, len(rest))
	}
	line, err := schema.json(native.(map[string]any))
	if err != nil {
		return nil, fmt.Errorf("decode value of schema %d: %w", id, err)
	}
	return line, nil
}

func (d *Decoder) schema(ctx context.Context, id int) (*readSchema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[id]; s != nil {
		return s, nil
	}
	fetched, err := d.registry.SchemaByID(ctx, id)
	if err != nil {
		return nil, registryError(fmt.Sprintf("fetch schema %d", id), err)
	}
	s, err := parseReadSchema(fetched)
	if err != nil {
		return nil, fmt.Errorf("read schema %d: %w", id, err)
	}
	d.schemas[id] = s
	return s, nil
}

func parseReadSchema(fetched sr.Schema) (*readSchema, error) {
	if fetched.Type != sr.TypeAvro {
		return nil, fmt.Errorf("it is %s, not AVRO", fetched.Type)
	}
	var record struct {
		Type   json.RawMessage
		Fields []struct {
			Name string
			Type json.RawMessage
		}
	}
	err := json.Unmarshal([]byte(fetched.Schema), &record)
	if err != nil || string(record.Type) != `"record"` {
		return nil, errors.New("it is no Avro record")
	}
	codec, err := goavro.NewCodec(fetched.Schema)
	if err != nil {
		return nil, err
	}
	s := &readSchema{codec: codec}
	for _, f := range record.Fields {
		label, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		s.fields = append(s.fields, readField{name: f.Name, label: append(label, ':'), union: f.Type[0] == '['})
	}
	return s, nil
}

func (s *readSchema) json(native map[string]any) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	line.WriteByte('{')
	for i, f := range s.fields {
		if i > 0 {
			line.WriteByte(',')
		}
		line.Write(f.label)
		if err := enc.Encode(plain(native[f.name], f.union)); err != nil {
			return nil, fmt.Errorf("write field %q: %w", f.name, err)
		}
		line.Truncate(line.Len() - 1) // Encode ends with a newline
	}
	line.WriteByte('}')
	return line.Bytes(), nil
}

// plain takes a value out of the map in which goavro names a union's branch, and renders
// instants.
func plain(v any, union bool) any {
	if branch, ok := v.(map[string]any); ok && union {
		for _, inner := range branch {
			v = inner
		}
	}
	if t, ok := v.(time.Time); ok {
		return conv.FormatInstant(t.UnixMilli())
	}
	return v
}
