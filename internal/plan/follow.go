package plan

import (
	"math"
	"time"

	"convstream/internal/conv"
)

// Schedule says when a run that follows the platform works on which window.
type Schedule struct {
	Step time.Duration

	// Settle is how long after its end a window may still change. One that is not settled is
	// read once more then.
	Settle time.Duration

	// Conversations says that rows are conversations, which go on changing for a while, and
	// that the platform counts those of whole UTC days: a window waits for the comparison until
	// its day is published.
	Conversations bool

	// Compare says that windows are compared with the platform's count.
	Compare bool
}

// reread is the least time between two readings of a window that does not settle, because the
// platform's clock is behind.
const reread = 15 * time.Minute

// Settles is when the rows of a window change no more, epoch ms. Conversations settle by whole
// days, because they are compared by whole days: otherwise the hours of a day would settle on
// counts of which the other hours may still change.
func (s Schedule) Settles(w conv.Window) int64 {
	if s.Conversations {
		w = Days(w)
	}
	return w.To + s.Settle.Milliseconds()
}

// Due lists the windows that are to be worked on now, in order of time: new ones up to the
// horizon, before which the platform has all rows, those that were begun, and those that are
// to be read once more. next is when the first of the others will be due by the clock alone;
// math.MaxInt64 where none will. All times are epoch ms by the platform's clock.
//
// New windows follow the newest of the ledger, which a backfill may have written. With an
// empty ledger the first one is the last whole step before the horizon.
func (s Schedule) Due(ledger Ledger, horizon, now int64) (due []conv.Window, next int64) {
	next = math.MaxInt64
	newest := int64(math.MinInt64)
	for _, w := range sorted(ledger) {
		cp := ledger[w]
		if cp.Parent != nil {
			continue // its root stands for it
		}
		newest = max(newest, w.To)
		if at := s.at(w, &cp, ledger, horizon); at > now {
			next = min(next, at)
		} else {
			due = append(due, w)
		}
	}
	width := s.Step.Milliseconds()
	end := floor(horizon, width)
	if newest == math.MinInt64 {
		newest = end - width
	}
	if newest < end {
		due = append(due, Cut(conv.Window{From: newest, To: end}, s.Step)...)
	}
	return due, next
}

// at is when a window of the ledger is to be worked on: math.MinInt64 for at once,
// math.MaxInt64 for never again, or not before something else happens.
func (s Schedule) at(w conv.Window, cp *conv.Checkpoint, ledger Ledger, horizon int64) int64 {
	const never, atOnce = math.MaxInt64, math.MinInt64
	settles := s.Settles(w)
	again := max(settles, cp.Updated+reread.Milliseconds())
	switch cp.State {
	case conv.Planned:
		if w.To > horizon {
			return never
		}
	case conv.Settled:
		return never
	case conv.Reconciled:
		return again
	case conv.Incomplete, conv.Unverified:
		// One more try once it settles: a job where rows may come or change by then.
		read := cp.Job.PlatformTime
		if len(cp.Nested) > 0 {
			read = 0 // that was the job which had it narrowed
		}
		switch tried := cp.Updated >= settles; {
		case !tried:
			return settles
		case read == 0, read >= settles, cp.State == conv.Unverified && !s.Conversations:
			return never
		}
		return again
	case conv.Narrowed:
		return s.family(w, ledger, horizon)
	case conv.Published:
		switch {
		case s.Compare && (!s.Conversations || published(Days(w), ledger)):
			return atOnce
		case s.Conversations && cp.Job.PlatformTime < settles:
			return settles
		}
		return never
	}
	return atOnce
}

// family is when the children of a narrowed window are to be worked on, or it is to be closed
// because they all are.
func (s Schedule) family(w conv.Window, ledger Ledger, horizon int64) int64 {
	at, waiting := int64(math.MaxInt64), false
	for _, leaf := range Leaves(w, ledger) {
		cp, begun := ledger[leaf]
		if !begun {
			cp = conv.Checkpoint{Window: leaf, State: conv.Planned}
		}
		switch cp.State {
		case conv.Settled, conv.Reconciled, conv.Incomplete, conv.Unverified:
		default:
			at, waiting = min(at, s.at(leaf, &cp, ledger, horizon)), true
		}
	}
	if !waiting {
		return math.MinInt64
	}
	return at
}

// published says whether windows that hold all their rows cover a stretch of time.
func published(span conv.Window, ledger Ledger) bool {
	var whole []conv.Window
	for w, cp := range ledger {
		if cp.State.Whole() && w.Overlaps(span) {
			whole = append(whole, w)
		}
	}
	return len(Uncovered(span, whole)) == 0
}
