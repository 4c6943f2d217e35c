package avro

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxDepth bounds how many records, arrays and maps of a contract stand inside one another,
// and with that the recursion of everything that follows a contract.
const maxDepth = 32

// record is a record of the contract, compiled.
type record struct {
	fields  []field
	nodes   []node // the tree of the fields' sources
	sorted  []int  // indexes of fields in fingerprint order
	inOrder bool   // the contract's order is the fingerprint's
}

func compile(avsc []byte) (*Contract, error) {
	var root typeSchema
	if err := json.Unmarshal(avsc, &root); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if string(root.Type) != `"record"` || len(root.Fields) == 0 {
		return nil, errors.New("the schema has to be a record with at least one field")
	}
	var schema bytes.Buffer
	if err := json.Compact(&schema, avsc); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	p := compiler{names: map[string]bool{}}
	c := &Contract{schema: schema.String(), root: p.record(&root, position{fatal: true})}
	if err := errors.Join(p.problems...); err != nil {
		return nil, err
	}
	for _, i := range c.root.sorted {
		if c.root.fields[i].identity {
			c.identity = append(c.identity, i)
		}
	}
	c.encoders.New = func() any { return &encoder{} }
	return c, nil
}

// compiler gathers what is wrong, so that a person mends a contract in one go.
type compiler struct {
	problems []error
	names    map[string]bool // of the records so far, with their namespaces
}

// position is where in a contract a type stands.
type position struct {
	path      string // the Avro names on the way to it, joined by dots; empty for the row itself
	namespace string // of the record around it
	depth     int    // records, arrays and maps around it
	fatal     bool   // a value around it that does not fit rejects the row
}

// record compiles a record's fields, and notes each one's problem.
func (c *compiler) record(s *typeSchema, at position) *record {
	if err := c.name(s, &at); err != nil {
		c.problems = append(c.problems, fmt.Errorf("field %q: %w", at.path, err))
	}
	r := &record{fields: make([]field, len(s.Fields))}
	for i := range s.Fields {
		f, err := c.field(s.Fields[i], at)
		if err != nil {
			name := at.below(cmp.Or(f.name, fmt.Sprintf("#%d", i+1)))
			c.problems = append(c.problems, fmt.Errorf("field %q: %w", name, err))
		}
		r.fields[i] = f
	}
	if len(c.problems) == 0 {
		r.nodes = compilePaths(r.fields)
		r.sortFields()
	}
	return r
}

// name notes a record's name, which Avro lets stand for one type only, and sets the namespace
// of the names inside it.
func (c *compiler) name(s *typeSchema, at *position) error {
	full := s.Name
	if s.Namespace != "" {
		at.namespace = s.Namespace
	}
	if dot := strings.LastIndexByte(full, '.'); dot >= 0 {
		at.namespace = full[:dot]
	} else if at.namespace != "" {
		full = at.namespace + "." + full
	}
	if c.names[full] {
		return fmt.Errorf("its record has the name %q of another record; give it a name of its own", full)
	}
	c.names[full] = true
	return nil
}

// below is the path of a field of the record at the position.
func (p position) below(name string) string {
	if p.path == "" {
		return name
	}
	return p.path + "." + name
}

// sortFields fixes the order of fingerprint entries, and what stands before their tags, once,
// whatever the contract's order is.
func (r *record) sortFields() {
	for i := range r.fields {
		r.sorted = append(r.sorted, i)
	}
	slices.SortStableFunc(r.sorted, func(i, j int) int {
		a, b := &r.fields[i], &r.fields[j]
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.kind.tag(), b.kind.tag()))
	})
	r.inOrder = slices.IsSorted(r.sorted)
	same := 0 // fields before this one that have its source
	for at, i := range r.sorted {
		f := &r.fields[i]
		if at > 0 && r.fields[r.sorted[at-1]].source == f.source {
			same++
		} else {
			same = 0
		}
		path := f.source + strings.Repeat("*", same) // no source holds an asterisk
		f.frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(path))), path...)
	}
}
