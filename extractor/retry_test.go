package extractor

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

const sec = time.Second

// failing fails with each error in turn and then succeeds.
func failing(errs ...error) func(int) (conv.Job, error) {
	return func(n int) (conv.Job, error) {
		if n <= len(errs) {
			return conv.Job{}, errs[n-1]
		}
		return newJob(), nil
	}
}

func TestR4_PushBackIsWaitedOutForAsLongAsItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{submit: failing(slices.Repeat([]error{refuse(OpSubmit, 503)}, 500)...)}
		start := time.Now()
		if _, err := New(f, quick(), Hooks{}).Submit(t.Context(), window); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 1 * sec, 2 * sec, 4 * sec, 8 * sec, 16 * sec, 32 * sec, 60 * sec, 60 * sec}
		if diff := cmp.Diff(want, round(f.waits(OpSubmit, start))[:len(want)]); diff != "" {
			t.Error(diff)
		}
	})
}

// round cuts off what the rate limiter adds.
func round(waits []time.Duration) []time.Duration {
	for i := range waits {
		waits[i] = waits[i].Truncate(100 * time.Millisecond)
	}
	return waits
}

func TestRetryAfterIsHonouredWhereItIsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{submit: failing(pushBack(OpSubmit, 42*sec), pushBack(OpSubmit, sec), refuse(OpSubmit, 500),
			&APIError{Status: 502, RetryAfter: 30 * sec, HasRetryAfter: true})}
		var told []time.Duration
		start := time.Now()
		hooks := Hooks{Retrying: func(op Op, w conv.Window, wait time.Duration, err error) {
			if op != OpSubmit || w != window || err == nil {
				t.Errorf("told of %s %s %v", op, w, err)
			}
			told = append(told, wait)
		}}
		if _, err := New(f, quick(), hooks).Submit(t.Context(), window); err != nil {
			t.Fatal(err)
		}
		// Up to a tenth comes on top of what was asked for, and nothing on top of our own steps.
		least := []time.Duration{42 * sec, 2 * sec, 1 * sec, 30 * sec}
		most := []time.Duration{46200 * time.Millisecond, 2 * sec, 1 * sec, 33 * sec}
		waits := f.waits(OpSubmit, start)[1:]
		for i := range least {
			if told[i] < least[i] || told[i] > most[i] || waits[i] < told[i] || waits[i] > told[i]+100*time.Millisecond {
				t.Errorf("wait %d was said to be %s and was %s, want %s to %s", i, told[i], waits[i], least[i], most[i])
			}
		}
	})
}

func TestThoseWhoWereToldTheSameWaitDoNotComeBackTogether(t *testing.T) {
	for _, asked := range []time.Duration{2 * sec, 60 * sec, 15 * time.Minute} {
		waits := map[time.Duration]bool{}
		for range 20 {
			wait := Defaults().Retry.asked(pushBack(OpStatus, asked))
			if wait < asked || wait > asked+asked/10 || wait > asked+time.Minute {
				t.Errorf("told %s, waits %s", asked, wait)
			}
			waits[wait] = true
		}
		if len(waits) < 10 {
			t.Errorf("told %s, twenty wait for %d different times", asked, len(waits))
		}
	}
}

func TestOtherFailuresEndAfterFifteenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failure := range []error{errNetwork, refuse(OpSubmit, 500), refuse(OpSubmit, 408)} {
			f := &fakeSource{submit: func(int) (conv.Job, error) { return conv.Job{}, failure }}
			e := New(f, quick(), Hooks{})
			if err := e.Cancel(t.Context(), window, newJob()); err != nil { // the platform is there
				t.Fatal(err)
			}
			start := time.Now()
			_, err := e.Submit(t.Context(), window)
			if !errors.Is(err, failure) {
				t.Error(err)
			}
			if got := time.Since(start); got < 15*time.Minute || got > 17*time.Minute {
				t.Errorf("%v: gave up after %s", failure, got)
			}
		}
	})
}

// A platform that names a day gets no day: what is left of the patience is waited for.
func TestRetryAfterDoesNotOutlastPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &APIError{Op: OpSubmit, Status: 500, RetryAfter: 14 * time.Minute, HasRetryAfter: true}
		f := &fakeSource{submit: func(int) (conv.Job, error) { return conv.Job{}, broken }}
		start := time.Now()
		if _, err := New(f, quick(), Hooks{}).Submit(t.Context(), window); !errors.Is(err, broken) {
			t.Error(err)
		}
		if got := time.Since(start).Round(sec); got != patience || f.counts[OpSubmit] != 3 {
			t.Errorf("gave up after %s and %d calls, want 15m and 3", got, f.counts[OpSubmit])
		}
	})
}

