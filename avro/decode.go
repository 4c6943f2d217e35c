package avro

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/sr"
)

// goavro makes room for as many items as a block says it has, before it reads one: a damaged
// value must not be believed. Rows have fewer than a million tokens, and a block no more items.
func init() { goavro.MaxBlockCount = 1 << 20 }

// Decoder reads record values back as JSON, for people and for checks. It is safe for
// concurrent use.
type Decoder struct {
	registry *sr.Client
	mu       sync.Mutex
	schemas  map[int]*readSchema // by id; ids never change their meaning
}

// readSchema is a schema as a Decoder needs it.
type readSchema struct {
	codec *goavro.Codec
	root  *readType
}

// NewDecoder returns a decoder that fetches each schema once, when a value needs it.
func NewDecoder(cl *sr.Client) *Decoder {
	return &Decoder{registry: cl, schemas: map[int]*readSchema{}}
}

// Decode turns a value in Confluent wire format into one line of JSON: fields in schema
// order, maps sorted by key, unions without their branch names, timestamps as RFC 3339 in UTC
// with milliseconds.
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
	p := newPrinter()
	if err := p.print(schema.root, native); err != nil {
		return nil, fmt.Errorf("decode value of schema %d: %w", id, err)
	}
	return p.line.Bytes(), nil
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
	codec, err := newCodec(fetched.Schema)
	if err != nil {
		return nil, err
	}
	root, _, err := readParser{}.parse([]byte(fetched.Schema), "")
	if err != nil || root.fields == nil {
		return nil, errors.New("it is no Avro record")
	}
	return &readSchema{codec: codec, root: root}, nil
}
