package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// stopAfter ends a run that follows the platform after so much time.
func stopAfter(t *testing.T, d time.Duration) context.Context {
	ctx, stop := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(d, func() { stop(errKilled) })
	t.Cleanup(func() { timer.Stop() })
	return ctx
}

// ahead is a platform whose clock is ahead of ours, or behind.
type ahead struct {
	*platform
	by    time.Duration
	times map[conv.Window][]int64 // when each window was submitted, by the platform's clock
}

func (a *ahead) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	job, err := a.platform.Submit(ctx, w)
	job.PlatformTime += a.by.Milliseconds()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[w] = append(a.times[w], job.PlatformTime)
	return job, err
}

func TestR22_RunSubmitsAWindowLagAfterItsEndByThePlatformsClock(t *testing.T) {
	for _, by := range []time.Duration{0, 7 * time.Minute, -7 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := &ahead{platform: newPlatform(0, 5), by: by, times: map[conv.Window][]int64{}}
			s := w.defaults("first")
			s.config.Lag = 15 * time.Minute
			if err := w.follow(stopAfter(t, 5*time.Hour), p, s); !errors.Is(err, errKilled) {
				t.Fatalf("it ended with %v", err)
			}
			// The first is the last whole hour; from then on one an hour.
			for i := range 4 {
				window := conv.Window{From: newYear + int64(i)*hour, To: newYear + int64(i+1)*hour}
				times := p.times[window]
				if len(times) == 0 {
					t.Fatalf("window %s was not submitted", window)
				}
				due := window.To + (15 * time.Minute).Milliseconds()
				if last := times[len(times)-1]; last < due || last > due+2*time.Minute.Milliseconds() {
					t.Errorf("clock %s ahead: window %s was submitted at %s by the platform's clock, want soon after %s",
						by, window, conv.FormatInstant(last), conv.FormatInstant(due))
				}
				if i > 0 && len(times) != 1 {
					t.Errorf("clock %s ahead: window %s was submitted %d times", by, window, len(times))
				}
			}
		})
	}
}

// Nothing is known of the platform's clock before its first answer.
func TestAWindowThatRunSubmittedTooEarlyIsReadAgainInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := &ahead{platform: newPlatform(0, 5), by: -30 * time.Minute, times: map[conv.Window][]int64{}}
		var n notes
		s := w.defaults("first")
		s.config.Lag = 45 * time.Minute
		s.events.Noted = n.take
		if err := w.follow(stopAfter(t, 30*time.Minute), p, s); !errors.Is(err, errKilled) {
			t.Fatalf("it ended with %v", err)
		}
		window := conv.Window{From: newYear - 2*hour, To: newYear - hour} // by our clock the last whole hour with its lag
		due := window.To + (45 * time.Minute).Milliseconds()
		times := p.times[window]
		if len(times) != 2 || times[0] >= due || times[1] < due {
			t.Errorf("submitted at %v by the platform's clock, want once before %d and once soon after", times, due)
		}
		if cp := w.ledger()[window]; cp.State != conv.Settled || len(n.of("incomplete")) != 0 {
			t.Errorf("the window is %s with %d alerts", cp.State, len(n.of("incomplete")))
		}
	})
}

func TestRunFollowsTheWatermarkAndReadsOnceMoreWhatHasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		days := conv.Window{From: newYear - day, To: newYear + 3*day}
		l := &lake{talks: chatter(days, 80), behind: 5 * time.Hour}
		for i := range l.talks {
			l.talks[i].since = l.talks[i].start
		}
		s := w.conversations("first")
		s.config.Step = 6 * time.Hour
		s.config.Settle = 12 * time.Hour
		if err := w.follow(stopAfter(t, 4*24*time.Hour), l, s); !errors.Is(err, errKilled) {
			t.Fatalf("it ended with %v", err)
		}
		ledger := w.ledger()
		for from := newYear; from < newYear+3*day; from += 6 * hour {
			window := conv.Window{From: from, To: from + 6*hour}
			cp, known := ledger[window]
			if !known || cp.State != conv.Settled || cp.Attempt != 2 {
				t.Errorf("window %s is %s after %d jobs, want settled after two", window, cp.State, cp.Attempt)
			}
			if cp.Available < window.To || cp.Job.PlatformTime < window.To+(12*time.Hour).Milliseconds() {
				t.Errorf("window %s: last job of %s, data to %s", window, conv.FormatInstant(cp.Job.PlatformTime), conv.FormatInstant(cp.Available))
			}
		}
		for _, submitted := range l.windows {
			if submitted.To > newYear+4*day-5*hour {
				t.Errorf("window %s was submitted past the watermark", submitted)
			}
		}
	})
}

