package avro

import (
	"slices"

	"convstream/internal/conv"
)

// Each source path of a contract has this many kinds of drift that a field can show: whether a
// row has shown one is noted in encoder.seen, at the path's number times this, plus one of these.
const (
	seenMissing = iota
	seenRetyped
	seenZone
	kindsOfField
)

// unknownSymbol is what drift and rejects say that they found where an enum lacks the symbol.
const unknownSymbol = "unknown symbol"

// note appends a deviation of the field being read, unless the row has shown it before.
func (e *encoder) note(f *field, seen int, kind conv.DriftKind, expected, found string) {
	at := &e.seen[f.number*kindsOfField+seen]
	if *at == e.rows {
		return
	}
	*at = e.rows
	*e.drift = append(*e.drift, conv.Deviation{Kind: kind, Field: f.path, Expected: expected, Found: found})
}

// absent notes that the row lacks a field's key.
func (e *encoder) absent(f *field) {
	if e.drift != nil && !f.optional && !f.required {
		e.note(f, seenMissing, conv.DriftMissing, f.avroType.name, "nothing")
	}
}

// retyped notes that the value being read is of another type than the contract's.
func (e *encoder) retyped(expected, found string) {
	if e.drift != nil {
		e.note(e.field(), seenRetyped, conv.DriftRetyped, expected, found)
	}
}

// zoneless notes that the timestamp being read names no zone, and is taken as UTC.
func (e *encoder) zoneless() {
	if e.drift != nil {
		e.note(e.field(), seenZone, conv.DriftZone, "Z or an offset", "neither")
	}
}

// field is the field being read, also where it is an element of it that is read.
func (e *encoder) field() *field {
	for i := len(e.trail) - 1; ; i-- {
		if f := e.trail[i].field; f != nil {
			return f
		}
	}
}

// stranger is a key that no field leads to.
type stranger struct {
	node int    // where it stands in the tree of the record's sources
	key  uint32 // its token
}

// strangerKey is what one spelling of a stranger is known by.
type strangerKey struct {
	node *node
	key  string
	cut  bool // the key goes on behind it
}

// sighting is a path that no field leads to, and the last row that has it.
type sighting struct {
	path string
	row  uint64
}

// mostSightings bounds how many paths an encoder remembers from one row to the next, so that
// rows with ever new keys need no more memory than others.
const mostSightings = 1000

// mostStrangers bounds how many unknown keys a row shows. Fields bound all other drift, but an
// object that is used as a map has as many keys as its row has room for.
const mostStrangers = 100

// noteStrangers appends a deviation for each key of an object that no field leads to. The
// object's nodes stand in e.found from base on.
func (e *encoder) noteStrangers(nodes []node, base int) {
	tokens := e.row.Tokens
	for _, s := range slices.Backward(e.strangers) { // as of equal keys the last stands
		if e.unknown == mostStrangers {
			break
		}
		if s.node > 0 {
			// A later equal key may have replaced the object that the key stands in.
			if around := e.found[base+s.node]; s.key < around || around == 0 || s.key >= tokens[around].Next {
				continue
			}
		}
		seen := e.sighting(&nodes[s.node], e.row.Text(tokens[s.key]))
		if seen.row == e.rows {
			continue
		}
		seen.row = e.rows
		e.unknown++
		*e.drift = append(*e.drift, conv.Deviation{
			Kind: conv.DriftUnknown, Field: seen.path, Expected: "no such key", Found: tokens[s.key+1].Kind.String(),
		})
	}
	e.strangers = e.strangers[:0]
}

// sighting returns what is remembered of a key at a node.
func (e *encoder) sighting(n *node, key []byte) *sighting {
	cut := cutKey(key)
	if s := e.sightings[strangerKey{node: n, key: string(cut), cut: len(cut) < len(key)}]; s != nil {
		return s
	}
	if e.sightings == nil {
		e.sightings, e.strange = map[strangerKey]*sighting{}, map[string]*sighting{}
	}
	path := below(n.path, shorten(key))
	s := e.strange[path] // another spelling may have the path
	if s == nil {
		s = &sighting{path: path}
		e.strange[path] = s
	}
	e.sightings[strangerKey{node: n, key: string(cut), cut: len(cut) < len(key)}] = s
	return s
}

// forgetSightings keeps the memory of an encoder bounded.
func (e *encoder) forgetSightings() {
	if len(e.sightings) > mostSightings {
		e.sightings, e.strange = nil, nil
	}
	const most = 1 << 12
	if cap(e.strangers) > most {
		e.strangers = nil
	}
}
