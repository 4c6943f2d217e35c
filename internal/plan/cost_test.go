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
			Load{Windows: 1, Submits: 1, Counts: 1, Rows: -1},
			Cost{Submits: 1, Polls: 2, Pages: 1, Counts: 1, Tokens: 1, Time: 35 * time.Second},
		},
		"nine days in three rounds": {
			Load{Windows: 9, Submits: 9, Rows: -1},
			Cost{Submits: 9, Polls: 18, Pages: 9, Tokens: 1, Time: 105 * time.Second},
		},
		"pages of a known size, held up by the budget": {
			Load{Windows: 4, Submits: 4, Counts: 4, Watermark: true, Rows: 1_000_000, PageRows: 1000},
			// 4 + 8 + 1002 + 4 + 4 + 1 = 1023 requests at 5 a second
			Cost{Submits: 4, Polls: 8, Pages: 1002, Counts: 4, Watermark: 4, Tokens: 1, Time: 204_600 * time.Millisecond},
		},
		"all windows are told how far the data reach by those that are first": {
			Load{Windows: 9, Submits: 9, Watermark: true, Rows: -1},
			Cost{Submits: 9, Polls: 18, Pages: 9, Watermark: 4, Tokens: 1, Time: 105 * time.Second},
		},
		"a job that is there already": {
			Load{Windows: 2, Submits: 1, Watermark: true, Rows: -1},
			Cost{Submits: 1, Polls: 4, Pages: 2, Watermark: 1, Tokens: 1, Time: 35 * time.Second},
		},
		"nothing but a comparison": {Load{Counts: 1, Rows: -1}, Cost{Counts: 1, Tokens: 1, Time: 400 * time.Millisecond}}, // with its token
		"no fewer pages than windows": {
			Load{Windows: 10, Submits: 10, Rows: 1, PageRows: 1000},
			Cost{Submits: 10, Polls: 20, Pages: 10, Tokens: 1, Time: 105 * time.Second},
		},
	} {
		if diff := cmp.Diff(c.want, c.load.Cost(usual)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestR45_ALowerShareOfTheLimitTakesLonger(t *testing.T) {
	load := Load{Windows: 8760, Submits: 8760, Counts: 8760, Rows: -1}
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

// january is a window, by its hours.
func january(from, to int64) conv.Window {
	return conv.Window{From: jan1 + from*hour, To: jan1 + to*hour}
}

func TestALoadAsksForCountsBeforeAJobAndBehindIt(t *testing.T) {
	reports := Course{Schedule: Schedule{Step: 6 * time.Hour, Compare: true}, Narrow: []time.Duration{6 * time.Hour, time.Hour}, Counted: true, Query: "q"}
	without := func(change func(*Course)) Course {
		c := reports
		change(&c)
		return c
	}
	live := conv.Checkpoint{State: conv.Paging, Query: "q", Job: conv.Job{ID: "job"}}
	other := conv.Checkpoint{State: conv.Paging, Query: "p", Job: conv.Job{ID: "job"}}
	for name, c := range map[string]struct {
		course Course
		cp     conv.Checkpoint // of the only window, 12 hours; the zero value for none
		want   Load
	}{
		"a new one that can be narrowed":   {reports, conv.Checkpoint{}, Load{Windows: 1, Submits: 1, Counts: 2}},
		"a new one that cannot":            {without(func(c *Course) { c.Narrow = []time.Duration{12 * time.Hour} }), conv.Checkpoint{}, Load{Windows: 1, Submits: 1, Counts: 1}},
		"without reconciliation":           {without(func(c *Course) { c.Compare = false }), conv.Checkpoint{}, Load{Windows: 1, Submits: 1}},
		"where the platform has no counts": {without(func(c *Course) { c.Counted = false }), conv.Checkpoint{}, Load{Windows: 1, Submits: 1}},
		"one whose job lives":              {reports, live, Load{Windows: 1, Counts: 1}},
		"one whose job asks otherwise":     {reports, other, Load{Windows: 1, Submits: 1, Counts: 2}},
		"one whose job was given up":       {reports, conv.Checkpoint{State: conv.Submitted, Query: "q"}, Load{Windows: 1, Submits: 1, Counts: 2}},
		"one that lacks its count":         {reports, conv.Checkpoint{State: conv.Published}, Load{Counts: 1}},
		"one that nobody counts":           {without(func(c *Course) { c.Compare = false }), conv.Checkpoint{State: conv.Published}, Load{}},
		"one that is settled":              {reports, conv.Checkpoint{State: conv.Settled}, Load{}},
		"an incomplete one, cut anew":      {reports, conv.Checkpoint{State: conv.Incomplete}, Load{Windows: 2, Submits: 2, Counts: 4}},
		"one whose children carry on":      {reports, conv.Checkpoint{State: conv.Narrowed, Nested: []conv.Window{january(0, 6), january(6, 12)}}, Load{Windows: 2, Submits: 2, Counts: 4}},
	} {
		ledger := Ledger{}
		if c.cp.State != "" {
			c.cp.Window = january(0, 12)
			ledger[c.cp.Window] = c.cp
		}
		c.want.Rows = -1
		if c.want.Windows > 0 {
			c.want.Length = 12 * time.Hour
		}
		switch {
		case c.want.Submits == 1:
			c.want.First = january(0, 12)
		case c.want.Submits == 2:
			c.want.First = january(0, 6)
		}
		if diff := cmp.Diff(c.want, c.course.Load([]conv.Window{january(0, 12)}, ledger, jan1+90*day)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestALoadOfConversationsCountsWholeDaysOnce(t *testing.T) {
	jobs := Course{Schedule: Schedule{Step: 6 * time.Hour, Compare: true, Conversations: true, Settle: 72 * time.Hour}, Counted: true}
	settled := func(w conv.Window) conv.Checkpoint {
		return conv.Checkpoint{Window: w, State: conv.Settled, Job: conv.Job{PlatformTime: jan1 + 80*day}}
	}
	published := func(w conv.Window, read int64) conv.Checkpoint {
		return conv.Checkpoint{Window: w, State: conv.Published, Job: conv.Job{PlatformTime: read}}
	}
	for name, c := range map[string]struct {
		windows []conv.Window
		ledger  Ledger
		want    Load
	}{
		"a day":             {Cut(january(0, 24), jobs.Step), nil, Load{Windows: 4, Submits: 4, Counts: 1, Length: 24 * time.Hour}},
		"half a day":        {Cut(january(0, 12), jobs.Step), nil, Load{Windows: 2, Submits: 2, Length: 12 * time.Hour}},
		"the other half":    {Cut(january(0, 12), jobs.Step), Ledger{january(12, 24): settled(january(12, 24))}, Load{Windows: 2, Submits: 2, Counts: 1, Length: 12 * time.Hour}},
		"two days as one":   {[]conv.Window{january(0, 48)}, nil, Load{Windows: 1, Submits: 1, Counts: 1, Length: 48 * time.Hour}},
		"a day and a half":  {Cut(january(0, 36), jobs.Step), nil, Load{Windows: 6, Submits: 6, Counts: 1, Length: 36 * time.Hour}},
		"one to compare":    {[]conv.Window{january(0, 24)}, Ledger{january(0, 24): published(january(0, 24), jan1+4*day)}, Load{Counts: 1}},
		"one that changed":  {[]conv.Window{january(0, 24)}, Ledger{january(0, 24): published(january(0, 24), jan1+4*day-1)}, Load{Windows: 1, Submits: 1, Counts: 1, Length: 24 * time.Hour}},
		"one that changes":  {[]conv.Window{january(24, 48)}, Ledger{january(24, 48): published(january(24, 48), jan1+3*day)}, Load{Counts: 1}},
		"one that may yet":  {[]conv.Window{january(0, 24)}, Ledger{january(0, 24): {State: conv.Reconciled, Window: january(0, 24)}}, Load{Windows: 1, Submits: 1, Counts: 1, Length: 24 * time.Hour}},
		"nothing but peace": {[]conv.Window{january(0, 24)}, Ledger{january(0, 24): settled(january(0, 24))}, Load{}},
	} {
		c.want.Watermark, c.want.Rows = true, -1
		if c.want.Submits > 0 {
			c.want.First = c.windows[0]
		}
		if diff := cmp.Diff(c.want, jobs.Load(c.windows, c.ledger, jan1+4*day)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
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
