package avro

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"convstream/internal/conv"
)

// first8 is the hash as its definition says it.
func first8(entries string) uint64 {
	sum := sha256.Sum256([]byte(entries))
	return binary.BigEndian.Uint64(sum[:8])
}

func factsOf(t testing.TB, c *Contract, row string) conv.Facts {
	t.Helper()
	_, facts := c.Encode(nil, 1, rowOf(t, row))
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
		`{"a":"1s\u0000"}`, `{"d":null}`, `{"d":"x"}`, `{"d":"y"}`,
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
