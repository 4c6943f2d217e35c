package pipeline_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// wide is a setup whose one window is the whole interval, and can be narrowed twice.
func (w *world) wide(run string, n *notes) setup {
	s := w.defaults(run)
	s.config.Step = 4 * time.Hour
	s.config.Narrow = []time.Duration{time.Hour, 15 * time.Minute}
	s.events.Noted = n.take
	return s
}

func TestR85R86R87_APartialWindowIsReadAgainInChunksThatCoverItExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7)
		p.endings = []conv.JobState{conv.JobPartial}
		var n notes
		sum, err := w.backfill(t.Context(), p, w.wide("first", &n))
		if err != nil || len(sum.Incomplete) != 0 || sum.Windows != 1 {
			t.Fatalf("%+v, %v; want one window, complete", sum, err)
		}
		w.want(p) // R83, R87: kept, and each once
		ledger := w.ledger()
		parent := ledger[interval]
		if diff := cmp.Diff(plan.Cut(interval, time.Hour), parent.Nested); diff != "" {
			t.Errorf("children:\n%s", diff)
		}
		if parent.State != conv.Settled || parent.Held == nil || *parent.Held != 60 {
			t.Errorf("the parent is %s and holds %v, want settled with all 60 rows", parent.State, parent.Held)
		}
		for _, child := range parent.Nested {
			cp := ledger[child]
			if cp.State != conv.Settled || cp.Parent == nil || *cp.Parent != interval || cp.Root() != interval {
				t.Errorf("child %s is %s, of parent %v and root %s", child, cp.State, cp.Parent, cp.Root())
			}
		}
		if len(n.of("narrowed")) != 1 {
			t.Errorf("%d narrowed events, want one", len(n.of("narrowed")))
		}
	})
}

func TestR84_APartialResultIsToldOfWithItsExactRowCountAndTimeRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7) // pages repeat their edge rows
		p.endings = []conv.JobState{conv.JobPartial}
		var n notes
		if _, err := w.backfill(t.Context(), p, w.wide("first", &n)); err != nil {
			t.Fatal(err)
		}
		told := n.of("partial")
		if len(told) != 1 {
			t.Fatalf("%d partial events, want one", len(told))
		}
		want := map[string]any{
			"job": "job-1", "reason": told[0].Detail["reason"], "rows": int64(60),
			"min_time": conv.FormatInstant(p.rows[0].Time), "max_time": conv.FormatInstant(p.rows[59].Time),
		}
		if diff := cmp.Diff(want, told[0].Detail); diff != "" {
			t.Error(diff)
		}
	})
}

// failing is a platform whose jobs fail in one stretch of time, and elsewhere when they are
// long.
type failing struct {
	*platform
	in      conv.Window
	longest time.Duration
	err     error // of Await; nil for a failed job
	widths  map[time.Duration]int
}

func (f *failing) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	f.mu.Lock()
	f.widths[w.Duration()]++
	f.mu.Unlock()
	if w.Overlaps(f.in) && w.Duration() > f.longest {
		if f.err != nil {
			return conv.JobStatus{}, f.err
		}
		return conv.JobStatus{State: conv.JobFailed, Word: "failed", Error: "Internal Server Error", Count: -1}, nil
	}
	return f.platform.Await(ctx, w, job)
}

func TestR36R51_AFailedWindowIsNarrowedAndItsSmallestChunkGivenUpAfterThreeJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		bad := conv.Window{From: interval.From + hour, To: interval.From + hour + hour/4}
		f := &failing{platform: newPlatform(60, 7), in: bad, widths: map[time.Duration]int{}}
		var n notes
		s := w.wide("first", &n)
		sum, err := w.backfill(t.Context(), f, s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]conv.Window{bad}, sum.Incomplete); diff != "" {
			t.Errorf("incomplete:\n%s", diff)
		}
		want := map[time.Duration]int{4 * time.Hour: 1, time.Hour: 4, 15 * time.Minute: 3 + 3}
		if diff := cmp.Diff(want, f.widths); diff != "" {
			t.Errorf("jobs by length:\n%s", diff)
		}
		ledger := w.ledger()
		if chunk := ledger[bad]; ledger[interval].State != conv.Incomplete || chunk.Root() != interval || *chunk.Parent == interval {
			t.Errorf("the root is %s; the chunk's parent is %s and its root %s", ledger[interval].State, chunk.Parent, chunk.Root())
		}
		for _, e := range n.of("job") {
			if !strings.Contains(e.Detail["error"].(string), "Internal Server Error") {
				t.Errorf("event %v does not hold the platform's words", e.Detail)
			}
		}

		// The next run reads what is missing, and nothing else.
		f.longest, f.widths = time.Hour, map[time.Duration]int{}
		s = w.wide("second", &n)
		s.takeOver = true
		if sum, err = w.backfill(t.Context(), f, s); err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v; want all complete", sum, err)
		}
		if diff := cmp.Diff(map[time.Duration]int{15 * time.Minute: 1}, f.widths); diff != "" {
			t.Errorf("jobs of the second run:\n%s", diff)
		}
		if state := w.ledger()[interval].State; state != conv.Settled {
			t.Errorf("the root is %s at last, want settled", state)
		}
		w.want(f.platform)
	})
}

