package avro

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
)

// This file holds what the encoder is compared with: a tokeniser and a reading of the
// contract's rules that are made for being obvious, on encoding/json and math/big.

// rowOf tokenises one JSON value.
func rowOf(t testing.TB, raw string) *conv.Row {
	t.Helper()
	k := &tokeniser{raw: raw, dec: json.NewDecoder(strings.NewReader(raw))}
	k.dec.UseNumber()
	k.value(t)
	return &conv.Row{Raw: []byte(raw), Tokens: k.tokens}
}

type tokeniser struct {
	raw    string
	dec    *json.Decoder
	tokens []conv.Token
}

// value appends the next value, or the next key, and returns false at a closing bracket.
func (k *tokeniser) value(t testing.TB) bool {
	t.Helper()
	from := int(k.dec.InputOffset())
	token, err := k.dec.Token()
	if err != nil {
		t.Fatalf("tokenise %q: %v", k.raw, err)
	}
	for strings.IndexByte(" \t\r\n:,", k.raw[from]) >= 0 {
		from++
	}
	at := len(k.tokens)
	out := conv.Token{Start: uint32(from), End: uint32(k.dec.InputOffset())}
	k.tokens = append(k.tokens, out)
	switch v := token.(type) {
	case json.Delim:
		if v == '}' || v == ']' {
			k.tokens = k.tokens[:at]
			return false
		}
		for k.value(t) {
		}
		out.Kind, out.End = conv.Object, uint32(k.dec.InputOffset())
		if v == '[' {
			out.Kind = conv.Array
		}
	case string:
		out.Kind, out.Start, out.End = conv.String, out.Start+1, out.End-1
		out.Escaped = strings.Contains(k.raw[out.Start:out.End], `\`)
	case json.Number:
		out.Kind = conv.Number
	case bool:
		out.Kind = conv.False
		if v {
			out.Kind = conv.True
		}
	case nil:
		out.Kind = conv.Null
	}
	out.Next = uint32(len(k.tokens))
	k.tokens[at] = out
	return true
}

// member is a key with its value: a scalar of encoding/json, []any, or []member. Members
// keep the row's order, and equal keys are already merged: the last stands.
type member struct {
	key   string
	value any
}

func parseMembers(t testing.TB, raw string) []member {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	v, ok := parseAny(t, dec).([]member)
	if !ok {
		t.Fatalf("%q is no object", raw)
	}
	return v
}

func parseAny(t testing.TB, dec *json.Decoder) any {
	t.Helper()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			list = append(list, parseAny(t, dec))
		}
		dec.Token()
		return list
	case json.Delim('{'):
		members := []member{}
		for dec.More() {
			key, _ := dec.Token()
			value := parseAny(t, dec)
			members = slices.DeleteFunc(members, func(m member) bool { return m.key == key })
			members = append(members, member{key: key.(string), value: value})
		}
		dec.Token()
		return members
	}
	return token
}

// found is what a row says at a source path.
type found struct {
	there   bool
	value   any
	blocked bool // something else stands where an object leads to the path
}

func lookup(members []member, path string) found {
	var last, block found
	for _, m := range members {
		if m.key == path {
			last = found{there: true, value: m.value}
			continue
		}
		rest, below := strings.CutPrefix(path, m.key+".")
		if !below {
			continue
		}
		object, ok := m.value.([]member)
		if !ok {
			if m.value != nil {
				block = found{there: true, value: m.value, blocked: true}
			}
			continue
		}
		switch inner := lookup(object, rest); {
		case inner.blocked:
			block = inner
		case inner.there:
			last = inner
		}
	}
	if last.there {
		return last
	}
	return block
}

// naiveRow is what goavro needs to encode a row, and what a reject should say.
type naiveRow struct {
	native map[string]any
	reject *conv.Reject
}

// naiveEncode follows the rules of the package documentation, field by field.
func naiveEncode(t testing.TB, c *Contract, raw string) naiveRow {
	t.Helper()
	members := parseMembers(t, raw)
	out := naiveRow{native: map[string]any{}}
	for i := range c.fields {
		f := &c.fields[i]
		v, reject := naiveField(f, lookup(members, f.source))
		if reject != nil && out.reject == nil {
			out.reject = reject
		}
		if v != (useDefault{}) {
			out.native[f.name] = v
		}
	}
	return out
}

// useDefault leaves a field to goavro, which knows the schema's defaults.
type useDefault struct{}

func naiveField(f *field, at found) (any, *conv.Reject) {
	nullable := f.null != nil
	if !at.there || at.value == nil {
		switch {
		case f.required && at.there:
			return nil, &conv.Reject{Reason: conv.ReasonMissing, Path: f.source, Expected: f.typ.String(), Found: "null"}
		case f.required:
			return nil, &conv.Reject{Reason: conv.ReasonMissing, Path: f.source, Expected: f.typ.String(), Found: "nothing"}
		case at.there && nullable:
			return nil, nil
		case !at.there && nullable && bytes.Equal(f.absent, f.null):
			return nil, nil
		}
		return useDefault{}, nil
	}
	v, ok := naiveValue(f.typ, at.value)
	switch {
	case ok && !at.blocked && nullable:
		return map[string]any{unionName(f.typ): v}, nil
	case ok && !at.blocked:
		return v, nil
	case nullable && !f.required:
		return nil, nil
	}
	expected := f.typ.String()
	if at.blocked {
		expected = "object"
	}
	return nil, &conv.Reject{Reason: conv.ReasonType, Path: f.source, Expected: expected, Found: kindOf(at.value)}
}

func unionName(t fieldType) string {
	if t == typeTimestamp {
		return "long.timestamp-millis"
	}
	return t.String()
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

func naiveValue(typ fieldType, v any) (any, bool) {
	number, isNumber := v.(json.Number)
	text, isText := v.(string)
	truth, isBool := v.(bool)
	digits := string(number)
	if isText && validNumber(text) {
		digits = text
	}
	switch typ {
	case typeString:
		switch {
		case isNumber:
			return naiveNumberText(digits), true
		case isBool:
			return strconv.FormatBool(truth), true
		}
		return text, isText
	case typeLong:
		n, ok := naiveInteger(digits)
		return n, ok
	case typeInt:
		n, ok := naiveInteger(digits)
		return int32(n), ok && n >= -1<<31 && n < 1<<31
	case typeDouble:
		f, err := strconv.ParseFloat(digits, 64)
		return f + 0, err == nil
	case typeFloat:
		f, err := strconv.ParseFloat(digits, 32)
		return float32(f) + 0, err == nil
	case typeBoolean:
		if isText {
			return text == "true", text == "true" || text == "false"
		}
		return truth, isBool
	}
	if isText {
		ms, _, ok := conv.ParseTimestamp([]byte(text))
		return time.UnixMilli(ms), ok
	}
	n, ok := naiveInteger(digits)
	return time.UnixMilli(n), ok
}

// validNumber says whether s is a JSON number and nothing else.
func validNumber(s string) bool {
	return json.Valid([]byte(s)) && strings.IndexByte("-0123456789", s[0]) >= 0 && strings.TrimSpace(s) == s
}

func naiveInteger(s string) (int64, bool) {
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// naiveNumberText prints a number as encoding/json prints a float64, but from its exact
// decimal digits.
func naiveNumberText(s string) string {
	r, _ := new(big.Rat).SetString(s)
	plain := strings.TrimRight(r.FloatString(400), "0")
	plain = strings.TrimSuffix(plain, ".")
	abs := new(big.Rat).Abs(r)
	small, _ := new(big.Rat).SetString("1e-6")
	large, _ := new(big.Rat).SetString("1e21")
	if r.Sign() == 0 || abs.Cmp(small) >= 0 && abs.Cmp(large) < 0 {
		return plain
	}
	sign := ""
	if r.Sign() < 0 {
		sign = "-"
	}
	exponent := 0
	ten := big.NewRat(10, 1)
	for ; abs.Cmp(ten) >= 0; exponent++ {
		abs.Quo(abs, ten)
	}
	for one := big.NewRat(1, 1); abs.Cmp(one) < 0; exponent-- {
		abs.Mul(abs, ten)
	}
	mantissa := strings.TrimSuffix(strings.TrimRight(abs.FloatString(400), "0"), ".")
	suffix := strconv.Itoa(exponent)
	if exponent > 0 {
		suffix = "+" + suffix
	}
	return sign + mantissa + "e" + suffix
}
