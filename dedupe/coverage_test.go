package dedupe_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
)

// damageFirstHour flips a bit in the index of the first hour's segment.
func damageFirstHour(t *testing.T, files *memfiles.Dir) {
	t.Helper()
	if !files.Damage(dedupe.SegmentName(start/hour), func(content []byte) []byte {
		content[4096] ^= 1
		return content
	}) {
		t.Fatal("there is no segment")
	}
}

// What was loaded into a segment that is then lost is loaded again, also by a load that is
// under way.
func TestLoadDuringWhichASegmentIsLostDoesNotCount(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	h.Expect([]dedupe.Span{span("w", 1)})
	err := h.Load(span("w", 1), func(yield func(dedupe.Entry, error) bool) {
		yield(row("x", start, 1, 1), nil)
		if err := h.Save(); err != nil { // x is in the segment
			t.Error(err)
		}
		damageFirstHour(t, files)
		h.Missing(start)
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.Losses() != 1 {
		t.Fatalf("%d segments lost, want 1: this proves little", h.Losses())
	}
	if diff := cmp.Diff([]dedupe.Span{span("w", 1)}, h.Missing(start)); diff != "" {
		t.Fatal(diff)
	}
}

// A segment found damaged before the ledger is read takes every window's coverage with it.
func TestLossBeforeTheLedgerIsReadCountsForEveryWindow(t *testing.T) {
	files := saved(t, 10, 0.01)
	damageFirstHour(t, files)
	h := open(t, files, roomy)
	h.Missing(start)
	h.Expect([]dedupe.Span{span("w", 1)})
	if diff := cmp.Diff([]dedupe.Span{span("w", 1)}, h.Missing(start)); diff != "" {
		t.Fatal(diff)
	}
}

// A loss is of one bucket: windows elsewhere stay covered.
func TestLossLeavesOtherWindowsCovered(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	near, far := span("near", 1), dedupe.Span{ID: "far", Seq: 2, Min: start + hour, Max: start + hour}
	check(t, h, 1, row("x", near.Min, 1, 1), dedupe.New)
	commit(t, h, 1, near)
	check(t, h, 2, row("y", far.Min, 1, 1), dedupe.New)
	commit(t, h, 2, far)
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	damageFirstHour(t, files)
	// The bucket is known to be ready, so that Check is the first to see the damage.
	if _, err := h.Check(3, 1, row("x", near.Min, 1, 1)); !errors.Is(err, dedupe.ErrNotReady) {
		t.Fatalf("check on a damaged segment: %v, want %v", err, dedupe.ErrNotReady)
	}
	if diff := cmp.Diff([]dedupe.Span{near}, h.Missing(near.Min)); diff != "" {
		t.Fatal(diff)
	}
	if missing := h.Missing(far.Min); missing != nil {
		t.Fatalf("missing %v of a bucket that is whole", missing)
	}
	check(t, h, 3, row("y", far.Min, 1, 1), dedupe.Repeat)
}

func TestWindowWithoutRowsTouchesNothing(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	h.Expect([]dedupe.Span{{ID: "empty", Seq: 1, Min: start + 1, Max: start}})
	if missing := h.Missing(start); missing != nil {
		t.Fatalf("missing %v", missing)
	}
}

func TestLateLoadOfAnEarlierSpanTakesNothingBack(t *testing.T) {
	h := open(t, memfiles.New(), roomy)
	h.Expect([]dedupe.Span{span("w", 1)})
	if err := h.Load(span("w", 1), rows()); err != nil {
		t.Fatal(err)
	}
	check(t, h, 1, row("x", start, 1, 1), dedupe.New)
	commit(t, h, 1, span("w", 2))
	if err := h.Load(span("w", 1), rows()); err != nil { // another goroutine's
		t.Fatal(err)
	}
	h.Expect([]dedupe.Span{span("w", 2)})
	if missing := h.Missing(start); missing != nil {
		t.Fatalf("missing %v", missing)
	}
}
