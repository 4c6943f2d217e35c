package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

func TestR90_FivePercentAreNoAlertAndARowMoreIs(t *testing.T) {
	for _, c := range []struct {
		difference, expected int64
		share                float64
		want                 bool
	}{
		{-5, 100, 0.05, false}, {5, 100, 0.05, false}, {-6, 100, 0.05, true}, {6, 100, 0.05, true},
		{-50_000, 1_000_000, 0.05, false}, {-50_001, 1_000_000, 0.05, true}, {29, 100, 0.29, false},
		{0, 0, 0.05, false}, {1, 0, 0.05, true}, {0, 7, 0, false}, {-1, 1_000_000_000, 0, true},
	} {
		if got := exceeds(c.difference, c.expected, c.share); got != c.want {
			t.Errorf("%d of %d exceeds %v: %t", c.difference, c.expected, c.share, got)
		}
	}
}

func TestWhatHasVanishedAtThePlatformIsNoSurplus(t *testing.T) {
	c := comparison{Held: 103}
	c.compare(100, nil, 3, 0)
	if c.Verdict != verdictOK || *c.Difference != 0 || c.Vanished != 3 {
		t.Errorf("it says %+v", c)
	}
	c = comparison{Held: 103}
	if c.compare(100, nil, 2, 0); c.Verdict != verdictOff || *c.Difference != 1 {
		t.Errorf("a row more than have vanished gives %+v", c)
	}
	c = comparison{Held: 101}
	if c.compare(100, nil, 3, 0); c.Verdict != verdictOK || *c.Difference != 0 || c.Vanished != 1 {
		t.Errorf("rows that are counted again after they had vanished give %+v", c)
	}
}

func TestR93_AWindowWithoutACountIsUnverified(t *testing.T) {
	c := comparison{Held: 5}
	c.compare(0, errors.New("HTTP 500:\nbroken"), 0, 0.05)
	if c.Verdict != verdictUnverified || c.Expected != nil || c.Reason != "HTTP 500: broken" {
		t.Errorf("it says %+v", c)
	}
}

// hours is a window of monday.
func hours(from, to int64) conv.Window {
	const hour = 3_600_000
	return conv.Window{From: monday.From + from*hour, To: monday.From + to*hour}
}

// book is a ledger of windows in their states.
func book(windows ...conv.Checkpoint) plan.Ledger {
	ledger := plan.Ledger{}
	for _, cp := range windows {
		ledger[cp.Window] = cp
	}
	return ledger
}