func TestRunGoesOnBehindTheNewestWindowOfTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		old := conv.Window{From: newYear - 5*day, To: newYear - 4*day}
		l := &lake{talks: chatter(conv.Window{From: old.From, To: newYear}, 50)}
		if _, err := w.backfillLake(l, w.conversations("first"), old); err != nil {
			t.Fatal(err)
		}
		s := w.conversations("second")
		s.takeOver = true
		if err := w.follow(stopAfter(t, time.Hour), l, s); !errors.Is(err, errKilled) {
			t.Fatalf("it ended with %v", err)
		}
		var want []conv.Window
		for from := old.From; from < newYear; from += day {
			want = append(want, conv.Window{From: from, To: from + day})
		}
		got := map[conv.Window]bool{}
		for window := range w.ledger() {
			got[window] = true
		}
		for _, window := range want {
			if !got[window] {
				t.Errorf("window %s is not in the ledger", window)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d windows in the ledger, want %d", len(got), len(want))
		}
		w.wantTalks(l)
	})
}

func TestAnIncompleteWindowIsTriedOnceMoreByRunWhenItSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		last := conv.Window{From: newYear - hour, To: newYear}
		f := &failing{platform: newPlatform(0, 5), in: last, widths: map[time.Duration]int{}}
		var n notes
		s := w.defaults("first")
		s.config.Settle = 5 * time.Hour
		s.events.Noted = n.take
		if err := w.follow(stopAfter(t, 10*time.Hour), f, s); !errors.Is(err, errKilled) {
			t.Fatalf("it ended with %v", err)
		}
		cp := w.ledger()[last]
		if cp.State != conv.Incomplete || cp.Attempt != 6 {
			t.Errorf("the window is %s after %d jobs, want incomplete after three, and three more at settling time", cp.State, cp.Attempt)
		}
		if alerts := len(n.of("incomplete")); alerts != 2 {
			t.Errorf("%d alerts, want two", alerts)
		}
	})
}

// The process is killed at random moments, and started again.
func TestRunStopsAndResumesAtAnyMoment(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1 // under the race detector a day of virtual time is long
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			rng := rand.New(rand.NewPCG(seed, 1))
			days := conv.Window{From: newYear - day, To: newYear + 2*day}
			l := &lake{talks: chatter(days, 60), behind: 3 * time.Hour, perPage: 4, slow: time.Second}
			for i := range l.talks {
				l.talks[i].since = l.talks[i].start
			}
			first := conv.Window{From: days.From, To: days.From + 6*hour} // the ledger knows where to go on
			if _, err := w.backfillLake(l, w.conversations("backfill"), first); err != nil {
				t.Fatal(err)
			}
			end := time.UnixMilli(newYear + 3*day)
			files := w.conversations("").files
			for n := 0; time.Now().Before(end); n++ {
				s := w.conversations(fmt.Sprint("run-", n))
				s.files, s.takeOver = files, true
				s.config.Step, s.config.Settle, s.config.Windows = 6*time.Hour, 12*time.Hour, 3
				ctx, kill := context.WithCancelCause(t.Context())
				c := &cutter{under: w.net.DialContext, at: math.MaxInt}
				s.dial = c.dial
				life := time.Duration(rng.Int64N(int64(24 * time.Hour)))
				if rng.IntN(2) == 0 { // while it is at work
					left := 1 + rng.IntN(12)
					s.events.Committed = func(conv.Checkpoint, int, int, time.Duration) {
						if left--; left == 0 {
							c.die()
							kill(errKilled)
						}
					}
				}
				timer := time.AfterFunc(life, func() {
					if rng.IntN(2) == 0 {
						c.die()
					}
					kill(errKilled)
				})
				_ = w.follow(ctx, l, s)
				timer.Stop()
				kill(nil)
			}
			s := w.conversations("last")
			s.files, s.takeOver = files, true
			s.config.Step, s.config.Settle, s.config.Windows = 6*time.Hour, 12*time.Hour, 3
			if err := w.follow(stopAfter(t, 24*time.Hour), l, s); !errors.Is(err, errKilled) {
				t.Fatalf("seed %d: it ended with %v", seed, err)
			}
			w.wantTalks(l)
			var open []conv.Window
			for window, cp := range w.ledger() {
				if !cp.Counters.Balanced() {
					t.Errorf("seed %d: window %s does not balance: %+v", seed, window, cp.Counters)
				}
				if window.From >= newYear && window.To <= newYear+2*day && cp.State != conv.Settled {
					open = append(open, window)
				}
			}
			if diff := cmp.Diff([]conv.Window(nil), open); diff != "" {
				t.Errorf("seed %d: not settled:\n%s", seed, diff)
			}
		})
	}
}

// A thousand windows are due: it begins with the first, and stops when it is told to.
func TestRunFarBehindBeginsAtOnceAndStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := &ahead{platform: newPlatform(0, 5), times: map[conv.Window][]int64{}}
		old := conv.Window{From: newYear - 1000*hour, To: newYear - 999*hour}
		if _, err := w.run(t.Context(), p, w.defaults("first"), old, plain{}); err != nil {
			t.Fatal(err)
		}
		s := w.defaults("second")
		s.takeOver = true
		ctx, stop := context.WithCancelCause(t.Context())
		closed := 0
		s.events.Closed = func(conv.Checkpoint) {
			if closed++; closed == 3 {
				stop(errKilled)
			}
		}
		if err := w.follow(ctx, p, s); !errors.Is(err, errKilled) {
			t.Fatalf("it ended with %v", err)
		}
		if known := len(w.ledger()); known > 1+2*32 {
			t.Errorf("%d windows were registered before the third was closed", known)
		}
	})
}