func TestPushBackBetweenFailuresStartsPatienceAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{pushBack(OpSubmit, 0)} // the platform is there
		for range 10 {
			errs = append(errs, slices.Repeat([]error{errNetwork}, 12)...) // some 7 minutes
			errs = append(errs, pushBack(OpSubmit, 0))
		}
		f := &fakeSource{submit: failing(errs...)}
		if _, err := New(f, quick(), Hooks{}).Submit(t.Context(), window); err != nil {
			t.Error(err)
		}
	})
}

func TestR76_OneBreakerStopsAllCallsAndSendsOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A page is pushed back for a minute, then again as the probe; then all is well.
		f := &fakeSource{
			page: func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
				time.Sleep(100 * time.Millisecond) // the way there and back
				if n <= 2 {
					return nil, pushBack(OpResults, time.Minute)
				}
				return body(`{"data":[]}`), nil
			},
			baseline: func() (int64, error) { return 1, nil },
		}
		e := New(f, quick(), Hooks{})
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := e.Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil }); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(sec) // the breaker is open
		for range 8 {
			wg.Go(func() {
				if _, err := e.Submit(t.Context(), window); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// One call before the wait; one probe behind it, and one more if the first was pushed
		// back; nobody else until a probe has succeeded.
		busy := f.asked[:f.counts[OpResults]+1]
		for i, a := range busy[1:] {
			if since := a.at.Sub(start); since < time.Minute {
				t.Errorf("call %d went out after %s", i+2, since)
			}
		}
		if f.counts[OpSubmit] != 8 || f.counts[OpResults] != 3 {
			t.Errorf("calls were %v", f.counts)
		}
	})
}

func TestR76_NobodyPassesWhileAProbeIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newGate(quick())
		first, _ := b.enter(t.Context(), OpStatus)
		first(pushBack(OpStatus, 0))
		probe, _ := b.enter(t.Context(), OpStatus)
		var passed atomic.Int32
		for range 5 {
			go func() {
				report, err := b.enter(t.Context(), OpStatus)
				if err == nil {
					passed.Add(1)
					report(nil)
				}
			}()
		}
		time.Sleep(time.Hour)
		if n := passed.Load(); n != 0 {
			t.Errorf("%d calls went out beside the probe", n)
		}
		probe(errNetwork) // not push-back, so the platform is there again
		time.Sleep(2 * sec)
		if n := passed.Load(); n != 5 {
			t.Errorf("%d of 5 calls went out behind the probe", n)
		}
	})
}

func TestProbeThatWasCancelledLeavesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newGate(quick())
		first, _ := b.enter(t.Context(), OpStatus)
		first(pushBack(OpStatus, 0))
		probe, _ := b.enter(t.Context(), OpStatus)
		probe(context.Canceled)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.enter(ctx, OpStatus); err != nil {
			t.Error(err)
		}
		if _, err := b.enter(ctx, OpStatus); err == nil {
			t.Error("a second call went out beside the new probe")
		}
	})
}

func TestWaitsStartAnewAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newGate(quick())
		for i, step := range []struct {
			err  error
			wait time.Duration
		}{{pushBack(OpStatus, 0), sec}, {pushBack(OpStatus, 0), 2 * sec}, {nil, 0}, {pushBack(OpStatus, 0), sec}} {
			report, err := b.enter(t.Context(), OpStatus)
			if err != nil {
				t.Fatal(err)
			}
			if report(step.err); b.wait() > 0 != (step.wait > 0) || b.wait() > 0 && b.wait() != step.wait {
				t.Errorf("step %d: wait is %s, want %s", i, b.wait(), step.wait)
			}
		}
	})
}

func TestCallsPushedBackTogetherAreOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newGate(quick())
		var reports []func(error)
		for range 4 {
			r, _ := b.enter(t.Context(), OpStatus)
			reports = append(reports, r)
		}
		for _, r := range reports {
			r(pushBack(OpStatus, 0))
		}
		if got := b.wait(); got != sec {
			t.Errorf("four calls pushed back at once wait %s, want 1 s", got)
		}
	})
}

