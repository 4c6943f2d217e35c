package dedupe_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
)

const (
	hour    = int64(60 * 60 * 1000)
	start   = int64(1_704_067_200_000) // 2024-01-01T00:00:00Z
	roomy   = 64 << 20
	cluster = "cluster-1/topic-1"
)

func open(t testing.TB, files dedupe.Files, limit int) *dedupe.History {
	t.Helper()
	h, err := dedupe.Open(files, cluster, limit)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// row is the entry of a conversation at a time, seen by a job.
func row(id string, at int64, content uint64, observation uint32) dedupe.Entry {
	return dedupe.Entry{
		Key:         conv.RowKey("acme", []byte(id), conv.Mark{Time: at}),
		Time:        at,
		Fingerprint: content,
		Observation: observation,
	}
}

func check(t testing.TB, h *dedupe.History, batch uint64, e dedupe.Entry, want dedupe.Verdict) {
	t.Helper()
	got, err := h.Check(batch, 1, e)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("content %d of observation %d is %v, want %v", e.Fingerprint, e.Observation, got, want)
	}
}

func commit(t testing.TB, h *dedupe.History, batch uint64, s dedupe.Span) {
	t.Helper()
	if err := h.Commit(batch, s); err != nil {
		t.Fatal(err)
	}
}

func span(id string, seq uint64) dedupe.Span {
	return dedupe.Span{ID: id, Seq: seq, Min: start, Max: start + hour - 1}
}

