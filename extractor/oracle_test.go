package extractor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"convstream/internal/conv"
)

// reports is the layout of the guide's results page.
var (
	reportsEnvelope = Envelope{Rows: "data", Next: "nextPageToken", Count: "count"}
	reportsKeys     = Keys{ConversationID: "conversation.id", Time: "timestamp"}
)

// guideRow is the sample row of the guide, numbered so that rows differ.
func guideRow(i int) string {
	return fmt.Sprintf(`{
"interaction.id": "voice-%d",
"interaction.type": "voice",
"conversation.id": "conv-%d",
"timestamp": "2024-01-01T08:15:32.100Z",
"attributes.custom": {
"customer_segment": "enterprise",
"case_priority": "high"
},
"metrics.queuetime.ms": 12500,
"metrics.handledtime.ms": 340000
}`, i, i)
}

func guidePage(rows int, next string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data": [`)
	for i := range rows {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(guideRow(i))
	}
	b.WriteString(`], "nextPageToken": ` + next + `}`)
	return b.Bytes()
}

// result is all that a page says.
type result struct {
	Rows  []conv.Row
	Next  string
	Count int64
}

// splitAll runs Split over the page and checks what holds for every page: chunks are
// consecutive, and only the last one ends it.
func splitAll(s *Splitter, r io.Reader, at conv.Position) (res result, err error) {
	ended := false
	err = s.Split(r, at, func(c conv.Chunk) error {
		if ended {
			return fmt.Errorf("a chunk came behind the page's end")
		}
		want := conv.Position{Token: at.Token, Page: at.Page, Row: len(res.Rows)}
		if c.At != want {
			return fmt.Errorf("chunk stands at %v, want %v", c.At, want)
		}
		res.Rows = append(res.Rows, c.Rows...)
		if c.End {
			ended, res.Next, res.Count = true, c.Next, c.Page.Count
		}
		return nil
	})
	if err == nil && !ended {
		err = fmt.Errorf("no chunk ended the page")
	}
	return res, err
}

// naive is the same as Split by encoding/json, which needs the whole page.
func naive(page []byte, e Envelope) (rows []json.RawMessage, next string, count int64, ok bool) {
	count = -1
	if !json.Valid(page) || bytes.TrimLeft(page, " \t\r\n")[0] != '{' {
		return nil, "", 0, false
	}
	dec := json.NewDecoder(bytes.NewReader(page))
	must(dec.Token())
	seen := map[string]string{}
	for dec.More() {
		name := must(dec.Token()).(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err)
		}
		if name != e.Rows && name != e.Next && name != e.Count {
			continue
		}
		if _, twice := seen[name]; twice {
			return nil, "", 0, false
		}
		seen[name] = string(value)
	}
	switch v, has := seen[e.Next]; {
	case !has || v == "null":
	case v[0] != '"':
		return nil, "", 0, false
	default:
		if err := json.Unmarshal([]byte(v), &next); err != nil {
			panic(err)
		}
	}
	switch v, has := seen[e.Rows]; {
	case !has || v == "null":
		if _, has := seen[e.Next]; !has {
			return nil, "", 0, false
		}
	case v[0] != '[':
		return nil, "", 0, false
	default:
		if err := json.Unmarshal([]byte(v), &rows); err != nil {
			panic(err)
		}
	}
	if v, has := seen[e.Count]; has {
		if n, ok := naiveIntegral(v); ok && n >= 0 {
			count = n
		}
	}
	return rows, next, count, true
}

// naiveIntegral is the same as integral by math/big, which computes powers of ten however
// large they are; so far-off ones, which are no integers of 64 bits, never get there.
func naiveIntegral(text string) (int64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) > 1e19 {
		return 0, false
	}
	if math.Abs(f) < 0.5 {
		mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
		return 0, !strings.ContainsAny(mantissa, "123456789")
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false
	}
	return exact.Num().Int64(), true
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// tree rebuilds a value from its tokens, in the shape that encoding/json gives it.
func tree(r *conv.Row, i uint32) any {
	t := r.Tokens[i]
	switch t.Kind {
	case conv.Null:
		return nil
	case conv.True, conv.False:
		return t.Kind == conv.True
	case conv.Number:
		return json.Number(r.Bytes(t))
	case conv.String:
		return string(r.Text(t))
	case conv.Array:
		list := []any{}
		for i++; i < t.Next; i = r.Tokens[i].Next {
			list = append(list, tree(r, i))
		}
		return list
	default:
		object := map[string]any{}
		for i++; i < t.Next; i = r.Tokens[i+1].Next {
			object[string(r.Text(r.Tokens[i]))] = tree(r, i+1)
		}
		return object
	}
}

func naiveTree(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

// randomReader hands out r in pieces of random size, empty ones included.
type randomReader struct {
	r   io.Reader
	rng *rand.Rand
	max int
}

func (r randomReader) Read(p []byte) (int, error) {
	return r.r.Read(p[:min(len(p), r.rng.IntN(r.max+1))])
}
