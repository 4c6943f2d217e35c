package avro

import (
	"fmt"
	"slices"
	"strings"
)

// promotions are the types that a reader takes for a writer's, beside the same one.
var promotions = map[string][]string{
	"int":    {"long", "float", "double"},
	"long":   {"float", "double"},
	"float":  {"double"},
	"string": {"bytes"},
	"bytes":  {"string"},
}

// breach is a place where a reader cannot follow a writer.
type breach struct {
	path   string // relative to the types that were compared
	detail string
}

// comparing is what the sentences of problems depend on.
type comparing struct {
	version  int
	backward bool // the reader is the new schema, and the writer the old one
	names    bool // fields that are gone are problems
}

// resolve lists what hinders a reader from reading everything that the writer's schema allows.
func resolve(reader, writer *compatType, w comparing) []breach {
	r := resolution{comparing: w, open: map[typePair]int{}, done: map[typePair][]breach{}}
	found, _ := r.pair(reader, writer)
	return found
}

type typePair struct{ reader, writer *compatType }

// resolution walks over two schemas, which may be recursive: a pair that is compared inside
// itself is taken for compatible there. What a comparison then finds holds for the pair around
// it, and is remembered only where it did not lean on such a pair.
type resolution struct {
	comparing
	open map[typePair]int // pairs being compared, with their depth
	done map[typePair][]breach
}

// leansOnNothing is more than any depth.
const leansOnNothing = 1 << 30

// mostBreaches bounds what is told of one record: a type that is used in many places breaks in
// each of them.
const mostBreaches = 100

// pair compares two types, and returns the depth of the outermost open pair that it leaned on.
func (r *resolution) pair(reader, writer *compatType) (found []breach, leans int) {
	key := typePair{reader, writer}
	if depth, open := r.open[key]; open {
		return nil, depth
	}
	if found, done := r.done[key]; done {
		return found, leansOnNothing
	}
	depth := len(r.open)
	r.open[key] = depth
	if reader.kind != "union" && writer.kind != "union" && sameType(reader, writer) {
		found, leans = r.content(reader, writer)
	} else {
		found, leans = r.branches(reader, writer)
	}
	delete(r.open, key)
	if leans >= depth {
		r.done[key], leans = found, leansOnNothing
	}
	return found, leans
}

// branches compares each branch of the writer, or the writer itself, with those of the reader.
func (r *resolution) branches(reader, writer *compatType) (found []breach, leans int) {
	leans = leansOnNothing
	readers, writers := []*compatType{reader}, []*compatType{writer}
	if reader.kind == "union" {
		readers = reader.branches
	}
	if writer.kind == "union" {
		writers = writer.branches
	}
	var lost []*compatType
	for _, w := range writers {
		closest, fits, same := []breach(nil), false, false
		for _, candidate := range readers {
			if !sameType(candidate, w) {
				fits = fits || slices.Contains(promotions[w.kind], candidate.kind) && candidate.logical == w.logical
				continue
			}
			inner, leant := r.pair(candidate, w)
			leans = min(leans, leant)
			fits = fits || len(inner) == 0
			closest, same = inner, true
		}
		switch {
		case fits:
		case same:
			found = append(found, closest...)
		default:
			lost = append(lost, w)
		}
	}
	if len(lost) > 0 {
		found = append(found, breach{detail: r.retyped(reader, writer, lost)})
	}
	return found, leans
}

// sameType says whether the types are of one kind and of one name, so that what is inside
// decides. The specification compares names without their namespaces.
func sameType(reader, writer *compatType) bool {
	return reader.kind == writer.kind && (unqualified(reader.name) == unqualified(writer.name) || slices.Contains(reader.aliases, writer.name))
}

// content compares what is inside two types of one kind and name.
func (r *resolution) content(reader, writer *compatType) (found []breach, leans int) {
	leans = leansOnNothing
	switch reader.kind {
	case "record":
		return r.record(reader, writer)
	case "array":
		found, leans = r.items("its items: ", reader, writer)
	case "map":
		found, leans = r.items("its values: ", reader, writer)
	case "enum":
		found = r.enum(reader, writer)
	case "fixed":
		if reader.size != writer.size {
			before, after := r.inOrder(reader, writer)
			found = []breach{{detail: fmt.Sprintf("had %d bytes and has %d: keep %d, or give a field of another name the new size", before.size, after.size, before.size)}}
		}
	}
	if reader.logical != writer.logical {
		found = append(found, breach{detail: r.retyped(reader, writer, nil)})
	}
	return found, leans
}

