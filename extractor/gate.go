package extractor

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate lets requests out: within the budget, past the breaker, the more urgent one first.
// All three are decided together, at the moment a request goes out. So none passes a breaker
// that opened while it waited for its turn, and none keeps a turn that it cannot use.
type gate struct {
	limiter *rate.Limiter
	lead    time.Duration // head start of one kind over the next

	mu      sync.Mutex // guards all below
	breaker *breaker
	waiting []*waiter // in the order they came
	spare   bool      // there is a turn that its request gave up
	timer   *time.Timer
	pushed  uint64
}

// waiter is a request that waits for its turn.
type waiter struct {
	op   Op
	rank time.Time     // the least goes first
	job  int64         // of a page: when its job was submitted, epoch ms
	out  chan struct{} // closed when it may go out
	done func(error)   // tells the circuit what became of it; nil until it may go out
}

func newGate(c Config) *gate {
	lead := min(time.Minute, leadTurns*time.Minute/time.Duration(c.RequestsPerMinute))
	return &gate{limiter: newLimiter(c.RequestsPerMinute), lead: lead, breaker: newBreaker(c.Retry)}
}

// margin is the share of the budget that is used. The rest is for requests that reach the
// platform later than they were let out, closer to those behind them.
const margin = 0.97

// newLimiter lets at most perMinute requests pass in any minute, a second's worth of them
// at once: each one comes a minute or more behind the one that is perMinute before it.
func newLimiter(perMinute int) *rate.Limiter {
	burst := max(1, perMinute/60)
	return rate.NewLimiter(rate.Limit(margin*float64(perMinute+1-burst)/60), burst)
}

// kinds orders requests by how urgent they are. One counts as having come earlier than it did,
// by a lead for each kind below it, and those of a kind go in the order they came. So a request
// waits for those of the kind above that come up to a lead later, and for no others: nobody
// waits for ever. The lead is short, because a submission that waits for the pages of all other
// windows has them all polled at the same time, while nobody uses the budget.
var kinds = map[Op]int{
	OpToken:   3, // others wait for it
	OpCancel:  3,
	OpStatus:  2,
	OpResults: 1,
}

// leadTurns is how many requests fit into a lead.
const leadTurns = 10

// enter waits until a request may go out. The caller then reports what became of it, once.
func (g *gate) enter(ctx context.Context, op Op) (report func(error), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{op: op, rank: time.Now().Add(-time.Duration(kinds[op]) * g.lead), out: make(chan struct{})}
	w.job, _ = ctx.Value(jobKey{}).(int64)
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.serve()
	g.mu.Unlock()
	select {
	case <-w.out:
		return func(err error) { g.report(w, err) }, nil
	case <-ctx.Done():
		g.leave(w)
		return nil, ctx.Err()
	}
}

// leave gives up a place, or a turn that came at the same moment: that is for whoever waits
// now.
func (g *gate) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.done == nil {
		g.remove(w)
		return
	}
	g.spare = true
	g.settle(w, errNoVerdict)
	g.spare = false
}

func (g *gate) remove(w *waiter) {
	g.waiting = slices.DeleteFunc(g.waiting, func(o *waiter) bool { return o == w })
}

// report takes what became of a request.
func (g *gate) report(w *waiter, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pushedBack(err) {
		g.pushed++
	}
	if w.op == OpToken && err == nil {
		err = errNoVerdict // it is another host that issues tokens
	}
	g.settle(w, err)
}

// errNoVerdict is what became of a request that tells nothing of the API.
var errNoVerdict = errors.New("nothing was learnt of the API")

func (g *gate) settle(w *waiter, err error) {
	g.breaker.note(err)
	w.done(err)
	g.serve()
}

// serve lets out whoever may go now, and otherwise sees to it that it is called again.
func (g *gate) serve() {
	for len(g.waiting) > 0 {
		now := time.Now()
		if wait := g.breaker.until.Sub(now); wait > 0 {
			g.wake(wait)
			return
		}
		if wait := g.turn(now); wait > 0 {
			g.wake(wait)
			return
		}
		done, err := g.breaker.circuit.Allow()
		if err != nil {
			return // a probe is under way, and its report serves the others
		}
		if !g.spare {
			g.limiter.AllowN(now, 1)
		}
		g.spare = false
		w := g.first()
		g.remove(w)
		w.done = done
		close(w.out)
	}
}

// first is who goes out next. Pages stand behind the one of the oldest job: jobs that share the
// budget evenly also end together, and then all windows wait for polls while nobody uses it. So
// pages of a job wait until older ones are read, if those use up the budget, and nothing else
// waits for them longer than for one page after the other.
func (g *gate) first() *waiter {
	var page, other *waiter
	for _, w := range g.waiting {
		switch {
		case w.op == OpResults && (page == nil || w.job < page.job):
			page = w
		case w.op != OpResults && (other == nil || w.rank.Before(other.rank)):
			other = w
		}
	}
	if other == nil || page != nil && page.rank.Before(other.rank) {
		return page
	}
	return other
}

// turn is how long the budget has no turn.
func (g *gate) turn(now time.Time) time.Duration {
	lacking := 1 - g.limiter.TokensAt(now)
	if g.spare || lacking <= 0 {
		return 0
	}
	wait := math.Ceil(lacking / float64(g.limiter.Limit()) * float64(time.Second))
	return max(time.Duration(wait), time.Microsecond) // a rounding error must not make it turn in circles
}

func (g *gate) wake(after time.Duration) {
	if g.timer != nil {
		g.timer.Reset(after)
		return
	}
	g.timer = time.AfterFunc(after, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.serve()
	})
}

// wait is how long the breaker lets no request out.
func (g *gate) wait() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.breaker.until))
}

func (g *gate) pushedBack() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pushed
}

// gateKey is where the context of a Source's call has its gate, and jobKey that of a page's
// call when its job was submitted.
type (
	gateKey struct{}
	jobKey  struct{}
)

// Pass waits until a request may go out: within the organisation's budget, while the
// platform pushes nobody back, and after those that are more urgent. A [Source] calls it
// before every request it sends, those for tokens and repeated ones included, and reports
// once what became of each: nil, the [*APIError] of a refusal, or why no answer came.
//
// A request must not be passed while another one's report is still due in the same call, nor
// anything be waited for in between that a request of another call may hold. Where ctx is
// not that of an [Extractor]'s call, there is nothing to wait for.
func Pass(ctx context.Context, op Op) (report func(error), err error) {
	if g, ok := ctx.Value(gateKey{}).(*gate); ok {
		return g.enter(ctx, op)
	}
	return func(error) {}, ctx.Err()
}