func TestANarrowedWindowIsComparedAsOneWithItsChildren(t *testing.T) {
	root := hours(0, 12)
	ledger := book(
		conv.Checkpoint{Window: root, State: conv.Reconciled, Vanished: 3, Nested: []conv.Window{hours(0, 6), hours(6, 12)}},
		conv.Checkpoint{Window: hours(0, 6), State: conv.Settled, Parent: &root, Vanished: 1},
		conv.Checkpoint{Window: hours(6, 12), State: conv.Reconciled, Parent: &root, Vanished: 2},
		conv.Checkpoint{Window: hours(12, 18), State: conv.Settled},
		conv.Checkpoint{Window: hours(18, 24), State: conv.Incomplete},
	)
	cfg := config.Config{Source: config.Source{Dialect: "reports"}, Window: config.Window{Step: 6 * time.Hour}}
	want := []span{
		{window: root, published: true, vanished: 3},
		{window: hours(12, 18), published: true, settled: true},
		{window: hours(18, 24), settled: true},
		{window: conv.Window{From: monday.To, To: tuesday.To}, settled: true},
	}
	got := comparedSpans(cfg, conv.Window{From: monday.From, To: tuesday.To}, ledger)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestADayOfJobsIsPublishedWhenWindowsCoverIt(t *testing.T) {
	cfg := config.Config{Source: config.Source{Dialect: "jobs"}, Window: config.Window{Step: 6 * time.Hour}}
	within := hours(3, 4)
	for name, c := range map[string]struct {
		ledger plan.Ledger
		want   span
	}{
		"in parts":           {book(conv.Checkpoint{Window: hours(0, 12), State: conv.Settled}, conv.Checkpoint{Window: hours(12, 24), State: conv.Published}), span{window: monday, published: true}},
		"with a gap":         {book(conv.Checkpoint{Window: hours(0, 12), State: conv.Settled}, conv.Checkpoint{Window: hours(13, 24), State: conv.Settled}), span{window: monday, settled: true}},
		"by a longer window": {book(conv.Checkpoint{Window: hours(-24, 24), State: conv.Settled}), span{window: hours(-24, 24), published: true, settled: true}},
		"by parts of days":   {book(conv.Checkpoint{Window: hours(-12, 36), State: conv.Settled}), span{window: hours(-24, 48), settled: true}},
	} {
		if diff := cmp.Diff([]span{c.want}, comparedSpans(cfg, within, c.ledger), cmp.AllowUnexported(span{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	cfg.Window.ReconcileThreshold = 0.05
	if s := (span{settled: true}); s.threshold(cfg) != 0 {
		t.Error("a settled day may be off")
	}
	cfg.Source.Dialect = "reports"
	if s := (span{settled: true}); s.threshold(cfg) != 0.05 {
		t.Error("a window of reports settles with what the threshold allows")
	}
}

// A row that vanished from a window of two days was of one of them, and nobody knows which.
func TestDaysThatShareAWindowAreComparedTogetherAndItsVanishedRowsCountOnce(t *testing.T) {
	cfg := config.Config{Source: config.Source{Dialect: "jobs"}, Window: config.Window{Step: 48 * time.Hour}}
	ledger := book(
		conv.Checkpoint{Window: hours(0, 48), State: conv.Settled, Vanished: 3},
		conv.Checkpoint{Window: hours(48, 60), State: conv.Settled, Vanished: 1}, // cut by another step
		conv.Checkpoint{Window: hours(60, 96), State: conv.Reconciled, Vanished: 1},
		conv.Checkpoint{Window: hours(96, 144), State: conv.Narrowed, Vanished: 9, Nested: []conv.Window{hours(96, 120), hours(120, 144)}},
		conv.Checkpoint{Window: hours(96, 120), State: conv.Settled, Vanished: 2},
		conv.Checkpoint{Window: hours(120, 144), State: conv.Incomplete},
		conv.Checkpoint{Window: hours(168, 216), State: conv.Settled}, // behind the interval
	)
	want := []span{
		{window: hours(0, 48), published: true, settled: true, vanished: 3},
		{window: hours(48, 96), published: true, vanished: 2},
		{window: hours(96, 120), published: true, settled: true, vanished: 2},
		{window: hours(120, 144), settled: true},
		{window: hours(144, 168), settled: true}, // no run has begun it
	}
	if diff := cmp.Diff(want, comparedSpans(cfg, hours(24, 168), ledger), cmp.AllowUnexported(span{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestAPartOfAWindowIsComparedWithoutWhatVanishedFromTheWhole(t *testing.T) {
	cfg := config.Config{Source: config.Source{Dialect: "reports"}, Window: config.Window{Step: 6 * time.Hour}}
	ledger := book(conv.Checkpoint{Window: hours(0, 12), State: conv.Published, Vanished: 3})
	for _, c := range []struct {
		interval conv.Window
		vanished int64
	}{{hours(6, 12), 0}, {hours(0, 12), 3}} {
		want := []span{{window: c.interval, published: true, vanished: c.vanished}}
		if diff := cmp.Diff(want, comparedSpans(cfg, c.interval, ledger), cmp.AllowUnexported(span{})); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	}
}

func TestOfWindowsCutInTwoWaysTheNewestJobsWordOnVanishedRowsCounts(t *testing.T) {
	job := func(observation uint32) conv.Job { return conv.Job{Observation: observation} }
	cfg := config.Config{Source: config.Source{Dialect: "jobs"}, Window: config.Window{Step: 24 * time.Hour}}
	ledger := book(
		conv.Checkpoint{Window: hours(0, 12), State: conv.Settled, Vanished: 4, Job: job(7)},
		conv.Checkpoint{Window: monday, State: conv.Settled, Vanished: 3, Job: job(8)},
		conv.Checkpoint{Window: hours(12, 24), State: conv.Settled, Vanished: 5, Job: job(6)},
	)
	want := []span{{window: monday, published: true, settled: true, vanished: 3}}
	if diff := cmp.Diff(want, comparedSpans(cfg, monday, ledger), cmp.AllowUnexported(span{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestR94_AnIntervalThatIsOffExits3AndNamesItsWindows(t *testing.T) {
	var r reconcileReport
	r.add(comparison{Window: monday, Verdict: verdictOK})
	if err := r.verdict(); err != nil {
		t.Errorf("all is well, and it says %v", err)
	}
	r.add(comparison{Window: tuesday, Verdict: verdictOff})
	if err := r.verdict(); exitCode(err) != ExitIncomplete || !strings.Contains(err.Error(), tuesday.String()) || strings.Contains(err.Error(), monday.String()) {
		t.Errorf("exit code %d, %v", exitCode(err), err)
	}
}
