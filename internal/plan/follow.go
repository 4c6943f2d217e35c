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
		at := s.at(w, &cp, ledger)
		switch {
		case at > now:
			next = min(next, at)
		case cp.State != conv.Planned || w.To <= horizon:
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
func (s Schedule) at(w conv.Window, cp *conv.Checkpoint, ledger Ledger) int64 {
	const never, atOnce = math.MaxInt64, math.MinInt64
	settles := w.To + s.Settle.Milliseconds()
	switch cp.State {
	case conv.Settled:
		return never
	case conv.Reconciled:
		return max(settles, cp.Updated+reread.Milliseconds())
	case conv.Incomplete, conv.Unverified:
		if cp.Updated >= settles {
			return never // it was tried once more
		}
		return settles
	case conv.Narrowed:
		return s.family(w, ledger)
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
func (s Schedule) family(w conv.Window, ledger Ledger) int64 {
	at, waiting := int64(math.MaxInt64), false
	for _, leaf := range Leaves(w, ledger) {
		switch cp := ledger[leaf]; cp.State {
		case conv.Settled, conv.Reconciled, conv.Incomplete, conv.Unverified:
		case conv.Published:
			at, waiting = min(at, s.at(leaf, &cp, ledger)), true
		default:
			return math.MinInt64
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
