package avro

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// first8 is the hash as its definition says it.
func first8(entries string) uint64 {
	sum := sha256.Sum256([]byte(entries))
	return binary.BigEndian.Uint64(sum[:8])
}

func factsOf(t testing.TB, c *Contract, row string) conv.Facts {
	t.Helper()
	_, facts := c.Encode(nil, 1, rowOf(t, row), nil)
	return facts
}

// Test vectors: the bytes are spelled out by hand. To change them is to make every row ever
// published look new.
func TestR74_FingerprintAndIdentityOfTheGuidesRow(t *testing.T) {
	const entries = "" +
		"\x00\x00\x00\x1fattributes.custom.case_priority" + "s" + "\x00\x00\x00\x04high" +
		"\x00\x00\x00\x22attributes.custom.customer_segment" + "s" + "\x00\x00\x00\x0aenterprise" +
		"\x00\x00\x00\x0fconversation.id" + "s" + "\x00\x00\x00\x0aconv-67890" +
		"\x00\x00\x00\x0einteraction.id" + "s" + "\x00\x00\x00\x0bvoice-12345" +
		"\x00\x00\x00\x10interaction.type" + "s" + "\x00\x00\x00\x05voice" +
		"\x00\x00\x00\x16metrics.handledtime.ms" + "n" + "\x00\x00\x00\x06340000" +
		"\x00\x00\x00\x14metrics.queuetime.ms" + "n" + "\x00\x00\x00\x0512500" +
		"\x00\x00\x00\x09timestamp" + "t" + "\x00\x00\x00\x0d1704096932100"
	const identity = "\x00\x00\x00\x0einteraction.id" + "s" + "\x00\x00\x00\x0bvoice-12345"

	facts := factsOf(t, reports(t), sampleRow)
	if want := first8(entries); facts.Fingerprint != want {
		t.Errorf("fingerprint %016x, want %016x", facts.Fingerprint, want)
	}
	if want := first8(identity); facts.Identity != want {
		t.Errorf("identity %016x, want %016x", facts.Identity, want)
	}
}

func TestR74_FingerprintOfEveryType(t *testing.T) {
	for _, test := range []struct{ field, value, entry string }{
		{`"type":"string"`, `"a\u00e9"`, "s\x00\x00\x00\x03a\xc3\xa9"},
		{`"type":"string"`, `""`, "s\x00\x00\x00\x00"},
		{`"type":"string"`, `5.0`, "s\x00\x00\x00\x015"},
		{`"type":"long"`, `5.0`, "n\x00\x00\x00\x015"},
		{`"type":"int"`, `"-5"`, "n\x00\x00\x00\x02-5"},
		{`"type":"double"`, `5`, "n\x00\x00\x00\x015"},
		{`"type":"double"`, `0.1`, "n\x00\x00\x00\x030.1"},
		{`"type":"double"`, `1e300`, "n\x00\x00\x00\x061e+300"},
		{`"type":"float"`, `0.1`, "n\x00\x00\x00\x030.1"},
		{`"type":"boolean"`, `true`, "b\x00\x00\x00\x04true"},
		{`"type":"boolean"`, `"false"`, "b\x00\x00\x00\x05false"},
		{`"type":{"type":"long","logicalType":"timestamp-millis"}`, `"1970-01-01T00:00:01Z"`, "t\x00\x00\x00\x041000"},
		{`"type":["string","null"],"default":"x"`, `null`, "z\x00\x00\x00\x00"},
	} {
		required := `,"required":true`
		if test.value == "null" {
			required = ""
		}
		c := contractOf(t, `{"name":"f","source":"a.b",`+test.field+required+`}`)
		facts := factsOf(t, c, `{"a.b":`+test.value+`}`)
		if want := first8("\x00\x00\x00\x03a.b" + test.entry); facts.Fingerprint != want || facts.Reject != nil {
			t.Errorf("%s of %s: %016x, want %016x (%+v)", test.value, test.field, facts.Fingerprint, want, facts.Reject)
		}
	}
}

func TestR74_SpellingChangesNoFingerprint(t *testing.T) {
	c := reports(t)
	want := factsOf(t, c, sampleRow)
	for _, row := range []string{
		`{"metrics":{"handledtime":{"ms":3.4e5},"queuetime.ms":12500.0},"attributes":{"custom":{"case_priority":"\u0068igh","customer_segment":"enterprise"}},` +
			`"timestamp":"2024-01-01T10:15:32.100+02:00","conversation":{"id":"conv-67890"},"interaction":{"type":"voice","id":"voice-12345"}}`,
		`{"interaction.id":"voice-12345","interaction.type":"voice","conversation.id":"conv-67890","timestamp":1704096932100,"metrics.queuetime.ms":"12500",` +
			`"metrics.handledtime.ms":340000,"attributes.custom.customer_segment":"enterprise","attributes.custom.case_priority":"high","new":[1]}`,
	} {
		if got := factsOf(t, c, row); got != want {
			t.Errorf("%+v, want %+v for %s", got, want, row)
		}
	}
}

