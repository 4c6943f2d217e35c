package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// contractMaker writes random contracts.
type contractMaker struct {
	rng     *rand.Rand
	records int
}

func (m *contractMaker) contract() string {
	return fmt.Sprintf(`{"type":"record","name":"Row","fields":[%s]}`, m.fields(0))
}

// fields share keys, so that sources meet: one may be the beginning of another.
func (m *contractMaker) fields(depth int) string {
	sources := []string{"", "", "", "a", "b", "a.b", "b.a", "a.b.c", "b.c", "é"}
	var fields []string
	for i := range 1 + m.rng.IntN(5) {
		field := fmt.Sprintf(`{"name":"f%d"`, i)
		if source := sources[m.rng.IntN(len(sources))]; source != "" {
			field += fmt.Sprintf(`,"source":%q`, source)
		}
		fields = append(fields, field+m.strictness(depth)+"}")
	}
	return strings.Join(fields, ",")
}

// strictness writes a field's type with what makes it stand where the row lacks the value.
func (m *contractMaker) strictness(depth int) string {
	typ, def := m.branch(depth)
	switch n := m.rng.IntN(20); {
	case n < 1 && def != "":
		return `,"type":` + typ + `,"required":true,"default":` + def
	case n < 2:
		return `,"type":` + typ + `,"required":true`
	case n < 3:
		return `,"type":["null",` + typ + `],"required":true`
	case n < 7 && def != "":
		return `,"type":` + typ + `,"default":` + def
	case n < 9 && def != "":
		return `,"type":[` + typ + `,"null"],"default":` + def
	case n < 11:
		return `,"type":[` + typ + `,"null"]`
	case n < 13:
		return `,"type":["null",` + typ + `]`
	}
	return `,"type":["null",` + typ + `],"default":null`
}

// branch writes a type outside a union, and a default for it, "" where it has none.
func (m *contractMaker) branch(depth int) (typ, def string) {
	const scalars = 7
	n := m.rng.IntN(2 * scalars)
	if depth > 4 {
		n %= scalars
	}
	switch n {
	case 0:
		return `"string"`, `"\u00e9"`
	case 1:
		return `"long"`, `-7`
	case 2:
		return `"int"`, `7`
	case 3:
		return `"double"`, `2.5`
	case 4:
		return `"float"`, `0.5`
	case 5:
		return `"boolean"`, `true`
	case 6:
		return `{"type":"long","logicalType":"timestamp-millis"}`, "" // goavro knows no default of it
	case 7, 8, 9:
		m.records++
		name := m.records
		return fmt.Sprintf(`{"type":"record","name":"R%d","fields":[%s]}`, name, m.fields(depth+1)), ""
	case 10, 11:
		return `{"type":"map","values":` + m.item(depth+1) + `}`, `{}`
	}
	return `{"type":"array","items":` + m.item(depth+1) + `}`, `[]`
}

func (m *contractMaker) item(depth int) string {
	typ, _ := m.branch(depth)
	switch m.rng.IntN(3) {
	case 0:
		return `["null",` + typ + `]`
	case 1:
		return `[` + typ + `,"null"]`
	}
	return typ
}

// rowMaker writes random rows for a contract, of which most keep it more or less.
type rowMaker struct {
	rng     *rand.Rand
	hostile int  // one value in so many is anything at all
	lean    bool // defaults are not written; all else is as without
}

func (m *rowMaker) object(s *shape) string {
	var parts []string
	for i := range s.fields {
		f := &s.fields[i]
		if !f.required && m.rng.IntN(3) == 0 || m.rng.IntN(m.hostile) == 0 {
			continue
		}
		for range 1 + m.rng.IntN(m.hostile)/(m.hostile-1) { // now and then twice
			parts = append(parts, m.field(f))
		}
	}
	for range m.rng.IntN(3) {
		parts = append(parts, m.member([]string{"x", "f0.x", "", "c"}[m.rng.IntN(4)], m.any(0)))
	}
	m.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, []string{",", " ,\n"}[m.rng.IntN(2)]) + "}"
}

