package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/plan"
	"convstream/internal/simulator"
	"convstream/testcontainers"
)

// Days of which one job brings half and one fails are read again by windows of 6 h, and two of these by windows of 1 h.
func TestRealPartialAndFailedDaysAreNarrowedThroughKills(t *testing.T) {
	const rows, days = 150_000, 3
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	f := faults()
	f.PageRows = 1000
	f.Script = simulator.Script{Partial: []int{1, 5, 20}, Failed: []int{2, 8}}
	delete(f.Cut, simulator.Submit) // a job that convstream does not hear of would take its part of the script with it
	w := newWorldOf(t, env, newPlatformOf(t, rows, conv.Window{From: day.From, To: day.From + days*dayMillis}, f),
		settings{window: "step: 24h, narrow: [6h, 1h]"})
	for part := range int64(2) {
		// The days' own jobs bring half of the rows, and those of what they are narrowed to about two thirds.
		at := resultBytes(rows)*(14+3*part)/20 + dice.Int64N(resultBytes(rows)*3/20)
		w.killWriting(t, w.backfill(t, convstream), at)
		open := 0
		for _, cp := range w.wantFamilies(t) {
			if cp.State == conv.Narrowed {
				open++
			}
		}
		t.Logf("%d narrowed windows were open", open)
		if open == 0 {
			t.Error("no narrowed window was open when the kill came")
		}
	}
	last := w.backfill(t, convstream)
	last.wantExit(t, 0)
	var s summary
	last.answer(t, &s)
	if s.Published != rows || s.Windows != days || s.Revisions+s.Invalid != 0 {
		t.Errorf("the backfill says %+v, want %d rows in %d windows", s, rows, days)
	}
	w.wantOnce(t, rows)
	w.reconcile(t, 0)
	narrowed := map[time.Duration]int{}
	for _, cp := range w.wantFamilies(t) {
		if cp.State != conv.Settled {
			t.Errorf("window %s is %s, want settled", cp.Window, cp.State)
		}
		if len(cp.Nested) > 0 {
			narrowed[cp.Window.Duration()]++
		}
	}
	if narrowed[24*time.Hour] != 2 || narrowed[6*time.Hour] == 0 {
		t.Errorf("windows narrowed by length: %v, want two of a day and some of 6 h", narrowed)
	}
	w.wantPartialsTold(t)
}

// wantFamilies fails the test unless the windows of the ledger, as `checkpoints export` prints them, are days, and what
// narrowed ones name as their children are theirs: 6 h of a day, 1 h of 6 h, edge to edge. It returns them.
func (w *world) wantFamilies(t *testing.T) map[conv.Window]conv.Checkpoint {
	t.Helper()
	ledger := w.export(t)
	widths := map[time.Duration]time.Duration{24 * time.Hour: 6 * time.Hour, 6 * time.Hour: time.Hour}
	for window, cp := range ledger {
		if cp.Parent == nil && window.Duration() != 24*time.Hour {
			t.Errorf("window %s has no parent", window)
		}
		if len(cp.Nested) == 0 {
			continue
		}
		if !slices.Equal(cp.Nested, plan.Cut(window, widths[window.Duration()])) {
			t.Errorf("window %s was narrowed to %v", window, cp.Nested)
		}
		for _, nested := range cp.Nested {
			child, known := ledger[nested]
			if known && (child.Parent == nil || *child.Parent != window || child.Root() != cp.Root()) {
				t.Errorf("window %s was narrowed from %s, and says it was from %v", nested, window, child.Parent)
			}
		}
	}
	return ledger
}

// export reads the whole ledger through the command for it.
func (w *world) export(t *testing.T) map[conv.Window]conv.Checkpoint {
	t.Helper()
	p := start(t, convstream, w.config, "checkpoints", "export")
	p.wantExit(t, 0)
	ledger := map[conv.Window]conv.Checkpoint{}
	for line := range strings.Lines(p.stdout.String()) {
		var cp conv.Checkpoint
		if err := json.Unmarshal([]byte(line), &cp); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		ledger[cp.Window] = cp
	}
	return ledger
}

// wantPartialsTold fails the test unless every partial result is an event with its exact number of rows and its first and
// last instant: the platform brings the first half of what was asked for.
func (w *world) wantPartialsTold(t *testing.T) {
	t.Helper()
	told := w.eventsOf(t, "partial")
	if len(told) == 0 {
		t.Error("no event tells of a partial result")
	}
	for _, e := range told {
		asked, err := w.asked(e.Detail["job"])
		if err != nil {
			t.Error(err)
			continue
		}
		left, first, last := w.platform.Count(asked)/2, int64(0), int64(0)
		want := float64(left)
		for row := range w.platform.Truth(asked) {
			if first == 0 {
				first = row.Time
			}
			if last = row.Time; left == 1 {
				break
			}
			left--
		}
		got := []any{e.Detail["rows"], e.Detail["min_time"], e.Detail["max_time"]}
		if diff := cmp.Diff([]any{want, conv.FormatInstant(first), conv.FormatInstant(last)}, got); diff != "" {
			t.Errorf("rows, first and last instant of the partial result for %s (-platform +event):\n%s", asked, diff)
		}
	}
}

// asked is the stretch of time that a job of dialect reports was submitted for.
func (w *world) asked(job any) (conv.Window, error) {
	for _, j := range w.platform.Stats().Jobs {
		if j.ID == job {
			asked, err := conv.ParseWindow(j.Start + "/" + j.End)
			asked.To++ // the platform takes the end for a part of it
			return asked, err
		}
	}
	return conv.Window{}, fmt.Errorf("the platform knows no job %v", job)
}
