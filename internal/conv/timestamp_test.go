package conv

import (
	"strings"
	"testing"
	"time"
)

func TestR73_TimestampsBecomeUTCEpochMilliseconds(t *testing.T) {
	const want = 1704096932100
	for _, s := range []string{
		"2024-01-01T08:15:32.100Z",
		"2024-01-01T10:15:32.100+02:00",
		"2024-01-01T10:15:32.1+0200",
		"2024-01-01T10:15:32,100000+02",
		"2023-12-31T20:15:32.1009999-12:00",
		"2024-01-01t08:15:32.100z",
		"2024-01-01 08:15:32.100Z",
	} {
		got, zoned, ok := ParseTimestamp([]byte(s))
		if !ok || !zoned || got != want {
			t.Errorf("%s: got %d zoned %v ok %v, want %d", s, got, zoned, ok, want)
		}
	}
}

func TestR68_ATimestampWithoutAZoneIsUTC(t *testing.T) {
	got, zoned, ok := ParseTimestamp([]byte("2024-01-01T08:15:32.100"))
	if !ok || zoned || got != 1704096932100 {
		t.Errorf("got %d zoned %v ok %v", got, zoned, ok)
	}
}

func TestR73_DigitsFinerThanAMillisecondAreCutTowardsThePast(t *testing.T) {
	for s, want := range map[string]int64{
		"2024-01-01T23:59:59.999999999Z": 1704153599999,
		"1969-12-31T23:59:59.9999Z":      -1,
		"1969-12-31T23:59:59.0001Z":      -1000,
	} {
		if got, _, ok := ParseTimestamp([]byte(s)); !ok || got != want {
			t.Errorf("%s: got %d ok %v, want %d", s, got, ok, want)
		}
	}
}

func TestTimestampsThatDoNotExistAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "2024", "2024-01-01", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-01-01T24:00:01Z",
		"2024-01-01T25:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+1", "24-01-01T00:00:00Z",
		"2024-01-0aT00:00:00Z", "2024-01-01X00:00:00Z", "2024-01-00T00:00:00Z",
	} {
		if ms, _, ok := ParseTimestamp([]byte(s)); ok {
			t.Errorf("%q was read as %d", s, ms)
		}
	}
}

// The standard library is the reference wherever its layout takes the text.
func FuzzParseTimestampAgreesWithTheStandardLibrary(f *testing.F) {
	for _, s := range []string{"2024-02-29T12:34:56.789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999+14:00", "1900-03-01T00:00:00-01:30", "0000-10-01T00:00:00+00:60"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := time.Parse(time.RFC3339Nano, s)
		got, zoned, ok := ParseTimestamp([]byte(s))
		if err != nil || strings.Contains(s, ",") || s[13] != ':' {
			return // it takes commas and hours of one digit, against RFC 3339
		}
		if end := s[len(s)-2:]; s[len(s)-1] != 'Z' && end > "59" {
			return // no such zone
		}
		if _, offset := want.Zone(); offset <= -24*3600 || offset >= 24*3600 {
			return // no such zone
		}
		if !ok || !zoned {
			t.Fatalf("%q: the standard library reads it, we do not", s)
		}
		if ms := want.UnixMilli(); got != ms {
			t.Fatalf("%q: got %d, want %d", s, got, ms)
		}
	})
}

func BenchmarkParseTimestamp(b *testing.B) {
	s := []byte("2024-01-01T10:15:32.100+02:00")
	b.Run("conv", func(b *testing.B) {
		for b.Loop() {
			ParseTimestamp(s)
		}
	})
	b.Run("time", func(b *testing.B) {
		for b.Loop() {
			_, _ = time.Parse(time.RFC3339Nano, string(s))
		}
	})
}
