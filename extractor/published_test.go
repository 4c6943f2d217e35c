package extractor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/linkedin/goavro/v2"

	"convstream/avro"
	"convstream/extractor"
	"convstream/internal/conv"
)

// flat is a contract whose sources are keys of the row, so that encoding/json finds them by itself.
const flat = `{"type":"record","name":"Flat","fields":[
	{"name":"id","type":"string","required":true,"identity":true},
	{"name":"s","type":["null","string"],"default":null},
	{"name":"l","type":["null","long"],"default":null},
	{"name":"d","type":["null","double"],"default":null},
	{"name":"b","type":["null","boolean"],"default":null},
	{"name":"a","type":["null",{"type":"array","items":["null","double"]}],"default":null},
	{"name":"m","type":["null",{"type":"map","values":["null","string"]}],"default":null},
	{"name":"r","type":["null",{"type":"record","name":"Inner","fields":[{"name":"s","type":["null","string"],"default":null}]}],"default":null}]}`

// publisher does with a page what convstream does, up to the bytes that would be published.
type publisher struct {
	contract *avro.Contract
	codec    *goavro.Codec
	splitter *extractor.Splitter
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	contract, err := avro.Parse([]byte(flat))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(contract.Schema())
	if err != nil {
		t.Fatal(err)
	}
	splitter := extractor.NewSplitter(extractor.Envelope{Rows: "data", Next: "nextPageToken"}, extractor.Keys{ConversationID: "id", Time: "time"})
	return &publisher{contract, codec, splitter}
}

// publish returns the rows of a page that would be published, as they came and as a consumer decodes them, and whether
// the page was read to its end.
func (p *publisher) publish(t *testing.T, page io.Reader) (rows []json.RawMessage, decoded []map[string]any, whole bool) {
	t.Helper()
	var drift []conv.Deviation
	err := p.splitter.Split(page, conv.Position{}, func(c conv.Chunk) error {
		for i := range c.Rows {
			drift = drift[:0]
			value, facts := p.contract.Encode(nil, 1, &c.Rows[i], &drift)
			if facts.Reject != nil {
				if len(value) > 0 {
					t.Fatalf("row %.300q is rejected, and half of it was encoded: %x", c.Rows[i].Raw, value)
				}
				continue
			}
			native, rest, err := p.codec.NativeFromBinary(value[5:])
			if err != nil || len(rest) > 0 {
				t.Fatalf("row %.300q became %x, of which goavro leaves %x: %v", c.Rows[i].Raw, value, rest, err)
			}
			rows, decoded = append(rows, c.Rows[i].Raw), append(decoded, native.(map[string]any))
		}
		whole = c.End
		return nil
	})
	var broken *extractor.PageError
	if whole != (err == nil) || err != nil && !errors.As(err, &broken) {
		t.Fatalf("page %.300q: its end was told: %v, and %v", page, whole, err)
	}
	return rows, decoded, whole
}

// agrees holds what would be published of a page against encoding/json.
func (p *publisher) agrees(t *testing.T, page []byte, r io.Reader) {
	t.Helper()
	rows, decoded, whole := p.publish(t, r)
	if whole && !json.Valid(page) && bytes.Count(page, []byte("["))+bytes.Count(page, []byte("{")) < 10_000 { // levels that it reads
		t.Fatalf("page %.300q was read to its end, and encoding/json rejects it", page)
	}
	for i, raw := range rows {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatalf("row %.300q was published, and encoding/json says: %v", raw, err)
		}
		if want, is := literal[string](members["id"]); is && decoded[i]["id"] != want {
			t.Fatalf("row %.300q: id %q, want %q", raw, decoded[i]["id"], want)
		}
		for name, branch := range map[string]string{"s": "string", "l": "long", "d": "double", "b": "boolean", "a": "array", "m": "map", "r": "Inner"} {
			want, known := wanted(name, members[name])
			if got := unwrapped(decoded[i][name], branch); known && !same(got, want) {
				t.Fatalf("row %.300q: %s is %v, want %v", raw, name, got, want)
			}
		}
	}
}

