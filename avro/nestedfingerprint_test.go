package avro

import (
	"strings"
	"testing"
)

// Test vectors: the bytes are spelled out by hand. To change them is to make every row ever
// published look new.
func TestR74_FingerprintOfNestedValues(t *testing.T) {
	for _, test := range []struct{ name, field, value, entry string }{
		{"record by source", `"type":{"type":"record","name":"R","fields":[{"name":"z","type":["null","long"],"source":"b"},{"name":"y","type":["null","string"],"source":"a.c"},{"name":"x","type":["null","boolean"]}]}`,
			`{"b":1e1,"a":{"c":"é"}}`,
			"r\x00\x00\x00\x1a" + "\x00\x00\x00\x03a.c" + "s\x00\x00\x00\x02\xc3\xa9" + "\x00\x00\x00\x01b" + "n\x00\x00\x00\x0210"},
		{"empty record", `"type":{"type":"record","name":"R","fields":[{"name":"z","type":["null","long"]}]}`, `{"z":null,"y":1}`, "r\x00\x00\x00\x00"},
		{"record in record", `"type":{"type":"record","name":"R","fields":[{"name":"i","type":["null",{"type":"record","name":"I","fields":[{"name":"n","type":["null","int"]}]}]}]}`,
			`{"i":{"n":7}}`, "r\x00\x00\x00\x15" + "\x00\x00\x00\x01i" + "r\x00\x00\x00\x0b" + "\x00\x00\x00\x01n" + "n\x00\x00\x00\x017"},
		{"array in order", `"type":{"type":"array","items":["null","long"]}`, `[2,null,"1.0"]`,
			"a\x00\x00\x00\x11" + "n\x00\x00\x00\x012" + "z\x00\x00\x00\x00" + "n\x00\x00\x00\x011"},
		{"empty array", `"type":{"type":"array","items":"string"}`, `[]`, "a\x00\x00\x00\x00"},
		{"array of arrays", `"type":{"type":"array","items":{"type":"array","items":"boolean"}}`, `[[],[true]]`,
			"a\x00\x00\x00\x13" + "a\x00\x00\x00\x00" + "a\x00\x00\x00\x09" + "b\x00\x00\x00\x04true"},
		{"map by key", `"type":{"type":"map","values":["null","string"]}`, `{"b":"1","\u0061":null}`,
			"m\x00\x00\x00\x15" + "\x00\x00\x00\x01a" + "z\x00\x00\x00\x00" + "\x00\x00\x00\x01b" + "s\x00\x00\x00\x011"},
		{"map of nulls", `"type":{"type":"map","values":["string","null"]}`, `{"b":null}`,
			"m\x00\x00\x00\x0a" + "\x00\x00\x00\x01b" + "z\x00\x00\x00\x00"},
		{"element that does not fit", `"type":{"type":"map","values":["null","long"]}`, `{"b":"?","a":1}`,
			"m\x00\x00\x00\x15" + "\x00\x00\x00\x01a" + "n\x00\x00\x00\x011" + "\x00\x00\x00\x01b" + "z\x00\x00\x00\x00"},
		{"defaults in a record", `"type":{"type":"record","name":"R","fields":[{"name":"n","type":"long","default":7},{"name":"l","type":{"type":"array","items":"int"},"default":[]},{"name":"s","type":["null","string"]}]}`,
			`{"n":7.0,"l":[],"s":""}`, "r\x00\x00\x00\x0a" + "\x00\x00\x00\x01s" + "s\x00\x00\x00\x00"},
		{"defaults in an array", `"type":{"type":"array","items":{"type":"record","name":"R","fields":[{"name":"n","type":"long","default":7}]}}`,
			`[{},{"n":7},{"n":8}]`, "a\x00\x00\x00\x1a" + "r\x00\x00\x00\x00" + "r\x00\x00\x00\x00" + "r\x00\x00\x00\x0b" + "\x00\x00\x00\x01n" + "n\x00\x00\x00\x018"},
		{"two of one source", `"type":{"type":"record","name":"R","fields":[{"name":"z","source":"a","type":["null","string"]},{"name":"y","source":"a","type":["null","long"]}]}`,
			`{"a":5}`, "r\x00\x00\x00\x17" + "\x00\x00\x00\x01a" + "n\x00\x00\x00\x015" + "\x00\x00\x00\x02a*" + "s\x00\x00\x00\x015"},
		{"empty map", `"type":{"type":"map","values":"string"}`, `{}`, "m\x00\x00\x00\x00"},
		{"null that is content", `"type":{"type":"record","name":"R","fields":[{"name":"i","type":[{"type":"array","items":"int"},"null"],"default":[]}]}`,
			`{"i":null}`, "r\x00\x00\x00\x0a" + "\x00\x00\x00\x01i" + "z\x00\x00\x00\x00"},
		{"times in an array", `"type":{"type":"array","items":{"type":"long","logicalType":"timestamp-millis"}}`, `["1970-01-01T01:00:01+01:00"]`,
			"a\x00\x00\x00\x09" + "t\x00\x00\x00\x041000"},
	} {
		c := contractOf(t, `{"name":"f","source":"a.b","required":true,`+test.field+`}`)
		facts := factsOf(t, c, `{"a.b":`+test.value+`}`)
		if want := first8("\x00\x00\x00\x03a.b" + test.entry); facts.Fingerprint != want || facts.Reject != nil {
			t.Errorf("%s: %016x, want %016x (%+v)", test.name, facts.Fingerprint, want, facts.Reject)
		}
	}
}

