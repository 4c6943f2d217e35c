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
	text := string(out[len("kept"):])
	row := rowOf(t, text)
	row.Redacted = true
	if again, ok := r.Redact(nil, row); !ok || string(again) != text {
		t.Fatalf("%s became %s, and that, redacted again, %s", raw, text, again)
	}
	return text
}

// elsewhere is a contract that reads and marks nothing of what tests are about.
func elsewhere(t testing.TB) *Contract {
	return contractOf(t, `{"name":"elsewhere","type":["null","string"],"optional":true}`)
}

// staysTheSameRow redacts a row, and compares what becomes of it with what becomes of the row.
func staysTheSameRow(t testing.TB, c *Contract, raw string, derived ...*Contract) {
	t.Helper()
	text := redacted(t, NewRedactor(c, derived...), raw)
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
	if r == nil || !r.private {
		return `"public"`
	}
	switch n := s.rng.IntN(8); {
	case n < 3 && depth < 6 && r.reads(objects):
		return s.object(r, depth)
	case n < 3 && depth < 6 && r.reads(arrays):
		return "[" + s.at(r.items, depth+1) + "," + s.at(r.items, depth+1) + "]"
	case n == 3 && !r.reads(arrays):
		return `["secret",{"a":"secret"}]`
	case n == 4 && !r.reads(objects):
		return `{"a":"secret","b":[{"c":"s\u0065cret"}]}`
	case n == 5 || r.scalars && r.privacy == public:
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
		for from := r; from != nil && len(from.members) > 0 && s.rng.IntN(4) > 0; from = at {
			segments := slices.Sorted(maps.Keys(from.members))
			segment := segments[s.rng.IntN(len(segments))]
			at = from.members[segment]
			key = strings.TrimPrefix(key+"."+segment, "unknown.")
			if at.private && !at.reads(objects) && s.rng.IntN(4) == 0 {
				key, at = key+".below", closed
			} else if at.values != nil && s.rng.IntN(4) == 0 {
				key, at = key+".any", at.values
			}
		}
		members = append(members, fmt.Sprintf("%q:%s", key, s.at(at, depth+1)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestNoPrivateValueIsLeftInARedactedRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 5))
	made := &contractMaker{rng: rng}
	marked, elsewhere := marked(t), elsewhere(t)
	secrets := 0
	for range 200 {
		c := made.contract(t)
		whole := &rule{}
		whole.addRecord(c.root, false)
		redactors := []*Redactor{NewRedactor(c, marked), NewRedactor(elsewhere, marked, c)}
		for range 40 {
			raw := secretive{rng}.object(whole, 0)
			if strings.Contains(raw, "cret") {
				secrets++
			}
			for _, r := range redactors {
				if got := redacted(t, r, raw); strings.Contains(got, "cret") {
					t.Fatalf("%s became %s by %s", raw, got, c.Schema())
				}
			}
		}
	}
	if secrets < 2000 {
		t.Errorf("only %d rows held a secret", secrets)
	}
}

func TestAKeyThatLeadsIntoAPrivateValueHoldsOne(t *testing.T) {
	c := contractOf(t,
		`{"name":"attributes","type":["null",{"type":"map","values":["null","string"]}],"privacy":"mask"}`,
		`{"name":"caller","type":["null","string"],"source":"a.caller","privacy":"mask"}`,
		`{"name":"cc","type":["null",{"type":"array","items":"string"}],"privacy":"hash"}`,
		`{"name":"people","type":["null",{"type":"map","values":{"type":"record","name":"P","fields":[{"name":"n","type":["null","string"],"privacy":"mask"}]}}]}`)
	for raw, want := range map[string]string{
		`{"attributes.name":"Bob","attributes.n.m":5,"attributes.":"Bob"}`: `{"attributes.name":"***","attributes.n.m":"***","attributes.":"***"}`,
		`{"attributes.name":{"first":"Bob"},"attributes.all":["Bob"]}`:     `{"attributes.name":{},"attributes.all":[]}`,
		`{"a.caller.name":"Bob","a":{"caller.number":5,"x":"y"}}`:          `{"a.caller.name":"***","a":{"caller.number":0,"x":"y"}}`,
		`{"a.caller.name":{"first":"Bob"},"a.callers":"public"}`:           `{"a.caller.name":{},"a.callers":"public"}`,
		`{"cc.0":"bob@example.org","c":"public"}`:                          `{"cc.0":"***","c":"public"}`,
		`{"people.any":{"n":"Bob","first":"public"}}`:                      `{"people.any":{"n":"***","first":"public"}}`,
	} {
		for _, r := range []*Redactor{NewRedactor(c), NewRedactor(elsewhere(t), c)} {
			if got := redacted(t, r, raw); got != want {
				t.Errorf("%s became\n%s, want\n%s", raw, got, want)
			}
		}
	}
	for _, r := range []*Redactor{NewRedactor(c), NewRedactor(elsewhere(t), c)} {
		if got := redacted(t, r, `{"people.any.n":{"first":"Bob"},"people":{"any.n":{"first":"Bob"}}}`); strings.Contains(got, "Bob") {
			t.Error(got)
		}
	}
}

func TestARowThatCannotBeRedactedIsKeptBack(t *testing.T) {
	idle, private := NewRedactor(reports(t)), NewRedactor(reports(t), jobs(t))
	if !idle.Idle() || private.Idle() {
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
