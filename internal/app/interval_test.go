package app

import (
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

func TestInstantsAreReadWithTheirOffset(t *testing.T) {
	noon := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC).UnixMilli()
	for text, want := range map[string]int64{
		"2024-01-31":                    noon - 12*3600*1000,
		"2024-01-31T12:00:00Z":          noon,
		"2024-01-31T14:00:00+02:00":     noon,
		"2024-01-31T06:30:00-05:30":     noon,
		"2024-01-31T12:00:00.007Z":      noon + 7,
		"2024-01-31T12:00:00.007000Z":   noon + 7,
		"1970-01-01":                    0,
		"2024-02-29T00:00:00.000+00:00": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMilli(),
	} {
		if got, err := parseInstant("--from", text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestWhatIsNoInstantIsAUsageErrorThatNamesFlagAndValue(t *testing.T) {
	for _, text := range []string{
		"", "yesterday", "2024-01-31T12:00:00", "2024-01-31 12:00:00Z", "2023-02-29", "2024-1-31", "1706702400000",
		"2024-01-31T12:00:00.0001Z", "2024-01-31T24:00:00Z", "1969-12-31", "1970-01-01T00:00:00+01:00",
	} {
		got, err := parseInstant("--from", text)
		if err == nil {
			t.Errorf("%q is %d", text, got)
		} else if exitCode(err) != ExitUsage || !strings.Contains(err.Error(), "--from") || !strings.Contains(err.Error(), text) {
			t.Errorf("%q gives exit code %d and %v", text, exitCode(err), err)
		}
	}
}

func TestAnIntervalHoldsTime(t *testing.T) {
	for _, f := range []intervalFlags{
		{"2024-01-01", "2024-01-01"},
		{"2024-01-02", "2024-01-01"},
		{"2024-01-01T01:00:00+01:00", "2024-01-01"},
	} {
		if w, err := f.window(); err == nil || exitCode(err) != ExitUsage || !strings.Contains(err.Error(), f.from) {
			t.Errorf("%v is %v, %v", f, w, err)
		}
	}
	f := intervalFlags{"2024-01-01", "2024-01-01T00:00:00.001Z"}
	if w, err := f.window(); err != nil || w.To-w.From != 1 {
		t.Errorf("the shortest interval is %v, %v", w, err)
	}
}

func TestAWindowIsReadAsTheLedgerPrintsIt(t *testing.T) {
	want := conv.Window{From: 1704067200000, To: 1704153600000}
	for _, text := range []string{want.String(), "2024-01-01/2024-01-02"} {
		if got, err := parseWindow(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"2024-01-01", "/", "2024-01-02/2024-01-01", "a/b"} {
		if got, err := parseWindow(text); exitCode(err) != ExitUsage {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
}

// The night of 31 March 2024 has no hour from 2 to 3 in Berlin, that of 27 October has two.
func TestR67_AnIntervalAcrossAChangeOfTheClockHasEveryHourOnce(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		hours    int
	}{
		"spring": {"2024-03-30T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 47},
		"autumn": {"2024-10-26T00:00:00+02:00", "2024-10-28T00:00:00+01:00", 49},
	} {
		w, err := (&intervalFlags{c.from, c.to}).window()
		if err != nil {
			t.Fatal(err)
		}
		windows := plan.Cut(w, time.Hour)
		at := w.From
		for _, hour := range windows {
			if hour.From != at || hour.Duration() != time.Hour {
				t.Fatalf("%s: window %s does not follow %s as a whole hour", name, hour, conv.FormatInstant(at))
			}
			at = hour.To
		}
		if len(windows) != c.hours || at != w.To {
			t.Errorf("%s: %d windows to %s, want %d to %s", name, len(windows), conv.FormatInstant(at), c.hours, conv.FormatInstant(w.To))
		}
	}
}
