package avro

import (
	"bytes"
	"slices"
	"strings"
)

// Marks says whether the contract marks the value at a source as private, or a part of it, or
// something around it. The source is a path as [Contract.Marked] takes it.
func (c *Contract) Marks(source string) bool { return len(c.Marked(source, true)) > 0 }

// Marked lists the sources of the private values that a reading of a path from the row on gets at:
// those at the path and around it and, where it is read whole, those below it. Indexes of arrays are
// left out of the path. A key of a map may stand in it: no mark stands on a key.
func (c *Contract) Marked(path string, whole bool) []string {
	return c.root.marked(nil, strings.Split(path, "."), whole)
}

func (r *record) marked(found, rest []string, whole bool) []string {
	for i := range r.fields {
		f := &r.fields[i]
		source := strings.Split(f.source, ".")
		n := min(len(source), len(rest))
		switch {
		case !f.private() || !slices.Equal(source[:n], rest[:n]) || n < len(source) && !whole:
		case f.drop && slices.Contains(found, f.path): // another field of the source is marked too
		case f.drop:
			found = append(found, f.path)
		default:
			found = f.avroType.marked(found, f.path, rest[n:], whole)
		}
	}
	return found
}

// marked looks into a type, of a field with the path, for what the rest of a path leads to.
func (t *avroType) marked(found []string, path string, rest []string, whole bool) []string {
	switch {
	case !t.private:
	case t.kind == typeUnion:
		for i := range t.branches {
			found = t.branches[i].marked(found, path, rest, whole)
		}
	case t.kind == typeRecord:
		found = t.record.marked(found, rest, whole)
	case t.kind == typeMap && len(rest) > 0:
		for key := 1; key <= len(rest); key++ { // a key may hold dots
			found = t.items.marked(found, path, rest[key:], whole)
		}
	case t.items != nil:
		found = t.items.marked(found, path, rest, whole)
	case !slices.Contains(found, path):
		found = append(found, path)
	}
	return found
}

// Covers says whether everything that the other contract publishes of a row is published by this
// one too: from the same source, at least as plain, and with no more lost by the type. So rows
// with equal fingerprints by this contract are equal by the other. Where it is in doubt it says no.
func (c *Contract) Covers(other *Contract) bool {
	return coverage{len(c.key) > 0, len(other.key) > 0}.record(c.root, other.root, true)
}

// coverage compares a contract, f, with another, g, and knows which of them has a key: without
// one a hash is a mask.
type coverage struct{ fKey, gKey bool }

// record says whether f covers g; fatal, that what does not fit f rejects the row.
func (c coverage) record(f, g *record, fatal bool) bool {
	for i := range g.fields {
		covers := func(have field) bool { return c.field(&have, &g.fields[i]) }
		if !g.fields[i].drop && !slices.ContainsFunc(f.fields, covers) {
			return false
		}
	}
	// One value that does not fit and cannot be null takes its whole record along.
	return fatal || !slices.ContainsFunc(f.fields, func(have field) bool {
		spoils := func(h field) bool {
			return h.source == have.source && h.null == nil && !h.drop && c.avroType(&have.avroType, &h.avroType)
		}
		return have.null == nil && !have.required && !have.drop && !slices.ContainsFunc(g.fields, spoils)
	})
}

func (c coverage) field(f, g *field) bool {
	if f.source != g.source || f.drop || !c.avroType(&f.avroType, &g.avroType) {
		return false
	}
	// What f publishes as its default, g has to publish as its own.
	alike := effective(f.scalarPrivacy(), c.fKey) == effective(g.scalarPrivacy(), c.gKey)
	return tellsAbsence(f, g) && (alike || f.required || bytes.Equal(f.absent, f.null))
}

// tellsAbsence says whether no two values that g publishes in different ways, or rejects one of,
// are for f as if they were absent.
func tellsAbsence(f, g *field) bool {
	absentIsNull := f.null != nil && bytes.Equal(f.absent, f.null)
	switch {
	case f.required: // all that is published is told apart
		return true
	case g.required:
		return absentIsNull
	case (f.null == nil) != (g.null == nil):
		return false
	case absentIsNull:
		return bytes.Equal(g.absent, g.null)
	}
	return f.kind == g.kind && !bytes.Equal(g.absent, g.null) && bytes.Equal(f.absent[len(f.branch):], g.absent[len(g.branch):]) &&
		!f.defaultHoldsValues()
}

// defaultHoldsValues says whether a default that is not null has values inside, whose types say
// which of a row's values are as the default is.
func (f *field) defaultHoldsValues() bool {
	t := &f.avroType
	if t.kind == typeUnion {
		t = &t.branches[0]
	}
	return t.kind == typeRecord || t.kind.nested() && f.absent[len(t.branch)] != 0
}

func (c coverage) avroType(f, g *avroType) bool {
	if !takesAsMuch(f, g) || effective(f.privacy, c.fKey) > effective(g.privacy, c.gKey) {
		return false
	}
	switch f.kind {
	case typeRecord:
		return c.record(f.record, g.record, f.fatal)
	case typeArray, typeMap:
		return c.avroType(f.items, g.items)
	case typeUnion:
		return slices.EqualFunc(f.branches, g.branches, func(a, b avroType) bool { return a.kind == b.kind && c.avroType(&a, &b) })
	}
	return true
}

// effective is what becomes of a mark with or without a key.
func effective(p privacy, key bool) privacy {
	if p == hashed && !key {
		return masked
	}
	return p
}

// takesAsMuch says whether two values that are one by f are one by g, the insides of arrays,
// maps, records and unions left aside.
func takesAsMuch(f, g *avroType) bool {
	switch f.kind {
	case typeString:
		switch g.kind { // those that take a number and its text, or a boolean and its name, for the same
		case typeString, typeUUID, typeLong, typeInt, typeDouble, typeFloat, typeBoolean, typeDecimal:
			return true
		}
		return false
	case typeLong:
		return g.kind == typeLong || g.kind == typeInt
	case typeEnum:
		return g.kind == typeEnum && f.enum.fallback == g.enum.fallback && slices.EqualFunc(f.enum.names, g.enum.names, bytes.Equal)
	case typeDecimal:
		return g.kind == typeDecimal && f.decimal.precision == g.decimal.precision && f.decimal.scale == g.decimal.scale
	}
	return f.kind == g.kind
}
