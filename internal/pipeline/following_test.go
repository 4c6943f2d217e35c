package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

func TestARowOnAnEdgeThatOnlyTheNeighbourBringsHasNotVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		a, y, z := makeRow("a", w1.From+1, "a"), makeRow("y", w1.From+2, "y"), makeRow("z", w1.From+3, "z")
		x := makeRow("edge", w1.To-1, "x") // the platform leaves out the end that is sent; W2's overlap brings it
		src := &scripted{base: func(v conv.Window) int64 {
			if v == w1 {
				return 3
			}
			return 0
		}}
		reads := 0
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			rows := []conv.Row{x}
			if v == w1 {
				reads++
				if rows = []conv.Row{a}; reads > 1 {
					rows = []conv.Row{a, y, z}
				}
			}
			return emit(conv.Chunk{Rows: rows, End: true, Page: conv.PageFacts{Count: -1}})
		}
		var n notes
		s := w.defaults("first")
		s.events.Noted = n.take
		if _, err := w.run(t.Context(), src, s, conv.Window{From: w1.From, To: w2.To}, plain{}); err != nil {
			t.Fatal(err)
		}
		if told := n.of("vanished"); len(told) != 0 {
			t.Errorf("reported as vanished: %v", told[0].Detail)
		}
	})
}

type skewedLake struct {
	*lake
	by time.Duration
}

func (s *skewedLake) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	job, err := s.lake.Submit(ctx, w)
	job.PlatformTime += s.by.Milliseconds()
	return job, err
}
func (s *skewedLake) Availability(ctx context.Context) (int64, error) {
	at, err := s.lake.Availability(ctx)
	return at + s.by.Milliseconds(), err
}
func (s *skewedLake) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	st, err := s.lake.Await(ctx, w, job)
	if w.To == newYear {
		st.State = conv.JobFailed
	}
	return st, err
}

func TestAFailingWindowIsTriedOnceMoreWhateverThePlatformsClockSays(t *testing.T) {
	for _, by := range []time.Duration{0, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			l := &skewedLake{lake: &lake{}, by: by}
			var n notes
			s := w.conversations("a")
			s.config.Settle = 5 * time.Hour
			s.config.Step = 6 * time.Hour
			s.events.Noted = n.take
			_ = w.follow(stopAfter(t, 9*time.Hour), l, s)
			cp := w.ledger()[conv.Window{From: newYear - 6*hour, To: newYear}]
			if alerts := len(n.of("incomplete")); alerts != 2 || cp.Attempt != 6 {
				t.Errorf("platform %s ahead: %d alerts and %d jobs, want 2 and 6", by, alerts, cp.Attempt)
			}
		})
	}
}

func TestAPublishedFamilyStaysPublishedWhereNoCountIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7)
		p.endings = []conv.JobState{conv.JobPartial}
		var n notes
		for _, run := range []string{"a", "b"} {
			s := w.wide(run, &n)
			s.takeOver, s.config.Reconcile = true, false
			if _, err := w.backfill(t.Context(), p, s); err != nil {
				t.Fatal(err)
			}
			if st := w.ledger()[interval].State; st != conv.Published {
				t.Errorf("run %s: the root is %s", run, st)
			}
		}
	})
}

type hanging struct {
	*platform
	in conv.Window
}

func (h *hanging) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	if w == h.in {
		select {
		case <-time.After(20 * time.Hour):
		case <-ctx.Done():
			return conv.JobStatus{}, ctx.Err()
		}
	}
	return h.platform.Await(ctx, w, job)
}

func TestOneSlowJobDoesNotHoldUpRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		h := &hanging{platform: newPlatform(0, 5), in: conv.Window{From: newYear - hour, To: newYear}}
		s := w.defaults("a")
		s.config.Windows = 4
		_ = w.follow(stopAfter(t, 10*time.Hour), h, s)
		if n := len(w.ledger()); n < 9 {
			t.Errorf("%d windows begun in ten hours, want about ten", n)
		}
	})
}

