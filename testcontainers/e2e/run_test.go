package e2e

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/producer"
	"convstream/testcontainers"
)

// A run has a stretch to catch up on, and is stopped and killed on the way. The last window of the stretch is over, by
// window.lag, only when the run has caught up: it is published by a run that has waited for it.
func TestRealARunCatchesUpAndFollowsThroughStopsAndKills(t *testing.T) {
	const (
		step, windows = time.Minute, 30
		rows          = 60_000
	)
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	last, lag := dueIn(45*time.Second, step)
	first := last.Add(-windows * step)
	f := faults()
	f.PageRows = 500
	f.Watermark.Lag = lag // jobs see nothing younger, and do not say so
	w := newWorldOf(t, env, newPlatformOf(t, rows, conv.Window{From: first.UnixMilli(), To: last.UnixMilli()}, f),
		settings{window: "step: 1m, lag: " + lag.String()})
	w.begin(t, step)
	w.interrupt(t, dice, resultBytes(rows))
	p := start(t, convstream, w.config, "run")
	w.awaitWindows(t, last.Add(-step), conv.Settled)
	w.awaitWindows(t, last, conv.Settled)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, 0)
	w.wantOnce(t, rows)
	w.reconcile(t, 0)
	for window, cp := range w.ledger(t).Windows {
		if early := window.To + lag.Milliseconds() - cp.Job.PlatformTime; early > 0 {
			t.Errorf("window %s was submitted %d ms too early", window, early)
		}
	}
}

// The same with conversations. How far a run goes is what the platform's watermark says, for which it asks when it
// starts, and rarely afterwards.
func TestRealARunOfConversationsFollowsTheWatermarkThroughStopsAndKills(t *testing.T) {
	const (
		step          = 2 * time.Hour
		conversations = 12_000
		away          = 30 * time.Second
	)
	env, dice := testcontainers.RequireReal(t, testcontainers.WithRegistry()), random(t)
	due := time.Now().Add(away)
	last, lag := dueIn(away, step)
	first := last.Add(-36 * time.Hour).Truncate(24 * time.Hour)
	f := faults()
	f.PageRows = 500
	f.Watermark.Lag = lag
	w := newWorldOf(t, env, newPlatformOf(t, conversations, conv.Window{From: first.UnixMilli(), To: last.UnixMilli()}, f),
		jobs("step: 2h, settle: 0s"))
	w.begin(t, step)
	w.interrupt(t, dice, detailBytes(conversations))
	p := start(t, convstream, w.config, "run")
	w.awaitWindows(t, last.Add(-step), conv.Published)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, 0)
	await(t, "the watermark to pass the last window", func() bool { return time.Now().After(due) })
	p = start(t, convstream, w.config, "run")
	w.awaitWindows(t, last, conv.Published)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, 0)
	w.wantOnce(t, conversations)
	w.wantLives(t, livesOf(w.platform))
	w.span.To = w.span.From + dayMillis // a day that is published whole, and so compared
	w.reconcile(t, 0)
	for window, cp := range w.ledger(t).Windows {
		if w.span.Covers(window) && cp.State != conv.Settled {
			t.Errorf("window %s of a whole day is %s, want settled", window, cp.State)
		}
		if cp.Available < window.To {
			t.Errorf("window %s was submitted while the watermark was at %s", window, conv.FormatInstant(cp.Available))
		}
	}
}

// dueIn chooses the end of a window, a multiple of step, and a lag of 20 s or more, such that the window is over by the
// lag a while from now.
func dueIn(while, step time.Duration) (end time.Time, lag time.Duration) {
	due := time.Now().Add(while)
	end = due.Add(-20 * time.Second).Truncate(step)
	return end, due.Sub(end).Truncate(time.Millisecond)
}

// begin backfills the first window of the span: a run goes on from there.
func (w *world) begin(t *testing.T, step time.Duration) {
	t.Helper()
	whole := w.span
	w.span.To = w.span.From + step.Milliseconds()
	p := w.backfill(t, convstream)
	if code := p.exit(t); code != 0 && code != 3 { // a part of a day has no count to compare with
		t.Fatalf("the first window: exit code %d, %s", code, p.verdict())
	}
	w.span = whole
}

// interrupt starts runs and ends them on their way: by a signal, which is no failure, and by a kill.
func (w *world) interrupt(t *testing.T, dice *rand.Rand, bytes int64) {
	t.Helper()
	for i, at := range moments(dice, 4, bytes*8/10) {
		p := start(t, convstream, w.config, "run")
		if i%2 == 1 {
			w.killWriting(t, p, at)
			continue
		}
		p.reach(t, w.platform.passing(at))
		p.signal(t, syscall.SIGTERM)
		p.wantExit(t, 0)
	}
}

// awaitWindows waits until the windows of the ledger go up to an instant, and each is settled or stands as given.
func (w *world) awaitWindows(t *testing.T, until time.Time, state conv.State) {
	t.Helper()
	before := time.Now()
	w.awaitLedger(t, "all windows until "+until.String(), func(l *producer.Ledger) bool {
		var reached int64
		for window, cp := range l.Windows {
			if cp.State == conv.Incomplete {
				t.Fatalf("window %s is incomplete: %s", window, cp.LastError)
			}
			if cp.State != conv.Settled && cp.State != state {
				return false
			}
			reached = max(reached, window.To)
		}
		return reached >= until.UnixMilli()
	})
	t.Logf("all windows until %s are there after %.1f s", until.Format(time.TimeOnly), time.Since(before).Seconds())
}
