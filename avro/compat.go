package avro

import (
	"fmt"
	"slices"
	"strings"
)

// Level is what a changed schema has to keep towards the ones before it. The zero value asks
// for nothing, as NONE does.
type Level struct {
	name       string
	backward   bool // the new schema reads what was written with the old one
	forward    bool // the old schema reads what is written with the new one
	transitive bool // every old one, not the newest alone
	names      bool // no field may go
}

var levels = []Level{
	{name: "BACKWARD", backward: true},
	{name: "BACKWARD_TRANSITIVE", backward: true, transitive: true},
	{name: "FORWARD", forward: true},
	{name: "FORWARD_TRANSITIVE", forward: true, transitive: true},
	{name: "FULL", backward: true, forward: true},
	{name: "FULL_TRANSITIVE", backward: true, forward: true, transitive: true},
	{name: "NONE"},
}

// ParseLevel reads a level as registries spell it: BACKWARD, FORWARD or FULL, each also with
// _TRANSITIVE, or NONE.
func ParseLevel(text string) (Level, error) {
	var names []string
	for _, l := range levels {
		if l.name == text {
			return l, nil
		}
		names = append(names, l.name)
	}
	return Level{}, fmt.Errorf("%q is no compatibility level; use one of %s", text, strings.Join(names, ", "))
}

// String is the level as registries spell it.
func (l Level) String() string {
	switch {
	case l.name == "":
		return "NONE"
	case l.names:
		return l.name + " with every field kept"
	}
	return l.name
}

// Stable is the level for a topic whose consumers go by the names and types of its fields: old
// and new schema read each other, and no field may go, which Avro itself allows where a
// default stands in for it. NONE stays NONE.
func (l Level) Stable() Level {
	if l.asksNothing() {
		return l
	}
	full := "FULL"
	if l.transitive {
		full = "FULL_TRANSITIVE"
	}
	return Level{name: full, backward: true, forward: true, transitive: l.transitive, names: true}
}

func (l Level) asksNothing() bool { return !l.backward && !l.forward }

// Incompatibility is one place where a schema breaks with a version before it.
type Incompatibility struct {
	Version int    `json:"version"` // of the older schema
	Path    string `json:"path"`    // names of the fields that lead there, joined by dots; "" is the record itself
	Detail  string `json:"detail"`  // what has changed, and the way out
}

// String is the incompatibility as one sentence.
func (i Incompatibility) String() string {
	where := "the record itself"
	if i.Path != "" {
		where = fmt.Sprintf("field %q", i.Path)
	}
	return fmt.Sprintf("%s, against version %d: %s", where, i.Version, i.Detail)
}

// Incompatibilities compares a schema with the versions before it, oldest first, by the rules
// of schema resolution in the Avro specification. The versions count from 1. Beyond those
// rules a changed logical type is refused, decimal's precision and scale with it: the bytes
// would be read without an error, and as another value. Of each record at most 100
// incompatibilities are told.
//
// Any Avro schema is read, not only contracts. The error says which one is none.
func Incompatibilities(level Level, versions []string, candidate string) ([]Incompatibility, error) {
	older := make([]version, len(versions))
	for i, schema := range versions {
		older[i] = version{number: i + 1, schema: schema}
	}
	return level.compare(older, candidate)
}

// version is a schema that was registered before.
type version struct {
	number int
	schema string
}

func (l Level) compare(older []version, candidate string) ([]Incompatibility, error) {
	if l.asksNothing() || len(older) == 0 {
		return nil, nil
	}
	if !l.transitive {
		older = older[len(older)-1:]
	}
	after, err := parseCompat(candidate)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	var all []Incompatibility
	for _, v := range older {
		before, err := parseCompat(v.schema)
		if err != nil {
			return nil, fmt.Errorf("read version %d: %w", v.number, err)
		}
		all = append(all, l.compareWith(v.number, before, after)...)
	}
	return all, nil
}

// compareWith tells each incompatibility once, also where both directions have it.
func (l Level) compareWith(number int, before, after *compatType) []Incompatibility {
	var found []breach
	if l.backward {
		found = append(found, resolve(after, before, comparing{version: number, backward: true, names: l.names})...)
	}
	if l.forward {
		found = append(found, resolve(before, after, comparing{version: number, names: l.names})...)
	}
	var all []Incompatibility
	for _, p := range found {
		i := Incompatibility{Version: number, Path: p.path, Detail: p.detail}
		if !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}