func TestAShortChunkOfAPartialWindowGetsItsOneRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		h := newHoley(120, func(h *holey, v conv.Window, row *conv.Row) bool {
			return row.Time == h.rows[5].Time && v.Duration() == time.Hour // 1 of 30
		})
		h.endings = []conv.JobState{conv.JobPartial}
		h.lacks = func(v conv.Window, row *conv.Row) bool {
			return v.Duration() >= time.Hour && row.Time == h.rows[5].Time
		}
		var n notes
		sum, err := w.backfill(t.Context(), h, w.wide("a", &n))
		if err != nil || sum.Short != 0 {
			t.Errorf("a row is missing that a narrower window brings: %+v %v", sum, err)
		}
	})
}

func TestRunReadsTodayOnceThePlatformHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		today := conv.Window{From: newYear, To: newYear + day}
		l := &lake{talks: chatter(today, 10), behind: 2 * time.Hour}
		time.Sleep(10 * time.Hour)
		if _, err := w.backfillLake(l, w.conversations("a"), today); err != nil {
			t.Fatal(err)
		}
		s := w.conversations("b")
		s.takeOver = true
		_ = w.follow(stopAfter(t, 48*time.Hour), l, s)
		if cp := w.ledger()[today]; !cp.State.Whole() {
			t.Errorf("two days later, today is %s: %s", cp.State, cp.LastError)
		}
	})
}

func TestNoWindowIsPassedOverAfterAFailedCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := &slowFirst{platform: newPlatform(0, 5), slow: newYear - 3*hour}
		seed := conv.Window{From: newYear - 4*hour, To: newYear - 3*hour}
		if _, err := w.run(t.Context(), p, w.defaults("seed"), seed, plain{}); err != nil {
			t.Fatal(err)
		}
		s := w.defaults("one")
		s.takeOver = true
		armed := false
		c := &cutter{under: w.net.DialContext, at: 1 << 30}
		s.dial = c.dial
		s.events.Committed = func(cp conv.Checkpoint, _, _ int, _ time.Duration) {
			if !armed && cp.State == conv.Settled {
				armed = true
				c.mu.Lock()
				c.at = c.n // cut the next write once
				c.mu.Unlock()
			}
		}
		_ = w.follow(stopAfter(t, 3*time.Hour), p, s)
		ledger := w.ledger()
		for from := seed.From; from < newYear; from += hour {
			if _, ok := ledger[conv.Window{From: from, To: from + hour}]; !ok {
				t.Errorf("window %s was never begun", conv.FormatInstant(from))
			}
		}
	})
}

type slowFirst struct {
	*platform
	slow int64
}

func (s *slowFirst) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	if s.slow == w.From { // 429 with Retry-After
		select {
		case <-time.After(30 * time.Second):
		case <-ctx.Done():
			return conv.Job{}, ctx.Err()
		}
	}
	return s.platform.Submit(ctx, w)
}

func TestNoWindowIsClosedWhileItsJobIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		yesterday := lastDays(1)
		l := &slowCount{lake: &lake{talks: chatter(yesterday, 24), deny: conv.ErrNoBaseline, perPage: 1}}
		s := w.conversations("first")
		s.config.Step, s.config.Windows = 6*time.Hour, 2
		if sum, err := w.run(t.Context(), l, s, yesterday, plain{}); err != nil || len(sum.Unverified) != 4 {
			t.Fatalf("%+v, %v", sum, err)
		}
		time.Sleep(100 * time.Hour)
		l.deny = nil
		l.wait = 20 * time.Second
		l.slow = 10 * time.Second
		s = w.conversations("second")
		s.takeOver = true
		s.config.Step, s.config.Windows = 6*time.Hour, 2
		sum, err := w.run(t.Context(), l, s, yesterday, plain{})
		if err != nil || len(sum.Unverified) > 0 {
			t.Errorf("a window was settled while its job was being read: %+v, %v", sum, err)
		}
	})
}

type slowCount struct {
	*lake
	wait time.Duration
}

func (s *slowCount) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	time.Sleep(s.wait)
	return s.lake.Baseline(ctx, w)
}
