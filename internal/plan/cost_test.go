package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// usual is the pace of the default configuration. A job takes 10 s + 2.5 s and 20 s + 2.5 s.
var usual = Pace{RequestsPerMinute: 300, Windows: 4, Initial: 10 * time.Second, Max: 2 * time.Minute, Jitter: 5 * time.Second}

func TestACostCountsEveryKindOfRequest(t *testing.T) {
	for name, c := range map[string]struct {
		load Load
		want Cost
	}{
		"nothing": {Load{}, Cost{}},
		"a day, held up by its polls": {
			Load{Windows: 1, Counts: 1, Rows: -1},
			Cost{Submits: 1, Polls: 2, Pages: 1, Counts: 1, Tokens: 1, Time: 35 * time.Second},
		},
		"nine days in three rounds": {
			Load{Windows: 9, Rows: -1},
			Cost{Submits: 9, Polls: 18, Pages: 9, Tokens: 1, Time: 105 * time.Second},
		},
		"pages of a known size, held up by the budget": {
			Load{Windows: 4, Counts: 4, Watermark: true, Rows: 1_000_000, PageRows: 1000},
			// 4 + 8 + 1002 + 4 + 4 + 1 = 1023 requests at 5 a second
			Cost{Submits: 4, Polls: 8, Pages: 1002, Counts: 4, Watermark: 4, Tokens: 1, Time: 204_600 * time.Millisecond},
		},
		"no fewer pages than windows": {
			Load{Windows: 10, Rows: 1, PageRows: 1000},
			Cost{Submits: 10, Polls: 20, Pages: 10, Tokens: 1, Time: 105 * time.Second},
		},
	} {
		if diff := cmp.Diff(c.want, c.load.Cost(usual)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestR45_ALowerShareOfTheLimitTakesLonger(t *testing.T) {
	load := Load{Windows: 8760, Counts: 8760, Rows: -1}
	slow := usual
	slow.RequestsPerMinute = 30
	c := load.Cost(slow)
	// 8760 + 17520 + 8760 + 8760 + 1 = 43801 requests at one in 2 s
	if want := 87602 * time.Second; c.Time != want || c.Tokens != 2 {
		t.Errorf("it takes %s and %d tokens, want %s and 2, as it takes more than a day", c.Time, c.Tokens, want)
	}
	if fast := load.Cost(usual).Time; fast >= c.Time {
		t.Errorf("at ten times the share it takes %s, not less than %s", fast, c.Time)
	}
}

func TestTheWaitBetweenPollsStopsDoublingAtItsMost(t *testing.T) {
	p := Pace{RequestsPerMinute: 10_000, Windows: 1, Initial: 10 * time.Second, Max: 12 * time.Second}
	if c := (Load{Windows: 1}).Cost(p); c.Time != 22*time.Second {
		t.Errorf("a job takes %s, want 22s", c.Time)
	}
}

func TestSamplesAreTheWholeWindowWhereTheyCanBe(t *testing.T) {
	const month = 31 * 24 * time.Hour
	w := conv.Window{From: jan1, To: jan1 + 40*day + 5}
	want := []conv.Window{{From: jan1, To: jan1 + 31*day}, {From: jan1 + 31*day, To: jan1 + 40*day + 5}}
	if diff := cmp.Diff(want, Samples(w, 3, month)); diff != "" {
		t.Errorf("40 days (-want +got):\n%s", diff)
	}
	year := conv.Window{From: jan1, To: jan1 + 366*day}
	want = []conv.Window{{From: jan1, To: jan1 + 31*day}, {From: jan1 + 167*day, To: jan1 + 198*day}, {From: jan1 + 335*day, To: jan1 + 366*day}}
	if diff := cmp.Diff(want, Samples(year, 3, month)); diff != "" {
		t.Errorf("a year (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]conv.Window{{From: jan1, To: jan1 + 31*day}}, Samples(year, 1, month)); diff != "" {
		t.Errorf("a year by one sample (-want +got):\n%s", diff)
	}
}

func TestExtrapolationIsByTime(t *testing.T) {
	samples := []Counted{
		{conv.Window{From: 0, To: day}, 100},
		{conv.Window{From: 10 * day, To: 12 * day}, 50},
	}
	for over, want := range map[time.Duration]int64{24 * time.Hour: 50, 72 * time.Hour: 150, time.Hour: 2, 0: 0} {
		if got := Extrapolate(samples, over); got != want {
			t.Errorf("%s hold %d rows, want %d", over, got, want)
		}
	}
	if got := Extrapolate(nil, time.Hour); got != -1 {
		t.Errorf("without a sample it says %d", got)
	}
}
