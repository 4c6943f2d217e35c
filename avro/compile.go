package avro

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"convstream/internal/conv"
)

const (
	// maxDepth bounds how many records, arrays and maps of a contract stand inside one another,
	// and with that the recursion of everything that follows a contract.
	maxDepth = 32

	// maxFields bounds what a contract unfolds to, as each use of a named record counts.
	maxFields = 10_000
)

// record is a record of the contract, compiled for one place where it is used.
type record struct {
	fields  []field
	nodes   []node // the tree of the fields' sources
	sorted  []int  // indexes of fields in fingerprint order
	inOrder bool   // the contract's order is the fingerprint's
	private bool   // a field is marked, here or deeper
	broken  bool   // a field has a problem, here or deeper
}

func compile(avsc []byte) (*Contract, error) {
	c := compiler{file: avsc, types: map[string]*namedType{}, paths: map[string]int{}}
	root, err := parseDocument(avsc)
	if err != nil {
		return nil, c.problem(0, "", err)
	}
	if typ := root.member("type"); typ == nil || !typ.is("record") {
		return nil, c.problem(root.at, "", errors.New("the schema has to be a record with at least one field"))
	}
	var t avroType
	if err := c.parseBranch(root, &t, position{fatal: true, depth: -1}); err != nil {
		c.problems = append(c.problems, c.problem(root.at, "", err))
	}
	if err := errors.Join(c.problems...); err != nil {
		return nil, err
	}
	var schema bytes.Buffer
	if err := json.Compact(&schema, avsc); err != nil {
		return nil, fmt.Errorf("parse contract: read schema: %w", err)
	}
	return newContract(&compiled{schema: schema.String(), root: t.record, paths: len(c.paths), hashes: c.hashes}, nil), nil
}

// newContract gives what was compiled a key for its hashes, and encoders that know it.
func newContract(compiled *compiled, key []byte) *Contract {
	c := &Contract{compiled: compiled}
	for _, i := range c.root.sorted {
		if c.root.fields[i].identity {
			c.identity = append(c.identity, i)
		}
	}
	c.key = bytes.Clone(key)
	c.encoders.New = func() any {
		e := &encoder{seen: make([]uint64, c.paths*kindsOfField)}
		if len(c.key) > 0 {
			e.mac = hmac.New(sha256.New, c.key)
		}
		return e
	}
	return c
}

// compiler gathers what is wrong, so that a person mends a contract in one go.
type compiler struct {
	file     []byte
	problems []error
	types    map[string]*namedType // by name with namespace
	paths    map[string]int        // source paths of fields, numbered
	fields   int                   // compiled so far
	defaults int                   // bytes of the fields' defaults so far
	hashes   bool                  // a field is marked "hash"
}

// position is where in a contract a type stands.
type position struct {
	path      string // the Avro names on the way to it, joined by dots; empty for the row itself
	source    string // the same in sources
	namespace string // of the record around it
	depth     int    // records, arrays and maps around it
	fatal     bool   // a value around it that does not fit rejects the row
}

// problem says where in the file, and at which field, something is wrong. It is complete in
// itself, as each is told on a line of its own.
func (c *compiler) problem(at int, path string, err error) error {
	at = faultPlace(err, at)
	if path == "" {
		return fmt.Errorf("parse contract: %s: %w", lineAndColumn(c.file, at), err)
	}
	return fmt.Errorf("parse contract: %s: field %q: %w", lineAndColumn(c.file, at), path, err)
}

// record compiles a record's fields, and notes each one's problem.
func (c *compiler) record(n *jsonValue, at position) (*record, error) {
	fields := n.member("fields")
	if fields == nil || fields.kind != conv.Array || len(fields.items) == 0 {
		return nil, n.fault("its record has no fields; name at least one")
	}
	if c.fields += len(fields.items); c.fields > maxFields {
		return nil, n.fault("the contract unfolds to more than %d fields, each use of a named record counted", maxFields)
	}
	r := &record{fields: make([]field, len(fields.items))}
	names := map[string]bool{}
	before := len(c.problems)
	for i, item := range fields.items {
		f, err := c.field(item, at)
		if err == nil && names[f.name] {
			err = item.fault("another field of the record has the same name; give it a name of its own")
		}
		names[f.name] = true
		if err != nil {
			path := below(at.path, cmp.Or(f.name, fmt.Sprintf("#%d", i+1)))
			c.problems = append(c.problems, c.problem(item.at, path, err))
		}
		f.at = item.at
		r.fields[i] = f
		r.private = r.private || f.private()
	}
	if len(c.problems) == before {
		c.checkOverlaps(r, at)
	}
	r.broken = len(c.problems) > before
	if len(c.problems) == 0 {
		r.nodes = compilePaths(r.fields, at.source)
		r.sortFields()
	}
	return r, nil
}

// below is the path of what has the name inside the path.
func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// number is the source path's number in the contract. Fields of one path share it.
func (c *compiler) number(path string) int {
	n, ok := c.paths[path]
	if !ok {
		n = len(c.paths)
		c.paths[path] = n
	}
	return n
}

// sortFields fixes the order of fingerprint entries, and what stands before their tags, once,
// whatever the contract's order is.
func (r *record) sortFields() {
	for i := range r.fields {
		r.sorted = append(r.sorted, i)
	}
	slices.SortStableFunc(r.sorted, func(i, j int) int {
		a, b := &r.fields[i], &r.fields[j]
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.tag, b.tag))
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
