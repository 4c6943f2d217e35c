package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// redacted is a row's JSON by a redactor that must be able to redact it.
func redacted(t testing.TB, r *Redactor, raw string) string {
	t.Helper()
	out, ok := r.Redact([]byte("kept"), rowOf(t, raw))
	if !ok || !bytes.HasPrefix(out, []byte("kept")) {
		t.Fatalf("%s: %v, %q", raw, ok, out)
	}
	return string(out[len("kept"):])
}

// staysTheSameRow redacts a row, and compares what becomes of it with what becomes of the row.
func staysTheSameRow(t testing.TB, c *Contract, raw string) {
	t.Helper()
	text := redacted(t, NewRedactor(c), raw)
	if !json.Valid([]byte(text)) {
		t.Fatalf("%s became %s, which is no JSON, by %s", raw, text, c.Schema())
	}
	again := rowOf(t, text)
	again.Redacted = true
	want, wantFacts := c.Encode(nil, 1, rowOf(t, raw), nil)
	got, facts := c.Encode(nil, 1, again, nil)
	if diff := cmp.Diff(wantFacts, facts); diff != "" || !bytes.Equal(want, got) {
		t.Fatalf("%s became %s by %s:\n%x\n%x\n%s", raw, text, c.Schema(), want, got, diff)
	}
}

func TestARedactedRowIsPublishedAsTheRowItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 4))
	made := &contractMaker{rng: rng}
	private := 0
	for range 400 {
		c := made.contract(t)
		root := shapeOf(t, c)
		for i := range 15 {
			raw := (&rowMaker{rng: rng, hostile: []int{6, 30, 1000}[i%3]}).object(&root)
			staysTheSameRow(t, c, raw)
			if !NewRedactor(c).Idle() {
				private++
			}
		}
	}
	if private < 2000 {
		t.Errorf("only %d rows had a contract that marks something", private)
	}
}

// calls with marks at any depth, under arrays and maps, and behind sources of several segments.
func marked(t testing.TB) *Contract {
	return contractOf(t,
		`{"name":"id","type":"string","required":true,"identity":true}`,
		`{"name":"priority","type":["null","string"],"source":"attributes.custom.case_priority","privacy":"hash"}`,
		`{"name":"phone","type":["null","string"],"source":"attributes.custom.phone","privacy":"mask"}`,
		`{"name":"birthday","type":["null",{"type":"int","logicalType":"date"}],"source":"person.born","privacy":"drop"}`,
		`{"name":"numbers","type":["null",{"type":"array","items":"string"}],"privacy":"mask"}`,
		`{"name":"notes","type":["null",{"type":"map","values":["null","string"]}],"privacy":"hash"}`,
		`{"name":"strict","type":"string","source":"x.strict","default":"none","privacy":"mask"}`,
		`{"name":"legs","type":["null",{"type":"array","items":["null",{"type":"record","name":"Leg","fields":[
			{"name":"ani","type":["null","string"],"source":"from.ani","privacy":"mask"},
			{"name":"purpose","type":["null","string"]},
			{"name":"inner","type":["null",{"type":"record","name":"Inner","fields":[{"name":"name","type":"string","required":true,"privacy":"hash"}]},"string"]}]}]}]}`,
	).WithKey([]byte("key"))
}

