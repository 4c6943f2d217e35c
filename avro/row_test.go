package avro

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"convstream/internal/conv"
)

// This file holds a tokeniser and a reader of rows that are made for being obvious, on
// encoding/json.

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

// naiveMember is a key with its value: a scalar of encoding/json, []any, or []naiveMember. Members
// keep the row's order, and equal keys are already merged: the last stands.
type naiveMember struct {
	key   string
	value any
}

func parseMembers(t testing.TB, raw string) []naiveMember {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	v, ok := parseAny(t, dec).([]naiveMember)
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
		members := []naiveMember{}
		for dec.More() {
			key, _ := dec.Token()
			value := parseAny(t, dec)
			members = slices.DeleteFunc(members, func(m naiveMember) bool { return m.key == key })
			members = append(members, naiveMember{key: key.(string), value: value})
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

func lookup(members []naiveMember, path string) found {
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
		object, ok := m.value.([]naiveMember)
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
