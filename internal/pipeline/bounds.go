package pipeline

import "convstream/internal/conv"

// boundarySlack is how far rows may lie beyond the bounds of their query before a person is
// told, ms.
const boundarySlack = 1000

// checkBounds compares the times of the job's rows with the bounds that it was asked for, each
// side alone. Conversations have to start before the window's end, and end, if they have, not
// before its start.
func (r *worker) checkBounds() {
	w := r.cp.Window
	start, end := w.From-r.cfg.Overlap.Milliseconds(), w.To-1
	lowest := r.cp.MinTime
	if r.cfg.Conversations {
		start, end, lowest = w.From, w.To, r.cp.MinEnd
	}
	var before, after int64
	if lowest != nil {
		before = start - *lowest
	}
	if r.cp.MaxTime != nil {
		after = *r.cp.MaxTime - end
	}
	if before <= boundarySlack && after <= boundarySlack {
		return
	}
	r.note("boundary", "alert", map[string]any{
		"job": r.cp.Job.ID, "start": conv.FormatInstant(start), "end": conv.FormatInstant(end),
		"min": instant(lowest), "max": instant(r.cp.MaxTime),
		"excess_before_ms": max(0, before), "excess_after_ms": max(0, after),
	})
}