func TestContentChangesTheFingerprint(t *testing.T) {
	c := contractOf(t,
		`{"name":"a","type":["null","string"],"source":"a"}`,
		`{"name":"b","type":["null","string"],"source":"b"}`,
		`{"name":"ab","type":["null","string"],"source":"a.b"}`,
		`{"name":"d","type":["string","null"],"default":"x","source":"d"}`)
	seen := map[uint64]string{}
	for _, row := range []string{
		`{}`, `{"a":"1"}`, `{"b":"1"}`, `{"a":"","b":"1"}`, `{"a":"1","b":""}`, `{"a":"1","b":"1"}`, `{"a.b":"1"}`,
		`{"a":"1s\u0000"}`, `{"d":null}`, `{"d":"y"}`,
	} {
		f := factsOf(t, c, row).Fingerprint
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have one fingerprint", row, other)
		}
		seen[f] = row
	}
}

func TestNullAndAbsentAreTheSameContent(t *testing.T) {
	c := reports(t)
	without := `{"interaction.id":"i","interaction.type":"voice","conversation.id":"c","timestamp":1}`
	with := `{"metrics.queuetime.ms":null,"attributes.custom":{"case_priority":null},` + without[1:]
	if factsOf(t, c, without) != factsOf(t, c, with) {
		t.Error("an explicit null changed the facts")
	}
}

// A row that spells out what it would be given anyway is no revision.
func TestADefaultAndAnAbsentValueAreTheSameContent(t *testing.T) {
	for field, values := range map[string][]string{
		`"type":"long","default":0`:                                                                        {`0`, `0.0`, `-0`, `"0"`, `null`},
		`"type":["long","null"],"default":-7`:                                                              {`-7`, `"-7.0"`},
		`"type":"string","default":"\u00e9"`:                                                               {`"é"`, `"\u00e9"`, `null`},
		`"type":"string","default":""`:                                                                     {`""`},
		`"type":"double","default":0.1`:                                                                    {`0.1`, `1e-1`},
		`"type":"float","default":0.1`:                                                                     {`0.1`, `0.10000000001`},
		`"type":"boolean","default":false`:                                                                 {`false`, `"false"`},
		`"type":{"type":"long","logicalType":"timestamp-millis"},"default":0`:                              {`0`, `"1970-01-01T01:00:00+01:00"`},
		`"type":{"type":"array","items":"long"},"default":[]`:                                              {`[]`, `[ ]`},
		`"type":[{"type":"map","values":"long"},"null"],"default":{}`:                                      {`{}`},
		`"type":{"type":"array","items":["double","null"]},"default":[1,-0.0]`:                             {`[1,0]`, `["1.0", -0]`, `null`},
		`"type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0000\u0032"`: {`0.5`, `"0.50"`},
		`"type":` + ofG + `,"default":{"g":[{"h":"x"}]}`:                                                   {`{"a":[{}]}`, `{"a":[{"h":"x"}],"b":1}`},
		`"type":["null","string"],"default":null`:                                                          {`null`, `[]`},
		`"type":["string","null"]`:                                                                         {`null`, `[]`},
		`"type":["null",{"type":"array","items":{"type":"map","values":"string"}}]`:                        {`null`, `{}`},
		`"type":["null",{"type":"record","name":"R","fields":[{"name":"n","type":"long","default":0}]}]`:   {`null`, `{"n":[]}`},
	} {
		c := contractOf(t, `{"name":"id","type":"string","required":true,"identity":true}`, `{"name":"f",`+field+`}`)
		want := factsOf(t, c, `{"id":"1"}`)
		if id := first8("\x00\x00\x00\x02ids\x00\x00\x00\x011"); want.Fingerprint != id || want.Reject != nil {
			t.Errorf("%s: %+v, want the fingerprint %016x", field, want, id)
		}
		for _, value := range values {
			row := `{"id":"1","f":` + value + `}`
			if diff := cmp.Diff(encodeBody(t, c, `{"id":"1"}`), encodeBody(t, c, row)); diff != "" || factsOf(t, c, row) != want {
				t.Errorf("%s by %s: %+v, want %+v; %s", row, field, factsOf(t, c, row), want, diff)
			}
		}
	}
}

// No row can lack a required field, so that its default is content like any other value: a
// row's own id above all.
func TestTheDefaultOfARequiredFieldIsContent(t *testing.T) {
	c := contractOf(t, `{"name":"id","type":"string","default":"0","required":true,"identity":true}`)
	want := first8("\x00\x00\x00\x02ids\x00\x00\x00\x010")
	if got := factsOf(t, c, `{"id":"0"}`); got.Identity != want || got.Fingerprint != want {
		t.Errorf("%+v, want %016x twice", got, want)
	}
}

