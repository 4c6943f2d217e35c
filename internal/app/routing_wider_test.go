package app

import (
	"testing"

	"convstream/avro"
)

func TestARouteIsWiderWhenItReadsWhatThePrimaryContractDoesNot(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		primary, err := avro.Default(dialect)
		if err != nil {
			t.Fatal(err)
		}
		speech, err := avro.Speech(dialect)
		if err != nil {
			t.Fatal(err)
		}
		if widens(primary, speech) {
			t.Errorf("%s: speech reads more than the default contract, and would cost each row a second encoding", dialect)
		}
		if !widens(speech, primary) {
			t.Errorf("%s: the default contract reads no more than speech", dialect)
		}
	}
}
