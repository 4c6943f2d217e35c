package extractor

import (
	"strings"
	"testing"

	"convstream/internal/conv"
)

func splitRow(t *testing.T, row string) conv.Row {
	t.Helper()
	got, err := splitAll(newSplitter(), strings.NewReader(`{"data":[`+row+`]}`), conv.Position{})
	if err != nil || len(got.Rows) != 1 {
		t.Fatalf("%s: %d rows, %v", row, len(got.Rows), err)
	}
	return got.Rows[0]
}

func TestR73_KeyAndTimeAreReadInEverySpelling(t *testing.T) {
	const at = 1704096932100
	for _, c := range []struct {
		row   string
		id    string
		time  int64 // -1: none
		zoned bool
	}{
		{guideRow(5), "conv-5", at, true},
		{`{"timestamp":"2024-01-01T10:15:32.100+02:00","conversation":{"x":{"id":"no"},"id":"yes"}}`, "yes", at, true},
		{`{"timestamp":"2024-01-01T08:15:32.1","conversation.id":"\u0061\/b"}`, "a/b", at, false}, // R68
		{`{"timestamp":1704096932100,"conversation.id":123456789012345678}`, "123456789012345678", at, true},
		{`{"timestamp":1704096932100,"conversation.id":12345678901234567890}`, "", at, true},
		{`{"timestamp":1704096932100,"conversation.id":5.0}`, "", at, true},
		{`{"timestamp":1704096932100,"conversation.id":-0}`, "", at, true},
		{`{"timestamp":1.7040969321e12,"convers\u0061tion.id":"x"}`, "x", at, true},
		{`{"timestamp":1704096932100.5,"conversation.id":true}`, "", -1, false},
		{`{"timestamp":1e300,"conversation.id":null}`, "", -1, false},
		{`{"timestamp":"yesterday","conversation.id":{"id":"x"}}`, "", -1, false},
		{`{"timestamp":null,"conversation":["id"]}`, "", -1, false},
		{`{"x":{"timestamp":5,"conversation.id":"x"}}`, "", -1, false},
		{`{"conversation.id":"first","conversation":{"id":"last"}}`, "last", -1, false},
		{`{"conversation":{"id":"first"},"conversation.id":"last","conversation":{}}`, "last", -1, false},
		{`{"conversatio":{".id":"x"},"conversation.":{"id":"x"}}`, "", -1, false},
		{`{}`, "", -1, false},
		{`["conversation.id","x"]`, "", -1, false},
		{`"conversation.id"`, "", -1, false},
	} {
		r := splitRow(t, c.row)
		if string(r.ConversationID) != c.id || r.HasTime != (c.time >= 0) || r.HasTime && r.Time != c.time || r.Zoned != c.zoned {
			t.Errorf("%s: id %q, time %d (%v), zoned %v", c.row, r.ConversationID, r.Time, r.HasTime, r.Zoned)
		}
	}
}

func TestKeysOfSeveralSegmentsAreFoundMixed(t *testing.T) {
	keys := Keys{ConversationID: "a.b.c", Time: "t"}
	for _, row := range []string{`{"a.b.c":"x"}`, `{"a":{"b.c":"x"}}`, `{"a.b":{"c":"x"}}`, `{"a":{"b":{"c":"x"}}}`} {
		r := splitRow(t, row)
		if keys.read(&r); string(r.ConversationID) != "x" {
			t.Errorf("%s: %q", row, r.ConversationID)
		}
	}
}