func TestR58_AWindowWhoseJobPassedTheDeadlineIsReadAgainInNarrowerOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		f := &failing{platform: newPlatform(60, 7), in: interval, longest: time.Hour, err: conv.ErrJobDeadline, widths: map[time.Duration]int{}}
		var n notes
		sum, err := w.backfill(t.Context(), f, w.wide("first", &n))
		if err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if diff := cmp.Diff(map[time.Duration]int{4 * time.Hour: 1, time.Hour: 4}, f.widths); diff != "" {
			t.Errorf("jobs by length:\n%s", diff)
		}
		w.want(f.platform)
	})
}

func TestR34_AWindowThatHoldsMoreThanTheLimitIsNarrowedBeforeAJobIsSubmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		f := &failing{platform: newPlatform(60, 7), longest: math.MaxInt64, widths: map[time.Duration]int{}}
		var n notes
		s := w.wide("first", &n)
		s.config.Limit = 20 // an hour has 15, and a row of the next one
		sum, err := w.backfill(t.Context(), f, s)
		if err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if diff := cmp.Diff(map[time.Duration]int{time.Hour: 4}, f.widths); diff != "" {
			t.Errorf("jobs by length:\n%s", diff)
		}
		w.want(f.platform)
	})
}

// holey is a platform that counts rows which some of its jobs do not bring.
type holey struct {
	*platform
	lacks  func(w conv.Window, row *conv.Row) bool
	widths map[time.Duration]int
}

func newHoley(rows int, lacks func(h *holey, w conv.Window, row *conv.Row) bool) *holey {
	h := &holey{platform: newPlatform(rows, 1000), widths: map[time.Duration]int{}}
	h.lacks = func(w conv.Window, row *conv.Row) bool { return lacks(h, w, row) }
	return h
}

func (h *holey) Read(_ context.Context, w conv.Window, job conv.Job, _ conv.Position, emit func(conv.Chunk) error) error {
	h.mu.Lock()
	h.widths[w.Duration()]++
	rows, _ := h.page(job, 0)
	h.mu.Unlock()
	c := conv.Chunk{End: true, Page: conv.PageFacts{Count: -1}}
	for i := range rows {
		if !h.lacks(w, &rows[i]) {
			c.Rows = append(c.Rows, rows[i])
		}
	}
	return emit(c)
}

func TestR91_AWindowThatIsShortOfTheCountIsReadAgainInNarrowerOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		h := newHoley(60, func(_ *holey, v conv.Window, row *conv.Row) bool {
			return v == interval && row.Time < interval.From+hour
		})
		var n notes
		s := w.wide("first", &n)
		sum, err := w.backfill(t.Context(), h, s)
		if err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		alerts := n.of("reconcile")
		if len(alerts) != 1 || alerts[0].Severity != "alert" || alerts[0].Detail["held"] != int64(45) || alerts[0].Detail["expected"] != int64(60) {
			t.Errorf("reconcile events %v, want one alert of 45 against 60", alerts)
		}
		w.want(h.platform)
	})
}

func TestR92_ADifferenceThatRemainsAtTheSmallestChunkIsAnIncompleteWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		bad := conv.Window{From: interval.From + hour, To: interval.From + hour + hour/4}
		h := newHoley(240, func(_ *holey, _ conv.Window, row *conv.Row) bool { return bad.Contains(row.Time) }) // 15 of 60 in its hour
		var n notes
		sum, err := w.backfill(t.Context(), h, w.wide("first", &n))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]conv.Window{bad}, sum.Incomplete); diff != "" {
			t.Errorf("incomplete:\n%s", diff)
		}
		want := map[time.Duration]int{4 * time.Hour: 1, time.Hour: 4, 15 * time.Minute: 3 + 3}
		if diff := cmp.Diff(want, h.widths); diff != "" {
			t.Errorf("jobs by length:\n%s", diff)
		}
	})
}

