package pipeline

import (
	"time"

	"convstream/internal/conv"
)

// derive gives a row that is published to the derived routes that take it. What they refuse is
// a dead letter of theirs, and enters no history: the row itself is known as published, so no
// repeat of it comes here. After an error the batch must not be committed.
func (r *worker) derive(b *conv.Batch, row *conv.Row, index int, mark *conv.Mark) error {
	for i := range r.cfg.Routes {
		route := &r.cfg.Routes[i]
		held, err := r.holds(route, row, mark)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		taken, reject := r.route(b, route, row, mark)
		if r.cp.Routes == nil {
			r.cp.Routes = map[string]conv.RouteCounters{}
		}
		counters := r.cp.Routes[route.Name]
		switch {
		case reject != nil:
			letter := r.letter(row, index, mark, reject)
			letter.Route = route.Name
			b.AddDead(letter)
			counters.Invalid++
			r.cp.Refuse(route.Name, letter.Reason)
		case taken:
			counters.Published++
		default:
			counters.Filtered++
		}
		r.cp.Routes[route.Name] = counters
	}
	return nil
}

// route adds the record of a derived route to the batch, unless its filter does not let the
// row through, or it refuses the row.
func (r *worker) route(b *conv.Batch, route *Route, row *conv.Row, mark *conv.Mark) (taken bool, reject *conv.Reject) {
	taken, err := route.Selector.Select(row)
	if err != nil {
		return false, failed("a filter that can be computed", err)
	}
	if !taken {
		return false, nil
	}
	start := len(b.Buf)
	reject = r.encode(b, route, row, mark)
	if reject != nil {
		b.Buf = b.Buf[:start]
	}
	return reject == nil, reject
}

// encode adds the record of a row that the route's filter lets through.
func (r *worker) encode(b *conv.Batch, route *Route, row *conv.Row, mark *conv.Mark) *conv.Reject {
	start := len(b.Buf)
	var facts conv.Facts
	if b.Buf, facts = route.Contract.Encode(b.Buf, route.SchemaID, row, nil); facts.Reject != nil {
		return facts.Reject
	}
	mid := len(b.Buf)
	keyed, err := route.Selector.Key(b.Buf, row)
	if err != nil {
		return failed("a key that can be computed", err)
	}
	b.Buf = keyed
	if reject := r.kafka.Limits(route.Name).Refuses(time.Now().UnixMilli(), row.Time, len(b.Buf)-start); reject != nil {
		return reject
	}
	b.Derive(route.Name, start, mid, row.Time, *mark)
	return nil
}

// longestFound bounds what a dead letter says of an error, in bytes.
const longestFound = 200

// failed is the reject of a row for which a route's filter or key has an error.
func failed(expected string, err error) *conv.Reject {
	found := err.Error()
	return &conv.Reject{Reason: conv.ReasonRoute, Path: "$", Expected: expected, Found: found[:min(len(found), longestFound)]}
}
