package pipeline

import (
	"fmt"
	"slices"

	"convstream/internal/conv"
)

// primary is what events call the row topic's route, as dlq list does.
const primary = "conversations"

// tellRefused adds an alert to the open batch for each route for which more than the threshold of
// the window's rows are dead letters that wait: once for each route of a window, whatever becomes
// of it later. That it was told stands in the checkpoint of the same batch.
func (r *worker) tellRefused() {
	for i := range r.cp.Refused {
		route := r.cp.Refused[i].Route
		if slices.IndexFunc(r.cp.Refused, func(f conv.Refused) bool { return f.Route == route }) < i {
			continue // it was looked at
		}
		dead, rows := refusedOf(&r.cp, route)
		if rows == 0 || float64(dead)/float64(rows) <= r.cfg.Threshold {
			continue
		}
		if top := mostRefused(r.cp.Refused, route); top != nil {
			top.Told = true
			r.alertRefused(route, dead, rows, top)
		}
	}
}

// refusedOf is how many rows of a window a route's topic got or should have got, and how many of
// them are dead letters that were not redriven. A repeat is no further row.
func refusedOf(cp *conv.Checkpoint, route string) (dead, rows int64) {
	if route == "" {
		return cp.Counters.Invalid, cp.Counters.Published + cp.Counters.Invalid
	}
	c := cp.Routes[route]
	return c.Invalid, c.Total()
}

// mostRefused is the most frequent reason of a route's dead letters, nil if the route was told of.
func mostRefused(refused []conv.Refused, route string) (top *conv.Refused) {
	for i := range refused {
		f := &refused[i]
		switch {
		case f.Route != route:
		case f.Told:
			return nil
		case top == nil || f.Count > top.Count:
			top = f
		}
	}
	return top
}

func (r *worker) alertRefused(route string, dead, rows int64, top *conv.Refused) {
	if route == "" {
		route = primary
	}
	r.note("invalid", "alert", map[string]any{
		"finding": fmt.Sprintf("%d of %d rows are dead letters of route %s, most often for %s; convstream dlq list --route %s tells what is wrong with each",
			dead, rows, route, top.Reason, route),
		"route": route, "rows": rows, "dead_letters": dead, "reason": top.Reason,
	})
}

// countRefused tells the hook of dead letters that a window has more of than the ledger knew.
func (p *Pipeline) countRefused(cp *conv.Checkpoint) {
	known := p.ledger.at(cp.Window).Refused
	for _, f := range cp.Refused {
		n := f.Count
		for _, k := range known {
			if k.Route == f.Route && k.Reason == f.Reason {
				n -= k.Count
			}
		}
		if n > 0 {
			p.events.Refused(f.Route, f.Reason, n)
		}
	}
}
