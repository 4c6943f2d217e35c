package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validator compiles a contract's JSON Schema.
func validator(t testing.TB, c *Contract) *jsonschema.Schema {
	t.Helper()
	text, err := c.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // the schema names its own
	if err := compiler.AddResource("contract:///", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("contract:///")
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return schema
}

// agree holds a row against the contract and against its JSON Schema.
func agree(t testing.TB, c *Contract, schema *jsonschema.Schema, row string) (accepted bool) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(row))
	if err != nil {
		t.Fatal(err)
	}
	invalid := schema.Validate(value)
	_, facts := c.Encode(nil, 1, rowOf(t, row), nil)
	if (invalid == nil) != (facts.Reject == nil) {
		text, _ := c.JSONSchema()
		t.Errorf("the contract says %+v, its JSON Schema %v\nrow %s\ncontract %s\nschema %s", facts.Reject, invalid, row, c.Schema(), text)
	}
	return facts.Reject == nil
}

func TestR70_TheDefaultContractsAndTheirJSONSchemasAgree(t *testing.T) {
	sample := `{"interaction.id":"i","interaction.type":"voice","conversation.id":"c","timestamp":"2024-01-01T08:15:32.100Z"}`
	for row, want := range map[string]bool{
		sample: true,
		`{}`:   false,
		`[]`:   false,
		`null`: false,
		strings.Replace(sample, `"interaction.id":"i"`, `"interaction":{"id":"i"}`, 1):     true,
		strings.Replace(sample, `"interaction.id":"i"`, `"interaction":{"id":null}`, 1):    false,
		strings.Replace(sample, `"interaction.id":"i"`, `"interaction":"i"`, 1):            false,
		strings.Replace(sample, `"i"`, `7`, 1):                                             true,
		strings.Replace(sample, `"i"`, `[7]`, 1):                                           false,
		strings.Replace(sample, `"2024-01-01T08:15:32.100Z"`, `1704096932100`, 1):          true,
		strings.Replace(sample, `"2024-01-01T08:15:32.100Z"`, `"2024-02-30T08:15Z"`, 1):    false,
		strings.Replace(sample, `}`, `,"metrics":{"queuetime":{"ms":"long"}},"x":[1]}`, 1): true,
	} {
		c := reports(t)
		if agree(t, c, validator(t, c), row) != want {
			t.Errorf("%s: accepted %t", row, !want)
		}
	}
	jobs, err := Default("jobs")
	if err != nil {
		t.Fatal(err)
	}
	schema := validator(t, jobs)
	for row, want := range map[string]bool{
		`{"conversationId":"c","conversationStart":"2024-01-01T08:15:32.100Z"}`:                                                    true,
		`{"conversationId":"c","conversationStart":"yesterday"}`:                                                                   false,
		`{"conversationId":"c","conversationStart":"2024-01-01T08:15:32.100Z","participants":[{"sessions":[{"metrics":"none"}]}]}`: true,
		`{"conversationStart":"2024-01-01T08:15:32.100Z"}`:                                                                         false,
	} {
		if agree(t, jobs, schema, row) != want {
			t.Errorf("%s: accepted %t", row, !want)
		}
	}
}

// Each text is held against each type.
func TestR70_TheJSONSchemaKnowsEverySpellingOfEveryType(t *testing.T) {
	for _, typ := range scalarTypes {
		c, err := Parse([]byte(fmt.Sprintf(`{"type":"record","name":"Row","fields":[{"name":"f","type":%s,"required":true}]}`, typ)))
		if err != nil {
			t.Fatal(err)
		}
		schema, accepted := validator(t, c), 0
		for _, value := range spellings {
			if agree(t, c, schema, `{"f":`+value+`}`) {
				accepted++
			}
		}
		if accepted == 0 || accepted == len(spellings) {
			t.Errorf("%s: %d of %d values are accepted", typ, accepted, len(spellings))
		}
	}
}

var scalarTypes = []string{
	`"string"`, `"long"`, `"int"`, `"double"`, `"float"`, `"boolean"`,
	`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`,
	`{"type":"long","logicalType":"local-timestamp-millis"}`, `{"type":"long","logicalType":"local-timestamp-micros"}`,
	`{"type":"int","logicalType":"date"}`, `{"type":"int","logicalType":"time-millis"}`, `{"type":"long","logicalType":"time-micros"}`,
	`{"type":"string","logicalType":"uuid"}`,
	`{"type":"enum","name":"E1","symbols":["A","B"]}`, `{"type":"enum","name":"E2","symbols":["A","B"],"default":"A"}`,
	`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":3,"scale":3}`,
	`{"type":"bytes","logicalType":"decimal","precision":4,"scale":0}`, `{"type":"fixed","name":"D","size":8,"logicalType":"decimal","precision":18,"scale":0}`,
}