func rows(entries ...dedupe.Entry) iter.Seq2[dedupe.Entry, error] {
	return func(yield func(dedupe.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// The contents of a key, whatever becomes of them between two checks: they stay in flight,
// are committed, or are committed and sealed.
func TestR74_ContentsOfAKeyAreThoseOfItsNewestObservation(t *testing.T) {
	const a, b, c = 1, 2, 3
	type step struct {
		content     uint64
		observation uint32
		want        dedupe.Verdict
	}
	cases := map[string][]step{
		"back and forth over three jobs": {{a, 1, dedupe.New}, {b, 2, dedupe.Revision}, {a, 3, dedupe.Revision}},
		"page read again": {{a, 1, dedupe.New}, {b, 2, dedupe.Revision}, {a, 3, dedupe.Revision},
			{a, 3, dedupe.Repeat}, {a, 1, dedupe.Repeat}, {b, 2, dedupe.Stale}},
		"older content never overwrites":      {{a, 5, dedupe.New}, {b, 4, dedupe.Stale}, {a, 5, dedupe.Repeat}},
		"one job says two things":             {{a, 1, dedupe.New}, {b, 1, dedupe.Revision}, {a, 1, dedupe.Repeat}, {b, 1, dedupe.Repeat}, {c, 1, dedupe.Revision}},
		"newer content replaces all of them":  {{a, 1, dedupe.New}, {b, 1, dedupe.Revision}, {c, 2, dedupe.Revision}, {a, 2, dedupe.Revision}, {b, 1, dedupe.Stale}},
		"same content of an older job":        {{a, 5, dedupe.New}, {a, 4, dedupe.Repeat}},
		"a repeat does not lift observation":  {{a, 1, dedupe.New}, {a, 9, dedupe.Repeat}, {b, 1, dedupe.Revision}, {c, 2, dedupe.Revision}},
		"three contents, then the first anew": {{a, 1, dedupe.New}, {b, 1, dedupe.Revision}, {c, 1, dedupe.Revision}, {a, 1, dedupe.Repeat}, {a, 2, dedupe.Repeat}},
	}
	between := map[string]func(*testing.T, *dedupe.History, uint64){
		"in flight": func(*testing.T, *dedupe.History, uint64) {},
		"committed": func(t *testing.T, h *dedupe.History, seq uint64) { commit(t, h, seq, span("w", seq)) },
		"sealed": func(t *testing.T, h *dedupe.History, seq uint64) {
			commit(t, h, seq, span("w", seq))
			if err := h.Save(); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, steps := range cases {
		for where, settle := range between {
			t.Run(name+"/"+where, func(t *testing.T) {
				h := open(t, memfiles.New(), roomy)
				for i, s := range steps {
					check(t, h, uint64(i), row("x", start, s.content, s.observation), s.want)
					settle(t, h, uint64(i))
				}
			})
		}
	}
}

func TestR75_R112_RowOfTwoWindowsIsPublishedOnce(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	edge := row("x", start+hour, 1, 1)
	check(t, h, 1, edge, dedupe.New)
	edge.Observation = 2                // the next window's job
	check(t, h, 2, edge, dedupe.Repeat) // while the first is in flight
	commit(t, h, 1, dedupe.Span{ID: "first", Seq: 1, Min: start, Max: start + hour})
	check(t, h, 2, edge, dedupe.Repeat) // and once it is committed
}

func TestR114_ConversationsAndTimesAreRowsOfTheirOwn(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	check(t, h, 1, row("y", start, 1, 1), dedupe.New)
	check(t, h, 1, row("x", start+1, 1, 1), dedupe.New)
	check(t, h, 1, row("x", start+hour, 1, 1), dedupe.New)
}

func TestR116_MemoryOutlivesTheRun(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 1))
	check(t, h, 2, row("y", start, 1, 1), dedupe.New) // in flight: not part of it
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}

	h = open(t, files, roomy)
	h.Expect([]dedupe.Span{span("w", 1)})
	if missing := h.Missing(start); missing != nil {
		t.Fatalf("missing %v after a clean stop", missing)
	}
	check(t, h, 1, row("x", start, 1, 2), dedupe.Repeat)
	check(t, h, 1, row("x", start, 2, 2), dedupe.Revision)
	check(t, h, 1, row("y", start, 1, 1), dedupe.New)
}

func TestR116_MissingMemoryIsRebuiltFromPublishedRows(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	h.Expect([]dedupe.Span{span("w", 3), {ID: "elsewhere", Seq: 4, Min: start + hour, Max: start + hour}})
	if _, err := h.Check(1, 1, row("x", start, 1, 1)); !errors.Is(err, dedupe.ErrNotReady) {
		t.Fatalf("check before the load: %v, want ErrNotReady", err)
	}
	if _, err := h.Count(start, start+hour); !errors.Is(err, dedupe.ErrNotReady) {
		t.Fatalf("count before the load: %v, want ErrNotReady", err)
	}
	missing := h.Missing(start)
	if diff := cmp.Diff([]dedupe.Span{span("w", 3)}, missing); diff != "" {
		t.Fatal(diff)
	}
	broken := errors.New("connection reset")
	err := h.Load(missing[0], func(yield func(dedupe.Entry, error) bool) {
		_ = yield(row("x", start, 1, 1), nil) && yield(dedupe.Entry{}, broken)
	})
	if !errors.Is(err, broken) || h.Missing(start) == nil {
		t.Fatalf("half a load: error %v, missing %v", err, h.Missing(start))
	}
	// Newest first, and a row of another window: neither matters.
	if err := h.Load(missing[0], rows(row("x", start, 2, 2), row("z", start+2*hour, 1, 1), row("x", start, 1, 1))); err != nil {
		t.Fatal(err)
	}
	if missing := h.Missing(start); missing != nil {
		t.Fatalf("missing %v after the load", missing)
	}
	check(t, h, 1, row("x", start, 2, 2), dedupe.Repeat)
	check(t, h, 1, row("x", start, 1, 1), dedupe.Stale)
	check(t, h, 1, row("z", start+2*hour, 1, 1), dedupe.Repeat)
}

func TestForgottenRowsAreNewAgain(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 1))
	check(t, h, 2, row("x", start, 2, 2), dedupe.Revision)
	check(t, h, 3, row("y", start, 1, 1), dedupe.New)
	h.Forget()
	check(t, h, 4, row("x", start, 1, 2), dedupe.Repeat)
	check(t, h, 4, row("x", start, 2, 2), dedupe.Revision)
	check(t, h, 4, row("y", start, 1, 1), dedupe.New)
	commit(t, h, 2, span("w", 2)) // the forgotten batch holds nothing any more
	h.Forget()
	check(t, h, 5, row("x", start, 2, 2), dedupe.Revision)
}

