package conv

import (
	"fmt"
	"testing"
	"time"
)

func TestR73_EveryFormOfATimestampIsRead(t *testing.T) {
	const want = 1704096932100 // a Monday, the first day of week 1
	for _, s := range []string{
		"20240101T081532.100Z", "20240101T101532,1+0200", "2024-W01-1T08:15:32.1Z", "2024W011T081532.1Z", "2024-001T08:15:32.1Z",
		"2024001T081532.1Z", "2024-w01-1t08:15:32.1z", "2024-01-01T08:15:32.1-00", "2024-01-01T08:15.535Z",
		"2024-01-01T08:15:32.100000000000000000001Z",
	} {
		if got, zoned, ok := ParseTimestamp([]byte(s)); !ok || !zoned || got != want {
			t.Errorf("%s: got %d zoned %v ok %v, want %d", s, got, zoned, ok, want)
		}
	}
}

func TestTheLastMomentOfADayAndALeapSecondAreRead(t *testing.T) {
	for s, want := range map[string]string{
		"2023-12-31T24:00Z":         "2024-01-01T00:00:00.000Z",
		"20231231T240000.000Z":      "2024-01-01T00:00:00.000Z",
		"2016-12-31T23:59:60.5Z":    "2016-12-31T23:59:59.500Z",
		"2017-01-01T00:59:60+01:00": "2016-12-31T23:59:59.000Z",
	} {
		if got, _, ok := ParseTimestamp([]byte(s)); !ok || FormatInstant(got) != want {
			t.Errorf("%s: %s %v, want %s", s, FormatInstant(got), ok, want)
		}
	}
}

func TestMicrosecondsAreCutTowardsThePast(t *testing.T) {
	for s, want := range map[string]int64{
		"1970-01-01T00:00:00.0000019Z": 1,
		"1969-12-31T23:59:59.9999999Z": -1,
		"1969-12-31T23:59:59.0000001Z": -1_000_000,
		"2024-01-01T08:15:32.100987Z":  1704096932100987,
	} {
		if got, _, ok := ParseTimestampMicros([]byte(s)); !ok || got != want {
			t.Errorf("%s: got %d ok %v, want %d", s, got, ok, want)
		}
	}
}

func TestDatesThatDoNotExistAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "2024", "2024-01", "202401", "2024-1-1", "2024-0101", "202401-01", "2024-366-", "2023-366", "2024-367", "2024-000", "2024000",
		"2024-W00-1", "2024-W53-1", "2020-W54-1", "2024-W01-0", "2024-W01-8", "2024-W011", "2024W01-1", "2024-W1-1", "2024-W01", "20240230", "2024-13-01",
		"2024-01-01T", "2024-01-011", "+2024-01-01", "２024-01-01",
	} {
		if days, ok := ParseDate([]byte(s)); ok {
			t.Errorf("%q was read as day %d", s, days)
		}
		if ms, _, ok := ParseTimestamp([]byte(s + "T00:00:00Z")); ok {
			t.Errorf("%q was read as part of %d", s, ms)
		}
	}
	for _, s := range []string{"", "8", "08:", "08:1", "24:00", "25", "08:60", "08:15:61", "08:15:32.", "08:15:32Z", "08:15:32 ", "081"} {
		if us, ok := ParseTimeOfDay([]byte(s)); ok {
			t.Errorf("%q was read as %d", s, us)
		}
	}
}

// The standard library is the reference: it knows each day's date, its place in the year, and its week.
func TestEveryDayIsReadInEachOfItsForms(t *testing.T) {
	for at := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2030; at = at.AddDate(0, 0, 1) {
		want := at.Unix() / 86400
		year, week := at.ISOWeek()
		weekday := (int(at.Weekday())+6)%7 + 1
		for _, s := range []string{
			at.Format("2006-01-02"), at.Format("20060102"),
			fmt.Sprintf("%d-%03d", at.Year(), at.YearDay()), fmt.Sprintf("%d%03d", at.Year(), at.YearDay()),
			fmt.Sprintf("%d-W%02d-%d", year, week, weekday), fmt.Sprintf("%dW%02d%d", year, week, weekday),
		} {
			if got, ok := ParseDate([]byte(s)); !ok || got != want {
				t.Fatalf("%s: got %d ok %v, want %d", s, got, ok, want)
			}
		}
	}
}

func TestATimeOfDayIsRead(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"00": 0, "23": 23 * time.Hour, "08:15": 8*time.Hour + 15*time.Minute, "0815": 8*time.Hour + 15*time.Minute,
		"08:15:32": 8*time.Hour + 15*time.Minute + 32*time.Second, "081532.123456": 8*time.Hour + 15*time.Minute + 32*time.Second + 123456*time.Microsecond,
		"08:15:32.1234567": 8*time.Hour + 15*time.Minute + 32*time.Second + 123456*time.Microsecond,
		"08.5":             8*time.Hour + 30*time.Minute, "08:15,5": 8*time.Hour + 15*time.Minute + 30*time.Second, "23:59:60": 24*time.Hour - time.Second,
	} {
		if got, ok := ParseTimeOfDay([]byte(s)); !ok || got != want.Microseconds() {
			t.Errorf("%s: got %d ok %v, want %d", s, got, ok, want.Microseconds())
		}
	}
}
