package avro

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/linkedin/goavro/v2"
)

//go:embed contracts/reports.avsc
var reportsContract []byte

// Contract says which fields a route publishes, where each comes from, and which rows to
// reject. It is immutable, and safe for concurrent use.
type Contract struct {
	schema   string
	fields   []field
	nodes    []node
	sorted   []int // indexes of fields in fingerprint order
	identity []int // those of the identity fields, in the same order
	encoders sync.Pool
}

// field is one contracted field, compiled.
type field struct {
	name     string
	source   string
	typ      fieldType
	required bool
	identity bool
	place    place

	branch []byte // Avro bytes before a value: its branch in the union, empty outside one
	null   []byte // Avro bytes of null, nil where the field is not nullable
	absent []byte // Avro bytes where the row lacks the value: default or null; nil for neither
	frame  []byte // of the fingerprint entry: the length of the source path, and the path
}

// Default returns the contract that convstream brings for a dialect. There is one for
// "reports".
func Default(dialect string) (*Contract, error) {
	if dialect != "reports" {
		return nil, fmt.Errorf("dialect %q has no default contract: this version brings one for reports", dialect)
	}
	return Parse(reportsContract)
}

// Parse compiles an Avro schema with the properties that the package documentation lists.
// The error names every field that is wrong and says what it should be.
func Parse(avsc []byte) (*Contract, error) {
	c, err := compile(avsc)
	if err != nil {
		return nil, fmt.Errorf("parse contract: %w", err)
	}
	// A second reader, as the registry and every consumer will read the schema too.
	if _, err := goavro.NewCodec(c.schema); err != nil {
		return nil, fmt.Errorf("parse contract: the schema is no valid Avro: %w", err)
	}
	return c, nil
}

// Schema is the contract as one line of JSON: the text to register.
func (c *Contract) Schema() string { return c.schema }

// Sources lists the source paths in contract order, without repeats.
func (c *Contract) Sources() []string {
	var sources []string
	for i := range c.fields {
		if s := c.fields[i].source; !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
	}
	return sources
}

func compile(avsc []byte) (*Contract, error) {
	var record struct {
		Type   json.RawMessage   `json:"type"`
		Fields []json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(avsc, &record); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if string(record.Type) != `"record"` || len(record.Fields) == 0 {
		return nil, errors.New("the schema has to be a record with at least one field")
	}
	var schema bytes.Buffer
	if err := json.Compact(&schema, avsc); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	c := &Contract{schema: schema.String(), fields: make([]field, len(record.Fields))}
	var problems []error
	for i, raw := range record.Fields {
		f, err := parseField(raw)
		if err != nil {
			problems = append(problems, fmt.Errorf("field %q: %w", cmp.Or(f.name, fmt.Sprintf("#%d", i+1)), err))
		}
		c.fields[i] = f
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c.nodes = compilePaths(c.fields)
	c.sortFields()
	c.encoders.New = func() any {
		return &encoder{found: make([]uint32, len(c.nodes)), values: make([]value, len(c.fields))}
	}
	return c, nil
}

// sortFields fixes the order of fingerprint entries once, whatever the contract's order is.
func (c *Contract) sortFields() {
	for i := range c.fields {
		f := &c.fields[i]
		f.frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(f.source))), f.source...)
		c.sorted = append(c.sorted, i)
	}
	slices.SortStableFunc(c.sorted, func(i, j int) int {
		a, b := &c.fields[i], &c.fields[j]
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.typ.tag(), b.typ.tag()))
	})
	for _, i := range c.sorted {
		if c.fields[i].identity {
			c.identity = append(c.identity, i)
		}
	}
}
