package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// span is the stretch of time that the platform counts a window's rows in.
func (e *epoch) span(w conv.Window) conv.Window {
	if e.cfg.Conversations {
		return plan.Days(w)
	}
	return w
}

// comparison is of what Kafka holds of a stretch of time with the platform's own count.
type comparison struct {
	*epoch
	span     conv.Window
	last     bool              // every row that there is was committed
	members  []conv.Checkpoint // the published windows that cover the span
	heard    []conv.Checkpoint // those of them whose word counts
	dead     int64             // dead letters that the platform's count includes
	bounds   int64             // those of them on the first or last millisecond
	gone     int64             // rows that the platform no longer has
	surplus  int64             // rows in Kafka beyond the platform's count
	held     int64
	expected int64
}

// compare compares a span once all of it is published, and closes its windows. A shortfall
// waits for the windows beside the span, which may still bring rows on the edges; last says that
// they have been read. Windows that are to be read once more are returned. w is the window that
// was read just now.
func (e *epoch) compare(span, w conv.Window, last bool) (again []conv.Window, err error) {
	mine := claim{span, false}
	if last {
		if err := e.awaitClaim(mine); err != nil {
			return nil, err
		}
	} else if e.agenda.reading(span, w, false) || !e.claim(mine) {
		return nil, nil // whoever reads or compares there comes by again
	}
	c := &comparison{epoch: e, span: span, last: last || !e.agenda.reading(span, w, true)}
	again, err = c.run()
	e.release(mine)
	if err != nil {
		return nil, err
	}
	for i := range c.members {
		if err := e.closeParents(c.members[i].Window); err != nil {
			return nil, err
		}
	}
	return again, nil
}

func (c *comparison) run() ([]conv.Window, error) {
	if covered := c.gather(); !covered {
		if !c.last {
			c.postpone()
		} else if !c.follows || c.allSettled() {
			return nil, c.unverified("the platform counts whole UTC days, and " + c.span.String() + " is not published whole")
		}
		return nil, nil
	}
	if len(c.members) == 0 {
		return nil, nil // they were narrowed since
	}
	err := c.countDead()
	if err != nil {
		return nil, err
	}
	if c.held, err = c.count(c.span); err != nil {
		return nil, err
	}
	c.expected, err = c.source.Baseline(c.ctx, c.span)
	switch {
	case err != nil && c.ctx.Err() != nil:
		return nil, context.Cause(c.ctx)
	case err != nil:
		return nil, c.unverified("no count to compare with: " + err.Error())
	case c.held < c.expected && !c.last:
		c.postpone()
		return nil, nil
	}
	c.surplus = max(0, c.held-c.expected)
	c.gone = min(c.gone, c.surplus) // a row that the platform counts is there
	return c.judge()
}

// postpone has the span compared for good when the windows beside it have been read.
func (c *comparison) postpone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.short[c.span] = true
}

// gather finds the windows that cover the span and have all their rows in Kafka. Members are
// those that are counted with it whole.
func (c *comparison) gather() (covered bool) {
	var whole []conv.Window
	for _, cp := range c.ledger.overlapping(c.span) {
		w := cp.Window
		if !cp.State.Whole() || !c.cfg.Conversations && w != c.span {
			continue
		}
		whole = append(whole, w)
		if len(cp.Nested) == 0 && c.span.Covers(c.epoch.span(w)) {
			c.members = append(c.members, cp)
		}
	}
	// Windows that were cut in different ways overlap: the newest job's word counts.
	slices.SortFunc(c.members, func(a, b conv.Checkpoint) int {
		return cmp.Or(cmp.Compare(b.Job.Observation, a.Job.Observation), a.Window.Compare(b.Window))
	})
	for _, cp := range c.members {
		if !slices.ContainsFunc(c.heard, func(h conv.Checkpoint) bool { return cp.Window.Overlaps(h.Window) }) {
			c.heard = append(c.heard, cp)
			c.gone += cp.Vanished
		}
	}
	return len(plan.Uncovered(c.span, whole)) == 0
}

// judge closes the windows, or says which of them are to be read again. Any shortfall gets
// one more, narrower, reading; one above the threshold as many as the windows have attempts.
func (c *comparison) judge() ([]conv.Window, error) {
	held := c.held - c.gone
	agree := held == c.expected
	if held > c.expected && !c.cfg.Conversations {
		least, err := c.count(conv.Window{From: c.span.From + 1, To: c.span.To - 1})
		if err != nil {
			return nil, err
		}
		agree = least-c.bounds <= c.expected // the platform leaves rows on a bound of its query out
	}
	if agree {
		return nil, c.closeAll(conv.Reconciled, "")
	}
	if held > c.expected && c.cfg.Conversations {
		if again := c.uncounted(); len(again) > 0 {
			return again, nil
		}
	}
	finding := fmt.Sprintf("Kafka holds %d rows of %s, the platform counts %d", held, c.span, c.expected)
	over := share(held, c.expected) > c.threshold()
	retried := c.retried()
	if !retried || !over { // a difference that remains is told of when the window is closed
		if err := c.tell(finding, over); err != nil {
			return nil, err
		}
	}
	if held < c.expected && (over || !retried) {
		again, err := c.again(finding)
		if err != nil || len(again) > 0 {
			return again, err
		}
	}
	if over {
		return nil, c.closeAll(conv.Incomplete, finding)
	}
	return nil, c.closeAll(conv.Reconciled, finding)
}

