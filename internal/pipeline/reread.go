package pipeline

import (
	"maps"
	"slices"

	"convstream/internal/conv"
)

// reread ends the reading of a window from where its rows are kept, unless that goes on as any
// other reading does. What the ledger says of a window that was whole stays true, whatever was
// found there now: it is not narrowed, and not called incomplete.
func (r *worker) reread(back setback) (ended bool, err error) {
	if back.reason != "" && (back.absent || r.stood.State.Whole()) {
		r.unread.Store(r.cp.Window, back.reason)
	}
	switch {
	case back.absent:
		r.finished.Store(r.cp.Window, nil)
		return true, nil
	case r.stood.State.Whole():
		if back.reason != "" {
			r.cp = r.former()
		}
		state, problem := r.stood.State, r.stood.LastError
		r.stood = conv.Checkpoint{}
		return true, r.close(state, problem)
	}
	return false, nil
}

// former is what the ledger says of a window that was whole and is being read again, until that
// has ended well: all that it said before, also if the process is killed meanwhile. A comparison
// rests on what a job has brought to its end. Only what was published since is counted.
func (r *worker) former() conv.Checkpoint {
	cp := r.stood.Clone()
	cp.Attempt = r.cp.Attempt
	cp.Counters, cp.StoredMin, cp.StoredMax = r.cp.Counters, r.cp.StoredMin, r.cp.StoredMax
	cp.Routes, cp.Refused = maps.Clone(r.cp.Routes), slices.Clone(r.cp.Refused)
	return cp
}
