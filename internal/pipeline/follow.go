package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

const (
	// lookAgain is how often a run that follows the platform looks for what is due.
	lookAgain = 30 * time.Second

	// askWatermark is how often it asks how far the platform's data reach.
	askWatermark = 5 * time.Minute

	// offered is how many windows are put on the agenda at a time.
	offered = 32
)

// Follow publishes what the platform gets to have, window after window, and reads once more
// what may have changed, until ctx ends: plan.Schedule says when. It returns the cause then,
// or the error that stopped it. A window whose job takes long keeps none of the others up.
func (p *Pipeline) Follow(ctx context.Context, takeOver bool) error {
	return p.keepOn(ctx, takeOver, func(e *epoch) error {
		e.follows = true
		e.agenda = newAgenda(nil, e.cfg.Windows, e.source.Pushed())
		e.agenda.open = true
		return e.parallel(e.cfg.Windows+1, func(g *errgroup.Group) {
			g.Go(e.feed)
			e.staff(g)
		})
	})
}

// feed puts on the agenda what is due, and looks for more, for as long as the epoch lasts.
func (e *epoch) feed() error {
	for {
		empty := e.agenda.empty.next()
		due, next, err := e.due()
		if err == nil && len(due) > 0 {
			err = e.offer(due)
		}
		switch {
		case errors.Is(err, errEpochOver), errors.Is(context.Cause(e.ctx), errEpochOver):
			return nil // the committer knows why
		case err != nil:
			return err
		case e.agenda.idle():
			e.events.Idle(next)
		}
		select {
		case <-empty: // what was done may have made more due
		case <-time.After(lookAgain):
		case <-e.ctx.Done():
			return context.Cause(e.ctx)
		}
	}
}

// offer puts windows on the agenda, but for those that are there. The ledger hears of all of
// them first, so that none is passed over by a restart that finds a later one there.
func (e *epoch) offer(due []conv.Window) error {
	known := e.ledger.all()
	due = slices.DeleteFunc(due, func(root conv.Window) bool {
		return slices.ContainsFunc(plan.Family(root, known), e.atWork)
	})
	if len(due) == 0 {
		return nil
	}
	total := len(due)
	due = due[:min(total, offered)] // a run far behind begins at once, and the rest is due still
	if err := e.kafka.CheckRetention(e.ctx, due[0].From); err != nil {
		return err
	}
	var todo []conv.Window
	for _, root := range due {
		if e.ctx.Err() != nil {
			return context.Cause(e.ctx)
		}
		if _, begun := known[root]; !begun {
			if err := e.register(root); err != nil {
				return err
			}
		}
		e.begin(plan.Family(root, known))
		if err := e.reopen(root, known); err != nil {
			return err
		}
		if err := e.closeFamily(root); err != nil { // where only that is left to do
			return err
		}
		todo = append(todo, plan.Leaves(root, known)...)
	}
	e.events.Claimed(total)
	e.agenda.offer(todo)
	return nil
}

// atWork says whether a window is on the agenda, or waits for its neighbours to be read.
func (e *epoch) atWork(w conv.Window) bool {
	e.mu.Lock()
	short := e.short[e.span(w)]
	e.mu.Unlock()
	return short || e.agenda.has(w)
}

// register has the ledger know a window before anything is done for it.
func (e *epoch) register(w conv.Window) error {
	r := e.worker(w)
	defer r.age.Stop()
	return r.flush(true)
}

// due lists the windows to work on now, and says when the next one is known to be due; the
// zero time where only the platform's watermark decides.
func (e *epoch) due() ([]conv.Window, time.Time, error) {
	ours := time.Now().UnixMilli()
	theirs := ours + e.clock.Load()
	horizon := theirs - e.cfg.Lag.Milliseconds() - clockGrain
	if e.cfg.Conversations {
		if err := e.refreshWatermark(); err != nil {
			return nil, time.Time{}, err
		}
		horizon = e.watermark.Load()
	}
	// The ledger is stamped by our clock and jobs by theirs: what is due is due by both.
	now := min(ours, theirs)
	due, next := e.schedule.Due(e.ledger.all(), horizon, now)
	if next == math.MaxInt64 {
		return due, time.Time{}, nil
	}
	return due, time.UnixMilli(next + ours - now), nil
}

// clockGrain is how exactly the platform tells the time, ms.
const clockGrain = 1000

// refreshWatermark asks for the watermark when the last answer is old.
func (e *epoch) refreshWatermark() error {
	if time.Since(e.asked) < askWatermark {
		return nil
	}
	if _, err := e.reach(math.MaxInt64); err != nil {
		return err
	}
	e.asked = time.Now()
	return nil
}

// reach is the platform's watermark; it is asked for unless it was seen to lie so far ahead.
func (e *epoch) reach(least int64) (int64, error) {
	if seen := e.watermark.Load(); seen >= least {
		return seen, nil
	}
	at, err := e.source.Availability(e.ctx)
	if err != nil {
		if cause := context.Cause(e.ctx); cause != nil {
			return 0, cause
		}
		return 0, fmt.Errorf("ask how far the platform's data reach: %w", err)
	}
	e.watermark.Store(at)
	return at, nil
}
