package rules

import (
	"runtime"
	"strings"
	"testing"

	"convstream/internal/conv"
)

func nested(open, innermost, end string, levels int) string {
	return strings.Repeat(open, levels) + innermost + strings.Repeat(end, levels)
}

func TestADeepRowIsRefusedInLittleMemory(t *testing.T) {
	r := rules(t, `{"type": "object"}`)
	for name, text := range map[string]string{
		"arrays":            `{"a":` + nested("[1,", "1", "]", 9900) + `}`,
		"objects":           nested(`{"b":1,"a":`, "1", "}", 9900),
		"a number in there": nested(`{"a":`, "1e9999", "}", 9900),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := r.Check(row(text))
		runtime.ReadMemStats(&after)
		if got == nil || got.Reason != conv.ReasonJSONSchema || got.Expected != "at most 200 levels" || !strings.HasPrefix(got.Path, "a") || len(got.Path) > longestPath+3 {
			t.Errorf("%s: got %+v", name, got)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
			t.Errorf("%s: %d bytes took %d MB", name, len(text), took>>20)
		}
	}
}

func TestARowMayHaveTwoHundredLevels(t *testing.T) {
	r := rules(t, `{"type": "object"}`)
	if got := r.Check(row(nested(`{"a":`, "1", "}", maxLevels))); got != nil {
		t.Errorf("got %+v", got)
	}
	got := r.Check(row(nested(`{"a":`, "[]", "}", maxLevels)))
	if got == nil || got.Found != "array" || got.Path != strings.Repeat("a.", maxLevels-1)+"a" {
		t.Errorf("got %+v", got)
	}
}

func TestTheFirstExcessIsNamedWhateverTheOrderOfKeys(t *testing.T) {
	r := rules(t, `{}`)
	for range 50 {
		got := r.Check(row(`{"1a":1e9999,"10":{"z":1e9999,"b":[0,1e9999]},"9b":1e9999,"9":{"deep":` + nested("[", "", "]", 300) + `}}`))
		if got == nil || got.Expected != levelLimit || !strings.HasPrefix(got.Path, "[9].deep[0]") {
			t.Fatalf("got %+v", got)
		}
	}
}
