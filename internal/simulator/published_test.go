package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/linkedin/goavro/v2"

	"convstream/avro"
	"convstream/extractor"
	"convstream/internal/conv"
)

// publisher publishes as convstream does, into memory.
type publisher struct {
	t        testing.TB
	contract *avro.Contract
	splitter *extractor.Splitter
	codec    *goavro.Codec
	schema   any
}

func newPublisher(t testing.TB, d Dialect) *publisher {
	t.Helper()
	contract, err := avro.Default(string(d))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodecForStandardJSONFull(contract.Schema())
	if err != nil {
		t.Fatal(err)
	}
	keys := extractor.Keys{ConversationID: "conversation.id", Time: "timestamp"}
	if d == Jobs {
		keys = extractor.Keys{ConversationID: "conversationId", Time: "conversationStart", End: "conversationEnd"}
	}
	var schema any
	if err := json.Unmarshal([]byte(contract.Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	return &publisher{t, contract, extractor.NewSplitter(extractor.Envelope{Rows: "data"}, keys), codec, schema}
}

// mask replaces the texts that a schema marks so, as far as they are not empty.
func mask(schema, value any, masked bool) any {
	switch s := schema.(type) {
	case []any: // a union with null
		return mask(s[1], value, masked)
	case map[string]any:
		switch v := value.(type) {
		case []any:
			for i := range v {
				v[i] = mask(s["items"], v[i], masked)
			}
		case map[string]any:
			fields, _ := s["fields"].([]any)
			for _, f := range fields {
				field := f.(map[string]any)
				name := field["name"].(string)
				if inner, ok := v[name]; ok {
					v[name] = mask(field["type"], inner, field["privacy"] == "mask")
				}
			}
		}
		return value
	}
	if text, ok := value.(string); ok && masked && text != "" {
		return "***"
	}
	return value
}

// row is a row of a page as convstream reads it.
func (p *publisher) row(raw []byte) *conv.Row {
	p.t.Helper()
	row, err := p.splitter.Row(raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return &row
}

// publish returns what a consumer reads, without the fields that are null, or why it is a
// dead letter. Numbers are json.Number, and instants are epoch ms.
func (p *publisher) publish(raw []byte) (map[string]any, *conv.Reject) {
	p.t.Helper()
	row := p.row(raw)
	if len(row.ConversationID) == 0 || !row.HasTime {
		return nil, &conv.Reject{Reason: conv.ReasonNoKey}
	}
	value, facts := p.contract.Encode(nil, 1, row, nil)
	if facts.Reject != nil {
		return nil, facts.Reject
	}
	native, _, err := p.codec.NativeFromBinary(value[5:])
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := p.codec.TextualFromNative(nil, native)
	if err != nil {
		p.t.Fatal(err)
	}
	return withoutNulls(decodeTree(text)).(map[string]any), nil
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if v[name] = withoutNulls(inner); inner == nil {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// column reads what a contract of the columns published.
func (p *publisher) column(published map[string]any) Row {
	p.t.Helper()
	r := Row{Queue: none, Handled: none}
	number := func(name string, into *int64) {
		if n, ok := published[name].(json.Number); ok {
			*into, _ = n.Int64()
		}
	}
	text := func(name string) string { s, _ := published[name].(string); return s }
	r.InteractionID = parseID(p.t, text("interaction_id"))
	r.ConversationID = parseID(p.t, text("conversation_id"))
	r.Type = text("interaction_type")
	r.Segment, r.Priority = text("attributes_custom_customer_segment"), text("attributes_custom_case_priority")
	number("timestamp", &r.Time)
	number("metrics_queuetime_ms", &r.Queue)
	number("metrics_handledtime_ms", &r.Handled)
	return r
}

// agrees compares a conversation as published with what is to be published of it.
func agrees(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		tree, ok := got.(map[string]any)
		if !ok || len(tree) != len(want) {
			return false
		}
		for name, inner := range want {
			if there, ok := tree[name]; !ok || !agrees(inner, there) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		return ok && slices.EqualFunc(want, list, agrees)
	case json.Number:
		n, ok := got.(json.Number)
		x, xErr := want.Float64()
		y, yErr := n.Float64()
		return ok && (want == n || xErr == nil && yErr == nil && x == y)
	case string:
		if n, ok := got.(json.Number); ok {
			ms, _, instant := conv.ParseTimestamp([]byte(want))
			published, err := n.Int64()
			return instant && err == nil && ms == published
		}
		return got == want
	}
	return got == want
}

func (p *publisher) wantAgreement(body []byte, published map[string]any) {
	p.t.Helper()
	want := withoutNulls(mask(p.schema, decodeTree(body), false))
	if !agrees(want, published) {
		text, err := json.Marshal(published)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Fatalf("published is\n%s\nwant\n%s", text, body)
	}
}

// pages are all rows of the day as a job of the dialect brings them, by id, each once.
func (c *client) raw(d Dialect) (rows [][]byte) {
	c.t.Helper()
	if d == Jobs {
		for _, body := range c.bodies(ask(day)) {
			rows = append(rows, []byte(body))
		}
		return rows
	}
	var before []byte
	for _, p := range c.read(c.submit(body(day))) {
		for i, raw := range p.Data {
			if i == 0 && before != nil && bytes.Equal(identify(c.t, raw), identify(c.t, before)) {
				continue // a page starts with the last row of the one before
			}
			before = raw
			rows = append(rows, raw)
		}
	}
	return rows
}

// identify finds the interaction id, which no style nests.
func identify(t testing.TB, raw []byte) []byte {
	t.Helper()
	id, _ := decodeTree(raw)["interaction.id"].(string)
	return []byte(id)
}
