package avro

import (
	"bytes"
	"testing"
)

// A dead letter, or a staged page, can be older than the contract that it is published under.
func TestAFieldThatWasMarkedAfterARowWasRedactedIsPrivateInItAsWell(t *testing.T) {
	parse := func(a, b, c string) *Contract {
		contract, err := Parse([]byte(`{"type":"record","name":"R","fields":[
			{"name":"a","type":["null","string"],"default":null` + a + `},
			{"name":"b","type":["null","string"],"default":null` + b + `},
			{"name":"c","type":["null","string"],"default":null` + c + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return contract.WithKey([]byte("a key of the test"))
	}
	hash, mask := `,"privacy":"hash"`, `,"privacy":"mask"`
	then, now := parse(hash, mask, ""), parse(hash, mask, hash)
	row := rowOf(t, `{"a":"first secret","b":"second secret","c":"third secret"}`)
	want, _ := now.Encode(nil, 1, row, nil)
	redacted, ok := NewRedactor(then).Redact(nil, row)
	if !ok || !bytes.Contains(redacted, []byte("third secret")) {
		t.Fatalf("redacted to %s", redacted)
	}
	old := rowOf(t, string(redacted))
	old.Redacted = true
	if got, _ := now.Encode(nil, 1, old, nil); !bytes.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
}
