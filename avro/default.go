package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"convstream/internal/conv"
)

// maxDefault bounds the Avro bytes of a default: the records of an array in it unfold.
const maxDefault = 1 << 20

// appendDefault appends the Avro bytes of a default, as a row with that value has them. It is
// spelled as Avro demands: of a union it is of the first branch, the fields of a record go by their
// names, and a decimal is a string whose characters are its bytes. The place in the default is told
// by errors.
func (t *avroType) appendDefault(dst []byte, n *jsonValue, place string) (out []byte, err error) {
	switch {
	case len(dst) > maxDefault:
		return nil, n.fault("its default takes more than %d bytes; shorten it", maxDefault)
	case t.null == nil || t.null[0] != 0:
	case n.kind != conv.Null:
		return nil, n.fault("default %s does not belong to the union's first branch, null; put %s first%s", n.excerpt(), t, inDefault(place))
	default:
		return append(dst, t.null...), nil
	}
	if t.kind == typeUnion {
		t = &t.branches[0]
	}
	dst = append(dst, t.branch...)
	switch {
	case t.kind == typeDecimal:
		return t.decimal.appendDefault(dst, n, place)
	case !t.kind.nested():
		return t.appendScalarDefault(dst, n, place)
	case n.kind != t.spelled:
		return nil, n.fault("default %s is no %s%s", n.excerpt(), t, inDefault(place))
	case t.kind == typeRecord:
		return t.record.appendDefault(dst, n, place)
	case len(n.items)+len(n.members) == 0:
		return append(dst, 0), nil // a block of no items ends both
	}
	dst = binary.AppendVarint(dst, int64(len(n.items)+len(n.members)))
	for i, item := range n.items {
		if dst, err = t.items.appendDefault(dst, item, fmt.Sprintf("%s[%d]", place, i)); err != nil {
			return nil, err
		}
	}
	members := slices.Clone(n.members)
	slices.SortFunc(members, func(a, b jsonMember) int { return strings.Compare(a.key, b.key) })
	for _, m := range members {
		dst = binary.AppendVarint(dst, int64(len(m.key)))
		dst = append(dst, m.key...)
		if dst, err = t.items.appendDefault(dst, m.value, fmt.Sprintf("%s[%q]", place, shorten([]byte(m.key)))); err != nil {
			return nil, err
		}
	}
	return append(dst, 0), nil
}

// inDefault says where in a default something is wrong.
func inDefault(place string) string {
	if place == "" {
		return ""
	}
	return ", at " + strings.TrimPrefix(place, ".")
}

// appendDefault appends the default of a record. A field that it leaves out has its own default.
func (r *record) appendDefault(dst []byte, n *jsonValue, place string) (out []byte, err error) {
	if r == nil || r.broken {
		return append(dst, 0), nil // what is wrong with its fields is told already
	}
	for _, m := range n.members {
		if !slices.ContainsFunc(r.fields, func(f field) bool { return f.name == m.key }) {
			return nil, faultAt(m.at, "its default has a member %q, and the record has no such field; name fields as the schema does, not by their sources%s", m.key, inDefault(place))
		}
	}
	for i := range r.fields {
		f := &r.fields[i]
		switch v := n.member(f.name); {
		case v != nil:
			dst, err = f.appendDefault(dst, v, place+"."+f.name)
		case !f.hasDefault:
			err = n.fault("default %s lacks the field %q, which has no default of its own; add it%s", n.excerpt(), f.name, inDefault(place))
		case len(dst) > maxDefault:
			err = n.fault("its default takes more than %d bytes; shorten it", maxDefault)
		default:
			dst = append(dst, f.absent...)
		}
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendDefault appends the default of a decimal. Of bytes it leaves out those that say nothing, as
// the encoder does.
func (t *decimalType) appendDefault(dst []byte, n *jsonValue, place string) ([]byte, error) {
	var number []byte
	for _, r := range n.text {
		if r > 0xff {
			number = nil
			break
		}
		number = append(number, byte(r))
	}
	length := len(number)
	switch {
	case length == 0:
		return nil, n.fault(`default %s is no decimal; give a string of its bytes, the highest first, such as "\u0001\u00f4" for the unscaled 500%s`, n.excerpt(), inDefault(place))
	case t.size > 0 && length != t.size:
		return nil, n.fault("default %s has %d bytes, and the fixed has %d%s", n.excerpt(), length, t.size, inDefault(place))
	}
	shortest := withoutSignBytes(number)
	if len(shortest) > t.width || !t.holds(shortest) {
		return nil, n.fault("default %s has more than %d digits%s", n.excerpt(), t.precision, inDefault(place))
	}
	if t.size > 0 {
		return append(dst, number...), nil
	}
	dst = binary.AppendVarint(dst, int64(len(shortest)))
	return append(dst, shortest...), nil
}

// holds says whether a number of two's complement has no more digits than the type.
func (t *decimalType) holds(number []byte) bool {
	unscaled := new(big.Int).SetBytes(number)
	if number[0] >= 0x80 {
		unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(number))))
	}
	return len(unscaled.Abs(unscaled).String()) <= t.precision
}

// appendScalarDefault appends the default of any other scalar.
func (t *avroType) appendScalarDefault(dst []byte, n *jsonValue, place string) ([]byte, error) {
	if t.takesDefault(n.kind) {
		token := conv.Token{Kind: n.kind, End: uint32(len(n.raw)), Next: 1}
		if token.Kind == conv.String {
			token.Start, token.End = 1, token.End-1
			token.Escaped = bytes.IndexByte(n.raw, '\\') >= 0
		}
		e := encoder{row: &conv.Row{Raw: n.raw, Tokens: []conv.Token{token}}}
		var v value
		if e.read(t, token, &v) && !v.unknown {
			return appendScalar(dst, t, &v), nil
		}
	}
	return nil, n.fault("default %s is no %s%s", n.excerpt(), t, inDefault(place))
}

// takesDefault says whether Avro spells a default of the type so: as its base type, an instant
// as a number.
func (t *avroType) takesDefault(spelled conv.Kind) bool {
	switch kinds[t.kind].base {
	case "long", "int":
		return spelled == conv.Number
	}
	return t.spells(spelled)
}
