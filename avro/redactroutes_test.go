package avro

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhateverDerivedContractsMarkARedactedRowIsTheSameToThePrimaryOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 12))
	made := &contractMaker{rng: rng}
	var contracts []*Contract
	for range 150 {
		contracts = append(contracts, made.contract(t))
	}
	changed := 0
	for _, primary := range contracts {
		for range 8 {
			others := []*Contract{contracts[rng.IntN(len(contracts))], contracts[rng.IntN(len(contracts))].WithKey([]byte("another"))}[:1+rng.IntN(2)]
			reader := primary
			if rng.IntN(4) == 0 {
				reader = primary.WithKey(nil) // a hash is a mask then
			}
			for i := range 8 {
				shapes := shapeOf(t, contracts[rng.IntN(len(contracts))])
				if i%2 == 0 {
					shapes = shapeOf(t, []*Contract{primary, others[0]}[rng.IntN(2)])
				}
				raw := (&rowMaker{rng: rng, hostile: []int{6, 30, 1000}[i%3]}).object(&shapes)
				staysTheSameRow(t, reader, raw, others...)
				if redacted(t, NewRedactor(reader), raw) != redacted(t, NewRedactor(reader, others...), raw) {
					changed++
				}
			}
		}
	}
	if changed < 2000 {
		t.Errorf("derived contracts had a say in only %d rows", changed)
	}
}

// The primary contract may publish in plain what the derived one conceals.
func TestADerivedContractPublishesNoPrivateValueOfARedactedRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 14))
	made := &contractMaker{rng: rng}
	secrets := 0
	for range 200 {
		derived, primary := made.contract(t), made.contract(t)
		whole := &rule{}
		whole.addRecord(derived.root, false)
		for range 60 {
			raw := secretive{rng}.object(whole, 0)
			text := redacted(t, NewRedactor(primary, derived), raw)
			if strings.Contains(text, "cret") {
				secrets++
			}
			row := rowOf(t, text)
			row.Redacted = true
			if out, _ := derived.Encode(nil, 1, row, nil); bytes.Contains(out, []byte("secret")) {
				t.Fatalf("%s became %s and then %q by %s", raw, text, out, derived.Schema())
			}
		}
	}
	if secrets < 200 {
		t.Errorf("only %d rows held what the primary contract publishes in plain", secrets)
	}
}

