package pipeline

import "convstream/internal/conv"

// noteZone adds to a row's deviations that its timestamp names no zone, where the contract has
// no field that says so.
func (r *worker) noteZone(row *conv.Row) {
	if !row.HasTime || row.Zoned {
		return
	}
	d := conv.Deviation{Kind: conv.DriftZone, Field: "timestamp", Expected: "Z or an offset", Found: "neither"}
	if r.cfg.Conversations {
		d.Field = "conversationStart"
	}
	for i := range r.deviations {
		if have := &r.deviations[i]; have.Kind == d.Kind && have.Field == d.Field {
			return
		}
	}
	r.deviations = append(r.deviations, d)
}

// drifting is where a wider route's contract notes how a row departs from it; nil where that says
// nothing: of a row that the route does not take, or where the primary contract reads all of it.
func (r *worker) drifting(route *Route, row *conv.Row) *[]conv.Deviation {
	if len(route.Own) == 0 {
		return nil
	}
	if taken, err := route.Selector.Select(row); err != nil || !taken {
		return nil
	}
	return &r.routes
}

// noteOwn adds what a route's contract noted of the sources that it alone reads. Keys that are
// unknown to it are not: the primary contract tells of those that no contract has.
func (r *worker) noteOwn(route *Route) {
	for _, d := range r.routes {
		if route.Own[d.Field] && (d.Kind == conv.DriftMissing || d.Kind == conv.DriftRetyped) {
			d.Route = route.Name
			r.deviations = append(r.deviations, d)
		}
	}
	r.routes = r.routes[:0]
}

// countDrift counts how the row that was judged last departs from its contract.
func (r *worker) countDrift(index int) {
	for i := range r.deviations {
		if d := &r.deviations[i]; d.Kind != conv.DriftUnknown || !r.cfg.Known[d.Field] {
			r.sight(d, index)
		}
	}
}

// sight counts one deviation. Rows tend to deviate as those before them did, in the same
// order, so the search begins behind the last one found.
func (r *worker) sight(d *conv.Deviation, index int) {
	known := r.cp.Drift
	for range known {
		if r.drifted++; r.drifted >= len(known) {
			r.drifted = 0
		}
		if have := &known[r.drifted]; have.Kind == d.Kind && have.Field == d.Field && have.Route == d.Route {
			if have.Count == 0 { // another job brought it before
				*have = conv.Drift{Deviation: *d, Job: r.cp.Job.ID, Page: r.page, Row: index, Told: have.Told}
			}
			have.Count++
			return
		}
	}
	if d.Kind == conv.DriftUnknown && unknownIn(known) == conv.MaxDrift {
		r.cp.DriftMore++
		return
	}
	first := conv.Drift{Deviation: *d, Count: 1, Job: r.cp.Job.ID, Page: r.page, Row: index}
	r.cp.Drift = append(known, first)
	r.drifted = len(known)
	r.events.Drifted(r.cp.Window, first)
}

// unknownIn counts the unknown keys. The other kinds are not bounded by number: only so many
// fields stand in contracts, and none of them may be crowded out.
func unknownIn(known []conv.Drift) (n int) {
	for i := range known {
		if known[i].Kind == conv.DriftUnknown {
			n++
		}
	}
	return n
}

// tellDrift adds what the events topic does not know yet of the window's drift to the open
// batch: once for each field, kind and route, whatever becomes of the window later.
func (r *worker) tellDrift() {
	for i := range r.cp.Drift {
		d := &r.cp.Drift[i]
		if d.Told {
			continue
		}
		d.Told = true
		detail := map[string]any{
			"kind": d.Kind, "field": d.Field, "expected": d.Expected, "found": d.Found,
			"count": d.Count, "job": d.Job, "page": d.Page, "row": d.Row,
		}
		if d.Route != "" {
			detail["route"] = d.Route
		}
		r.note("drift", "", detail)
	}
}

// restartDrift begins to count anew, for another job. What the window has seen stays known, and
// what was not told of it is told as the job before has it.
func (r *worker) restartDrift() {
	r.tellDrift()
	for i := range r.cp.Drift {
		r.cp.Drift[i].Count = 0
	}
	r.cp.DriftMore = 0
}
