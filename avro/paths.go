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
	path     string // from the row on
}

// place is where in the tree a source is found.
type place struct {
	leaves []int // one for each spelling
	above  []int // the nodes on the way to them, without the root
}

// compilePaths builds the tree of a record's sources, and sets each field's place in it. Node
// 0 is the object itself, which stands at a path.
func compilePaths(fields []field, path string) []node {
	rest := make([]suffix, len(fields))
	for i := range fields {
		rest[i] = suffix{place: &fields[i].place, segments: strings.Split(fields[i].source, ".")}
	}
	nodes := make([]node, 1)
	children := growPaths(&nodes, rest, path)
	nodes[0] = node{children: children, end: len(nodes), path: path}
	return nodes
}

// suffix is what is left of a source path below a node.
type suffix struct {
	place    *place
	segments []string
}

// growPaths appends the nodes below the one at a path, and returns its children.
func growPaths(nodes *[]node, rest []suffix, path string) map[string]int {
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
		var deeper []suffix
		for _, s := range byKey[key] {
			if len(s.segments) == 0 {
				s.place.leaves = append(s.place.leaves, id)
				continue
			}
			s.place.above = append(s.place.above, id)
			deeper = append(deeper, s)
		}
		at := below(path, key)
		grandchildren := growPaths(nodes, deeper, at)
		(*nodes)[id] = node{children: grandchildren, end: len(*nodes), path: at}
		children[key] = id
	}
	return children
}

// locate walks once over the object at token object, which stands at nodes[at], and notes in
// e.found, from base on, the token of every node that the object has. Keys off the tree are
// drift, and what they hold is stepped over.
func (e *encoder) locate(nodes []node, base, at int, object uint32) {
	tokens := e.row.Tokens
	for i := object + 1; i < tokens[object].Next; {
		value := i + 1
		i = tokens[value].Next
		id, ok := nodes[at].children[string(e.row.Text(tokens[value-1]))]
		if !ok {
			if e.drift != nil && e.unknown < mostStrangers {
				e.strangers = append(e.strangers, stranger{node: at, key: value - 1})
			}
			continue
		}
		// A key that comes again replaces the earlier one with all it held.
		clear(e.found[base+id : base+nodes[id].end])
		e.found[base+id] = value
		if tokens[value].Kind == conv.Object && len(nodes[id].children) > 0 {
			e.locate(nodes, base, id, value)
		}
	}
}

// at returns the token of the value at a place of the object whose nodes stand in e.found
// from base on; of several spellings, the last in the row. Where there is no value, but
// something else stands where an object should lead to it, it returns that token, again the
// last, as blocked. It returns 0 where the object has neither.
func (e *encoder) at(p *place, base int) (token uint32, blocked bool) {
	for _, id := range p.leaves {
		token = max(token, e.found[base+id])
	}
	if token != 0 {
		return token, false
	}
	for _, id := range p.above {
		t := e.found[base+id]
		if kind := e.row.Tokens[t].Kind; t > token && kind != conv.Object && kind != conv.Null {
			token = t
		}
	}
	return token, token != 0
}
