package e2e

import (
	"testing"

	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/testcontainers"
)

const dayMillis = 24 * 60 * 60 * 1000

// week is what the tests of whole conversations extract. It begins with the day.
var week = conv.Window{From: day.From, To: day.From + 7*dayMillis}

// jobs are the settings of dialect jobs.
func jobs(window string) settings { return settings{dialect: string(simulator.Jobs), window: window} }

// trouble is a bad day on which jobs go wrong too. The first four jobs are of four windows of 6 h, which have several
// pages. Only they go wrong: a window is given three jobs, and more of them that fail could all be its own. Every job is
// heard of, or it would take its part of the script with it.
func trouble() simulator.Faults {
	f := faults()
	f.PageRows = 500
	for _, rates := range []simulator.Rates{f.TooMany, f.Unavailable, f.Cut} {
		rates[simulator.Availability], rates[simulator.Query] = 0.05, 0.05
	}
	delete(f.Cut, simulator.Submit)
	f.Expired[simulator.Query] = 0.05
	f.Garbled, f.Truncated = simulator.Rates{simulator.Results: 0.02}, simulator.Rates{simulator.Results: 0.02}
	f.Script = simulator.Script{
		Gone:    []simulator.Gone{{Job: 1, Pages: 2}},
		Expires: []simulator.Expires{{Job: 2, Pages: 1}},
		Partial: []int{3},
		Failed:  []int{4},
	}
	return f
}

func TestRealAWeekOfConversationsSurvivesThreeKills(t *testing.T) {
	conversations := min(40_000, million(t))
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	w := newWorldOf(t, env, newPlatformOf(t, conversations, week, trouble()), jobs("step: 6h"))
	// So many bytes do not come before later jobs bring them: the first four are in the ledger when the kills come, and are
	// adopted.
	begun := detailBytes(conversations) / 5
	for _, at := range moments(dice, kills, detailBytes(conversations)-begun) {
		w.killWriting(t, w.backfill(t, convstream), begun+at)
	}
	last := w.backfill(t, convstream)
	last.wantExit(t, 0)
	var s summary
	last.answer(t, &s)
	if s.Published != int64(conversations) || s.Windows != 28 || s.Revisions+s.Invalid != 0 || s.Duplicates == 0 {
		t.Errorf("the backfill says %+v, want %d conversations in 28 windows, some of which came more than once", s, conversations)
	}
	t.Logf("the last run took %.1f s", s.Seconds)
	w.wantOnce(t, conversations)
	w.wantLives(t, livesOf(w.platform))
	w.reconcile(t, 0)
	struck := w.platform.Stats().Faults
	for _, kind := range []string{"partial", "failed", "gone", "expires", "too_many", "unavailable", "cut", "expired", "garbled", "truncated"} {
		if struck[kind] == 0 {
			t.Errorf("the platform had no fault of kind %s: %v", kind, struck)
		}
	}
}

// reconcile compares the platform's counts with the topic.
func (w *world) reconcile(t *testing.T, wantCode int) {
	t.Helper()
	start(t, convstream, w.config, "reconcile", w.interval("--json")...).wantExit(t, wantCode)
}
