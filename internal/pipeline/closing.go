package pipeline

import (
	"time"

	"convstream/internal/conv"
)

// longestProblem bounds what the ledger keeps of a problem, in bytes.
const longestProblem = 2000

// close commits the window's state and waits until Kafka has it. Planned, and Published where
// a comparison follows, are not its last.
func (r *worker) close(state conv.State, problem string) error {
	r.cp.State = state
	r.cp.LastError = problem[:min(len(problem), longestProblem)]
	r.tellDrift()
	if state != conv.Planned {
		r.tellRefused()
	}
	if state == conv.Incomplete && !r.quiet {
		r.note("incomplete", "alert", map[string]any{"reason": r.cp.LastError, "held": r.cp.Held, "expected": r.cp.Expected})
	}
	if err := r.flush(true); err != nil {
		return err
	}
	if state != conv.Published || !r.cfg.Reconcile {
		r.finished.Store(r.cp.Window, nil)
		if state != conv.Planned {
			r.events.Closed(r.cp)
		}
	}
	return nil
}

// note adds an entry about this window to the events topic, and tells the hook of it.
func (r *worker) note(kind, severity string, detail map[string]any) {
	w := r.cp.Window
	e := conv.Event{Kind: kind, Severity: severity, Time: time.Now().UnixMilli(), Window: &w, Detail: detail}
	r.open().Events = append(r.open().Events, e)
	r.events.Noted(e)
}

// instant renders an instant for an event; nil where there is none.
func instant(ms *int64) any {
	if ms == nil {
		return nil
	}
	return conv.FormatInstant(*ms)
}

// open returns the open batch, and begins one where there is none.
func (r *worker) open() *conv.Batch {
	if r.batch == nil {
		r.batch = &conv.Batch{ID: r.ids.Add(1)}
		r.age.Reset(r.cfg.Interval)
	}
	return r.batch
}

// flush hands over the open batch, or with wait even one that holds nothing but the
// checkpoint, and returns once it is committed.
func (r *worker) flush(wait bool) error {
	if r.batch == nil && !wait {
		return nil
	}
	b := r.open()
	r.age.Stop()
	r.batch = nil
	b.Checkpoint = r.cp.Clone()
	if r.stood.State.Whole() {
		b.Checkpoint = r.former()
	}
	return r.hand(b, wait)
}

// drop forgets the open batch. The worker is of no use any more: the window goes on from what was
// committed.
func (r *worker) drop() {
	r.age.Stop()
	r.batch = nil
}
