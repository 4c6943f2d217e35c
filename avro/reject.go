package avro

import (
	"strconv"
	"unicode/utf8"

	"convstream/internal/conv"
)

// step is one step of the way to a value: a field, else a key of a map, else an index.
type step struct {
	field *field
	key   []byte
	index int
}

// mismatch notes a value that fits its type in no lossless way, if that rejects the row.
func (e *encoder) mismatch(fatal bool, expected, found string) {
	if fatal {
		e.fail(conv.ReasonType, expected, found)
	}
}

// fail rejects the row for the value being read. The first reason stands.
func (e *encoder) fail(reason, expected, found string) {
	if e.reject == nil {
		e.reject = &conv.Reject{Reason: reason, Path: e.path(), Expected: expected, Found: found}
	}
}

// path writes the way to the value being read as participants[2].attributes["key"].
func (e *encoder) path() string {
	var path []byte
	for i, s := range e.trail {
		switch {
		case s.field != nil:
			if i > 0 {
				path = append(path, '.')
			}
			path = append(path, s.field.source...)
		case s.key != nil:
			path = append(path, '[')
			path = strconv.AppendQuote(path, shorten(s.key))
			path = append(path, ']')
		default:
			path = append(path, '[')
			path = strconv.AppendInt(path, int64(s.index), 10)
			path = append(path, ']')
		}
	}
	return string(path)
}

// longestKey bounds the bytes of a row's own key in a path, which has to fit a record header.
const longestKey = 64

// shorten cuts a key to the longest that a path takes.
func shorten(key []byte) string {
	cut := cutKey(key)
	if len(cut) == len(key) {
		return string(key)
	}
	return string(cut) + "…"
}

// cutKey is the beginning of a key that a path takes, in whole characters.
func cutKey(key []byte) []byte {
	if len(key) <= longestKey {
		return key
	}
	end := longestKey
	for !utf8.RuneStart(key[end]) {
		end--
	}
	return key[:end]
}
