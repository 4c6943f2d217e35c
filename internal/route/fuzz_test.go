package route

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// naive holds filters, and what they say, in terms of encoding/json.
var naive = map[string]func(row []pair) bool{
	`a.b == "x"`: func(row []pair) bool { return same(look(row, "a.b"), "x") },
	`a.b == 5`:   func(row []pair) bool { return same(look(row, "a.b"), json.Number("5")) },
	`a == nil`:   func(row []pair) bool { return look(row, "a") == nil },
	`any(l, .a.b == "x")`: func(row []pair) bool {
		list, _ := look(row, "l").([]any)
		for _, item := range list {
			if o, ok := item.([]pair); ok && same(look(o, "a.b"), "x") {
				return true
			}
		}
		return false
	},
	`a.b in ["x", "y"] and not (l == nil)`: func(row []pair) bool {
		return (same(look(row, "a.b"), "x") || same(look(row, "a.b"), "y")) && look(row, "l") != nil
	},
}

// pair is a key with its value: a scalar of encoding/json, []any, or []pair. Members keep the
// row's order; the last of equal keys stands.
type pair struct {
	key   string
	value any
}

func parseNaive(dec *json.Decoder) any {
	token, err := dec.Token()
	if err != nil {
		panic(err) // the text is valid
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			list = append(list, parseNaive(dec))
		}
		dec.Token()
		return list
	case json.Delim('{'):
		members := []pair{}
		for dec.More() {
			key, _ := dec.Token()
			value := parseNaive(dec)
			members = slices.DeleteFunc(members, func(m pair) bool { return m.key == key })
			members = append(members, pair{key.(string), value})
		}
		dec.Token()
		return members
	}
	return token
}

// look merges all spellings of a path: the one whose value starts last in the row stands.
func look(row []pair, path string) any {
	v, _ := lookup(row, path)
	return v
}

func lookup(row []pair, path string) (value any, there bool) {
	for _, m := range row {
		if m.key == path {
			value, there = m.value, true
		} else if rest, below := strings.CutPrefix(path, m.key+"."); below {
			if o, ok := m.value.([]pair); ok {
				if v, found := lookup(o, rest); found {
					value, there = v, true
				}
			}
		}
	}
	return value, there
}

func same(a, b any) bool {
	number := func(v any) (*big.Rat, bool) {
		switch v := v.(type) {
		case json.Number:
			return new(big.Rat).SetString(string(v))
		case string:
			var n json.Number
			if json.Unmarshal([]byte(v), &n) != nil || strings.TrimSpace(v) != v || v == "null" || strings.HasPrefix(v, `"`) {
				return nil, false
			}
			return new(big.Rat).SetString(v)
		}
		return nil, false
	}
	_, text := a.(string)
	_, more := b.(string)
	if text && more {
		return a == b
	}
	x, ok := number(a)
	y, also := number(b)
	return ok && also && x.Cmp(y) == 0
}

func FuzzAFilterSaysWhatAnObviousReaderSays(f *testing.F) {
	for _, s := range []string{
		`{"a":{"b":"x"},"a.b":"y"}`, `{"a.b":5.0,"l":[{"a":{"b":"x"}},{"a.b":"x"},3]}`, `{"a":{"b":1},"a":{"b":5}}`,
		`{"a":{"b":"5"},"a":null}`, `{"l":{},"a\u002eb":"\u0078"}`, `{"l":[[{"a.b":"x"}]],"a.b":"\ud800"}`, `{"a":{"b":"x"},"a":{}}`,
	} {
		f.Add(s)
	}
	selectors := map[string]*Selector{}
	for filter := range naive {
		selectors[filter] = mustCompile(f, filter, "")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		raw = strings.TrimSpace(raw)
		if !json.Valid([]byte(raw)) || !strings.HasPrefix(raw, "{") || strings.Count(raw, "e")+strings.Count(raw, "E") > 3 {
			return // huge exponents take the reference for ever
		}
		dec := json.NewDecoder(strings.NewReader(raw))
		dec.UseNumber()
		members := parseNaive(dec).([]pair)
		row := rowOf(t, raw)
		for filter, reference := range naive {
			got, err := selectors[filter].Select(row)
			if strings.Contains(filter, "any(") && err != nil {
				if _, list := look(members, "l").([]any); !list && look(members, "l") != nil {
					continue // no array
				}
			}
			if want := reference(members); err != nil || got != want {
				t.Errorf("%s: got %v, %v; want %v", filter, got, err, want)
			}
		}
	})
}

// Whatever is configured, and whatever comes, there is an answer or an error.
func FuzzNoExpressionPanics(f *testing.F) {
	for _, s := range []string{Speech("jobs"), `a.b in [1,2] ? "x" : a`, `map(l, #.x)[0]?.y`, `a.b | any(# matches "x")`, `-l[-1] % 2`, `not a and [b, "c"] == l`} {
		f.Add(s, `{"a":{"b":"x"},"l":[1,{"x":"y"}]}`)
	}
	f.Fuzz(func(t *testing.T, text, raw string) {
		raw = strings.TrimSpace(raw)
		if !json.Valid([]byte(raw)) {
			return
		}
		row := rowOf(t, raw)
		for _, of := range [][2]string{{text, ""}, {"", text}} {
			s, err := Compile(of[0], of[1])
			if err != nil {
				continue
			}
			first, firstErr := s.Select(row)
			key, keyErr := s.Key(nil, row)
			again, againErr := s.Select(row)
			if first != again || (firstErr == nil) != (againErr == nil) {
				t.Errorf("two verdicts: %v, %v; %v, %v", first, firstErr, again, againErr)
			}
			if keyErr == nil && len(key) == 0 {
				t.Error("an empty key")
			}
			s.Fields()
		}
	})
}
