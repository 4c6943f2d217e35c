package plan

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

const (
	hour = int64(3_600_000)
	day  = 24 * hour
	jan1 = int64(1704067200000) // 2024-01-01T00:00:00Z
)

func TestR110_WindowsAreCutAtUTCMultiplesAndClipped(t *testing.T) {
	got := Cut(conv.Window{From: jan1 + 5*hour, To: jan1 + 2*day + 1}, 24*time.Hour)
	want := []conv.Window{
		{From: jan1 + 5*hour, To: jan1 + day},
		{From: jan1 + day, To: jan1 + 2*day},
		{From: jan1 + 2*day, To: jan1 + 2*day + 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	before := Cut(conv.Window{From: -hour - 1, To: hour}, time.Hour)
	if diff := cmp.Diff([]conv.Window{{From: -hour - 1, To: -hour}, {From: -hour, To: 0}, {From: 0, To: hour}}, before); diff != "" {
		t.Errorf("around 1970:\n%s", diff)
	}
}

// An interval is covered exactly, whatever the ledger holds already, at the resolution of a
// millisecond.
func TestR108_WindowsLieEdgeToEdgeWhateverTheLedgerHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	states := []conv.State{conv.Settled, conv.Reconciled, conv.Paging, conv.Published, conv.Incomplete}
	for range 2000 {
		ledger := map[conv.Window]conv.Checkpoint{}
		for range rng.IntN(6) {
			from := rng.Int64N(100)
			w := conv.Window{From: from, To: from + 1 + rng.Int64N(40)}
			ledger[w] = conv.Checkpoint{Window: w, State: states[rng.IntN(len(states))]}
		}
		from := rng.Int64N(100)
		interval := conv.Window{From: from, To: from + 1 + rng.Int64N(60)}
		step := time.Duration(1+rng.IntN(20)) * time.Millisecond
		windows := Windows(interval, step, ledger)

		covered := map[int64]int{}
		for _, w := range windows {
			cp, known := ledger[w]
			if !interval.Covers(w) && !(known && cp.State.Closed()) {
				t.Fatalf("%v sticks out of %v and is not closed", w, interval)
			}
			for ms := w.From; ms < w.To; ms++ {
				covered[ms]++
			}
		}
		for ms := interval.From; ms < interval.To; ms++ {
			if covered[ms] != 1 {
				t.Fatalf("instant %d of %v is in %d windows: %v, ledger %v", ms, interval, covered[ms], windows, ledger)
			}
		}
	}
}

func TestABegunWindowIsCarriedOnUnderItsOwnCut(t *testing.T) {
	begun := conv.Window{From: jan1, To: jan1 + day}
	ledger := map[conv.Window]conv.Checkpoint{begun: {Window: begun, State: conv.Paging}}
	got := Windows(conv.Window{From: jan1, To: jan1 + 2*day}, 12*time.Hour, ledger)
	want := []conv.Window{begun, {From: jan1 + day, To: jan1 + 36*hour}, {From: jan1 + 36*hour, To: jan1 + 2*day}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBackoffDoublesToAMinute(t *testing.T) {
	want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
	for i, w := range want {
		if got := Backoff(i + 1); got != w {
			t.Errorf("attempt %d waits %s, want %s", i+1, got, w)
		}
	}
	if got := Backoff(1000); got != time.Minute {
		t.Errorf("attempt 1000 waits %s", got)
	}
}

func TestR85_AWindowIsNarrowedToTheFirstWidthThatIsShorter(t *testing.T) {
	widths := []time.Duration{6 * time.Hour, time.Hour}
	for length, want := range map[int64]int{24: 4, 7: 2, 6: 6, 5: 5, 2: 2, 1: 0} {
		w := conv.Window{From: jan1, To: jan1 + length*hour}
		if got := len(Narrow(w, widths)); got != want {
			t.Errorf("%d hours: %d windows, want %d", length, got, want)
		}
	}
}

func TestR86_NarrowerWindowsCoverTheOriginalEdgeToEdge(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		from := jan1 + rng.Int64N(3*day)
		w := conv.Window{From: from, To: from + 1 + rng.Int64N(3*day)}
		windows := Narrow(w, []time.Duration{6 * time.Hour, time.Hour, time.Minute})
		at := w.From
		for _, n := range windows {
			if n.From != at || n.To <= n.From || n == w {
				t.Fatalf("%s is narrowed to %v", w, windows)
			}
			at = n.To
		}
		if len(windows) > 0 && at != w.To {
			t.Fatalf("%s is narrowed to %v, which end elsewhere", w, windows)
		}
	}
}

func TestDaysAreTheWholeUTCDaysThatAWindowTouches(t *testing.T) {
	for _, c := range []struct{ from, to, wantFrom, wantTo int64 }{
		{jan1, jan1 + day, jan1, jan1 + day},
		{jan1 + 1, jan1 + 2, jan1, jan1 + day},
		{jan1 - 1, jan1 + 1, jan1 - day, jan1 + day},
		{jan1 + day - 1, jan1 + day, jan1, jan1 + day},
		{-1, 1, -day, day},
	} {
		if got := Days(conv.Window{From: c.from, To: c.to}); got != (conv.Window{From: c.wantFrom, To: c.wantTo}) {
			t.Errorf("[%d, %d): %v", c.from, c.to, got)
		}
	}
}

func TestANarrowedWindowStandsForItsChildren(t *testing.T) {
	root := conv.Window{From: jan1, To: jan1 + day}
	nested := Cut(root, 6*time.Hour)
	deep := Cut(nested[1], time.Hour)
	ledger := Ledger{
		root:      {Window: root, State: conv.Narrowed, Nested: nested},
		nested[0]: {Window: nested[0], State: conv.Settled, Parent: &root},
		nested[1]: {Window: nested[1], State: conv.Narrowed, Parent: &root, Nested: deep},
		deep[2]:   {Window: deep[2], State: conv.Paging, Parent: &nested[1]},
	}
	if diff := cmp.Diff([]conv.Window{root}, Windows(root, time.Hour, ledger)); diff != "" {
		t.Errorf("windows of its own interval:\n%s", diff)
	}
	leaves := append([]conv.Window{nested[0]}, append(deep, nested[2:]...)...)
	if diff := cmp.Diff(leaves, Leaves(root, ledger)); diff != "" {
		t.Errorf("leaves:\n%s", diff)
	}
	if n := len(Family(root, ledger)); n != 1+4+6 {
		t.Errorf("a family of %d, want 11", n)
	}
	// An interval that the root sticks out of is made up of children that are closed or lie in it.
	morning := conv.Window{From: jan1, To: jan1 + 12*hour}
	if diff := cmp.Diff([]conv.Window{nested[0], nested[1]}, Windows(morning, 12*time.Hour, ledger)); diff != "" {
		t.Errorf("windows of the morning:\n%s", diff)
	}
}
