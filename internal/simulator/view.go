package simulator

import (
	"math"
	"slices"
	"sort"
	"time"

	"convstream/internal/conv"
)

// view is what can be seen of the world. Those who look at the same time see the same, and
// a job sees for ever what there was when it was submitted.
type view struct {
	revised bool
	arrived bool  // the late rows are there
	erased  bool  // the removed rows are not
	until   int64 // epoch ms: jobs see what lies before it; the synchronous calls do not read the store that lags
}

// view returns what a job submitted now would see. The caller holds the mutex.
func (s *Simulator) view() view {
	f, jobs := &s.cfg.Faults, len(s.jobs)
	v := view{
		revised: jobs >= f.ReviseAfter,
		arrived: jobs >= f.LateAfter,
		erased:  jobs >= f.RemovedAfter,
		until:   math.MaxInt64,
	}
	if f.Watermark.set() {
		v.until = s.watermark()
	}
	return v
}

// before cuts a window where the view ends.
func (v view) before(w conv.Window) conv.Window {
	return conv.Window{From: min(w.From, v.until), To: min(w.To, v.until)}
}

// now is the platform's clock.
func (s *Simulator) now() time.Time { return time.Now().Add(s.cfg.Faults.ClockSkew) }

// watermark is how far jobs can see, epoch ms. Without the fault they see everything, also
// what is said to lie ahead.
func (s *Simulator) watermark() int64 {
	mark, now := s.cfg.Faults.Watermark, s.now()
	switch {
	case !mark.At.IsZero():
		return mark.At.UnixMilli()
	case mark.Lag > 0:
		return now.Add(-mark.Lag).UnixMilli()
	}
	return max(now.UnixMilli(), s.cfg.Window.To)
}

// absences are the true rows, by index and in order, that are not always there. No row
// is both.
type absences struct{ late, removed []int }

func newAbsences(seed uint64, rows, late, removed int) absences {
	var a absences
	n := min(late+removed, rows)
	late = min(late, n)
	d := newDice(seed, forAbsence)
	for k := range n { // one of each nth part of the rows
		lo, hi := scale(k, rows, n), scale(k+1, rows, n)
		i := lo + d.below(hi-lo)
		// Whether it is late is drawn so that exactly the wanted number is.
		if d.below(n-k) < late-len(a.late) {
			a.late = append(a.late, i)
		} else {
			a.removed = append(a.removed, i)
		}
	}
	return a
}

// hides says whether true row i is not there.
func (a *absences) hides(i int, v view) bool {
	in := func(list []int) bool { _, found := slices.BinarySearch(list, i); return found }
	return !v.arrived && in(a.late) || v.erased && in(a.removed)
}

// between counts the true rows from lo on and before hi that are not there.
func (a *absences) between(lo, hi int, v view) int {
	count := func(list []int) int {
		return max(0, sort.SearchInts(list, hi)-sort.SearchInts(list, lo))
	}
	n := 0
	if !v.arrived {
		n += count(a.late)
	}
	if v.erased {
		n += count(a.removed)
	}
	return n
}
