package avro

import (
	"bytes"
	"encoding/binary"
	"hash"
	"slices"

	"convstream/internal/conv"
)

// encoder is the working memory of one Encode. A contract keeps encoders for reuse, so that
// rows allocate nothing. What belongs to one object of the row stands at the end of a slice
// while the object is read, with that of the objects around it before.
type encoder struct {
	row     *conv.Row
	found   []uint32 // token of each node of a record's path tree, 0 where the object has none
	members []member // of the maps being written
	entries []byte   // what is hashed
	ends    []int    // where each field's entry in entries ends
	trail   []step   // the way to the value being read
	reject  *conv.Reject

	text   []byte  // canonical text of the number being read, or the bytes of a decimal
	digits []byte  // its digits
	number decimal // the last decimal read

	mac            hash.Hash // of private values; nil without a key
	sum, concealed []byte    // what is published instead of one
	rules          []*rule   // of the redactor, for the value being redacted; those for what is around it before

	drift     *[]conv.Deviation // of the row; nil where nobody asks
	rows      uint64            // rows read so far, this one counted
	seen      []uint64          // the last row that has shown each deviation of a field
	unknown   int               // keys of the row that were noted as unknown
	strangers []stranger        // unknown keys of the object being located
	sightings map[strangerKey]*sighting
	strange   map[string]*sighting // the same by path
}

// Encode appends the row to dst in Confluent wire format: the byte 0, the schema id as four
// bytes big-endian, the Avro body. Where the row breaks the contract the facts say why, dst
// keeps its length, and fingerprint and identity cover what could be read.
//
// It reads row.Tokens, and of a row without tokens it says that it is no object. The result
// does not refer to the row.
//
// Where the row departs from the contract is appended to drift, each field and kind once, and of
// unknown keys no more than a hundred, unless drift is nil.
func (c *Contract) Encode(dst []byte, schemaID uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return dst, conv.Facts{Reject: notAnObject(row)}
	}
	e := c.encoders.Get().(*encoder)
	e.row, e.drift = row, drift
	e.rows++

	start := len(dst)
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, schemaID)
	dst, _ = e.encodeFields(dst, c.root, 0)
	facts := conv.Facts{Reject: e.reject, Identity: c.hashIdentity(e)}
	e.sortEntries(c.root, 0, 0)
	facts.Fingerprint = conv.Hash64(e.entries)
	if facts.Reject != nil {
		dst = dst[:start]
	}

	e.reset()
	c.encoders.Put(e)
	return dst, facts
}

// reset lets go of the row.
func (e *encoder) reset() {
	if e.drift != nil {
		e.forgetSightings()
	}
	e.row, e.reject, e.drift, e.unknown = nil, nil, nil, 0
	e.entries, e.ends = e.entries[:0], e.ends[:0]
}

func notAnObject(row *conv.Row) *conv.Reject {
	found := "no tokens"
	if len(row.Tokens) > 0 {
		found = row.Tokens[0].Kind.String()
	}
	return &conv.Reject{Reason: conv.ReasonNotAnObject, Path: "$", Expected: conv.Object.String(), Found: found}
}

// encodeFields appends the fields of the object at token object to dst, and an entry for each
// that is not published as if absent to e.entries, in contract order; e.ends gets the end of each. It reports
// whether all fit, and reads all even where one does not: a required one may be missing.
func (e *encoder) encodeFields(dst []byte, r *record, object uint32) (out []byte, fits bool) {
	base := len(e.found)
	e.found = slices.Grow(e.found, len(r.nodes))[:base+len(r.nodes)]
	clear(e.found[base:])
	e.locate(r.nodes, base, 0, object)
	if len(e.strangers) > 0 {
		e.noteStrangers(r.nodes, base)
	}

	ends := len(e.ends)
	e.ends = slices.Grow(e.ends, len(r.fields))[:ends+len(r.fields)]
	depth := len(e.trail)
	e.trail = append(e.trail, step{})
	fits = true
	for i := range r.fields {
		e.trail[depth].field = &r.fields[i]
		var ok bool
		dst, ok = e.encodeField(dst, &r.fields[i], base)
		fits = fits && ok
		e.ends[ends+i] = len(e.entries)
	}
	e.trail = e.trail[:depth]
	e.found = e.found[:base]
	return dst, fits
}

