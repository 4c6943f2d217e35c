package avro

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestNestedEncodeAgreesWithGoavroOnRandomContractsAndRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 1))
	made := &contractMaker{rng: rng}
	var published, absorbed, rejected int
	for range 400 {
		c := made.contract(t)
		readByOthers(t, c)
		codec, root := codecOf(t, c), shapeOf(t, c)
		for i := range 25 {
			raw := (&rowMaker{rng: rng, hostile: []int{6, 30, 1000}[i%3]}).object(&root)
			if !json.Valid([]byte(raw)) {
				t.Fatalf("the generator made %s", raw)
			}
			agreesWithGoavro(t, c, codec, raw)
			switch want := (&naive{}).record(&root, parseMembers(t, raw), "", ""); {
			case len(want.problems) > 0:
				rejected++
			case i%3 == 0:
				absorbed++
			default:
				published++
			}
		}
	}
	// Few of one kind would mean that the generator proves little about it.
	if published < 2000 || absorbed < 500 || rejected < 1000 {
		t.Errorf("%d plain rows, %d hostile ones and %d rejects", published, absorbed, rejected)
	}
}

// Another spelling of a row is made from what encoding/json reads of it: keys sorted, escapes
// gone, white space gone.
func TestR74_ASpellingByTheStandardLibraryHasTheSameFacts(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 3))
	made := &contractMaker{rng: rng}
	compared := 0
	for range 100 {
		c := made.contract(t)
		root := shapeOf(t, c)
		for range 20 {
			raw := (&rowMaker{rng: rng, hostile: 20}).object(&root)
			row := rowOf(t, raw)
			if anotherSpelling(row) {
				continue // which of two spellings of a source is the last depends on their order
			}
			dec := json.NewDecoder(strings.NewReader(raw))
			dec.UseNumber()
			var v any
			if err := dec.Decode(&v); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			want, wantFacts := c.Encode(nil, 1, row, nil)
			got, facts := c.Encode(nil, 1, rowOf(t, string(again)), nil)
			if diff := cmp.Diff(wantFacts, facts); diff != "" || string(want) != string(got) {
				t.Fatalf("%s and %s by %s: %x and %x, %s", raw, again, c.Schema(), want, got, diff)
			}
			compared++
		}
	}
	if compared < 500 {
		t.Errorf("only %d rows were compared", compared)
	}
}

// anotherSpelling says whether a source could stand twice in an object of the row, once under
// a key with dots. Strings with dots count too: a test can spare their rows.
func anotherSpelling(row *conv.Row) bool {
	for _, token := range row.Tokens {
		if token.Kind == conv.String && strings.Contains(string(row.Text(token)), ".") {
			return true
		}
	}
	return false
}

// everyNesting is a contract of each type inside each other, with sources of two spellings.
func everyNesting(t testing.TB) *Contract {
	return contractOf(t,
		`{"name":"id","type":"string","required":true,"identity":true}`,
		`{"name":"r","type":["null",{"type":"record","name":"A","fields":[
			{"name":"s","type":["null","string"]},
			{"name":"u","type":["long","null"],"default":0,"source":"s"},
			{"name":"l","type":["long","null"],"default":-7,"source":"m.l"},
			{"name":"i","type":"int","default":3,"source":"m.i"},
			{"name":"t","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"source":"t.at"}]}],"default":null}`,
		`{"name":"a","type":{"type":"array","items":["null",{"type":"record","name":"B","fields":[
			{"name":"k","type":"string","required":true},
			{"name":"f","type":["null",{"type":"array","items":{"type":"array","items":["double","null"]}}]},
			{"name":"m","type":[{"type":"map","values":["null","boolean"]},"null"],"default":{}}]}]},"default":[]}`,
		`{"name":"d","type":["null",{"type":"map","values":{"type":"array","items":"float"}}],"source":"r.d"}`,
		`{"name":"c","type":["null",{"type":"map","values":{"type":"record","name":"C","fields":[{"name":"n","type":"long","default":0}]}}]}`)
}

// The corpus that is committed in testdata/fuzz starts it.
func FuzzNestedEncodeAgreesWithGoavro(f *testing.F) {
	c := everyNesting(f)
	codec := codecOf(f, c)
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) || strings.TrimLeft(raw, " \t\r\n")[0] != '{' || hugeNumber(raw) {
			return
		}
		agreesWithGoavro(t, c, codec, raw)
	})
}
