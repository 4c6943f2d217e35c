package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/tailscale/hujson"

	"convstream/avro"
	"convstream/internal/conv"
)

// propose edits the contract's text so that the rows of the newest window keep it, and says in
// each entry what it changes for it. Nothing else of the text is touched. It returns nil where
// nothing is to be changed.
func propose(text string, present routeContract, drift []*driftEntry) (*driftProposal, error) {
	file, err := hujson.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("edit the contract: %w", err)
	}
	edit := newContractEdit(&file)
	for _, e := range drift {
		if e.Still {
			e.Change = edit.change(e)
		}
	}
	if !edit.made {
		return nil, nil
	}
	after := string(file.Pack())
	proposed, err := avro.Parse([]byte(after))
	if err != nil {
		return nil, fmt.Errorf("check the proposed contract: %w", err)
	}
	p := &driftProposal{Level: present.level.String(), before: text, after: after}
	broken, err := avro.Incompatibilities(present.level, []string{present.contract.Schema()}, proposed.Schema())
	if err != nil {
		return nil, fmt.Errorf("compare the proposed contract: %w", err)
	}
	p.Incompatible = append([]avro.Incompatibility{}, broken...)
	return p, nil
}

// diff is the change as a unified diff.
func (p *driftProposal) diff() string {
	return udiff.Unified("contract.avsc", "proposed.avsc", p.before, p.after)
}

// indented is JSON as schema show prints it.
func indented(text string) (string, error) {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return "", fmt.Errorf("write schema: %w", err)
	}
	return out.String() + "\n", nil
}

// contractEdit is a contract's text while it is being changed.
type contractEdit struct {
	root    *hujson.Object
	records map[string]*hujson.Object // by name, without namespaces: a later field may name one
	made    bool                      // something was changed
}

func newContractEdit(file *hujson.Value) *contractEdit {
	e := &contractEdit{records: map[string]*hujson.Object{}}
	e.root, _ = file.Value.(*hujson.Object)
	for v := range file.All() {
		if o, ok := v.Value.(*hujson.Object); ok && literal(member(o, "type")) == "record" {
			e.records[lastName(literal(member(o, "name")))] = o
		}
	}
	return e
}

func lastName(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }

// change makes the contract take what the entry tells of, and says how; in words where there is
// nothing to change.
func (c *contractEdit) change(e *driftEntry) string {
	at := c.find(c.root, e.Field)
	switch {
	case e.Kind == conv.DriftUnknown && at.field != nil:
		return "none: the contract has it"
	case e.Kind == conv.DriftUnknown:
		return c.add(at, e)
	case at.field == nil:
		return "none: the contract no longer has it"
	case e.Kind == conv.DriftMissing:
		return c.allowAbsence(at)
	case e.Kind == conv.DriftRetyped:
		return c.widen(at, e)
	}
	return "none: it is taken as UTC"
}

// contractPlace is where a source path leads in a contract.
type contractPlace struct {
	record *hujson.Object
	fields *hujson.Array
	index  int            // of the field; -1 for none
	field  *hujson.Object // nil for none
	source string         // of the field, from the record's object
}

// find follows a path of sources through the records of a contract. Where no field has the
// path, it returns the innermost record on the way.
func (c *contractEdit) find(record *hujson.Object, path string) contractPlace {
	place := contractPlace{record: record, index: -1, source: path}
	var ok bool
	if place.fields, ok = value(member(record, "fields")).(*hujson.Array); !ok {
		return place
	}
	for i := range place.fields.Elements {
		field, ok := place.fields.Elements[i].Value.(*hujson.Object)
		if !ok {
			continue
		}
		source := sourceOf(field)
		if source == path {
			place.index, place.field = i, field
			return place
		}
		if rest, inside := strings.CutPrefix(path, source+"."); inside {
			if inner := c.recordOf(member(field, "type")); inner != nil {
				return c.find(inner, rest)
			}
		}
	}
	return place
}

// recordOf is the record that a type is of: itself, in a union, or in an array.
func (c *contractEdit) recordOf(t *hujson.Value) *hujson.Object {
	switch v := value(t).(type) {
	case hujson.Literal:
		return c.records[lastName(literal(t))]
	case *hujson.Array:
		for i := range v.Elements {
			if r := c.recordOf(&v.Elements[i]); r != nil {
				return r
			}
		}
	case *hujson.Object:
		switch inner := member(v, "type"); literal(inner) {
		case "record":
			return v
		case "array":
			return c.recordOf(member(v, "items"))
		case "":
			return c.recordOf(inner)
		}
	}
	return nil
}

func sourceOf(field *hujson.Object) string {
	if s := member(field, "source"); s != nil {
		return literal(s)
	}
	return literal(member(field, "name"))
}

func member(o *hujson.Object, name string) *hujson.Value {
	if o == nil {
		return nil
	}
	for i := range o.Members {
		if literal(&o.Members[i].Name) == name {
			return &o.Members[i].Value
		}
	}
	return nil
}

func value(v *hujson.Value) hujson.ValueTrimmed {
	if v == nil {
		return nil
	}
	return v.Value
}

// literal is a string's text; "" of anything else.
func literal(v *hujson.Value) string {
	if l, ok := value(v).(hujson.Literal); ok && l.Kind() == '"' {
		return l.String()
	}
	return ""
}
