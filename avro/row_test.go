package avro

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"convstream/internal/conv"
	"convstream/internal/conv/rowtest"
)

// This file holds a reader of rows that is made for being obvious, on encoding/json.

// rowOf tokenises one JSON value.
func rowOf(t testing.TB, raw string) *conv.Row {
	t.Helper()
	return rowtest.Of(t, raw)
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
