package pipeline_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

var errKilled = errors.New("killed by the test")

func TestR2_EveryRowIsPublishedOnceAndASecondRunDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7)
		first, err := w.backfill(t.Context(), p, w.defaults("first"))
		if err != nil {
			t.Fatal(err)
		}
		w.want(p)
		s := w.defaults("second")
		s.takeOver = true
		before := p.submitted
		second, err := w.backfill(t.Context(), p, s)
		if err != nil {
			t.Fatal(err)
		}
		if p.submitted != before {
			t.Errorf("the second run submitted %d jobs", p.submitted-before)
		}
		if first.Counters != second.Counters || first.Windows != 4 || len(first.Incomplete) != 0 {
			t.Errorf("summaries differ: %+v and %+v", first, second)
		}
		if !first.Counters.Balanced() || first.Counters.Published != 60 || first.Counters.Duplicates == 0 {
			t.Errorf("counters %+v, want 60 published, some duplicates, balanced", first.Counters)
		}
	})
}

// The connection to Kafka is cut at the i-th network write, for i = 0, 1, 2 … until a run
// is over before the cut.
func TestAConnectionCutAtAnyWriteIsRecoveredExactlyOnce(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		c := &cutter{under: w.net.DialContext, at: at, after: after}
		s := w.defaults("first")
		s.dial = c.dial
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			if !c.struck() || !opening(err) {
				t.Errorf("cut at write %d, after delivery %v: %v", at, after, err)
			}
			s = w.defaults("second")
			s.takeOver = true
			if _, err := w.backfill(t.Context(), p, s); err != nil {
				t.Error(err)
			}
		}
		if !w.want(p) {
			t.Errorf("cut at write %d, after delivery %v", at, after)
		}
		return c.struck()
	})
}

// opening says whether an error may end a run that had not begun yet.
func opening(err error) bool {
	var lost interface{ Permanent() bool }
	return !errors.As(err, &lost)
}

// The process dies at the i-th network write, and another carries on.
func TestAProcessKilledAtAnyWriteIsCarriedOnExactlyOnce(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		ctx, kill := context.WithCancelCause(t.Context())
		c := &cutter{under: w.net.DialContext, at: at, after: after, kill: func() { kill(errKilled) }}
		s := w.defaults("first")
		s.dial = c.dial
		_, err := w.backfill(ctx, p, s)
		if !c.struck() && err != nil {
			t.Error(err)
		}
		jobs := p.submitted
		s = w.defaults("second")
		s.takeOver = true
		s.events.Retrying = func(window conv.Window, reason string, _ time.Duration) {
			t.Errorf("killed at write %d, after delivery %v: window %s needs another job: %s", at, after, window, reason)
		}
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			t.Errorf("killed at write %d, after delivery %v: %v", at, after, err)
		}
		if !w.want(p) {
			t.Errorf("killed at write %d, after delivery %v", at, after)
		}
		// A kill between submit and ledger orphans the jobs that were on their way: one for each
		// window in flight.
		if extra := p.submitted - 4; extra > s.config.Windows {
			t.Errorf("killed at write %d: %d jobs submitted for 4 windows (%d before the kill)", at, p.submitted, jobs)
		}
		return c.struck()
	})
}

// sweep runs a test with cuts at every write until none is struck, before and after delivery.
func sweep(t *testing.T, run func(t *testing.T, at int, after bool) (struck bool)) {
	for _, after := range []bool{false, true} {
		name := "before delivery"
		if after {
			name = "after delivery"
		}
		t.Run(name, func(t *testing.T) {
			struck, at := true, 0
			for ; struck && !t.Failed(); at += stride {
				synctest.Test(t, func(t *testing.T) { struck = run(t, at, after) })
			}
			if at < 50 {
				t.Errorf("the sweep ended after %d writes: it cannot have seen a whole run", at)
			}
			t.Logf("%d cuts", at/stride)
		})
	}
}

func TestRowsOfABatchInFlightAreSeenByOtherWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(400, 50)
		s := w.defaults("first")
		s.config.Windows = 4
		s.config.Bytes = 1 << 20 // nothing is committed before the interval is over
		sum, err := w.backfill(t.Context(), p, s)
		if err != nil {
			t.Fatal(err)
		}
		w.want(p)
		if sum.Counters.Duplicates < 3 {
			t.Errorf("%d duplicates, want at least one at each of the 3 inner edges", sum.Counters.Duplicates)
		}
	})
}

func TestABatchIsCommittedAtItsAgeWhileThePlatformIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 3)
		p.slow = 10 * time.Second
		s := w.defaults("first")
		s.config.Windows = 1
		s.config.Bytes = 1 << 20
		withRows := 0
		s.events.Committed = func(_ conv.Checkpoint, rows, _ int, _ time.Duration) {
			if rows > 0 {
				withRows++
			}
		}
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		if withRows < 8 {
			t.Errorf("%d commits with rows, want one for each of 8 pages ten seconds apart", withRows)
		}
		w.want(p)
	})
}

