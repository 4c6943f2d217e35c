package avro

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachDefaultContractCoversItsSpeechContract(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		whole, err := Default(dialect)
		if err != nil {
			t.Fatal(err)
		}
		speech, err := Speech(dialect)
		if err != nil {
			t.Fatal(err)
		}
		if !whole.Covers(speech) || speech.Covers(whole) || !speech.Covers(speech) {
			t.Errorf("%s: covers its speech contract: %v, the other way round: %v", dialect, whole.Covers(speech), speech.Covers(whole))
		}
	}
}

func TestAContractCoversWhatItPublishesAsPlainly(t *testing.T) {
	field := func(text string) *Contract {
		return contractOf(t, `{"name":"f","source":"a.f",`+text+`}`).WithKey([]byte("key"))
	}
	plain, hash, mask := field(`"type":["null","string"]`), field(`"type":["null","string"],"privacy":"hash"`), field(`"type":["null","string"],"privacy":"mask"`)
	drop, count := field(`"type":["null","string"],"privacy":"drop"`), field(`"type":["null","long"]`)
	record := func(typ, mark string) *Contract {
		value := map[string]string{"string": `"***"`, "long": "5", "int": "5"}[typ]
		return field(`"type":{"type":"record","name":"I","fields":[{"name":"g","type":["null","long"],"default":null},{"name":"h","required":true,"type":"` + typ + `"` + mark + `}]},"default":{"h":` + value + `}`)
	}
	whole := contractOf(t, `{"name":"a","type":["null",{"type":"map","values":"string"}]}`)
	for _, test := range []struct {
		name     string
		f, g     *Contract
		fg, back bool
	}{
		{"plain and hashed", plain, hash, true, false},
		{"hashed and masked", hash, mask, true, false},
		{"masked and dropped", mask, drop, true, false},
		{"hashed without a key and masked", hash.WithKey(nil), mask, true, true},
		{"a text and a number", plain, count, true, false},
		{"another source", plain, contractOf(t, `{"name":"f","type":["null","string"]}`), false, false},
		{"a value and the object around it", plain, whole, false, false},
		{"null and a default", plain, field(`"type":"string","default":""`), false, false},
		{"records of one default, of which it is in doubt", record("long", ""), record("long", ""), false, false},
		{"of another type inside", record("long", ""), record("int", ""), false, false},
		{"of another mark inside", record("string", ""), record("string", `,"privacy":"mask"`), false, false},
		{"no elements of one type", field(`"type":{"type":"array","items":"long"},"default":[]`), field(`"type":{"type":"array","items":"long"},"default":[]`), true, true},
		{"an element of one type, of which it is in doubt", field(`"type":{"type":"array","items":"long"},"default":[5]`), field(`"type":{"type":"array","items":"long"},"default":[5]`), false, false},
		{"no elements of either", field(`"type":{"type":"array","items":"long"},"default":[]`), field(`"type":{"type":"array","items":"int"},"default":[]`), true, false},
		{"an element of either", field(`"type":{"type":"array","items":"long"},"default":[5]`), field(`"type":{"type":"array","items":"int"},"default":[5]`), false, false},
		{"required and nullable", field(`"type":"string","required":true`), plain, true, true},
	} {
		if fg, back := test.f.Covers(test.g), test.g.Covers(test.f); fg != test.fg || back != test.back {
			t.Errorf("%s: %v and back %v, want %v and %v", test.name, fg, back, test.fg, test.back)
		}
	}
}

// coverMaker makes contracts and rows of so few words that they often meet.
type coverMaker struct{ rng *rand.Rand }

func (m coverMaker) one(of ...string) string { return of[m.rng.IntN(len(of))] }

func (m coverMaker) contract(t *testing.T) *Contract {
	for {
		var fields []string
		for i := range 1 + m.rng.IntN(3) {
			fields = append(fields, m.field(fmt.Sprint("f", i), m.one("a", "b", "b.c"), 0))
		}
		c, err := Parse([]byte(`{"type":"record","name":"R","fields":[` + strings.Join(fields, ",") + `]}`))
		if err == nil {
			return c.WithKey([]byte(m.one("", "key", "key")))
		}
	}
}

func (m coverMaker) field(name, source string, depth int) string {
	word := m.one(`"string"`, `"string"`, `"long"`, `"int"`, `"boolean"`, `"double"`, `{"type":"long","logicalType":"timestamp-millis"}`,
		`{"type":"enum","name":"E`+name+`","symbols":["x","y"],"default":"x"}`, `{"type":"array","items":["null","long"]}`, `{"type":"map","values":"string"}`)
	if depth == 0 && m.rng.IntN(3) == 0 {
		word = `{"type":"record","name":"I` + name + `","fields":[` + m.field(name+"c", "c", 1) + `,` + m.field(name+"d", "d", 1) + `]}`
	}
	strictness := m.one(`["null",`+word+`]`, `["null",`+word+`]`, word+`,"required":true`, word+`,"default":"x"`, word+`,"default":5`, word+`,"default":{}`, word+`,"default":[5]`,
		word+`,"default":{"`+name+`c":"x","`+name+`d":"x"}`, word+`,"default":{"`+name+`c":5,"`+name+`d":null}`, `[`+word+`,"null"],"default":"x"`, `["null","string","long"]`)
	return fmt.Sprintf(`{"name":%q,"source":%q,"type":%s%s}`, name, source, strictness, m.one("", "", `,"privacy":"mask"`, `,"privacy":"hash"`, `,"privacy":"drop"`))
}