// spellings are JSON values: numbers around every limit, and texts of them, of dates and of times.
var spellings = func() []string {
	all := []string{`true`, `false`, `"true"`, `"false"`, `"True"`, `""`, `"A"`, `"B"`, `"C"`, `"a"`, `{}`, `[]`, `[1]`, `null`}
	for _, number := range []string{
		"0", "-0", "0.0", "-0.00", "5", "5.0", "5e0", "5E+00", "5.10e-0", "-7", "0.5", "12.34", "12.340", "12.345", "999.99", "1000", "999.991", "0.999", "1", "0.9995", "9999", "10000", "9999.0",
		"2147483647", "2147483648", "-2147483648", "-2147483649", "86399999", "86400000", "86399999999", "86400000000",
		"999999999999999999", "1000000000000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9223372036854775806.5", "8999999999999999999",
		"340282356779733661637539395458142568447", "-340282346638528859811704183484516925440",
	} {
		all = append(all, number, `"`+number+`"`)
	}
	all = append(all, "50e-1", "1e3", "1e18", "1e19", "1.7976931348623157e308", "1.8e308", "-1.8e308", "1e400", "1e-400", "1.5e1", "3.5e38", "340282356779733661637539395458142568448") // not as strings: see JSONSchema
	for _, text := range []string{
		"05", "+5", ".5", "5.", " 5", "5 ", "0x5", "1_0", "NaN", "Infinity", "5e", "٥",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
	} {
		all = append(all, `"`+text+`"`)
	}
	dates := []string{
		"2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "0000-02-29", "2024-04-31", "2024-12-31", "2024-13-01", "2024-00-10", "2024-01-00", "2024-1-1",
		"20240229", "20230229", "2024-0229", "202402-29", "2024-W09-4", "2024W094", "2024-w01-1", "2024-W00-1", "2024-W54-1", "2024-W09-8", "2024-W094", "2020-W53-7",
		"2024-366", "2023-366", "2023-365", "2024366", "2024-000", "2024-367", "24-01-01", "2024-02", "2024",
	}
	times := []string{
		"08", "0815", "08:15", "08:15:32", "081532", "08:1532", "08:15:32.1", "08:15:32,123456789123", "08.5", "08:15.5", "23:59:60", "23:60", "24:00", "24:00:00.000", "2400", "24", "24:01", "24:00:00.1", "25:00", "8:15", "08:15:", "08:15:32.", "",
	}
	zones := []string{"", "Z", "z", "+02:00", "-0230", "+02", "+24:00", "+02:60", "+2", " Z", "+02:0"}
	for _, date := range dates {
		all = append(all, `"`+date+`"`, `"`+date+`T08:15:32Z"`)
	}
	for _, time := range times {
		all = append(all, `"`+time+`"`, `"2024-01-01T`+time+`Z"`, `"2024-01-01T`+time+`"`)
	}
	for _, zone := range zones {
		all = append(all, `"2024-01-01T08:15:32`+zone+`"`, `"2024-01-01 08`+zone+`"`, `"2024-01-01x08`+zone+`"`, `"08:15`+zone+`"`)
	}
	return all
}()

// FuzzR70TheContractAndItsJSONSchemaAgree makes random contracts and rows of a seed.
func FuzzR70TheContractAndItsJSONSchemaAgree(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := &pairMaker{Rand: rand.New(rand.NewPCG(seed, 70))}
		c, err := Parse([]byte(fmt.Sprintf(`{"type":"record","name":"Row","fields":[%s]}`, m.fields(0))))
		if err != nil {
			return // an overlap, or a union that is ambiguous
		}
		schema := validator(t, c)
		for range 30 {
			row := m.object(c.root, 0)
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if !ambiguous(c.root, row) {
				agree(t, c, schema, string(text))
			}
		}
	})
}

func TestR70_TheFuzzedPairsAreWorthIt(t *testing.T) {
	contracts, accepted, rejected := 0, 0, 0
	for seed := range uint64(200) {
		m := &pairMaker{Rand: rand.New(rand.NewPCG(seed, 70))}
		c, err := Parse([]byte(fmt.Sprintf(`{"type":"record","name":"Row","fields":[%s]}`, m.fields(0))))
		if err != nil {
			continue
		}
		contracts++
		schema := validator(t, c)
		for range 10 {
			row := m.object(c.root, 0)
			if ambiguous(c.root, row) {
				continue
			}
			text, _ := json.Marshal(row)
			if agree(t, c, schema, string(text)) {
				accepted++
			} else {
				rejected++
			}
		}
	}
	if contracts < 80 || accepted < 200 || rejected < 200 {
		t.Errorf("%d contracts, %d rows accepted, %d rejected", contracts, accepted, rejected)
	}
}
