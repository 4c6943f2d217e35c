package avro

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// This file holds what the encoder is compared with: a reading of the package
// documentation's rules that is made for being obvious.

// naiveRow is what goavro needs to encode a row, and what the row's facts should be.
type naiveRow struct {
	native  any
	entries string // what the fingerprint hashes
	reject  *conv.Reject
	drift   []conv.Deviation // in any order
}

// naiveValue is one value read.
type naiveValue struct {
	native   any
	content  string // the value of a fingerprint entry
	tag      string // of the entry
	fits     bool
	problems []problem // in the order of reading
}

// problem is a reason to reject the row. A soft one goes where a record around it, or the
// element that it is in, can become null.
type problem struct {
	conv.Reject
	soft bool
}

// naive reads one row.
type naive struct {
	key   []byte
	drift []conv.Deviation
}

func naiveEncode(t testing.TB, c *Contract, raw string) naiveRow {
	t.Helper()
	s := shapeOf(t, c)
	n := naive{key: c.key}
	v := n.record(&s, parseMembers(t, raw), "", "")
	row := naiveRow{native: v.native, entries: v.content, drift: n.drift}
	if len(v.problems) > 0 {
		row.reject = &v.problems[0].Reject
	}
	return row
}

// deviates notes drift that the row has not shown before.
func (n *naive) deviates(kind conv.DriftKind, field, expected, found string) {
	if !slices.ContainsFunc(n.drift, func(d conv.Deviation) bool { return d.Kind == kind && d.Field == field }) {
		n.drift = append(n.drift, conv.Deviation{Kind: kind, Field: field, Expected: expected, Found: found})
	}
}

// strangers notes the keys that no source leads to, the last in the object first.
func (n *naive) strangers(sources []string, members []naiveMember, source string) {
	for _, m := range slices.Backward(members) {
		var rest []string
		known := false
		for _, s := range sources {
			if s == m.key {
				known = true
			} else if below, ok := strings.CutPrefix(s, m.key+"."); ok {
				rest = append(rest, below)
			}
		}
		inner, isObject := m.value.([]naiveMember)
		switch {
		case !known && rest == nil:
			n.deviates(conv.DriftUnknown, dotted(source, shortKey(m.key)), "no such key", kindOf(m.value))
		case isObject && rest != nil:
			n.strangers(rest, inner, dotted(source, m.key))
		}
	}
}

func dotted(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func shortKey(key string) string {
	if len(key) <= 64 {
		return key
	}
	cut := strings.ToValidUTF8(key[:64], "")
	return cut + "…"
}

// record reads a record's fields from an object at a path, the same in sources beside it.
func (n *naive) record(s *shape, members []naiveMember, path, source string) naiveValue {
	native := map[string]any{}
	type entry struct{ source, order, tag, value, mark string }
	var entries []entry
	out := naiveValue{native: native, tag: "r", fits: true}
	var sources []string
	for i := range s.fields {
		sources = append(sources, s.fields[i].source)
	}
	n.strangers(sources, members, source)
	for i := range s.fields {
		f := &s.fields[i]
		v := n.field(f, lookup(members, f.source), dotted(path, f.source), dotted(source, f.source))
		out.problems = append(out.problems, v.problems...)
		out.fits = out.fits && v.fits
		native[f.name] = v.native
		if !v.fits {
			v.tag = ""
		}
		entries = append(entries, entry{source: f.source, order: tagOf(f.kind), tag: v.tag, value: v.content})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return strings.Compare(a.source+"\x00"+a.order, b.source+"\x00"+b.order)
	})
	for i, e := range entries {
		for _, before := range entries[:i] {
			if before.source == e.source {
				entries[i].mark += "*"
			}
		}
		if e.tag != "" {
			out.content += sized(e.source+entries[i].mark) + e.tag + sized(e.value)
		}
	}
	return out
}