// threshold is the share by which the counts may differ. Where the platform changes nothing
// more, and has been read after that, none.
func (c *comparison) threshold() float64 {
	if !c.cfg.Conversations {
		return c.cfg.Threshold
	}
	if c.allSettled() {
		return 0
	}
	return c.cfg.Threshold
}

// allSettled says whether every window was read when its rows changed no more.
func (c *comparison) allSettled() bool {
	return !slices.ContainsFunc(c.members, func(cp conv.Checkpoint) bool { return !c.settled(&cp) })
}

// settled says whether a window was read when its rows changed no more.
func (c *comparison) settled(cp *conv.Checkpoint) bool {
	return !c.cfg.Conversations || cp.Job.PlatformTime >= c.settles(cp.Window)
}

// retried says whether the span has had its one more reading.
func (c *comparison) retried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retries[c.span]
}

// again gets the windows of the span that are not closed another reading, in narrower windows
// where there are such.
func (c *comparison) again(finding string) (windows []conv.Window, err error) {
	for i := range c.members {
		w := c.members[i].Window
		if !c.awaitsCount(&c.members[i]) {
			continue
		}
		r := c.worker(w)
		if children := plan.Narrow(w, c.cfg.Narrow); children != nil {
			windows = append(windows, children...)
			err = r.narrow(children, finding)
			c.mu.Lock()
			for _, span := range append(children, c.span) { // they are the one more reading
				c.retries[span] = true
			}
			c.mu.Unlock()
		} else if wait, ok := c.readAgain(w); ok {
			windows = append(windows, w)
			c.events.Retrying(w, finding, wait)
		}
		r.age.Stop()
		if err != nil {
			return nil, err
		}
	}
	return windows, nil
}

// uncounted gets those windows one more reading of which no census was made: rows may have
// vanished from them.
func (c *comparison) uncounted() (windows []conv.Window) {
	for i := range c.members {
		w := c.members[i].Window
		c.mu.Lock()
		_, counted := c.missed[w]
		c.mu.Unlock()
		if counted || c.mixed || !c.awaitsCount(&c.members[i]) {
			continue
		}
		if wait, ok := c.readAgain(w); ok {
			windows = append(windows, w)
			c.events.Retrying(w, "Kafka holds more rows than the platform counts: what has vanished is looked for", wait)
		}
	}
	return windows
}

// readAgain marks a window as to be read again, if it has an attempt left.
func (c *comparison) readAgain(w conv.Window) (wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tries[w] >= attempts {
		return 0, false
	}
	c.rereads[w], c.retries[c.span] = true, true
	return plan.Backoff(c.tries[w] + 1), true
}

// tell notes a difference, as an alert where it is above the threshold.
func (c *comparison) tell(finding string, over bool) error {
	severity := ""
	if over {
		severity = "alert"
	}
	r := c.worker(c.members[0].Window)
	defer r.age.Stop()
	r.note("reconcile", severity, map[string]any{
		"finding": finding, "span": c.span, "held": c.held - c.gone, "expected": c.expected, "difference": c.held - c.gone - c.expected,
	})
	return r.flush(true)
}

// closeAll closes the windows that wait for the comparison.
func (c *comparison) closeAll(state conv.State, finding string) error {
	held, expected, closed := c.held-c.gone, c.expected, 0
	for i := range c.members {
		if !c.awaitsCount(&c.members[i]) {
			continue
		}
		r := c.worker(c.members[i].Window)
		r.cp.Held, r.cp.Expected, r.cp.Counted = &held, &expected, c.counted(r.cp.Window)
		r.quiet = closed > 0
		closed++
		as := state
		if as == conv.Reconciled {
			r.tellVanished(c.surplus)
			if c.settled(&r.cp) {
				as = conv.Settled
			}
		}
		err := r.close(as, finding)
		r.age.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) counted(w conv.Window) *conv.Window {
	if w == c.span {
		return nil
	}
	return &c.span
}

// unverified closes the windows that cannot be compared.
func (c *comparison) unverified(reason string) error {
	for i := range c.members {
		if !c.awaitsCount(&c.members[i]) {
			continue
		}
		r := c.worker(c.members[i].Window)
		r.cp.Expected = nil
		r.note("reconcile", "", map[string]any{"finding": reason, "span": c.span, "held": r.cp.Held, "expected": nil})
		err := r.close(conv.Unverified, reason)
		r.age.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts the distinct rows whose time lies in a part of the span, whichever window brought
// them, and the dead letters.
func (c *comparison) count(part conv.Window) (int64, error) {
	var rows int64
	err := c.overHistory(c.ctx, c.span, func() (err error) {
		rows, err = c.history.Count(part.From, part.To)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count the rows of %s: %w", c.span, err)
	}
	return rows + c.dead, nil
}

// overHistory makes the history ready for a stretch of time and asks it, until it answers.
func (p *Pipeline) overHistory(ctx context.Context, span conv.Window, ask func() error) error {
	for {
		for ms := span.From; ms < span.To; ms += time.Hour.Milliseconds() {
			if err := p.load(ctx, ms); err != nil {
				return err
			}
		}
		if err := p.load(ctx, span.To-1); err != nil {
			return err
		}
		if err := ask(); !errors.Is(err, dedupe.ErrNotReady) {
			return err
		}
	}
}

// share is by how much of the expectation the two differ.
func share(held, expected int64) float64 {
	switch {
	case held == expected:
		return 0
	case expected == 0:
		return 1
	}
	diff := float64(held - expected)
	return max(diff, -diff) / float64(expected)
}