func TestR4_PushBackOnAnyCallIsWaitedOut(t *testing.T) {
	refusals := func(op Op) func(n int) error {
		return func(n int) error {
			if n <= 20 {
				return refuse(op, []int{429, 503}[n%2])
			}
			return nil
		}
	}
	for op, do := range map[Op]func(context.Context, *Extractor) error{
		OpSubmit:       func(ctx context.Context, e *Extractor) error { _, err := e.Submit(ctx, window); return err },
		OpStatus:       func(ctx context.Context, e *Extractor) error { _, err := e.Await(ctx, window, newJob()); return err },
		OpCancel:       func(ctx context.Context, e *Extractor) error { return e.Cancel(ctx, window, newJob()) },
		OpBaseline:     func(ctx context.Context, e *Extractor) error { _, err := e.Baseline(ctx, window); return err },
		OpAvailability: func(ctx context.Context, e *Extractor) error { _, err := e.Availability(ctx); return err },
		OpResults: func(ctx context.Context, e *Extractor) error {
			return e.Read(ctx, window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeSource{}
			f.submit = func(n int) (conv.Job, error) { return newJob(), refusals(op)(n) }
			f.status = func(n int) (conv.JobStatus, error) { return conv.JobStatus{State: conv.JobDone}, refusals(op)(n) }
			f.cancel = refusals(op)
			f.baseline = func() (int64, error) { return 1, refusals(op)(f.counts[op]) }
			f.available = func() (int64, error) { return 1, refusals(op)(f.counts[op]) }
			f.page = func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
				return body(`{"data":[]}`), refusals(op)(n)
			}
			e := New(f, quick(), Hooks{CancelRefused: func(_ conv.Job, err error) { t.Errorf("%s: %v", op, err) }})
			if err := do(t.Context(), e); err != nil || f.counts[op] != 21 || e.Pushed() != 20 {
				t.Errorf("%s: %v after %d calls, %d of them pushed back; want 21 and 20", op, err, f.counts[op], e.Pushed())
			}
		})
	}
}

func TestAvailabilityIsThePlatformsWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{available: func() (int64, error) { return 1704067200000, nil }}
		if got, err := New(f, quick(), Hooks{}).Availability(t.Context()); got != 1704067200000 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		start := time.Now()
		if _, err := New(&fakeSource{}, quick(), Hooks{}).Availability(t.Context()); !errors.Is(err, conv.ErrNoWatermark) || time.Since(start) > 0 {
			t.Errorf("%v after %s, want ErrNoWatermark at once", err, time.Since(start))
		}
	})
}

// An address that is wrong does not become right by waiting; but once anything has answered,
// be it with a refusal, an outage is waited out.
func TestAPlatformThatNeverAnsweredIsNotWaitedForLong(t *testing.T) {
	for name, c := range map[string]struct {
		before []error
		want   time.Duration
	}{
		"never":              {nil, firstPatience},
		"pushed back":        {[]error{pushBack(OpSubmit, 0)}, patience},
		"error of a gateway": {[]error{refuse(OpSubmit, 502)}, patience},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeSource{submit: failing(append(c.before, slices.Repeat([]error{errNetwork}, 1000)...)...)}
			start := time.Now()
			_, err := New(f, quick(), Hooks{}).Submit(t.Context(), window)
			if got := time.Since(start); !errors.Is(err, errNetwork) || got < c.want || got > c.want+2*sec {
				t.Errorf("%s: %v after %s, want %s", name, err, got, c.want)
			}
			if told := strings.Contains(err.Error(), "30s") && strings.Contains(err.Error(), "source.base_url"); told != (c.before == nil) {
				t.Errorf("%s: error is %q", name, err)
			}
		})
	}
}

func TestContextEndsEveryWait(t *testing.T) {
	for name, err := range map[string]error{"push-back": pushBack(OpSubmit, time.Hour), "failure": errNetwork} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*time.Millisecond, cancel)
			f := &fakeSource{submit: func(int) (conv.Job, error) { return conv.Job{}, err }}
			start := time.Now()
			if _, err := New(f, quick(), Hooks{}).Submit(ctx, window); err != context.Canceled || time.Since(start) > sec {
				t.Errorf("%s: %v after %s", name, err, time.Since(start))
			}
		})
	}
}

func TestR93_MissingBaselineIsNotAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{baseline: func() (int64, error) { return 0, conv.ErrNoBaseline }}
		if _, err := New(f, quick(), Hooks{}).Baseline(t.Context(), window); !errors.Is(err, conv.ErrNoBaseline) || f.counts[OpBaseline] != 1 {
			t.Errorf("%v after %d calls", err, f.counts[OpBaseline])
		}
	})
}

// One bad job does not end the run: its window gets another.
func TestR36_WhatThePlatformGoesOnFailingToDoIsTheJobsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		always := slices.Repeat([]error{refuse(OpSubmit, 500)}, 100)
		f := &fakeSource{submit: failing(always...)}
		x := New(f, quick(), Hooks{})
		x.answered.Store(true)
		start := time.Now()
		if _, err := x.Submit(t.Context(), window); !errors.Is(err, conv.ErrNoJob) || time.Since(start) != patience {
			t.Errorf("after %s a submission ends with %v, want conv.ErrNoJob", time.Since(start), err)
		}
		life := newLife(quick().Poll, start)
		if s := life.answered(start, conv.JobStatus{}, refuse(OpStatus, 504)); s.next != jobGone {
			t.Errorf("a poll that goes on failing leads to %v, want the job's end", s.next)
		}
		if s := life.answered(start, conv.JobStatus{}, io.ErrUnexpectedEOF); s.next != callFailed {
			t.Errorf("no answer leads to %v, want the end of the run", s.next)
		}
	})
}
