package pipeline

import (
	"context"
	"fmt"
	"math"
	"time"

	"convstream/internal/conv"
)

const (
	// lookAgain is how often a run that follows the platform looks for what is due.
	lookAgain = 30 * time.Second

	// askWatermark is how often it asks how far the platform's data reach.
	askWatermark = 5 * time.Minute
)

// Follow publishes what the platform gets to have, window after window, and reads once more
// what may have changed, until ctx ends: plan.Schedule says when. It returns the cause then,
// or the error that stopped it.
func (p *Pipeline) Follow(ctx context.Context, takeOver bool) error {
	return p.keepOn(ctx, takeOver, func(e *epoch) error {
		e.follows = true
		for {
			due, next, err := e.due()
			if err != nil {
				return err
			}
			before := p.committed.Load()
			if len(due) > 0 {
				p.events.Claimed(len(due))
				if err := e.bring(due); err != nil {
					return err
				}
				p.finished.Clear()
			}
			if p.committed.Load() != before {
				continue // what was due may have made more so
			}
			p.events.Idle(next)
			if !sleep(e.ctx, lookAgain) {
				return context.Cause(e.ctx)
			}
		}
	})
}

// due lists the windows to work on now, and says when the next one is known to be due; the
// zero time where only the platform's watermark decides.
func (e *epoch) due() ([]conv.Window, time.Time, error) {
	now := time.Now().UnixMilli() + e.clock.Load()
	horizon := now - e.cfg.Lag.Milliseconds() - clockGrain
	if e.cfg.Conversations {
		if err := e.refreshWatermark(); err != nil {
			return nil, time.Time{}, err
		}
		horizon = e.watermark.Load()
	}
	due, next := e.cfg.schedule().Due(e.ledger.all(), horizon, now)
	if next == math.MaxInt64 {
		return due, time.Time{}, nil
	}
	return due, time.UnixMilli(next - e.clock.Load()), nil
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