func (r *resolution) items(prefix string, reader, writer *compatType) ([]breach, int) {
	inner, leans := r.pair(reader.items, writer.items)
	found := slices.Clone(inner)
	for i := range found {
		if found[i].path == "" {
			found[i].detail = prefix + found[i].detail
		}
	}
	return found, leans
}

func (r *resolution) record(reader, writer *compatType) (found []breach, leans int) {
	leans = leansOnNothing
	for i := range reader.fields {
		f := &reader.fields[i]
		from := f.in(writer.fields)
		if from == nil {
			if !f.hasDefault {
				found = append(found, breach{path: f.name, detail: r.lacking()})
			}
			continue
		}
		inner, leant := r.pair(f.kind, from.kind)
		leans = min(leans, leant)
		for _, p := range inner {
			found = append(found, breach{path: strings.TrimSuffix(f.name+"."+p.path, "."), detail: p.detail})
		}
	}
	if r.names {
		found = append(found, r.gone(r.inOrder(reader, writer))...)
	}
	return found[:min(len(found), mostBreaches)], leans
}

// in finds the writer's field that a reader's field takes its value from.
func (f *compatField) in(writer []compatField) *compatField {
	for _, name := range append([]string{f.name}, f.aliases...) {
		for i := range writer {
			if writer[i].name == name {
				return &writer[i]
			}
		}
	}
	return nil
}

// gone lists the fields of a record that it has no longer, whatever stands in for them.
func (r *resolution) gone(before, after *compatType) (found []breach) {
	for _, old := range before.fields {
		if !slices.ContainsFunc(after.fields, func(f compatField) bool { return f.name == old.name }) {
			found = append(found, breach{path: old.name, detail: "is gone, and consumers of this topic go by the names of its fields: " +
				"keep the field, which may well be null"})
		}
	}
	return found
}

// lacking is what becomes of a reader's field without a default that the writer does not have.
func (r *resolution) lacking() string {
	if r.backward {
		return fmt.Sprintf("is new and has no default, so that rows of version %d cannot be read: "+
			`make it a union with null first, and give it "default": null`, r.version)
	}
	return fmt.Sprintf("is gone, and version %d has no default for it, so that its consumers cannot read new rows: keep the field", r.version)
}

func (r *resolution) enum(reader, writer *compatType) []breach {
	if reader.fallback {
		return nil
	}
	var unknown []string
	for _, s := range writer.symbols {
		if !slices.Contains(reader.symbols, s) {
			unknown = append(unknown, s)
		}
	}
	symbols := strings.Join(unknown, ", ")
	switch {
	case len(unknown) == 0:
		return nil
	case r.backward:
		return []breach{{detail: fmt.Sprintf("has lost the symbols %s, which rows of version %d may hold: keep them, or give the enum a default", symbols, r.version)}}
	}
	return []breach{{detail: fmt.Sprintf("has the new symbols %s, which consumers of version %d do not know, nor has its enum a default: "+
		"leave them out, or give a string field of another name these values", symbols, r.version)}}
}

// retyped is the sentence of a type that was changed for another. Of the writer's union the
// lost branches have no place in the reader.
func (r *resolution) retyped(reader, writer *compatType, lost []*compatType) string {
	before, after := r.inOrder(reader, writer)
	if len(lost) == 1 && lost[0].kind == "null" {
		if r.backward {
			return fmt.Sprintf("was %s and is %s, but rows of version %d may hold null: keep the union with null", before, after, r.version)
		}
		return fmt.Sprintf("was %s and is %s, but consumers of version %d expect a value in every row: keep it without null", before, after, r.version)
	}
	return fmt.Sprintf("was %s and is %s: keep the type, or give a field of another name the new one", before, after)
}

// inOrder returns the types as old and new.
func (w comparing) inOrder(reader, writer *compatType) (before, after *compatType) {
	if w.backward {
		return writer, reader
	}
	return reader, writer
}
