package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"

	"convstream/internal/simulator"
	"convstream/producer"
	"convstream/testcontainers"
)

const (
	kills    = 3 // how often a backfill is killed on its way
	inFlight = 4 // windows, as convstream's default has it
)

func TestRealAMillionRowsSurviveThreeKills(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		windows int
		between func(*world, *testing.T) // two runs
	}{
		{name: "one window", windows: 1},
		{name: "state_dir deleted between the runs", windows: 1, between: (*world).forget},
		{name: "24 windows, 4 in flight", args: []string{"--step", "1h"}, windows: 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
			rows, dice := million(t), random(t)
			w := newWorld(t, env, newPlatform(t, rows, faults()))
			var dead []death
			for _, at := range moments(dice, kills, resultBytes(rows)) {
				w.backfill(t, convstream, c.args...).killWhen(t, w.platform.passing(at))
				dead = append(dead, w.death(t))
				t.Logf("killed at byte %d of the results, %d rows committed", at, published(dead[len(dead)-1].ledger))
				if c.between != nil {
					c.between(w, t)
				}
			}
			last := w.backfill(t, convstream, c.args...)
			last.wantExit(t, 0)
			var s summary
			last.answer(t, &s)
			if s.Published != int64(rows) || s.Windows != c.windows || s.Revisions+s.Invalid != 0 {
				t.Errorf("the backfill says %+v, want %d rows in %d windows", s, rows, c.windows)
			}
			t.Logf("the last run took %.1f s", s.Seconds)
			w.wantOnce(t, rows)
			for _, d := range dead {
				w.wantResumed(t, d)
			}
			// A kill between a submit and the commit that tells the ledger orphans a job. One of the windows in flight
			// was being paged when the kill came, so its job was in the ledger.
			orphans := kills * (min(c.windows, inFlight) - 1)
			if jobs := len(w.platform.Stats().Jobs); jobs > c.windows+orphans {
				t.Errorf("%d jobs were submitted for %d windows, want at most %d more", jobs, c.windows, orphans)
			}
		})
	}
}

// moments are places in the first nine tenths of the results, in order.
func moments(dice *rand.Rand, n int, bytes int64) []int64 {
	at := make([]int64, n)
	for i := range at {
		at[i] = dice.Int64N(bytes * 9 / 10)
	}
	slices.Sort(at)
	return at
}

// death is what was known when a run was killed.
type death struct {
	ledger *producer.Ledger
	jobs   []simulator.JobStats
}

func (w *world) death(t *testing.T) death {
	return death{w.ledger(t), w.platform.Stats().Jobs}
}

// wantResumed fails the test unless the runs after a death carried on from the ledger: no window whose job it held was
// submitted again, and no page that was committed whole was asked for again.
func (w *world) wantResumed(t *testing.T, d death) {
	t.Helper()
	jobs := w.platform.Stats().Jobs
	for window, cp := range d.ledger.Windows {
		own := slices.IndexFunc(d.jobs, func(j simulator.JobStats) bool { return j.ID == cp.Job.ID })
		if own < 0 {
			t.Errorf("window %s: the ledger holds job %q, which the platform did not know", window, cp.Job.ID)
			continue
		}
		for _, j := range jobs[len(d.jobs):] {
			if j.Start == d.jobs[own].Start {
				t.Errorf("window %s: job %s was in the ledger, and %s was submitted", window, cp.Job.ID, j.ID)
			}
		}
		done := cp.Position.Page // the pages before this one
		if before, after := d.jobs[own].Pages[:done], jobs[own].Pages[:done]; !slices.Equal(before, after) {
			t.Errorf("window %s: pages committed whole were asked for again: %v became %v", window, before, after)
		}
	}
}