func TestR74_SpellingChangesNoNestedFingerprint(t *testing.T) {
	c := calls(t)
	want := factsOf(t, c, `{"id":"a","flow":{"meta":{"name":"é"},"version":5},"legs":[{"id":"x","codes":[1,20],"stats":[0.5,null],"tags":{"k":"v","l":"7"}}]}`)
	for _, row := range []string{
		`{"legs":[{"tags":{"l":"7","k":"v"},"stats":[5e-1,null],"codes":["1",2e1],"id":"x"}],"flow":{"version":5.0,"meta.name":"\u00e9"},"id":"\u0061"}`,
		"{\t\"id\" : \"a\",\n\"legs\":[ { \"id\":\"x\",\"unknown\":[{}],\"codes\":[ 1 , 20 ],\"stats\":[ 0.50 , null ],\"tags\":{ \"l\":7,\"k\":\"v\" } } ],\"flow\":{\"meta\":{\"name\":\"é\",\"x\":1},\"version\":\"5\"}}",
	} {
		if got := factsOf(t, c, row); got != want {
			t.Errorf("%+v, want %+v for %s", got, want, row)
		}
	}
}

func TestNestedContentChangesTheFingerprint(t *testing.T) {
	c := calls(t)
	seen := map[uint64]string{}
	for _, row := range []string{
		`{}`, `{"flow":{}}`, `{"flow":{"version":2}}`, `{"flow":{"meta":{"name":""}}}`,
		`{"legs":[{"id":"x"}]}`, `{"legs":[{"id":"x"},{"id":"x"}]}`, `{"legs":[{"id":"x"},{"id":"y"}]}`, `{"legs":[{"id":"y"},{"id":"x"}]}`,
		`{"legs":[{"id":"x","codes":[0]}]}`, `{"legs":[{"id":"x","codes":[1,2]}]}`, `{"legs":[{"id":"x","codes":[12]}]}`, `{"legs":[{"id":"x","codes":[2,1]}]}`,
		`{"legs":[{"id":"x","stats":[]}]}`, `{"legs":[{"id":"x","stats":[null]}]}`, `{"legs":[{"id":"x","stats":[null,null]}]}`, `{"legs":[{"id":"x","stats":[0]}]}`,
		`{"legs":[{"id":"x","tags":{}}]}`, `{"legs":[{"id":"x","tags":{"a":""}}]}`, `{"legs":[{"id":"x","tags":{"":"a"}}]}`, `{"legs":[{"id":"x","tags":{"a":"","b":""}}]}`,
		`{"legs":[{"id":"x","tags":{"a":"b"}}]}`, `{"legs":[{"id":"x","tags":{"ab":""}}]}`, `{"legs":[{"id":"x"},{"id":"y","tags":{}}]}`,
	} {
		facts := factsOf(t, c, strings.Replace(`{"id":"a",`+row[1:], ",}", "}", 1))
		if facts.Reject != nil {
			t.Fatalf("%s: %+v", row, *facts.Reject)
		}
		if other, ok := seen[facts.Fingerprint]; ok {
			t.Errorf("%s and %s have one fingerprint", row, other)
		}
		seen[facts.Fingerprint] = row
	}
}