// sized is a text behind its length.
func sized(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// field returns no tag where the fingerprint has no entry of it.
func (n *naive) field(f *shapeField, at found, path, source string) (v naiveValue) {
	v.fits = true
	absentIsNull := f.nullable && (!f.hasDefault || f.defaultNull)
	if f.drop {
		at = found{}
	} else if !at.there && !f.required && !f.optional {
		n.deviates(conv.DriftMissing, source, f.expects(), "nothing")
	}
	switch {
	case f.required && (!at.there || at.value == nil):
		missing := conv.Reject{Reason: conv.ReasonMissing, Path: path, Expected: f.expects(), Found: "nothing"}
		if at.there {
			missing.Found = "null"
		}
		return naiveValue{problems: []problem{{Reject: missing}}}
	case !at.there && absentIsNull:
		return v
	case !at.there, at.value == nil && !f.nullable:
		v.native = naiveDefault(&f.shape, f.defaultValue)
		return v
	case at.value != nil:
		if at.blocked {
			v = n.misfit(path, source, "object", kindOf(at.value))
		} else {
			v = n.read(&f.shape, at.value, path, source)
		}
		if v.fits {
			if !f.required && f.hasDefault && !f.defaultNull && n.isDefault(f, v) {
				v.tag = ""
			}
			return v
		}
		if f.required {
			harden(v.problems)
		}
		if f.required || !f.nullable {
			return v
		}
		v = naiveValue{fits: true, problems: hard(v.problems)}
	}
	if !absentIsNull {
		v.tag = "z"
	}
	return v
}

// isDefault says whether a value is published as the field's default is.
func (n *naive) isDefault(f *shapeField, v naiveValue) bool {
	return cmp.Equal(v.native, naiveDefault(&f.shape, f.defaultValue), sameNumber)
}

func hard(problems []problem) []problem {
	return slices.DeleteFunc(problems, func(p problem) bool { return p.soft })
}

func harden(problems []problem) {
	for i := range problems {
		problems[i].soft = false
	}
}

// item reads an element of an array or a value of a map. The content is its whole entry.
func (n *naive) item(s *shape, value any, path, source string) naiveValue {
	const null = "z\x00\x00\x00\x00"
	switch {
	case value == nil && s.nullable:
		return naiveValue{fits: true, content: null}
	case value == nil:
		return naiveValue{problems: []problem{{Reject: conv.Reject{
			Reason: conv.ReasonMissing, Path: path, Expected: s.expects(), Found: "null",
		}}}}
	}
	v := n.read(s, value, path, source)
	switch {
	case !v.fits && s.nullable:
		return naiveValue{fits: true, content: null, problems: hard(v.problems)}
	case !v.fits:
		harden(v.problems)
	}
	v.content = v.tag + sized(v.content)
	return v
}

func (n *naive) misfit(path, source, expected, found string) naiveValue {
	n.deviates(conv.DriftRetyped, source, expected, found)
	return naiveValue{problems: []problem{{soft: true, Reject: conv.Reject{
		Reason: conv.ReasonType, Path: path, Expected: expected, Found: found,
	}}}}
}

// read reads a value that is not null. The native value is wrapped where the type is a union.
func (n *naive) read(s *shape, value any, path, source string) (v naiveValue) {
	switch {
	case s.kind == "union":
		return n.union(s, value, path, source)
	case s.nested():
		v = n.collection(s, value, path, source)
	default:
		native, content, ok := n.scalar(s, value, source)
		found := kindOf(value)
		if native == (unknown{}) {
			found = "unknown symbol"
		}
		if !ok {
			return n.misfit(path, source, s.expects(), found)
		}
		if !spelledBy(s, value) {
			n.deviates(conv.DriftRetyped, source, s.expects(), found)
		}
		v = naiveValue{native: native, content: content, tag: tagOf(s.kind), fits: true}
	}
	if s.nullable {
		v.native = map[string]any{s.branch: v.native}
	}
	return v
}

// union reads a value as the branch that JSON spells so, else as the first that takes it.
func (n *naive) union(s *shape, value any, path, source string) naiveValue {
	wrap := func(b *shape, v naiveValue) naiveValue {
		v.native = map[string]any{b.branch: v.native}
		return v
	}
	quiet := &naive{key: n.key}
	for i := range s.branches {
		b := &s.branches[i]
		if !spelledBy(b, value) {
			continue
		}
		if b.nested() {
			return wrap(b, n.collection(b, value, path, source))
		}
		if _, _, ok := quiet.scalar(b, value, source); ok {
			return wrap(b, n.read(b, value, path, source))
		}
	}
	n.deviates(conv.DriftRetyped, source, s.expects(), kindOf(value))
	for i := range s.branches {
		b := &s.branches[i]
		if b.nested() {
			continue
		}
		if native, content, ok := n.scalar(b, value, source); ok {
			return wrap(b, naiveValue{native: native, content: content, tag: tagOf(b.kind), fits: true})
		}
	}
	return n.misfit(path, source, s.expects(), kindOf(value))
}

// collection reads a record, an array or a map.
func (n *naive) collection(s *shape, value any, path, source string) naiveValue {
	if !spelledBy(s, value) {
		return n.misfit(path, source, s.expects(), kindOf(value))
	}
	out := naiveValue{tag: tagOf(s.kind), fits: true}
	members, _ := value.([]naiveMember)
	switch s.kind {
	case "record":
		return n.record(s, members, path, source)
	case "array":
		native := []any{}
		for i, e := range value.([]any) {
			v := n.item(s.items, e, fmt.Sprintf("%s[%d]", path, i), source)
			native = append(native, v.native)
			out.add(v, v.content)
		}
		out.native = native
	case "map":
		native := map[string]any{}
		members = slices.Clone(members)
		slices.SortFunc(members, func(a, b naiveMember) int { return strings.Compare(a.key, b.key) })
		for _, m := range members {
			v := n.item(s.items, m.value, fmt.Sprintf("%s[%q]", path, shortKey(m.key)), source)
			native[m.key] = v.native
			out.add(v, sized(m.key)+v.content)
		}
		out.native = native
	}
	return out
}

func (v *naiveValue) add(inner naiveValue, content string) {
	v.fits = v.fits && inner.fits
	v.problems = append(v.problems, inner.problems...)
	v.content += content
}
