package avro

import (
	"maps"
	"slices"
	"strings"

	"convstream/internal/conv"
)

// node is a key that leads to contracted values: each spelling of a source path is a way
// from the root. For "a.b" these are the key "a.b", and the key "a" with the key "b" below.
//
// Nodes stand in depth-first order, so that a node and all below it are nodes[i:end].
type node struct {
	children map[string]int
	end      int
}

// place is where in the tree a source is found.
type place struct {
	leaves []int // one for each spelling
	above  []int // the nodes on the way to them, without the root
}

// compilePaths builds the tree of all sources, and sets each field's place in it. Node 0 is
// the row itself.
func compilePaths(fields []field) []node {
	rest := make([]suffix, len(fields))
	for i := range fields {
		rest[i] = suffix{place: &fields[i].place, segments: strings.Split(fields[i].source, ".")}
	}
	nodes := make([]node, 1)
	children := growPaths(&nodes, rest)
	nodes[0] = node{children: children, end: len(nodes)}
	return nodes
}

// suffix is what is left of a source path below a node.
type suffix struct {
	place    *place
	segments []string
}

// growPaths appends the nodes below one node, and returns its children.
func growPaths(nodes *[]node, rest []suffix) map[string]int {
	byKey := map[string][]suffix{}
	for _, s := range rest {
		for n := 1; n <= len(s.segments); n++ {
			key := strings.Join(s.segments[:n], ".")
			byKey[key] = append(byKey[key], suffix{place: s.place, segments: s.segments[n:]})
		}
	}
	children := make(map[string]int, len(byKey))
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		id := len(*nodes)
		*nodes = append(*nodes, node{})
		var below []suffix
		for _, s := range byKey[key] {
			if len(s.segments) == 0 {
				s.place.leaves = append(s.place.leaves, id)
				continue
			}
			s.place.above = append(s.place.above, id)
			below = append(below, s)
		}
		grandchildren := growPaths(nodes, below)
		(*nodes)[id] = node{children: grandchildren, end: len(*nodes)}
		children[key] = id
	}
	return children
}

// locate walks once over the object at token object, which stands at nodes[at], and notes in
// e.found the token of every node that the row has. Objects off the tree are stepped over.
func (e *encoder) locate(nodes []node, at int, row *conv.Row, object uint32) {
	for i := object + 1; i < row.Tokens[object].Next; {
		value := i + 1
		i = row.Tokens[value].Next
		id, ok := nodes[at].children[string(row.Text(row.Tokens[value-1]))]
		if !ok {
			continue
		}
		// A key that comes again replaces the earlier one with all it held.
		clear(e.found[id:nodes[id].end])
		e.found[id] = value
		if row.Tokens[value].Kind == conv.Object {
			e.locate(nodes, id, row, value)
		}
	}
}

// at returns the token of the value at a place; of several spellings, the last in the row.
// Where there is no value, but something else stands where an object should lead to it, it
// returns that token as blocked. It returns 0 where the row has neither.
func (e *encoder) at(p *place, row *conv.Row) (token uint32, blocked bool) {
	for _, id := range p.leaves {
		token = max(token, e.found[id])
	}
	if token != 0 {
		return token, false
	}
	for _, id := range p.above {
		t := e.found[id]
		if kind := row.Tokens[t].Kind; t != 0 && kind != conv.Object && kind != conv.Null {
			return t, true
		}
	}
	return 0, false
}