// field writes a field, and often with a value that says what a row without it says.
func (m *rowMaker) field(f *shapeField) string {
	if f.hasDefault && m.rng.IntN(4) == 0 {
		spelt, _ := json.Marshal(f.defaultValue) // it was read from JSON
		if member := m.member(f.source, string(spelt)); !m.lean {
			return member
		}
		return `"unknown":0`
	}
	return m.member(f.source, m.value(&f.shape))
}

// member writes a value under a path, in any of the path's spellings.
func (m *rowMaker) member(path, value string) string {
	key, rest := path, ""
	if dots := strings.Count(path, "."); dots > 0 && m.rng.IntN(2) == 0 {
		at := strings.Index(path, ".")
		key, rest = path[:at], path[at+1:]
	}
	if rest != "" {
		value = "{" + m.member(rest, value) + "}"
	}
	return m.key(key) + ":" + value
}

func (m *rowMaker) key(key string) string {
	if key != "" && key[0] < 0x80 && m.rng.IntN(8) == 0 {
		return fmt.Sprintf(`"\u%04x%s"`, key[0], key[1:])
	}
	return strconv.Quote(key)
}

func (m *rowMaker) value(s *shape) string {
	switch n := m.rng.IntN(m.hostile); {
	case n == 0:
		return m.any(0)
	case n == 1 || s.nullable && m.rng.IntN(8) == 0:
		return "null"
	}
	switch s.kind {
	case "record":
		return m.object(s)
	case "array":
		elements := make([]string, m.rng.IntN(4))
		for i := range elements {
			elements[i] = m.value(s.items)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case "map":
		members := make([]string, m.rng.IntN(4))
		for i := range members {
			key := []string{"k", "l", "", "a.b", "é", `\ud83d`, `\ud83d\ude00`, `\n\"`}[m.rng.IntN(8)]
			members[i] = `"` + key + `":` + m.value(s.items)
		}
		return "{" + strings.Join(members, ",") + "}"
	case "string":
		return []string{`"s"`, `""`, `"\u00e9\ud83d"`, "\"\xff\"", `5.0`, `true`}[m.rng.IntN(6)]
	case "boolean":
		return []string{`true`, `false`, `"true"`}[m.rng.IntN(3)]
	case "timestamp-millis":
		return []string{`"2024-02-29T23:59:59.999+01:00"`, `"2024-01-01T00:00:00Z"`, `1704096932100`, `-1`}[m.rng.IntN(4)]
	}
	return []string{`0`, `5.0`, `-7`, `"12"`, `1e3`, strconv.Itoa(m.rng.IntN(1 << 30))}[m.rng.IntN(6)]
}

// any writes a value that need not fit anything.
func (m *rowMaker) any(depth int) string {
	switch n := m.rng.IntN(6); {
	case n == 0 && depth < 4:
		return "[" + m.any(depth+1) + "," + m.any(depth+1) + "]"
	case n == 1 && depth < 4:
		return "{" + m.key([]string{"a", "b", "f0", "k"}[m.rng.IntN(4)]) + ":" + m.any(depth+1) + "}"
	case n == 2:
		return []string{`{}`, `[]`, `9223372036854775808`, `1e40`, `12345678901234567890.5`}[m.rng.IntN(5)]
	}
	return randomScalar(m.rng)
}

func TestNestedEncodeAgreesWithGoavroOnRandomContractsAndRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 1))
	made := &contractMaker{rng: rng}
	var published, absorbed, rejected int
	for range 400 {
		schema := made.contract()
		c, err := Parse([]byte(schema))
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		codec, root := codecOf(t, c), shapeOf(t, c)
		for i := range 25 {
			raw := (&rowMaker{rng: rng, hostile: []int{6, 30, 1000}[i%3]}).object(&root)
			if !json.Valid([]byte(raw)) {
				t.Fatalf("the generator made %s", raw)
			}
			agreesWithGoavro(t, c, codec, raw)
			switch want := naiveRecord(&root, parseMembers(t, raw), ""); {
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
		c, err := Parse([]byte(made.contract()))
		if err != nil {
			t.Fatal(err)
		}
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