func TestARowIsRedactedUnderEverySpellingAndAsOftenAsAKeyComes(t *testing.T) {
	high := `"` + hmacText("key", "high") + `"`
	r := NewRedactor(marked(t))
	for raw, want := range map[string]string{
		`{"id":"1","x":{"public":[1, 2]} }`:                                              `{"id":"1","x":{"public":[1, 2]}}`,
		`{"attributes.custom.case_priority":"high"}`:                                     `{"attributes.custom.case_priority":` + high + `}`,
		`{"attributes.custom":{"case_priority":"high","other": true}}`:                   `{"attributes.custom":{"case_priority":` + high + `,"other":true}}`,
		`{"attributes":{"custom.case_priority":"\u0068igh"}}`:                            `{"attributes":{"custom.case_priority":` + high + `}}`,
		`{"\u0061ttributes":{"custom":{"c\u0061se_priority":"high"}}}`:                   `{"\u0061ttributes":{"custom":{"c\u0061se_priority":` + high + `}}}`,
		`{"attributes.custom":{"case_priority":"high","case_priority":"high"}}`:          `{"attributes.custom":{"case_priority":` + high + `,"case_priority":` + high + `}}`,
		`{"attributes.custom":{"phone":"+49"},"attributes":{},"attributes.custom":null}`: `{"attributes.custom":{"phone":"***"},"attributes":{},"attributes.custom":null}`,
		`{"attributes.custom":{"phone":49,"case_priority":5.0}}`:                         `{"attributes.custom":{"phone":"***","case_priority":"` + hmacText("key", "5") + `"}}`,
		`{"attributes.custom":{"phone":true,"case_priority":null}}`:                      `{"attributes.custom":{"phone":"***","case_priority":null}}`,
		`{"attributes.custom":{"phone":{"mobile":"+49"},"case_priority":["high"]}}`:      `{"attributes.custom":{"phone":{},"case_priority":[]}}`,
		`{"attributes.custom":"+49"}`:                                                    `{"attributes.custom":"***"}`,
		`{"attributes":[{"custom":{"phone":"+49"}}]}`:                                    `{"attributes":[]}`,
		`{"attributes":7,"attributes.custom":true}`:                                      `{"attributes":0,"attributes.custom":false}`,
		`{"a":1,"person":{"born":"2001-02-03","tall":2},"b":2}`:                          `{"a":1,"person":{"tall":2},"b":2}`,
		`{"person.born":{"year":2001},"a":1}`:                                            `{"a":1}`,
		`{"person.born.year":2001}`:                                                      `{}`,
		`{"numbers":["+49","",null,49,{"n":"+49"},["+49"]]}`:                             `{"numbers":["***","",null,"***",{},[]]}`,
		`{"numbers":"+49"}`:                 `{"numbers":"***"}`,
		`{"numbers":{"0":"+49"}}`:           `{"numbers":{}}`,
		`{"notes":{"a.b":"high","c":null}}`: `{"notes":{"a.b":` + high + `,"c":null}}`,
		`{"notes":["high"]}`:                `{"notes":[]}`,
		`{"legs":[{"from.ani":"+49","purpose":"agent"},null,{"from":{"ani":"+49"}}]}`: `{"legs":[{"from.ani":"***","purpose":"agent"},null,{"from":{"ani":"***"}}]}`,
		`{"legs":{"from":{"ani":"+49"}}}`:                                             `{"legs":{}}`,
		`{"legs":[[{"from.ani":"+49"}],"+49",49]}`:                                    `{"legs":[[],"***",0]}`,
		`{"legs":[{"inner":{"name":"high"}},{"inner":"public"},{"inner":["name"]}]}`:  `{"legs":[{"inner":{"name":` + high + `}},{"inner":"public"},{"inner":[]}]}`,
	} {
		if got := redacted(t, r, raw); got != want {
			t.Errorf("%s became\n%s, want\n%s", raw, got, want)
		}
		id := strings.Replace(`{"id":"1",`+strings.TrimPrefix(raw[1:], `"id":"1",`), ",}", "}", 1)
		staysTheSameRow(t, marked(t), id)
	}
}

// A number that no contract reads has no text to hash: it stays one that no contract reads.
func TestANumberThatNoContractReadsStaysOne(t *testing.T) {
	raw := `{"id":"1","attributes.custom.phone":1e98765432109876,"x.strict":-3e-98765432109876}`
	staysTheSameRow(t, marked(t), raw)
	if got := redacted(t, NewRedactor(marked(t)), raw); strings.Contains(got, "9876") {
		t.Error(got)
	}
}

// secretive writes rows that hold the word secret wherever a private value can stand, and in
// its place or above it anything else that holds the word.
type secretive struct{ rng *rand.Rand }

// at writes a value at a rule: public where there is none.
func (s secretive) at(r *rule, depth int) string {
	if r == nil {
		return `"public"`
	}
	switch n := s.rng.IntN(8); {
	case n < 3 && depth < 6 && (r.members != nil || r.values != nil):
		return s.object(r, depth)
	case n < 3 && depth < 6 && r.items != nil:
		return "[" + s.at(r.items, depth+1) + "," + s.at(r.items, depth+1) + "]"
	case n == 3 && r.items == nil && r.plain&arrays == 0:
		return `["secret",{"a":"secret"}]`
	case n == 4 && r.members == nil && r.values == nil && r.plain&objects == 0:
		return `{"a":"secret","b":[{"c":"s\u0065cret"}]}`
	case n == 5 || r.plain&scalars != 0:
		return []string{`null`, `5`, `true`}[s.rng.IntN(3)]
	}
	return []string{`"secret"`, `"s\u0065cret \"x\""`}[s.rng.IntN(2)]
}