// A commit whose reply was lost may have happened: the ledger says so, and its rows are
// loaded.
func TestCommitFoundInTheLedgerIsLoaded(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 1))
	check(t, h, 2, row("y", start, 1, 1), dedupe.New)
	h.Forget()
	h.Expect([]dedupe.Span{span("w", 2)})
	missing := h.Missing(start)
	if diff := cmp.Diff([]dedupe.Span{span("w", 2)}, missing); diff != "" {
		t.Fatal(diff)
	}
	if err := h.Load(missing[0], rows(row("x", start, 1, 1), row("y", start, 1, 1))); err != nil {
		t.Fatal(err)
	}
	check(t, h, 3, row("y", start, 1, 1), dedupe.Repeat)
}

func TestCommitCoversAWindowOnlyIfItWasCovered(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	old := span("old", 1) // known to the ledger, never loaded
	h.Expect([]dedupe.Span{old})
	second := start + hour
	check(t, h, 1, row("x", second, 1, 1), dedupe.New) // old does not touch that hour
	check(t, h, 2, row("y", second, 1, 1), dedupe.New)
	commit(t, h, 1, dedupe.Span{ID: "new", Seq: 2, Min: second, Max: second})
	if missing := h.Missing(second); missing != nil {
		t.Fatalf("missing %v behind the first commit of a new window", missing)
	}
	old.Seq, old.Max = 3, second
	commit(t, h, 2, old)
	if diff := cmp.Diff([]dedupe.Span{old}, h.Missing(second)); diff != "" {
		t.Fatalf("a window that was never loaded: %s", diff)
	}
}

func TestDeadLettersAreRememberedAndNotCounted(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	dead := dedupe.Entry{
		Key:  conv.DeadKey("acme", conv.Window{From: start, To: start + hour}, conv.Digest{1}),
		Time: start,
		Dead: true,
	}
	check(t, h, 1, dead, dedupe.New)
	check(t, h, 1, dead, dedupe.Repeat)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 1))
	for range 2 { // from memory, then from the segment
		check(t, h, 2, dead, dedupe.Repeat)
		if n, err := h.Count(start, start+hour); n != 1 || err != nil {
			t.Fatalf("count %d, %v; want the row alone", n, err)
		}
		if err := h.Save(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCountTakesItsBoundsHalfOpenAndEachKeyOnce(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	for _, at := range []int64{start - 1, start, start + hour - 1, start + hour, start + 2*hour} {
		check(t, h, 1, row("x", at, 1, 1), dedupe.New)
		check(t, h, 1, row("x", at, 2, 2), dedupe.Revision)
		check(t, h, 1, row("x", at, 3, 2), dedupe.Revision)
	}
	commit(t, h, 1, dedupe.Span{ID: "w", Seq: 1, Min: start - 1, Max: start + 2*hour})
	check(t, h, 2, row("in flight", start, 1, 1), dedupe.New)
	for _, c := range []struct{ from, to, want int64 }{
		{start, start + 2*hour, 3},
		{start - 1, start, 1},
		{start + 1, start + hour - 1, 0},
		{start, start + 1, 1},
		{start, start, 0},
		{start + hour, start, 0},
		{start - hour, start + 3*hour, 5},
	} {
		if n, err := h.Count(c.from, c.to); n != c.want || err != nil {
			t.Errorf("count from %d to %d: %d, %v; want %d", c.from-start, c.to-start, n, err, c.want)
		}
	}
}

// Times before 1970 have buckets like any other.
func TestEarlyTimes(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	for _, at := range []int64{-1, 0, -hour, -hour - 1} {
		check(t, h, 1, row("x", at, 1, 1), dedupe.New)
	}
	commit(t, h, 1, dedupe.Span{ID: "w", Seq: 1, Min: -hour - 1, Max: 0})
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{-1, 0, -hour, -hour - 1} {
		check(t, h, 2, row("x", at, 1, 1), dedupe.Repeat)
	}
	if n, err := h.Count(-hour, 0); n != 2 || err != nil {
		t.Fatalf("count of the hour before 1970: %d, %v; want 2", n, err)
	}
}

func TestCacheOfAnotherIdentityIsRemoved(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 1))
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := dedupe.Open(files, "cluster-1/topic-2", roomy)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := files.List(); len(names) != 0 || err != nil {
		t.Fatalf("left %v, %v", names, err)
	}
	other.Expect([]dedupe.Span{span("w", 1)})
	if other.Missing(start) == nil {
		t.Fatal("another topic's rows were taken for ours")
	}
}

