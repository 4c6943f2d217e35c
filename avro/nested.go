package avro

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"convstream/internal/conv"
)

// member is an entry of a map being written.
type member struct {
	key   []byte
	value uint32 // its token
}

// encodeNested appends an object or an array, and the value of its fingerprint entry.
func (e *encoder) encodeNested(dst []byte, t *avroType, i uint32) (out []byte, fits bool) {
	if found := e.row.Tokens[i].Kind; !t.spells(found) {
		e.retyped(t.name, found.String())
		e.mismatch(t.fatal, t.name, found.String())
		return dst, false
	}
	switch t.kind {
	case typeArray:
		return e.encodeArray(dst, t.items, i)
	case typeMap:
		return e.encodeMap(dst, t.items, i)
	}
	entries, ends := len(e.entries), len(e.ends)
	dst, fits = e.encodeFields(dst, t.record, i)
	e.sortEntries(t.record, entries, ends)
	e.ends = e.ends[:ends]
	return dst, fits
}

// encodeArray appends the elements of the array at token array as one counted block. It reads
// all even where one does not fit.
func (e *encoder) encodeArray(dst []byte, items *avroType, array uint32) (out []byte, fits bool) {
	tokens := e.row.Tokens
	end := tokens[array].Next
	n := 0
	for i := array + 1; i < end; i = tokens[i].Next {
		n++
	}
	if n == 0 {
		return append(dst, 0), true
	}
	dst = binary.AppendVarint(dst, int64(n))
	depth := len(e.trail)
	e.trail = append(e.trail, step{index: -1})
	fits = true
	for i := array + 1; i < end; i = tokens[i].Next {
		e.trail[depth].index++
		var ok bool
		dst, ok = e.encodeItem(dst, items, i)
		fits = fits && ok
	}
	e.trail = e.trail[:depth]
	return append(dst, 0), fits
}

// encodeMap appends the members of the object at token object as one counted block, sorted by
// key. Of equal keys the last stands. It reads all even where one does not fit.
func (e *encoder) encodeMap(dst []byte, values *avroType, object uint32) (out []byte, fits bool) {
	base := len(e.members)
	e.gatherMembers(object)
	end := len(e.members)
	if end == base {
		return append(dst, 0), true
	}
	dst = binary.AppendVarint(dst, int64(end-base))
	depth := len(e.trail)
	e.trail = append(e.trail, step{})
	fits = true
	for i := base; i < end; i++ {
		m := e.members[i]
		e.trail[depth].key = m.key
		dst = binary.AppendVarint(dst, int64(len(m.key)))
		dst = append(dst, m.key...)
		e.entries = binary.BigEndian.AppendUint32(e.entries, uint32(len(m.key)))
		e.entries = append(e.entries, m.key...)
		var ok bool
		dst, ok = e.encodeItem(dst, values, m.value)
		fits = fits && ok
	}
	e.trail[depth].key = nil // let go of the row
	e.trail = e.trail[:depth]
	clear(e.members[base:end])
	e.members = e.members[:base]
	return append(dst, 0), fits
}

// gatherMembers appends the members of an object to e.members, sorted by key, each key once.
func (e *encoder) gatherMembers(object uint32) {
	base := len(e.members)
	tokens := e.row.Tokens
	for i := object + 1; i < tokens[object].Next; i = tokens[i+1].Next {
		e.members = append(e.members, member{key: e.row.Text(tokens[i]), value: i + 1})
	}
	all := e.members[base:]
	slices.SortFunc(all, func(a, b member) int {
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(b.value, a.value)) // the last first
	})
	kept := slices.CompactFunc(all, func(a, b member) bool { return bytes.Equal(a.key, b.key) })
	e.members = e.members[:base+len(kept)]
}

// encodeItem appends an element of an array or a value of a map: tag, length and value of its
// fingerprint entry have nothing before them but a map's key. A value that does not fit
// becomes null where it can; else the row is rejected, and it reports false.
func (e *encoder) encodeItem(dst []byte, t *avroType, i uint32) ([]byte, bool) {
	start, entry := len(dst), len(e.entries)
	switch found := e.row.Tokens[i].Kind; {
	case found != conv.Null:
		var fits bool
		if dst, fits = e.encodePresent(dst, t, i); fits {
			return dst, true
		}
	case t.null == nil:
		e.fail(conv.ReasonMissing, t.name, found.String())
	}
	dst, e.entries = dst[:start], e.entries[:entry]
	if t.null == nil {
		return dst, false
	}
	e.entries = append(e.entries, 'z', 0, 0, 0, 0)
	return append(dst, t.null...), true
}
