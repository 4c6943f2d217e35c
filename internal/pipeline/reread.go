package pipeline

import "convstream/internal/conv"

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
		return true, r.close(r.stood.State, r.stood.LastError)
	}
	return false, nil
}

// standing is the state of a window that is being read: one that was whole before stays so, also
// if the process is killed meanwhile.
func (r *worker) standing(s conv.State) conv.State {
	if r.stood.State.Whole() {
		return r.stood.State
	}
	return s
}

// unreadIn makes an incomplete window of one that was to be read again and is not kept, for the
// summary alone.
func (p *Pipeline) unreadIn(cp conv.Checkpoint) conv.Checkpoint {
	if reason, unread := p.unread.Load(cp.Window); unread {
		cp.State, cp.LastError = conv.Incomplete, reason.(string)
	}
	return cp
}
