package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// reconcile compares what Kafka holds of the window with the platform's own count. A
// shortfall is a problem that another job may mend, and gets one. What then remains stays
// visible in the ledger, and above the threshold the window is incomplete.
func (r *worker) reconcile() (setback, error) {
	held, err := r.held()
	if err != nil {
		return setback{}, err
	}
	r.cp.Held = &held
	expected, err := r.source.Baseline(r.ctx, r.cp.Window)
	if err != nil {
		if cause := context.Cause(r.ctx); cause != nil {
			return setback{}, cause
		}
		r.cp.Expected = nil
		return setback{}, r.report(conv.Unverified, "no count to compare with: "+err.Error())
	}
	r.cp.Expected = &expected
	finding := fmt.Sprintf("Kafka holds %d rows of the window, the platform counts %d", held, expected)
	switch {
	case held == expected:
		return setback{}, r.close(conv.Reconciled, "")
	case held < expected && !r.lastPass:
		r.postpone(r.cp.Window) // a neighbour may still bring the rows on the edges
		return setback{}, nil
	case held < expected && r.tries == 1:
		return setback{reason: finding}, nil
	case share(held, expected) > r.cfg.Threshold:
		return setback{}, r.report(conv.Incomplete, finding)
	}
	return setback{}, r.report(conv.Reconciled, finding)
}

// report closes the window with an event on the comparison.
func (r *worker) report(state conv.State, finding string) error {
	e := r.event("reconcile", map[string]any{"finding": finding, "held": r.cp.Held, "expected": r.cp.Expected})
	r.open().Events = append(r.open().Events, e)
	return r.close(state, finding)
}

// held counts the distinct rows whose time lies in the window, whichever window brought
// them, and the dead letters.
func (r *worker) held() (int64, error) {
	w := r.cp.Window
	for {
		for ms := w.From; ms < w.To; ms += time.Hour.Milliseconds() {
			if err := r.load(r.ctx, ms); err != nil {
				return 0, err
			}
		}
		if err := r.load(r.ctx, w.To-1); err != nil {
			return 0, err
		}
		rows, err := r.history.Count(w.From, w.To)
		switch {
		case err == nil:
			return rows + r.cp.DeadInside, nil
		case !errors.Is(err, dedupe.ErrNotReady):
			return 0, fmt.Errorf("count the rows of window %s: %w", w, err)
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