// encodeField appends one field of the object whose nodes stand in e.found from base on. A
// value that does not fit becomes null where it can; else it reports false.
func (e *encoder) encodeField(dst []byte, f *field, base int) ([]byte, bool) {
	if f.drop {
		return append(dst, f.absent...), true
	}
	i, blocked := e.at(&f.place, base)
	if i == 0 {
		e.absent(f)
		return e.missing(dst, f, false)
	}
	found := e.row.Tokens[i].Kind
	if !blocked && found == conv.Null {
		return e.missing(dst, f, true)
	}
	start, entry := len(dst), len(e.entries)
	if blocked {
		e.retyped(conv.Object.String(), found.String())
		e.mismatch(f.fatal, conv.Object.String(), found.String())
	} else {
		e.entries = append(e.entries, f.frame...)
		var fits bool
		if dst, fits = e.encodePresent(dst, &f.avroType, i); fits {
			if !f.required && bytes.Equal(dst[start:], f.absent) {
				e.entries = e.entries[:entry] // it says no more than an absent value
			}
			return dst, true
		}
	}
	dst, e.entries = dst[:start], e.entries[:entry]
	if f.null == nil || f.required {
		return dst, false
	}
	return e.writeNull(dst, f), true
}

// missing appends what is published for a value that is absent, or null.
func (e *encoder) missing(dst []byte, f *field, isNull bool) ([]byte, bool) {
	switch {
	case f.required && isNull:
		e.fail(conv.ReasonMissing, f.avroType.name, conv.Null.String())
		return dst, false
	case f.required:
		e.fail(conv.ReasonMissing, f.avroType.name, "nothing")
		return dst, false
	case isNull && f.null != nil:
		return e.writeNull(dst, f), true
	}
	return append(dst, f.absent...), true
}

// writeNull appends the null of a field. It is content only where it differs from what an
// absent value is published as.
func (e *encoder) writeNull(dst []byte, f *field) []byte {
	if f.null[0] != f.absent[0] {
		e.entries = append(e.entries, f.frame...)
		e.entries = append(e.entries, 'z', 0, 0, 0, 0)
	}
	return append(dst, f.null...)
}

// encodePresent appends the value at token i, which is not null, behind its branch, and the
// rest of its fingerprint entry: tag, length, value.
func (e *encoder) encodePresent(dst []byte, t *avroType, i uint32) (out []byte, fits bool) {
	if t.kind == typeUnion {
		return e.encodeUnion(dst, t, i)
	}
	if !t.kind.nested() {
		return e.encodeScalar(dst, t, i)
	}
	dst = append(dst, t.branch...)
	e.entries = append(e.entries, t.tag, 0, 0, 0, 0)
	value := len(e.entries)
	dst, fits = e.encodeNested(dst, t, i)
	binary.BigEndian.PutUint32(e.entries[value-4:], uint32(len(e.entries)-value))
	return dst, fits
}

// encodeScalar appends the value at token i behind its branch, with its fingerprint entry, and
// notes where it is spelled as another type.
func (e *encoder) encodeScalar(dst []byte, t *avroType, i uint32) (out []byte, fits bool) {
	var v value
	token := e.row.Tokens[i]
	fits = e.read(t, token, &v)
	if !fits || !t.spells(token.Kind) || v.unknown {
		found := token.Kind.String()
		if v.unknown {
			found = unknownSymbol
		}
		e.retyped(t.name, found)
		if !fits {
			e.mismatch(t.fatal, t.name, found)
			return dst, false
		}
	}
	return e.writeScalar(dst, t, &v), true
}

// writeScalar appends a value behind its branch, and the rest of its fingerprint entry.
func (e *encoder) writeScalar(dst []byte, t *avroType, v *value) []byte {
	if t.privacy != public {
		v.text = e.conceal(t.privacy, v.text)
	}
	dst = append(dst, t.branch...)
	e.entries = append(e.entries, t.tag, 0, 0, 0, 0)
	start := len(e.entries)
	e.entries = e.appendText(e.entries, t.kind, v)
	binary.BigEndian.PutUint32(e.entries[start-4:], uint32(len(e.entries)-start))
	return appendScalar(dst, t, v)
}

// encodeUnion appends the value at token i as the branch that the row spells, or else as the
// first that takes it without loss.
func (e *encoder) encodeUnion(dst []byte, t *avroType, i uint32) (out []byte, fits bool) {
	token := e.row.Tokens[i]
	for b := range t.branches {
		b := &t.branches[b]
		if !b.spells(token.Kind) {
			continue
		}
		if b.kind.nested() {
			return e.encodePresent(dst, b, i)
		}
		var v value
		if e.read(b, token, &v) && !v.unknown {
			return e.writeScalar(dst, b, &v), true
		}
	}
	e.retyped(t.name, token.Kind.String())
	for b := range t.branches {
		b := &t.branches[b]
		if b.kind.nested() {
			continue
		}
		var v value
		if e.read(b, token, &v) {
			return e.writeScalar(dst, b, &v), true
		}
	}
	e.mismatch(t.fatal, t.name, token.Kind.String())
	return dst, false
}