// The bound on open files holds however many hours are asked for, and nothing stays open.
func TestOpenFilesAreBounded(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	const hours = 2 * dedupe.MaxLoaded
	for i := range int64(hours) {
		check(t, h, 1, row("x", start+i*hour, 1, 1), dedupe.New)
	}
	commit(t, h, 1, dedupe.Span{ID: "w", Seq: 1, Min: start, Max: start + hours*hour})
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	for i := range int64(hours) {
		check(t, h, 2, row("x", start+i*hour, 1, 1), dedupe.Repeat)
		if n := files.OpenFiles(); n > dedupe.MaxLoaded+1 || n != h.OpenSegments() {
			t.Fatalf("%d files are open for %d segments", n, h.OpenSegments())
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if n := files.OpenFiles(); n != 0 {
		t.Fatalf("%d files are open after Close", n)
	}
}

// Each key is offered by every goroutine, and let through once.
func TestConcurrentChecksLetARowThroughOnce(t *testing.T) {
	h := open(t, memfiles.New(), 64<<10)
	h.Expect([]dedupe.Span{{ID: "old", Seq: 1, Min: start, Max: start + 4*hour - 1}})
	const goroutines, keys = 4, 2000
	through := make([][]string, goroutines)
	var done sync.WaitGroup
	for g := range goroutines {
		done.Go(func() {
			for i := range keys {
				e := row(fmt.Sprint(i), start+int64(i%4)*hour, 1, 1)
				for _, s := range h.Missing(e.Time) {
					if err := h.Load(s, rows()); err != nil {
						t.Error(err)
					}
				}
				v, err := h.Check(uint64(g), 1, e)
				if err != nil {
					t.Error(err)
				}
				if v == dedupe.New {
					through[g] = append(through[g], fmt.Sprint(i))
				}
				if i%100 == 99 {
					s := dedupe.Span{ID: fmt.Sprint(g), Seq: uint64(i), Min: start, Max: start + 4*hour - 1}
					if err := h.Commit(uint64(g), s); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	done.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(through...)))
	if len(all) != keys || len(slices.Compact(all)) != keys {
		t.Fatalf("%d rows let through, want %d, each once", len(all), keys)
	}
	if n, err := h.Count(start, start+4*hour); n != keys || err != nil {
		t.Fatalf("count %d, %v; want %d", n, err, keys)
	}
}

// Whatever is said of a row that another window has in flight would rest on a batch that may
// be forgotten.
func TestARowInFlightElsewhereGetsNoVerdictUntilItsBatchIsCommitted(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	e := row("x", start, 1, 1)
	check(t, h, 1, e, dedupe.New)
	for _, other := range []dedupe.Entry{e, row("x", start, 2, 1), row("x", start, 2, 2)} {
		if v, err := h.Check(2, 2, other); v != dedupe.Contested || err != nil {
			t.Errorf("verdict %v, %v; want contested", v, err)
		}
	}
	check(t, h, 3, e, dedupe.Repeat) // its own owner knows the order of its batches
	commit(t, h, 1, span("w", 1))
	if v, err := h.Check(2, 2, e); v != dedupe.Repeat || err != nil {
		t.Errorf("once committed: %v, %v; want repeat", v, err)
	}
}
