package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/internal/plan"
	"convstream/internal/simulator"
)

// A bad day for a run with short waits: the platform asks for no whole second of patience.
func badDay() simulator.Faults {
	f := simulator.DefaultFaults()
	f.RetryAfter = 0
	f.PageRows = 150
	return f
}

func TestR2_OnABadDayTheTopicHoldsTheTruth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 3000, Faults: badDay()}})
	f := w.backfill("--json").must(t, 0).figures(t)
	if f.Published != 3000 || f.Invalid != 6 || f.Fetched != f.Published+f.Duplicates+f.Invalid || len(f.Incomplete) != 0 {
		t.Errorf("the figures are %+v", f)
	}
	w.holdsTheTruth(t)
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
	happened := w.sim.Stats().Faults
	for _, kind := range []string{"too_many", "unavailable", "cut", "partial", "failed", "gone"} {
		if happened[kind] == 0 {
			t.Errorf("the day was not bad: no %s in %v", kind, happened)
		}
	}
	if again := w.backfill("--json").must(t, 0).figures(t); !same(again, f) {
		t.Errorf("a second run prints %+v, the first one %+v", again, f)
	}
}

// Jobs that never bring more than half of a window are tried again, and then owned up to. The
// rows that came are kept: they are true.
func TestR83_WindowsThatStayPartialExit3AndKeepTheirRows(t *testing.T) {
	t.Parallel()
	var every []int
	for n := range 100 {
		every = append(every, n+1)
	}
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400, Faults: simulator.Faults{Script: simulator.Script{Partial: every}}}})
	r := w.backfill("--json").must(t, 3)
	f := r.figures(t)
	if want := plan.Cut(day, 3*time.Hour); !slices.Equal(f.Incomplete, want) || f.Fetched != f.Published+f.Duplicates+f.Invalid {
		t.Errorf("the figures are %+v, want every chunk of three hours incomplete", f)
	}
	r.saysOnce(t, f.Incomplete[0].String(), f.Incomplete[3].String())
	known := map[row]bool{}
	for _, truth := range w.truth() {
		known[truth] = true
	}
	got := w.published()
	for _, r := range got {
		if !known[r] {
			t.Errorf("the topic holds %+v twice, or the platform does not", r)
		}
		delete(known, r)
	}
	if int64(len(got)) != f.Published || f.Published < 100 || f.Published >= 400 {
		t.Errorf("the topic holds %d rows of 400, the figures are %+v", len(got), f)
	}
}

func TestARevisedRowIsPublishedAgainAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{
		Platform: simulator.Config{Rows: 400, Faults: simulator.Faults{Revise: 40, ReviseAfter: 4}},
		Front:    counting(`{"count":1000}`), // so that a second run asks for the first quarter again
	})
	before := w.truth()
	var revised []row
	w.backfill("--step", "6h").must(t, 3)
	for i, r := range w.truth() {
		if r != before[i] && quarter(0).Contains(r.Time) {
			revised = append(revised, r)
		}
	}
	if len(revised) < 5 {
		t.Fatalf("only %d rows were revised", len(revised))
	}
	sameRows(t, slices.Concat(before, revised), w.published())
	f := w.backfill("--json").must(t, 3).figures(t)
	if f.Revisions != int64(len(revised)) || f.Published != int64(400+len(revised)) {
		t.Errorf("%d rows were revised, the figures are %+v", len(revised), f)
	}
	verify := w.run(nil, append([]string{"verify"}, interval...)...).must(t, 3)
	if !strings.Contains(verify.stdout, "0 missing, 0 doubled, 0 foreign") {
		t.Errorf("verify takes revisions for doubles: %q", verify.stdout)
	}
}

func TestR71_APoisonRowIsOneDeadLetterThatTellsWhereItCameFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400, Faults: simulator.Faults{
		Oversize: 2, Future: 3, Keyless: 4, PageRows: 30,
		Script: simulator.Script{Partial: []int{1, 2}}, // some are fetched twice
	}}})
	f := w.backfill("--json").must(t, 0).figures(t)
	if f.Published != 400 || f.Invalid != 9 {
		t.Errorf("the figures are %+v", f)
	}
	w.holdsTheTruth(t)

	found, values := map[string]int{}, map[string]bool{}
	jobs := map[string]int{} // pages by job
	for _, j := range w.sim.Stats().Jobs {
		jobs[j.ID] = len(j.Pages)
	}
	for _, r := range w.consume("genesys.dlq") {
		found[header(r, "cs-reason")]++
		values[string(r.Value)] = true
		checkPlace(t, r, jobs)
	}
	want := map[string]int{"too_large": 2, "timestamp_refused": 3, "no_key": 4}
	if len(values) != 9 || found["too_large"] != want["too_large"] || found["timestamp_refused"] != want["timestamp_refused"] || found["no_key"] != want["no_key"] {
		t.Errorf("%d different dead letters by reason: %v, want %v", len(values), found, want)
	}
	verify := w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
	if !strings.Contains(verify.stdout, "9 dead letters") {
		t.Errorf("verify says %q", verify.stdout)
	}
}

// checkPlace wants the headers to lead to a page of a job, and a row on it.
func checkPlace(t *testing.T, r *kgo.Record, jobs map[string]int) {
	t.Helper()
	window := header(r, "cs-window")
	parsed, err := conv.ParseWindow(strings.TrimPrefix(window, "p/acme/"))
	known := slices.ContainsFunc([]int{0, 1, 2, 3}, func(n int) bool { return quarter(n).Covers(parsed) }) // or a chunk of one
	if err != nil || !known {
		t.Errorf("offset %d: cs-window %q is no window of the ledger", r.Offset, window)
	}
	pages, known := jobs[header(r, "cs-job")]
	page, errPage := strconv.Atoi(header(r, "cs-page"))
	index, errRow := strconv.Atoi(header(r, "cs-row"))
	if !known || errPage != nil || errRow != nil || page < 0 || page >= pages || index < 0 || index > 30 {
		t.Errorf("offset %d: there is no row %q on page %q of job %q", r.Offset, header(r, "cs-row"), header(r, "cs-page"), header(r, "cs-job"))
	}
}
