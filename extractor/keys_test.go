package extractor

import (
	"fmt"
	"math/rand/v2"
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
		{`{"timestamp":1704096932100.000,"conversation.id":-7}`, "-7", at, true},
		{`{"timestamp":1704096932100.00000001,"conversation.id":5e0}`, "", -1, false}, // a float64 would lose it
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

func TestNumbersAreIntegersByTheirExactValue(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	digits := func(most int) (s string) {
		for range 1 + rng.IntN(most) {
			s += string("0000123459"[rng.IntN(10)])
		}
		return s
	}
	texts := []string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"9007199254740993.0", "0e1", "-0", "0.0E-5", "1e18", "1e19", "1E+3", "1000e-3", "1e-99999999999999999999", "1e99999999999999999999"}
	for range 20_000 {
		text := []string{"", "-"}[rng.IntN(2)] + fmt.Sprint(rng.Uint64()>>rng.IntN(64))
		if rng.IntN(2) == 0 {
			text += "." + digits(20)
		}
		if rng.IntN(2) == 0 {
			text += []string{"e", "E+", "e-"}[rng.IntN(3)] + digits(2)
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		got, ok := integral([]byte(text))
		if want, isOne := naiveIntegral(text); ok != isOne || ok && got != want {
			t.Errorf("seed %d: %s is %d (%v), want %d (%v)", seed, text, got, ok, want, isOne)
		}
	}
}
