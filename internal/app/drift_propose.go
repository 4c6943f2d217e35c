package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/tailscale/hujson"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// propose edits the contract's text so that the rows of the newest window keep it, and says in
// each entry what it changes for it. Nothing else of the text is touched. A change that makes it
// no contract any more is left out. needed are the sources that convstream itself reads of a row.
// It returns nil where nothing is to be changed.
func propose(text string, present routeContract, needed []string, drift []*driftEntry) (*driftProposal, error) {
	file, err := hujson.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("edit the contract: %w", err)
	}
	proposed, err := avro.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("edit the contract: %w", err)
	}
	made := false
	for _, e := range drift {
		if !e.Still {
			continue
		}
		if e.Route != "" {
			e.Change = "none: it is the contract of route " + e.Route
			continue
		}
		changed := file.Clone()
		edit := newContractEdit(&changed)
		edit.needed = needed
		if e.Change = edit.change(e); !edit.made {
			continue
		}
		if c, err := avro.Parse(changed.Pack()); err == nil {
			file, proposed, made = changed, c, true
		} else {
			e.Change = "none: no contract can say so: " + oneLine(err)
		}
	}
	if !made {
		return nil, nil
	}
	after := string(file.Pack())
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
	return udiff.Unified(p.name, "proposed.avsc", p.before, p.after)
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
	root   *hujson.Object
	named  map[string]*hujson.Object // records and enums by name, without namespaces: a later field may name one
	needed []string                  // sources without which no row can be published
	made   bool                      // something was changed
}

func newContractEdit(file *hujson.Value) *contractEdit {
	e := &contractEdit{named: map[string]*hujson.Object{}}
	e.root, _ = file.Value.(*hujson.Object)
	for v := range file.All() {
		o, _ := v.Value.(*hujson.Object)
		switch literal(member(o, "type")) {
		case "record", "enum":
			e.named[lastName(literal(member(o, "name")))] = o
		}
	}
	return e
}

// neededSources are what convstream itself reads of a row: without them it is a dead letter under
// any contract.
func neededSources(dialect string) []string {
	if dialect == config.DialectJobs {
		return []string{"conversationId", "conversationStart"}
	}
	return []string{"conversation.id", "timestamp"}
}

func lastName(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }

// change makes the contract take what the entry tells of, and says how; in words where there is
// nothing to change.
func (c *contractEdit) change(e *driftEntry) string {
	at := c.find(c.root, e.Field, true)
	switch {
	case e.Kind == conv.DriftUnknown && at.field != nil:
		return "none: " + at.has(e.Field)
	case e.Kind == conv.DriftUnknown:
		return c.add(at, e)
	case at.field == nil:
		return "none: the contract no longer has it"
	case e.Kind == conv.DriftMissing:
		return c.absent(at, e)
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
	fatal  bool           // a value of the field that does not fit makes the row a dead letter
	around []aroundField  // the fields of records that the field stands in, the outermost first
}

// aroundField is a field whose type is a record, or an array of records.
type aroundField struct {
	name, source string
	array        bool
	private      bool
}

// has says that the contract has a field of a path. Keys with dots that stand around a record are
// none of its own, and drift tells of them by the same path as of one that stands in it: which of
// the two rows have only their reader knows.
func (at contractPlace) has(path string) string {
	const it = "the contract has it"
	var names, inside []string
	row, private := "the row", at.field != nil && member(at.field, "privacy") != nil
	for _, f := range at.around {
		names = append(names, f.name)
		private = private || f.private
		if inside = append(inside, f.source); f.array {
			row, inside = strings.Join(names, "."), nil
		}
	}
	if len(inside) == 0 {
		return it
	}
	object := strings.Join(inside, ".")
	mark := ""
	if private {
		mark = " and its privacy"
	}
	name := strings.Join(append(names, literal(member(at.field, "name"))), ".")
	return fmt.Sprintf(`field %s reads it inside an object %q; where rows have it as one key, make it a field of %s with "source": %q%s`,
		name, object, row, object+"."+at.source, mark)
}

// find follows a path of sources through the records of a contract. Where no field has the
// path, it returns the innermost record on the way. fatal says that a record which does not fit
// makes the row a dead letter.
func (c *contractEdit) find(record *hujson.Object, path string, fatal bool) contractPlace {
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
		source, fatal := sourceOf(field), flagged(field, "required") || fatal && !nullable(member(field, "type"))
		if source == path {
			place.index, place.field, place.fatal = i, field, fatal
			return place
		}
		if rest, inside := strings.CutPrefix(path, source+"."); inside {
			t := member(field, "type")
			if inner := c.recordOf(t); inner != nil {
				place = c.find(inner, rest, c.fatalInside(t, fatal))
				_, items := c.items(t)
				around := aroundField{literal(member(field, "name")), source, items != nil, member(field, "privacy") != nil}
				place.around = slices.Insert(place.around, 0, around)
				return place
			}
		}
	}
	return place
}

// flagged says whether a property of a field is true.
func flagged(field *hujson.Object, property string) bool {
	l, _ := value(member(field, property)).(hujson.Literal)
	return string(l) == "true"
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