func TestThePrimaryContractDecidesAboutWhatItReads(t *testing.T) {
	mark := func(mark string) *Contract {
		return contractOf(t, `{"name":"f","type":["null","string"],"source":"a.f"`+mark+`}`).WithKey([]byte("key"))
	}
	public, hash, mask, drop := mark(""), mark(`,"privacy":"hash"`), mark(`,"privacy":"mask"`), mark(`,"privacy":"drop"`)
	raw := `{"a":{"f":"x","g":1}}`
	hashed, masked, gone := `{"a":{"f":"`+hmacText("key", "x")+`","g":1}}`, `{"a":{"f":"***","g":1}}`, `{"a":{"g":1}}`
	object := func(mark string) *Contract {
		return contractOf(t, `{"name":"a","type":["null",{"type":"map","values":["null","string"]}]`+mark+`}`)
	}
	for _, test := range []struct {
		name     string
		redactor *Redactor
		want     string
	}{
		{"nothing marked", NewRedactor(public), raw},
		{"public before all", NewRedactor(public, hash, drop), raw},
		{"hash before drop", NewRedactor(hash, drop, mask), hashed},
		{"mask before hash", NewRedactor(mask, hash, public), masked},
		{"the strictest of derived ones", NewRedactor(elsewhere(t), mask, hash), masked},
		{"and dropped", NewRedactor(elsewhere(t), hash, drop, mask), gone},
		{"a public field in an object that is dropped", NewRedactor(public, object(`,"privacy":"drop"`)), `{"a":{"f":"x","g":0}}`},
		{"a public field in a map that is masked", NewRedactor(public, object(`,"privacy":"mask"`)), `{"a":{"f":"x","g":"***"}}`},
		{"a public map around a field", NewRedactor(object(""), mask, drop), raw},
		{"a masked map around a field", NewRedactor(object(`,"privacy":"mask"`), hash), `{"a":{"f":"***","g":"***"}}`},
		{"an object that is dropped by none of two", NewRedactor(elsewhere(t), hash, object(`,"privacy":"drop"`)), `{}`},
	} {
		if got := redacted(t, test.redactor, raw); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A reject says what was found.
func TestAValueStaysOfItsTypeWhereThePrimaryContractExpectsAnObject(t *testing.T) {
	primary := contractOf(t, `{"name":"b","type":"string","source":"a.b","required":true}`)
	for _, mark := range []string{"mask", "drop"} {
		derived := contractOf(t, `{"name":"a","type":["null","string"],"privacy":"`+mark+`"}`)
		for _, raw := range []string{`{"a":5}`, `{"a":true}`, `{"a":"x"}`, `{"a":[1]}`, `{"a":{"b":"x","c":"y"}}`} {
			staysTheSameRow(t, primary, raw, derived)
		}
		if got := redacted(t, NewRedactor(primary, derived), `{"a":5}`); got != `{"a":0}` {
			t.Errorf("%s: %s", mark, got)
		}
	}
}

// A derived route conceals in its own way what the primary one has concealed in another.
func TestAMaskMasksAHashAndAHashLeavesWhatIsConcealed(t *testing.T) {
	mask := contractOf(t, `{"name":"f","type":["null","string"],"privacy":"mask"}`)
	hash := contractOf(t, `{"name":"f","type":["null","string"],"privacy":"hash"}`).WithKey([]byte("key"))
	sum := hmacText("another key", "x")
	for _, test := range []struct {
		c          *Contract
		text, want string
	}{
		{mask, sum, "***"}, {mask, "***", "***"}, {mask, "x", "***"}, {mask, "", ""},
		{hash, sum, sum}, {hash, "***", "***"}, {hash, "x", hmacText("key", "x")},
		{hash.WithKey(nil), sum, sum}, {hash.WithKey(nil), "x", "***"},
	} {
		row := rowOf(t, `{"f":"`+test.text+`"}`)
		row.Redacted = true
		out, _ := test.c.Encode(nil, 1, row, nil)
		if diff := cmp.Diff(join([]byte{2}, avroText(test.want)), out[5:]); diff != "" {
			t.Errorf("%q by %s: %s", test.text, test.c.Schema(), diff)
		}
		again, _ := NewRedactor(test.c).Redact(nil, row)
		if want := `{"f":"` + test.want + `"}`; string(again) != want {
			t.Errorf("%q redacted again: %s, want %s", test.text, again, want)
		}
	}
}

// A contract that reads an object as a map says for each of its keys what another says for one.
func TestOfAMapAndOfAKeyInItTheStricterRuleCounts(t *testing.T) {
	attributes := func(values string) *Contract {
		return contractOf(t, `{"name":"attributes","type":["null",{"type":"map","values":`+values+`}],"privacy":"mask"}`)
	}
	hash := func(source string) *Contract {
		return contractOf(t, `{"name":"n","type":["null","string"],"source":"`+source+`","privacy":"hash"}`).WithKey([]byte("key"))
	}
	for _, test := range []struct {
		name string
		a, b *Contract
		raw  string
		want string
	}{
		{"one key", attributes(`"string"`), hash("attributes.name"), `{"attributes":{"name":"Bob","n":"x"}}`, `{"attributes":{"name":"***","n":"***"}}`},
		{"one key of two segments", attributes(`"string"`), hash("attributes.caller.name"), `{"attributes":{"caller.name":"Bob"}}`, `{"attributes":{"caller.name":"***"}}`},
		{"a map in the map", attributes(`{"type":"map","values":"string"}`), hash("attributes.caller.name"),
			`{"attributes":{"caller":{"name":"Bob","phone":"+49"}}}`, `{"attributes":{"caller":{"name":"***","phone":"***"}}}`},
		{"a text in one, an object in the other", attributes(`"string"`), hash("attributes.caller.name"), `{"attributes":{"caller":{"name":"Bob","phone":"+49"}}}`, `{"attributes":{"caller":{}}}`},
	} {
		for _, r := range []*Redactor{NewRedactor(elsewhere(t), test.a, test.b), NewRedactor(elsewhere(t), test.b, test.a)} {
			if got := redacted(t, r, test.raw); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
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
		for _, r := range []*Redactor{NewRedactor(elsewhere(t), union, other), NewRedactor(elsewhere(t), other, union)} {
			if got := redacted(t, r, `{"f":"x"}`); got != `{"f":"***"}` {
				t.Errorf("with another: %s", got)
			}
			if got := redacted(t, r, `{"f":{"n":"x","m":1}}`); got != `{"f":{"n":"***","m":1}}` {
				t.Errorf("an object with another: %s", got)
			}
		}
	}
}
