package avro

import (
	"bytes"
	"encoding/binary"
	"math"

	"convstream/internal/conv"
)

// encoder is the working memory of one Encode. A contract keeps encoders for reuse, so that
// rows allocate nothing.
type encoder struct {
	found   []uint32 // token of each node of the path tree, 0 where the row has none
	values  []value  // of each field
	texts   []byte   // canonical texts that values refer to
	digits  []byte   // of the number being read
	entries []byte   // what is hashed
}

// Encode appends the row to dst in Confluent wire format: the byte 0, the schema id as four
// bytes big-endian, the Avro body. Where the row breaks the contract the facts say why, dst
// keeps its length, and fingerprint and identity cover what could be read.
//
// It reads row.Tokens, and of a row without tokens it says that it is no object. The result
// does not refer to the row.
func (c *Contract) Encode(dst []byte, schemaID uint32, row *conv.Row) ([]byte, conv.Facts) {
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return dst, conv.Facts{Reject: notAnObject(row)}
	}
	e := c.encoders.Get().(*encoder)
	e.locate(c.nodes, 0, row, 0)

	var facts conv.Facts
	start := len(dst)
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, schemaID)
	for i := range c.fields {
		f := &c.fields[i]
		v, reject := e.resolve(f, row)
		if reject != nil && facts.Reject == nil {
			facts.Reject = reject
		}
		e.values[i] = v
		dst = f.append(dst, v)
	}
	if facts.Reject != nil {
		dst = dst[:start]
	}
	facts.Fingerprint, facts.Identity = c.hashes(e)

	e.reset()
	c.encoders.Put(e)
	return dst, facts
}

// reset lets go of the row.
func (e *encoder) reset() {
	clear(e.found)
	clear(e.values)
	e.texts = e.texts[:0]
}

func notAnObject(row *conv.Row) *conv.Reject {
	found := "no tokens"
	if len(row.Tokens) > 0 {
		found = row.Tokens[0].Kind.String()
	}
	return &conv.Reject{Reason: conv.ReasonNotAnObject, Path: "$", Expected: conv.Object.String(), Found: found}
}

// resolve decides what is published for a field, or why the row is rejected.
func (e *encoder) resolve(f *field, row *conv.Row) (value, *conv.Reject) {
	i, blocked := e.at(&f.place, row)
	if i == 0 {
		return f.missing(isAbsent)
	}
	token := row.Tokens[i]
	switch {
	case blocked:
		return f.mismatch(conv.Object.String(), token.Kind)
	case token.Kind == conv.Null:
		return f.missing(isNull)
	}
	if v, ok := e.read(f.typ, row, token); ok {
		return v, nil
	}
	return f.mismatch(f.typ.String(), token.Kind)
}

// missing is for a value that is absent or null.
func (f *field) missing(s state) (value, *conv.Reject) {
	if f.required {
		found := "nothing"
		if s == isNull {
			found = conv.Null.String()
		}
		return value{}, &conv.Reject{Reason: conv.ReasonMissing, Path: f.source, Expected: f.typ.String(), Found: found}
	}
	if f.null == nil {
		s = isAbsent
	}
	return value{state: s}, nil
}

// mismatch is for a value that fits the field in no lossless way.
func (f *field) mismatch(expected string, found conv.Kind) (value, *conv.Reject) {
	if f.null != nil && !f.required {
		return value{state: isNull}, nil
	}
	return value{}, &conv.Reject{Reason: conv.ReasonType, Path: f.source, Expected: expected, Found: found.String()}
}

// append writes the field's Avro bytes.
func (f *field) append(dst []byte, v value) []byte {
	switch v.state {
	case isAbsent:
		return append(dst, f.absent...)
	case isNull:
		return append(dst, f.null...)
	}
	dst = append(dst, f.branch...)
	switch f.typ {
	case typeString:
		dst = binary.AppendVarint(dst, int64(len(v.text)))
		return append(dst, v.text...)
	case typeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.float))
	case typeFloat:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.float)))
	case typeBoolean:
		return append(dst, byte(v.int))
	}
	return binary.AppendVarint(dst, v.int) // zigzag, as Avro writes int and long
}

// hashes returns the fingerprint and the identity of the values read, 0 for an identity of
// nothing.
func (c *Contract) hashes(e *encoder) (fingerprint, identity uint64) {
	e.entries = c.appendEntries(e.entries[:0], e, c.sorted)
	fingerprint = conv.Hash64(e.entries)
	e.entries = c.appendEntries(e.entries[:0], e, c.identity)
	if len(e.entries) > 0 {
		identity = conv.Hash64(e.entries)
	}
	return fingerprint, identity
}

// appendEntries writes the fingerprint entries of the fields, in the layout that the package
// documentation gives.
func (c *Contract) appendEntries(dst []byte, e *encoder, fields []int) []byte {
	for _, i := range fields {
		f, v := &c.fields[i], e.values[i]
		switch {
		case v.state == isPresent:
			dst = append(dst, f.frame...)
			dst = append(dst, f.typ.tag())
			size := len(dst)
			dst = append(dst, 0, 0, 0, 0)
			dst = e.appendText(dst, f.typ, v)
			binary.BigEndian.PutUint32(dst[size:], uint32(len(dst)-size-4))
		case v.state == isNull && !bytes.Equal(f.null, f.absent):
			dst = append(dst, f.frame...)
			dst = append(dst, 'z', 0, 0, 0, 0)
		}
	}
	return dst
}