func (s secretive) object(r *rule, depth int) string {
	var members []string
	for range s.rng.IntN(4) {
		key, at := "unknown", (*rule)(nil)
		if r.values != nil {
			at = r.values
		}
		for from := r; from.members != nil && s.rng.IntN(4) > 0; from = at {
			segments := slices.Sorted(maps.Keys(from.members))
			segment := segments[s.rng.IntN(len(segments))]
			at = from.members[segment]
			key = strings.TrimPrefix(key+"."+segment, "unknown.")
		}
		members = append(members, fmt.Sprintf("%q:%s", key, s.at(at, depth+1)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestNoPrivateValueIsLeftInARedactedRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 5))
	made := &contractMaker{rng: rng}
	secrets := 0
	for range 300 {
		c := made.contract(t)
		r := NewRedactor(c, marked(t))
		for range 20 {
			raw := secretive{rng}.object(r.root, 0)
			if strings.Contains(raw, "cret") {
				secrets++
			}
			if got := redacted(t, r, raw); strings.Contains(got, "cret") {
				t.Fatalf("%s became %s by %s", raw, got, c.Schema())
			}
		}
	}
	if secrets < 2000 {
		t.Errorf("only %d rows held a secret", secrets)
	}
}

func TestTheStrictestMarkOfAllContractsCounts(t *testing.T) {
	mark := func(mark string) *Contract {
		return contractOf(t, `{"name":"f","type":["null","string"],"source":"a.f"`+mark+`}`).WithKey([]byte("key"))
	}
	public, hash, mask, drop := mark(""), mark(`,"privacy":"hash"`), mark(`,"privacy":"mask"`), mark(`,"privacy":"drop"`)
	raw := `{"a":{"f":"x"}}`
	for _, test := range []struct {
		contracts []*Contract
		want      string
	}{
		{nil, raw},
		{[]*Contract{public}, raw},
		{[]*Contract{public, hash}, `{"a":{"f":"` + hmacText("key", "x") + `"}}`},
		{[]*Contract{mask, hash, public}, `{"a":{"f":"***"}}`},
		{[]*Contract{hash, drop, mask}, `{"a":{}}`},
		{[]*Contract{contractOf(t, `{"name":"a","type":["null","string"],"privacy":"drop"}`), hash}, `{}`},
	} {
		if got := redacted(t, NewRedactor(test.contracts...), raw); got != test.want {
			t.Errorf("%d contracts: %s, want %s", len(test.contracts), got, test.want)
		}
	}
}

// A text is what one contract publishes there, and above what the other marks.
func TestWhatOneContractPublishesIsEmptiedWhereAnotherExpectsSomethingPrivate(t *testing.T) {
	record := func(name string) string {
		return `{"type":"record","name":"` + name + `","fields":[{"name":"n","type":["null","string"],"privacy":"mask"}]}`
	}
	union := contractOf(t, `{"name":"f","type":["null","string",`+record("R")+`]}`)
	whole := contractOf(t, `{"name":"f","type":["null",`+record("R")+`]}`)
	below := contractOf(t, `{"name":"n","type":["null","string"],"source":"f.n","privacy":"mask"}`)
	if got := redacted(t, NewRedactor(union), `{"f":"x"}`); got != `{"f":"x"}` {
		t.Errorf("alone: %s", got)
	}
	for _, other := range []*Contract{whole, below} {
		for _, r := range []*Redactor{NewRedactor(union, other), NewRedactor(other, union)} {
			if got := redacted(t, r, `{"f":"x"}`); got != `{"f":"***"}` {
				t.Errorf("with another: %s", got)
			}
			if got := redacted(t, r, `{"f":{"n":"x","m":1}}`); got != `{"f":{"n":"***","m":1}}` {
				t.Errorf("an object with another: %s", got)
			}
		}
	}
}

func TestARowThatCannotBeRedactedIsKeptBack(t *testing.T) {
	idle, private := NewRedactor(reports(t)), NewRedactor(reports(t), jobs(t))
	if !idle.Idle() || private.Idle() || !NewRedactor().Idle() {
		t.Error("the wrong redactors are idle")
	}
	cut := &conv.Row{Raw: []byte(`{"participants":[{"participantName":"Jö`), Length: 1 << 30}
	for name, row := range map[string]*conv.Row{"cut": cut, "array": rowOf(t, `["Jörg"]`), "string": rowOf(t, `"Jörg"`)} {
		if out, ok := private.Redact([]byte("kept"), row); ok || string(out) != "kept" {
			t.Errorf("%s: %v, %q", name, ok, out)
		}
		if out, ok := idle.Redact(nil, row); !ok || !bytes.Equal(out, row.Raw) {
			t.Errorf("%s: idle: %v, %q", name, ok, out)
		}
	}
}

func TestAConversationIsRedactedAsItIsPublished(t *testing.T) {
	raw := conversation(t)
	text := redacted(t, NewRedactor(jobs(t)), raw)
	for _, secret := range []string{"Jörg", "4930901820", "498005550100", "Billing"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is left in %s", secret, text)
		}
	}
	if !strings.Contains(text, `"case_priority": "high"`) {
		t.Errorf("attributes are public: %s", text)
	}
	staysTheSameRow(t, jobs(t), raw)
}

func FuzzARedactedRowIsPublishedAsTheRowItself(f *testing.F) {
	c := marked(f)
	f.Add(`{"id":"1","attributes":{"custom.phone":"1"},"legs":[{"from":{"ani":5}},7],"numbers":["1"],"x":{"strict":[]}}`)
	f.Add(`{"id":"1","person.born":1,"a":2,"notes":{"":""}}`)
	f.Add(`{"id":"1","legs":[{"inner":{"name":{}}}],"attributes.custom.phone":1e9999999999999}`)
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) || strings.TrimLeft(raw, " \t\r\n")[0] != '{' {
			return
		}
		staysTheSameRow(t, c, raw)
	})
}