// A stop takes no new rows, and commits those that were read.
func TestAStopCommitsWhatWasReadAndTheNextRunGoesOnBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 4)
		p.slow = time.Second
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(3500*time.Millisecond, func() { stop(errKilled) })
		s := w.defaults("first")
		s.config.Windows = 1
		s.config.Interval = time.Hour
		sum, err := w.backfill(ctx, p, s)
		if !errors.Is(err, errKilled) {
			t.Fatalf("stopped run returned %v", err)
		}
		if sum.Counters.Published != 12 {
			t.Errorf("%d rows committed at the stop, want the 12 of three pages", sum.Counters.Published)
		}
		s = w.defaults("second")
		s.takeOver = true
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		w.want(p)
		for page, n := range p.pages {
			if n > 1 {
				t.Errorf("page %s was asked for %d times after a clean stop", page, n)
			}
		}
		if p.submitted != 4 {
			t.Errorf("%d jobs for 4 windows: the live job was not adopted", p.submitted)
		}
	})
}

func TestR51_AFailedJobIsTriedAgainAndThenTheWindowIsIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(8, 5)
		f := conv.JobFailed
		p.endings = []conv.JobState{f, f, f}
		s := w.defaults("first")
		s.config.Windows = 1
		sum, err := w.backfill(t.Context(), p, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(sum.Incomplete) != 1 || sum.Incomplete[0].From != interval.From {
			t.Errorf("incomplete: %v, want the first window", sum.Incomplete)
		}
		s = w.defaults("second")
		s.takeOver = true
		if sum, err = w.backfill(t.Context(), p, s); err != nil || len(sum.Incomplete) != 0 {
			t.Errorf("the next run: %+v %v, want all complete", sum, err)
		}
		w.want(p)
	})
}

func TestR50_APartialResultIsPublishedAndTheWindowReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		p.endings = []conv.JobState{conv.JobPartial}
		s := w.defaults("first")
		sum, err := w.backfill(t.Context(), p, s)
		if err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v %v", sum, err)
		}
		if p.submitted != 5 {
			t.Errorf("%d jobs, want one more than the 4 windows", p.submitted)
		}
		w.want(p)
	})
}

func TestAWindowThatIsShortOfThePlatformsCountIsNeverDoneInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		p.short = 3 // of 9 in each window
		var alerts atomic.Int64
		s := w.defaults("first")
		s.events.Noted = func(e conv.Event) {
			if e.Severity == "alert" {
				alerts.Add(1)
			}
		}
		sum, err := w.backfill(t.Context(), p, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(sum.Incomplete) != 4 || alerts.Load() != 8 {
			t.Errorf("%d windows incomplete, %d alerts, want 4, and two for each: when it is seen, and when it remains", len(sum.Incomplete), alerts.Load())
		}
		if p.submitted != 12 {
			t.Errorf("%d jobs, want three for each window", p.submitted)
		}
	})
}

func TestR71_ARowThatMustNotBePublishedIsOneDeadLetterAndTheRestFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		good := p.rows
		at := good[3].Time
		future := makeRow("future", time.Now().AddDate(1, 0, 0).UnixMilli(), "x")
		bad := []conv.Row{
			{Raw: []byte(`"no object"`)},
			{Raw: []byte(`{"timestamp":1}`), Time: at, HasTime: true},
			{Raw: []byte(`{"conversation.id":"c"}`), ConversationID: []byte("c")},
			{Raw: []byte(`{"head":`), Length: 50 << 20, Digest: conv.Digest{1}},
			makeRow("large", at, string(make([]byte, 2<<20))),
		}
		source := &poisoned{platform: p, extra: append(bad, future)}
		s := w.defaults("first")
		s.config.Reconcile = false
		sum, err := w.backfill(t.Context(), source, s)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Counters.Invalid != 6 || !sum.Counters.Balanced() {
			t.Errorf("counters %+v, want 6 invalid, balanced", sum.Counters)
		}
		w.want(p)

		s = w.defaults("second") // the same dead letters again are repeats
		s.takeOver, s.config.Reconcile, s.config.Query = true, false, "another"
		source.done = false
		if _, err := w.backfill(t.Context(), source, s); err != nil {
			t.Fatal(err)
		}
		if n := w.count("dlq"); n != 6 {
			t.Errorf("%d dead letters after a second run, want 6", n)
		}
	})
}

// A kill between the last row and the word that the window is published costs one page.
func TestR79_AKillBehindTheLastPageReadsThatPageAgainAndNoOther(t *testing.T) {
	var killed conv.Counters
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 4)
		ctx, kill := context.WithCancelCause(t.Context())
		c := &cutter{under: w.net.DialContext, at: math.MaxInt}
		s := w.defaults("first")
		s.dial = c.dial
		s.config.Windows = 1
		s.config.Bytes = 1
		s.events.Committed = func(cp conv.Checkpoint, _, _ int, _ time.Duration) {
			if cp.Counters.Published == 15 { // the first window's last row
				c.die()
				kill(errKilled)
			}
		}
		if _, err := w.backfill(ctx, p, s); err == nil {
			t.Fatal("the killed run ended well")
		}
		asked := maps.Clone(p.pages)
		s = w.defaults("second")
		s.takeOver = true
		sum, err := w.backfill(t.Context(), p, s)
		if err != nil {
			t.Fatal(err)
		}
		again := 0
		for page, n := range p.pages {
			if asked[page] > 0 && n > asked[page] {
				again++
			}
		}
		if again > 1 {
			t.Errorf("%d pages were read again, want one at most", again)
		}
		w.want(p)
		killed = sum.Counters
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		s := w.defaults("undisturbed")
		s.config.Windows = 1
		sum, err := w.backfill(t.Context(), newPlatform(60, 4), s)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Counters != killed {
			t.Errorf("the killed run counts %+v, an undisturbed one %+v: rows read again are not counted again", killed, sum.Counters)
		}
	})
}