// Without a mark of its own the one entry of these rows could be of either field.
func TestFieldsOfOneSourceHaveEntriesOfTheirOwn(t *testing.T) {
	record := func(name, field string) string {
		return `["null",{"type":"record","name":"` + name + `","fields":[` + field + `]}]`
	}
	for _, test := range []struct{ first, second, row, other, entries string }{
		{`["boolean","null"],"default":true`, `["long","null"],"default":0`, `{"a":0}`, `{"a":true}`,
			"\x00\x00\x00\x01a" + "z\x00\x00\x00\x00"},
		{record("R", `{"name":"x","type":"long","default":0}`), record("S", `{"name":"x","type":"boolean","default":true}`), `{"a":{"x":0}}`, `{"a":{"x":true}}`,
			"\x00\x00\x00\x01a" + "r\x00\x00\x00\x00"},
		{record("R", `{"name":"x","type":"long","default":0}`), record("S", `{"name":"y","type":"long","default":0}`), `{"a":{"y":"?"}}`, `{"a":{"x":"?"}}`,
			"\x00\x00\x00\x01a" + "r\x00\x00\x00\x00"},
	} {
		c := contractOf(t, `{"name":"f","source":"a","type":`+test.first+`}`, `{"name":"g","source":"a","type":`+test.second+`}`)
		if cmp.Equal(encodeBody(t, c, test.row), encodeBody(t, c, test.other)) {
			t.Fatalf("%s and %s are one record", test.row, test.other)
		}
		if got, want := factsOf(t, c, test.row).Fingerprint, first8(test.entries); got != want {
			t.Errorf("%s: %016x, want %016x", test.row, got, want)
		}
		marked := "\x00\x00\x00\x02a*" + test.entries[len("\x00\x00\x00\x01a"):]
		if got, want := factsOf(t, c, test.other).Fingerprint, first8(marked); got != want {
			t.Errorf("%s: %016x, want %016x", test.other, got, want)
		}
	}
}

func TestAFieldAddedToTheContractChangesNothingForRowsThatLackIt(t *testing.T) {
	id := `{"name":"id","type":"string","source":"m.id","required":true,"identity":true}`
	n := `{"name":"n","type":["null","long"],"source":"z.n"}`
	old := contractOf(t, id, n)
	grown := contractOf(t,
		`{"name":"new","type":["null","string"],"default":null,"source":"b.new"}`, n,
		`{"name":"more","type":"string","default":"x","source":"n.more"}`, id)
	for _, row := range []string{`{"m.id":"1","z":{"n":5}}`, `{"m.id":"1"}`} {
		if a, b := factsOf(t, old, row), factsOf(t, grown, row); a != b {
			t.Errorf("%s: %+v became %+v", row, a, b)
		}
	}
	if row := `{"m.id":"1","b.new":"y"}`; factsOf(t, old, row).Fingerprint == factsOf(t, grown, row).Fingerprint {
		t.Error("the new field's value is not in the fingerprint")
	}
}

func TestAFieldThatGrowsToAWiderNumberKeepsItsFingerprints(t *testing.T) {
	row := `{"n":7}`
	want := factsOf(t, contractOf(t, `{"name":"n","type":["null","int"],"source":"n"}`), row)
	for _, typ := range []string{"long", "float", "double"} {
		if got := factsOf(t, contractOf(t, `{"name":"n","type":["null","`+typ+`"],"source":"n"}`), row); got != want {
			t.Errorf("%s: %+v, want %+v", typ, got, want)
		}
	}
}

func TestR74_IdentityIsOfTheIdentityFieldsAlone(t *testing.T) {
	one := contractOf(t,
		`{"name":"id","type":"string","source":"id","required":true,"identity":true}`,
		`{"name":"n","type":["null","long"],"source":"n"}`)
	if factsOf(t, one, `{"id":"1","n":1}`).Identity != factsOf(t, one, `{"n":2,"id":"1"}`).Identity {
		t.Error("another field changed the identity")
	}
	if factsOf(t, one, `{"id":"1"}`).Identity == factsOf(t, one, `{"id":"2"}`).Identity {
		t.Error("two ids have one identity")
	}
	two := contractOf(t,
		`{"name":"leg","type":"long","source":"leg","required":true,"identity":true}`,
		`{"name":"id","type":"string","source":"id","required":true,"identity":true}`)
	want := first8("\x00\x00\x00\x02id" + "s" + "\x00\x00\x00\x011" + "\x00\x00\x00\x03leg" + "n" + "\x00\x00\x00\x012")
	if got := factsOf(t, two, `{"leg":2,"id":"1"}`).Identity; got != want {
		t.Errorf("identity %016x, want %016x", got, want)
	}
	none := contractOf(t, `{"name":"id","type":"string","source":"id","required":true}`)
	if got := factsOf(t, none, `{"id":"1"}`).Identity; got != 0 {
		t.Errorf("identity %016x of a contract that marks none", got)
	}
}

func TestARejectedRowHasTheFactsThatCouldBeRead(t *testing.T) {
	facts := factsOf(t, reports(t), `{"interaction.id":"voice-12345","timestamp":"soon"}`)
	entry := "\x00\x00\x00\x0einteraction.ids\x00\x00\x00\x0bvoice-12345"
	if facts.Reject == nil || facts.Identity != first8(entry) || facts.Fingerprint != first8(entry) {
		t.Errorf("%+v", facts)
	}
	if facts := factsOf(t, reports(t), `{"timestamp":5}`); facts.Identity != 0 {
		t.Errorf("a row without its id has the identity %016x", facts.Identity)
	}
}
