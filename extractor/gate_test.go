package extractor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

// paced is a gate with that many requests a minute.
func paced(perMinute int) *gate {
	c := Defaults()
	c.RequestsPerMinute = perMinute
	return newGate(c)
}

// line is a queue in front of a gate whose turns are noted.
type line struct {
	t     *testing.T
	gate  *gate
	start time.Time

	mu    sync.Mutex
	order []Op
	at    []time.Duration
}

func newLine(t *testing.T, g *gate) *line { return &line{t: t, gate: g, start: time.Now()} }

// join waits in line for one request, which ends at once and well.
func (l *line) join(ctx context.Context, op Op) {
	report, err := l.gate.enter(ctx, op)
	if err != nil {
		return
	}
	l.mu.Lock()
	l.order, l.at = append(l.order, op), append(l.at, time.Since(l.start))
	l.mu.Unlock()
	report(nil)
}

// turns is when each request went out.
func (l *line) turns() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.at)
}

// Eight windows are at work all the time, and now and then the platform pushes back.
func TestR45_AnyMinuteHoldsTheBudgetAtMostAndNearlyAllOfItIsUsed(t *testing.T) {
	for _, perMinute := range []int{1, 2, 7, 60, 119, 120, 300, 1000} {
		for _, busy := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				total := max(300, 4*perMinute)
				f := &fakeSource{submit: func(n int) (conv.Job, error) {
					if busy && n%97 == 0 {
						return conv.Job{}, pushBack(OpSubmit, 90*sec)
					}
					return newJob(), nil
				}}
				c := quick()
				c.RequestsPerMinute = perMinute
				e := New(f, c, Hooks{})
				var all sync.WaitGroup
				for range 8 {
					all.Go(func() {
						for range total / 8 {
							if _, err := e.Submit(t.Context(), window); err != nil {
								t.Error(err)
							}
						}
					})
				}
				all.Wait()
				for i := perMinute; i < len(f.asked); i++ {
					if d := f.asked[i].at.Sub(f.asked[i-perMinute].at); d < time.Minute {
						t.Fatalf("%d a minute, busy %v: %d requests within %s", perMinute, busy, perMinute+1, d)
					}
				}
				used := float64(len(f.asked)-1) / f.asked[len(f.asked)-1].at.Sub(f.asked[0].at).Minutes() / float64(perMinute)
				if !busy && used < 0.95 {
					t.Errorf("%d a minute: %.1f %% of it were used", perMinute, 100*used)
				}
			})
		}
	}
}

func TestR45_TheMoreUrgentRequestGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, paced(60))
		l.join(t.Context(), OpSubmit) // the turn that is there
		l.order = nil
		var all sync.WaitGroup
		for _, op := range []Op{OpSubmit, OpBaseline, OpResults, OpAvailability, OpStatus, OpResults, OpCancel, OpToken} {
			all.Go(func() { l.join(t.Context(), op) })
			synctest.Wait() // in this order
		}
		all.Wait()
		want := []Op{OpCancel, OpToken, OpStatus, OpResults, OpResults, OpSubmit, OpBaseline, OpAvailability}
		if !slices.Equal(l.order, want) {
			t.Errorf("order is %v, want %v", l.order, want)
		}
	})
}

// Fifty polls wait at all times, and more than the budget holds could come. A submission
// that comes among them waits for those that come two leads later, and for no others.
func TestR45_NoRequestWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, paced(60))
		ctx, cancel := context.WithCancel(t.Context())
		for range 50 {
			go func() {
				for ctx.Err() == nil {
					l.join(ctx, OpStatus)
				}
			}()
		}
		synctest.Wait()
		l.join(t.Context(), OpSubmit)
		waited := time.Since(l.start)
		cancel()
		synctest.Wait()
		// Two leads, and a turn for each of the 50 that were in line before it then.
		leads := 2 * l.gate.lead
		turn := time.Duration(float64(time.Second) / float64(l.gate.limiter.Limit()))
		if waited < leads || waited > leads+51*turn {
			t.Errorf("the submission waited %s, want %s and 51 turns at most", waited, leads)
		}
	})
}

func TestARequestThatGivesUpLeavesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, paced(60))
		l.join(t.Context(), OpStatus) // the turn that is there; the next one comes in 1.03 s
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		for range 5 {
			go l.join(ctx, OpCancel)
		}
		synctest.Wait()
		l.join(t.Context(), OpSubmit)
		if got := l.turns()[len(l.turns())-1]; got > 1100*time.Millisecond {
			t.Errorf("the turn came after %s, want the first one", got)
		}
	})
}

// letOut is a request that has a turn and has not looked yet.
func (g *gate) letOut() *waiter {
	w := &waiter{op: OpStatus, rank: time.Now(), out: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, w)
	g.serve()
	return w
}

// Nobody waits for it, and one that comes later must not be one too many.
func TestATurnThatNobodyWaitsForIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := paced(60)
		g.leave(g.letOut())
		l := newLine(t, g)
		l.join(t.Context(), OpSubmit)
		if l.at[0] < sec {
			t.Errorf("the next turn came after %s, want a second or more", l.at[0])
		}
	})
}

// The turn has come and the caller has given up, both before it could look.
func TestATurnThatComesTooLateIsAnothers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := paced(60)
		late := g.letOut()
		l := newLine(t, g)
		go l.join(t.Context(), OpSubmit)
		go l.join(t.Context(), OpSubmit)
		synctest.Wait()
		if len(l.turns()) != 0 {
			t.Fatal("there were two turns at once")
		}
		g.leave(late)
		synctest.Wait()
		if n := len(l.turns()); n != 1 {
			t.Errorf("%d requests went out with the one turn that was left", n)
		}
		time.Sleep(2 * sec)
		if at := l.turns(); len(at) != 2 || at[1] < sec {
			t.Errorf("turns came after %s, want one at once and one as ever", at)
		}
	})
}

// The breaker opens while requests wait for their turn. None of them passes it, one of them
// is the probe, and the budget holds when the others follow.
func TestR76_ARequestThatWaitedForItsTurnPassesNoOpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, paced(60))
		first, err := l.gate.enter(t.Context(), OpResults)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			go l.join(t.Context(), OpResults)
		}
		time.Sleep(500 * time.Millisecond)
		first(pushBack(OpResults, 30*sec))
		time.Sleep(time.Minute)
		turns := l.turns()
		if len(turns) != 5 {
			t.Fatalf("turns came after %s, want five", turns)
		}
		for i, at := range turns {
			if least := 30500*time.Millisecond + time.Duration(i)*sec; at < least {
				t.Errorf("turn %d came after %s, want %s or more", i, at, least)
			}
		}
		if got := l.gate.pushedBack(); got != 1 {
			t.Errorf("%d requests were pushed back, want 1", got)
		}
	})
}

// A token is issued by another host: that it came says nothing of the API.
func TestATokenIsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := paced(6000)
		first, _ := g.enter(t.Context(), OpStatus)
		first(pushBack(OpStatus, 10*sec))
		token, err := g.enter(t.Context(), OpToken)
		if err != nil {
			t.Fatal(err)
		}
		token(nil)
		if _, err := g.enter(t.Context(), OpStatus); err != nil { // the probe, which never ends
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := g.enter(ctx, OpStatus); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second request went out beside the probe: %v", err)
		}
	})
}

func TestOutsideOfAnExtractorNothingIsWaitedFor(t *testing.T) {
	report, err := Pass(t.Context(), OpStatus)
	if err != nil {
		t.Fatal(err)
	}
	report(errNetwork)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pass(ctx, OpStatus); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Two windows page all the time. The older one's pages go first, so that it ends, and its
// successor is polled while the younger one pages.
func TestPagesOfTheOldestJobGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, paced(60))
		l.join(t.Context(), OpSubmit) // the turn that is there
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		for i, name := range []string{"younger", "older"} {
			ctx := context.WithValue(t.Context(), jobKey{}, int64(9-i))
			all.Go(func() {
				for range 3 {
					l.join(ctx, OpResults)
					mu.Lock()
					order = append(order, name)
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if want := []string{"older", "older", "older", "younger", "younger", "younger"}; !slices.Equal(order, want) {
			t.Errorf("order is %v, want %v", order, want)
		}
	})
}
