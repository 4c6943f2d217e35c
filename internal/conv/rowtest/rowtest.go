// Package rowtest makes rows for tests, with a tokeniser on encoding/json that is obvious rather
// than fast, and shares no code with the one of the extractor.
package rowtest

import (
	"encoding/json"
	"strings"
	"testing"

	"convstream/internal/conv"
)

// Of tokenises one JSON value. One that is not valid ends the test.
func Of(t testing.TB, raw string) *conv.Row {
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
