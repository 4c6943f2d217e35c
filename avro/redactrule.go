package avro

import (
	"bytes"
	"strings"

	"convstream/internal/conv"
)

// rule is what one contract says of the values at one source path. Of a derived contract there
// are rules where it marks something, at the path or below; of the primary one wherever it reads
// something.
//
// A value of a shape that a contract does not read, at a path with something private, could hold
// anything, and is emptied.
type rule struct {
	primary bool
	private bool             // something is marked, here or deeper
	scalars bool             // a scalar is read
	privacy privacy          // of a scalar; dropped, of a value of any shape
	members map[string]*rule // of an object, by the next segment of the path
	values  *rule            // of an object that is read as a map
	items   *rule            // of an array
}

// closed is the rule of what stands inside something private that no contract reads.
var closed = &rule{private: true}

// spelling is how JSON spells a value, as far as rules care.
type spelling uint8

const (
	scalars spelling = iota
	arrays
	objects
)

func spelledAs(k conv.Kind) spelling {
	switch k {
	case conv.Object:
		return objects
	case conv.Array:
		return arrays
	}
	return scalars
}

// addRecord adds what a record marks to the rule of the object that it is read from, and if whole,
// all else that it reads.
func (r *rule) addRecord(rec *record, whole bool) {
	r.reach()
	for i := range rec.fields {
		f := &rec.fields[i]
		if !f.private() && !whole {
			continue
		}
		at := r
		at.private = at.private || f.private()
		for segment := range strings.SplitSeq(f.source, ".") {
			at = at.below(segment)
			at.private = at.private || f.private()
		}
		if f.drop {
			at.privacy = dropped
		} else {
			at.add(&f.avroType, whole)
		}
	}
}

// below is the rule of what has the segment in an object, made where there is none.
func (r *rule) below(segment string) *rule {
	r.reach()
	next := r.members[segment]
	if next == nil {
		next = &rule{primary: r.primary}
		r.members[segment] = next
	}
	return next
}

// reach makes the rule one of an object whose keys lead on.
func (r *rule) reach() {
	if r.members == nil {
		r.members = map[string]*rule{}
	}
}

// add adds what a type marks, and what it reads beside that.
func (r *rule) add(t *avroType, whole bool) {
	r.private = r.private || t.private
	switch t.kind {
	case typeUnion:
		for i := range t.branches {
			r.add(&t.branches[i], whole)
		}
	case typeRecord:
		r.addRecord(t.record, whole || !t.private)
	case typeArray:
		r.items = r.within(r.items, t.items, whole)
	case typeMap:
		r.values = r.within(r.values, t.items, whole)
	default:
		r.scalars, r.privacy = true, max(r.privacy, t.privacy)
	}
}

func (r *rule) within(inner *rule, t *avroType, whole bool) *rule {
	if inner == nil {
		inner = &rule{primary: r.primary}
	}
	inner.add(t, whole)
	return inner
}

func (r *rule) reads(s spelling) bool {
	switch s {
	case objects:
		return r.members != nil || r.values != nil
	case arrays:
		return r.items != nil
	}
	return r.scalars
}

// fate is what becomes of a value.
type fate uint8

const (
	stays fate = iota
	isConcealed
	isEntered
	isEmptied
)

// judge says what becomes of a value for which the rules stand, and of one that is concealed by
// which mark. What the primary contract reads is as it says; where it expects something else, the
// value stays of its JSON type, which rejects name.
func judge(rules []*rule, s spelling) (f fate, mark privacy) {
	var own, others privacy
	var primary, ownReads, reads, private, empties bool
	for _, r := range rules {
		private, primary = private || r.private, primary || r.primary
		switch {
		case !r.reads(s):
			empties = empties || r.private
		case r.primary:
			ownReads, reads, own = true, true, max(own, r.privacy)
		default:
			reads, others = true, max(others, r.privacy)
		}
	}
	switch {
	case !private:
		return stays, public
	case s != scalars && reads && (ownReads || !empties):
		return isEntered, public
	case ownReads && own == public, !ownReads && !empties && others == public:
		return stays, public
	case ownReads:
		return isConcealed, own
	case empties || primary:
		return isEmptied, public
	}
	return isConcealed, others
}

// appendMember appends the rules of an object's key, which may hold several segments of a path.
// Beyond a private value its path leads into it: what cannot be in it is closed.
func (r *rule) appendMember(rules []*rule, key []byte) []*rule {
	if !r.reads(objects) {
		return r.appendClosed(rules)
	}
	at := r
	for rest, more := key, true; more; {
		if at.values != nil {
			rules = at.values.appendKey(rules, rest)
		}
		var segment []byte
		segment, rest, more = bytes.Cut(rest, []byte{'.'})
		next := at.members[string(segment)]
		if next == nil {
			if at != r && at.values == nil && (at.members == nil || at.privacy != public) && at.private {
				rules = append(rules, closed)
			}
			return rules
		}
		if at = next; at.privacy == dropped {
			break
		}
	}
	return at.appendTo(rules)
}

// appendKey appends the rule of a map's values for one of its keys. One with dots may also lead
// into an object among them.
func (r *rule) appendKey(rules []*rule, key []byte) []*rule {
	if r.private && r.reads(objects) && bytes.IndexByte(key, '.') >= 0 {
		rules = append(rules, closed)
	}
	return r.appendTo(rules)
}

// appendItems appends the rule of an array's elements.
func (r *rule) appendItems(rules []*rule) []*rule {
	if r.items == nil {
		return r.appendClosed(rules)
	}
	return r.items.appendTo(rules)
}

// appendClosed appends what a derived contract says of the insides of a value that only others read.
func (r *rule) appendClosed(rules []*rule) []*rule {
	if r.private && !r.primary {
		rules = append(rules, closed)
	}
	return rules
}

func (r *rule) appendTo(rules []*rule) []*rule {
	if r.private || r.primary {
		rules = append(rules, r)
	}
	return rules
}

// isDropped says whether a value for which the rules stand goes with its key. Where the primary
// contract reads it, or a part of it, the rest is closed instead.
func isDropped(rules []*rule) bool {
	primary := false
	for _, r := range rules {
		if primary = primary || r.primary; r.primary && r.privacy == dropped {
			return true
		}
	}
	for i, r := range rules {
		if r.privacy == dropped {
			if !primary {
				return true
			}
			rules[i] = closed
		}
	}
	return false
}