// wanted is what a consumer has to see of a member, where that is what encoding/json makes of it. Of the rest convstream
// makes more: it reads "5" as a long, and 5 as a string.
func wanted(name string, raw json.RawMessage) (want any, known bool) {
	if raw == nil || string(raw) == "null" {
		return nil, true
	}
	switch name {
	case "s":
		return unless(literal[string](raw))
	case "l":
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return n, err == nil
	case "d":
		var f float64
		if raw[0] == '"' {
			return nil, false
		}
		if json.Unmarshal(raw, &f) != nil {
			return nil, true // no number, or none that fits
		}
		return f, true
	case "b":
		return unless(literal[bool](raw))
	case "a":
		return unless(literal[[]*float64](raw))
	case "m":
		return unless(literal[map[string]*string](raw))
	}
	inner, is := literal[struct{ S *string }](raw)
	if is && strings.Count(strings.ToLower(string(raw)), "s") > 1 {
		return nil, false // encoding/json takes S for s, and a key may be escaped
	}
	return inner.S, is
}

// literal reads a value of exactly one JSON type.
func literal[T any](raw json.RawMessage) (value T, is bool) {
	return value, raw != nil && json.Unmarshal(raw, &value) == nil
}

func unless[T any](value T, is bool) (any, bool) { return value, is }

// unwrapped is a value of a union as goavro has it, without the name of its branch.
func unwrapped(value any, branch string) any {
	if union, is := value.(map[string]any); is {
		return union[branch]
	}
	return value
}

// same compares what goavro decoded with what encoding/json read.
func same(got, want any) bool {
	switch want := want.(type) {
	case []*float64:
		list, is := got.([]any)
		return is && slices.EqualFunc(list, want, func(g any, w *float64) bool {
			return w == nil && g == nil || w != nil && unwrapped(g, "double") == *w
		})
	case map[string]*string:
		entries, is := got.(map[string]any)
		for key, w := range want {
			g, there := entries[key]
			if !there || w == nil && g != nil || w != nil && unwrapped(g, "string") != *w {
				return false
			}
		}
		return is && len(entries) == len(want)
	case *string:
		inner, is := got.(map[string]any)
		if want == nil {
			return is && inner["s"] == nil
		}
		return is && unwrapped(inner["s"], "string") == *want
	}
	return got == want
}

// The corpus that is committed in testdata/fuzz starts it.
func FuzzR71_WhatTheStandardLibraryRejectsIsNeverPublished(f *testing.F) {
	p := newPublisher(f)
	f.Fuzz(func(t *testing.T, page []byte) {
		p.agrees(t, page, bytes.NewReader(page))
		p.agrees(t, page, iotest.OneByteReader(bytes.NewReader(page)))
	})
}

// A row that is kept in memory is published whole, and of a larger one nothing is.
func TestR71_AHugeStringIsPublishedWholeOrNotAtAll(t *testing.T) {
	p := newPublisher(t)
	for megabytes, published := range map[int]int{15: 1, 20: 0} {
		text := strings.Repeat("x", megabytes<<20)
		page := `{"data":[{"id":"1","s":"` + text + `"},{"id":"2"}],"nextPageToken":null}`
		rows, decoded, whole := p.publish(t, strings.NewReader(page))
		if !whole || len(rows) != published+1 {
			t.Errorf("%d MB: %d rows are published, want %d; read to the end: %v", megabytes, len(rows), published+1, whole)
			continue
		}
		if published == 1 && unwrapped(decoded[0]["s"], "string") != text {
			t.Errorf("%d MB: the string was not published as it came", megabytes)
		}
		if decoded[published]["id"] != "2" {
			t.Errorf("%d MB: the row behind it is %v", megabytes, decoded[published])
		}
	}
}

// encoding/json reads no more than ten thousand levels. A row that has more is a dead letter, and its page goes on.
func TestR71_DeepNestingIsPublishedOrADeadLetterAndThePageGoesOn(t *testing.T) {
	p := newPublisher(t)
	for levels, published := range map[int]int{100: 2, 9_990: 2, 10_000: 1, 100_000: 1} {
		deep := strings.Repeat("[", levels) + strings.Repeat("]", levels)
		page := `{"data":[{"id":"1","x":` + deep + `},{"id":"2"}],"nextPageToken":null}`
		rows, decoded, whole := p.publish(t, strings.NewReader(page))
		if !whole || len(rows) != published || decoded[published-1]["id"] != "2" {
			t.Errorf("%d levels: %d rows are published, want %d; read to the end: %v", levels, len(rows), published, whole)
		}
	}
}