func (m coverMaker) row() string {
	var members []string
	for _, key := range []string{"a", "b", "b.c"} {
		if m.rng.IntN(3) > 0 {
			members = append(members, fmt.Sprintf(`%q:%s`, key, m.value(0)))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (m coverMaker) value(depth int) string {
	if depth == 0 && m.rng.IntN(3) == 0 {
		return m.one(`{"c":`+m.value(1)+`}`, `{"d":`+m.value(1)+`}`, `{"c":`+m.value(1)+`,"d":`+m.value(1)+`}`)
	}
	return m.one(`null`, `5`, `"5"`, `5.5`, `"x"`, `"y"`, `""`, `true`, `"true"`, `{}`, `[]`, `[null]`, `[5]`, `"***"`)
}

func TestRowsThatAreOneByAContractAreOneByAnyThatItCovers(t *testing.T) {
	m := coverMaker{rand.New(rand.NewPCG(2026, 11))}
	pairs, compared := 0, 0
	var contracts []*Contract
	for range 160 {
		contracts = append(contracts, m.contract(t))
	}
	for i := range len(contracts) * len(contracts) {
		f, g := contracts[i/len(contracts)], contracts[i%len(contracts)]
		if !f.Covers(g) || f.Schema() == g.Schema() {
			continue
		}
		pairs++
		first := map[uint64]string{}
		for range 30 {
			raw := m.row()
			_, facts := f.Encode(nil, 1, rowOf(t, raw), nil)
			if facts.Reject != nil {
				continue
			}
			before, known := first[facts.Fingerprint]
			if first[facts.Fingerprint] = raw; !known || before == raw {
				continue
			}
			compared++
			one, oneFacts := g.Encode(nil, 1, rowOf(t, before), nil)
			two, twoFacts := g.Encode(nil, 1, rowOf(t, raw), nil)
			if !bytes.Equal(one, two) || (oneFacts.Reject == nil) != (twoFacts.Reject == nil) {
				t.Fatalf("%s and %s are one by\n%s\nbut not by\n%s", before, raw, f.Schema(), g.Schema())
			}
		}
	}
	if pairs < 500 || compared < 2000 {
		t.Errorf("only %d pairs of contracts covered, and %d pairs of rows were one", pairs, compared)
	}
}

func TestASourceIsMarkedWithWhatIsInItAndAroundIt(t *testing.T) {
	c := marked(t)
	for source, want := range map[string]bool{
		"id": false, "attributes.custom": true, "attributes": true, "attributes.custom.phone": true, "attributes.custom.phone.mobile": true,
		"attributes.custom.other": false, "person.born": true, "person.tall": false, "person": true, "numbers": true, "notes": true, "notes.any": true,
		"legs": true, "legs.purpose": false, "legs.from": true, "legs.from.ani": true, "legs.inner": true, "legs.inner.name": true, "legs.inner.other": false, "leg": false,
	} {
		if c.Marks(source) != want {
			t.Errorf("%s is marked: %v", source, !want)
		}
	}
	if reports(t).Marks("interaction.id") {
		t.Error("the contract of reports marks nothing")
	}
}

func TestAMarkInsideAMapIsFoundBehindEachKey(t *testing.T) {
	c := contractOf(t, `{"name":"m","type":["null",{"type":"map","values":{"type":"array","items":{"type":"record","name":"R","fields":[
		{"name":"a","type":["null","string"],"source":"x.a","privacy":"mask"},{"name":"b","type":["null","string"]}]}}}]}`,
		`{"name":"d","type":["null",{"type":"array","items":"string"}],"source":"o.d","privacy":"drop"}`)
	for path, want := range map[string]struct{ whole, there []string }{
		"m":         {[]string{"m.x.a"}, nil},
		"m.k":       {[]string{"m.x.a"}, nil},
		"m.k.x":     {[]string{"m.x.a"}, nil},
		"m.k.x.a":   {[]string{"m.x.a"}, []string{"m.x.a"}},
		"m.k.l":     {[]string{"m.x.a"}, nil},               // likewise, and what is read whole may be gone into further on
		"m.k.l.x.a": {[]string{"m.x.a"}, []string{"m.x.a"}}, // the key may be k.l
		"m.k.x.a.b": {[]string{"m.x.a"}, []string{"m.x.a"}},
		"o":         {[]string{"o.d"}, nil},
		"o.d":       {[]string{"o.d"}, []string{"o.d"}},
		"o.d.e":     {[]string{"o.d"}, []string{"o.d"}},
		"o.da":      {nil, nil},
	} {
		if diff := cmp.Diff(want.whole, c.Marked(path, true)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if diff := cmp.Diff(want.there, c.Marked(path, false)); diff != "" {
			t.Errorf("whether there is %s: %s", path, diff)
		}
	}
}
