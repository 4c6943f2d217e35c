package pipeline

import (
	"context"
	"slices"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// Backfill publishes the rows of an interval. It returns when every window of it is settled,
// or as far as it can be brought now; the summary speaks of the whole interval, whichever run
// did the work. When ctx ends, what has been read is committed before Backfill returns the
// cause.
func (p *Pipeline) Backfill(ctx context.Context, interval conv.Window, takeOver bool) (Summary, error) {
	err := p.keepOn(ctx, takeOver, func(e *epoch) error {
		todo := plan.Windows(interval, p.cfg.Step, p.ledger.all())
		p.events.Claimed(len(todo))
		return e.bring(todo)
	})
	return p.summary(interval), err
}

// Summary is what the ledger says of an interval.
type Summary struct {
	Windows    int // a narrowed one counts once
	Counters   conv.Counters
	Here       conv.Counters // part of Counters that this call has added
	Incomplete []conv.Window // rows are missing
	Unread     []conv.Window // part of Incomplete: they were to be read again and could not be, and stand as they stood
	Unverified []conv.Window // no count was to be had
	Reasons    []string      // why, the first few, of those that are not Unread
	Unreadable []string      // why, the first few, of those that are
	Unasked    int           // published, and no count asked for
	Short      int64         // rows that the platform counts and reconciled windows lack: below the threshold

	Routes map[string]conv.RouteCounters // of the derived routes by name
}

func (p *Pipeline) summary(interval conv.Window) Summary {
	s := Summary{Routes: map[string]conv.RouteCounters{}}
	known := p.ledger.all()
	counted := map[conv.Window]bool{}
	for _, root := range plan.Windows(interval, p.cfg.Step, known) {
		s.Windows++
		for _, w := range plan.Family(root, known) {
			c := known[w].Counters
			s.Counters = s.Counters.Add(c)
			s.Here = s.Here.Add(c.Less(p.found[w].Counters))
			for name, c := range known[w].Routes {
				s.Routes[name] = s.Routes[name].Add(c)
			}
		}
		for _, w := range plan.Leaves(root, known) {
			cp := known[w]
			cp.Window = w
			if reason, unread := p.unread.Load(w); unread {
				s.Incomplete, s.Unread = append(s.Incomplete, w), append(s.Unread, w)
				s.Unreadable = because(s.Unreadable, reason.(string))
				continue
			}
			s.judge(w, &cp, p.cfg.Reconcile)
			if cp.Held != nil && cp.Expected != nil && cp.State.Whole() && !counted[cp.Span()] {
				counted[cp.Span()] = true // windows of one day share its count
				s.Short += max(0, *cp.Expected-*cp.Held)
			}
		}
	}
	return s
}

// because adds a reason to the first few.
func because(reasons []string, reason string) []string {
	const named = 3
	if reason == "" || len(reasons) == named || slices.Contains(reasons, reason) {
		return reasons
	}
	return append(reasons, reason)
}

func (s *Summary) judge(w conv.Window, cp *conv.Checkpoint, reconcile bool) {
	open := len(s.Incomplete) + len(s.Unverified)
	defer func() {
		if len(s.Incomplete)+len(s.Unverified) > open {
			s.Reasons = because(s.Reasons, cp.LastError)
		}
	}()
	switch {
	case !cp.State.Whole():
		s.Incomplete = append(s.Incomplete, w)
	case cp.State == conv.Unverified, cp.State == conv.Published && reconcile:
		s.Unverified = append(s.Unverified, w)
	case cp.State == conv.Published:
		s.Unasked++
	}
}