func TestR90_ADifferenceOfExactlyTheThresholdIsNoAlertAndStaysVisible(t *testing.T) {
	for _, lacking := range []int{5, 6} { // of 100
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			h := newHoley(100, func(h *holey, _ conv.Window, row *conv.Row) bool { return row.Time >= h.rows[100-lacking].Time })
			var n notes
			s := w.wide("first", &n)
			s.config.Narrow = nil
			sum, err := w.backfill(t.Context(), h, s)
			if err != nil {
				t.Fatal(err)
			}
			alerts := 0
			for _, e := range n.of("reconcile") {
				if e.Severity == "alert" {
					alerts++
				}
			}
			if over := lacking > 5; (alerts > 0) != over || (len(sum.Incomplete) > 0) != over {
				t.Errorf("%d of 100 lack: %d alerts, incomplete %v", lacking, alerts, sum.Incomplete)
			}
			if lacking == 5 && (sum.Short != 5 || w.ledger()[interval].LastError == "") {
				t.Errorf("the shortfall of 5 is not visible: %+v", sum)
			}
		})
	}
}

// The process dies at every commit in turn while a narrowed window is at work.
func TestANarrowedWindowIsCarriedOnAfterAKillAtEveryCommit(t *testing.T) {
	for at := 1; ; at++ {
		struck := false
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := newPlatform(30, 7)
			p.endings = []conv.JobState{conv.JobPartial}
			var n notes
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			c := &cutter{under: w.net.DialContext, at: math.MaxInt}
			s := w.wide("first", &n)
			s.dial = c.dial
			commits := 0
			s.events.Committed = func(conv.Checkpoint, int, int, time.Duration) {
				if commits++; commits == at {
					struck = true
					c.die()
					kill(errKilled)
				}
			}
			_, _ = w.backfill(ctx, p, s)
			s = w.wide("second", &n)
			s.takeOver = true
			sum, err := w.backfill(t.Context(), p, s)
			if err != nil || len(sum.Incomplete) != 0 {
				t.Fatalf("killed at commit %d: %+v, %v", at, sum, err)
			}
			if ledger := w.ledger(); ledger[interval].State != conv.Settled {
				t.Errorf("killed at commit %d: the root is %s", at, ledger[interval].State)
			}
			w.want(p)
		})
		if !struck {
			return
		}
	}
}

func TestAShorterStepCutsAnIncompleteWindowAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		f := &failing{platform: newPlatform(60, 7), in: interval, longest: time.Hour, widths: map[time.Duration]int{}}
		var n notes
		s := w.wide("first", &n)
		s.config.Narrow = nil
		if sum, err := w.backfill(t.Context(), f, s); err != nil || len(sum.Incomplete) != 1 {
			t.Fatalf("%+v, %v; want the window incomplete", sum, err)
		}
		s = w.wide("second", &n)
		s.takeOver, s.config.Narrow, s.config.Step = true, nil, time.Hour
		if sum, err := w.backfill(t.Context(), f, s); err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v; want it complete, in hours", sum, err)
		}
		w.want(f.platform)
	})
}

// The platform counts no row that lies on a bound of its query, and brings those rows all the
// same: two of eleven are no surplus. A third one is.
func TestRowsOnTheBoundsThatThePlatformDoesNotCountAreNoSurplus(t *testing.T) {
	for uncounted, complete := range map[int64]bool{2: true, 3: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			rows := []conv.Row{makeRow("first", w1.From, "x"), makeRow("last", w1.To-1, "x")}
			for i := range int64(9) {
				rows = append(rows, makeRow(string(rune('a'+i)), w1.From+1+i, "x"))
			}
			src := &scripted{base: func(conv.Window) int64 { return int64(len(rows)) - uncounted }}
			src.read = func(_ context.Context, _ conv.Window, _ conv.Job, _ conv.Position, emit func(conv.Chunk) error) error {
				return emit(conv.Chunk{Rows: rows, End: true, Page: conv.PageFacts{Count: -1}})
			}
			sum, err := w.run(t.Context(), src, w.defaults("first"), w1, plain{})
			if err != nil || (len(sum.Incomplete) == 0) != complete {
				t.Errorf("%d rows are not counted: %+v, %v", uncounted, sum, err)
			}
		})
	}
}
