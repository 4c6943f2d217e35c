package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"convstream/internal/conv"
)

// maxDefault bounds the Avro bytes of all defaults of a contract: the records of an array in one
// unfold, and each use of a named record has its own.
const maxDefault = 1 << 20

var errDefaults = fmt.Errorf("the defaults of this contract together take more than %d bytes; shorten them", maxDefault)

// setDefault gives a field the default that its contract has for it. That defaults are too long
// is told once, and no more of them are kept.
func (c *compiler) setDefault(f *field, n *jsonValue) (err error) {
	f.hasDefault = true
	if c.defaults > maxDefault {
		f.absent = []byte{}
		return nil
	}
	if f.absent, err = f.appendDefault(nil, n, ""); err != nil {
		if errors.Is(err, errDefaults) {
			c.defaults = maxDefault + 1
		}
		return err
	}
	if c.defaults += len(f.absent); c.defaults > maxDefault {
		return n.fault("%w", errDefaults)
	}
	return nil
}

// appendDefault appends the Avro bytes of a default, as a row with that value has them. It is
// spelled as Avro demands: of a union it is of the first branch, the fields of a record go by their
// names, and a decimal is a string whose characters are its bytes. The place in the default is told
// by errors.
func (t *avroType) appendDefault(dst []byte, n *jsonValue, place string) (out []byte, err error) {
	switch {
	case len(dst) > maxDefault:
		return nil, n.fault("%w", errDefaults)
	case t.null != nil && t.null[0] == 0 && n.kind != conv.Null:
		return nil, n.fault("default %s does not belong to the union's first branch, null; put %s first%s", n.excerpt(), t, inDefault(place))
	case t.null != nil && t.null[0] == 0:
		return append(dst, t.null...), nil
	case n.kind == conv.Null:
		return nil, t.nullDefault(n, place)
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
		default: // all that a contract keeps of these is bounded
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
	if !t.holds(shortest) {
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
	least := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.precision)), nil) // with a digit more
	return unscaled.CmpAbs(least) < 0
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
	return nil, n.fault("default %s %s%s", n.excerpt(), t.misfit(n), inDefault(place))
}

// nullDefault says why null is no default of the type, which null does not come first in.
func (t *avroType) nullDefault(n *jsonValue, place string) error {
	first := t
	if t.kind == typeUnion {
		first = &t.branches[0]
	}
	written := "{…}"
	if kinds[t.kind].name == kinds[t.kind].base && t.kind <= typeUUID {
		written = `"` + t.name + `"`
	}
	switch {
	case t.null != nil:
		return n.fault("default null does not belong to the union's first branch, %s; put null first%s", first, inDefault(place))
	case t.kind == typeUnion:
		return n.fault(`default null is no %s; make "null" the first type of the union%s`, t, inDefault(place))
	}
	return n.fault(`default null is no %s; make the type ["null", %s]%s`, t, written, inDefault(place))
}

// misfit says why a value is no default of a scalar.
func (t *avroType) misfit(n *jsonValue) string {
	switch d, isNumber := parseDecimal(nil, n.raw); {
	case t.kind == typeEnum:
		return "is none of the symbols " + t.enum.symbolList()
	case t.takesDefault(n.kind) && isNumber && (d.exponent >= 0 || t.kind == typeDouble || t.kind == typeFloat):
		return fmt.Sprintf("is out of range of type %s", t)
	case units[t.kind] != "":
		return fmt.Sprintf("is no %s; give %s", t, units[t.kind])
	}
	return fmt.Sprintf("is no %s", t)
}

// units say what the default of a time counts.
var units = map[kind]string{
	typeTimestamp:       "milliseconds since 1970",
	typeTimestampMicros: "microseconds since 1970",
	typeLocal:           "milliseconds since 1970",
	typeLocalMicros:     "microseconds since 1970",
	typeDate:            "days since 1970",
	typeTime:            "milliseconds since midnight",
	typeTimeMicros:      "microseconds since midnight",
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