func TestANestedNullAndAnAbsentFieldAreTheSameContent(t *testing.T) {
	c := jobs(t)
	without := `{"conversationId":"c","conversationStart":1,"participants":[{"purpose":"agent","sessions":[{"flow":{}}]}]}`
	with := `{"conversationId":"c","conversationStart":1,"surveys":null,"participants":[{"attributes":null,"userId":null,"purpose":"agent",` +
		`"sessions":[{"metrics":null,"ani":null,"flow":{"outcomes":null,"flowId":null}}]}]}`
	if factsOf(t, c, without) != factsOf(t, c, with) {
		t.Error("an explicit null changed the facts")
	}
}

func TestANullableFieldAddedToANestedRecordChangesNothingForRowsThatLackIt(t *testing.T) {
	old := contractOf(t, inside(`{"name":"n","type":["null","long"]}`))
	grown := contractOf(t, inside(`{"name":"a","type":["null","string"],"default":null},
		{"name":"list","type":["null",{"type":"array","items":"string"}]},{"name":"n","type":["null","long"]},{"name":"z","type":["null",{"type":"map","values":"int"}]},
		{"name":"more","type":"string","default":"x"}`), `{"name":"b","type":["null","string"]}`)
	for _, row := range []string{`{}`, `{"outer":[]}`, `{"outer":[{}]}`, `{"outer":[{"inner":{}},{"inner":{"n":5}}]}`, `{"outer":[{"inner":{"n":5,"a":null}}]}`} {
		if a, b := factsOf(t, old, row), factsOf(t, grown, row); a != b {
			t.Errorf("%s: %+v became %+v", row, a, b)
		}
	}
	if row := `{"outer":[{"inner":{"n":5,"a":"x"}}]}`; factsOf(t, old, row).Fingerprint == factsOf(t, grown, row).Fingerprint {
		t.Error("the new field's value is not in the fingerprint")
	}
}

func TestTheOrderOfAContractsFieldsChangesNoFingerprint(t *testing.T) {
	a := contractOf(t, inside(`{"name":"n","type":["null","long"]},{"name":"m","type":["null","string"],"source":"x.m"}`), `{"name":"b","type":["null","string"]}`)
	b := contractOf(t, `{"name":"b","type":["null","string"]}`, inside(`{"name":"other","type":["null","string"],"source":"x.m"},{"name":"n","type":["null","double"]}`))
	row := `{"b":"1","outer":[{"inner":{"n":5,"x":{"m":"6"}}},{"inner":{"n":7}}]}`
	if factsOf(t, a, row) != factsOf(t, b, row) {
		t.Errorf("%+v and %+v", factsOf(t, a, row), factsOf(t, b, row))
	}
}

func TestARejectedNestedRowHasTheFactsThatCouldBeRead(t *testing.T) {
	facts := factsOf(t, calls(t), `{"id":"a","legs":[{"id":"x","codes":[1]},{"codes":[2]}]}`)
	if want := first8("\x00\x00\x00\x02ids\x00\x00\x00\x01a"); facts.Reject == nil || facts.Fingerprint != want {
		t.Errorf("%+v, want the fingerprint %016x", facts, want)
	}
}
