package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"convstream/internal/conv"
)

// held is what the topics of derived routes and the dead letters of these routes hold. It is for
// rows that come back from where they are kept: the row topic may have lost them alone, and the
// history is that of the row topic. Of a window it is read when the first row asks that may be
// among what the window brought; then it takes 16 bytes of memory for each record and letter, for
// as long as the epoch lasts.
type held struct {
	windows map[conv.Window][]said // sorted, of those that were read; whoever has the token of loading has it

	mu    sync.Mutex
	hours map[int64][][]said // of the windows that stored something in an hour
	since map[uint64]said    // the newest content that this epoch added beside others of its key
}

// said is one content of a row in the topic of a route, or in a letter of it.
type said struct {
	key         uint64 // of route, record key, identity and time
	fingerprint uint32
	observation uint32
}

func newHeld() *held {
	return &held{windows: map[conv.Window][]said{}, hours: map[int64][][]said{}, since: map[uint64]said{}}
}

func (s said) compare(o said) int { return cmp.Compare(s.key, o.key) }

// saidBy is what a record of a route says, or a letter of one.
func saidBy(route string, dead bool, key []byte, m conv.Mark) said {
	if dead {
		route = "dlq " + route // no route has a space in its name
	}
	return said{head(conv.RowKey(route, key, m)), uint32(m.Fingerprint), m.Observation}
}

const hourMillis = int64(3_600_000)

// at lists what was stored in the hour of an instant, a list for each window.
func (e *epoch) at(ctx context.Context, ms int64) ([][]said, error) {
	hour := ms / hourMillis
	if lists, read := e.held.of(hour); read {
		return lists, nil
	}
	select {
	case e.loading <- struct{}{}:
		defer func() { <-e.loading }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	lists, read := e.held.of(hour)
	if read {
		return lists, nil
	}
	for w, cp := range e.ledger.all() {
		if s, ok := span(cp); !ok || s.Max < hour*hourMillis || s.Min >= (hour+1)*hourMillis {
			continue
		}
		list, read := e.held.windows[w]
		if !read {
			for r, err := range e.kafka.Routed(ctx, cp.Ranges) {
				if err != nil {
					return nil, err
				}
				list = append(list, saidBy(r.Route, r.Dead, r.Key, r.Mark))
			}
			slices.SortFunc(list, said.compare)
			e.held.windows[w] = list
		}
		lists = append(lists, list)
	}
	e.held.mu.Lock()
	defer e.held.mu.Unlock()
	e.held.hours[hour] = lists
	return lists, nil
}

func (h *held) of(hour int64) (lists [][]said, read bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	lists, read = h.hours[hour]
	return lists, read
}

// holds says whether the route has a row that is to be derived: in its topic, and no newer
// content of it there, or as a letter, which dlq redrive gives it. It is asked only where rows are
// read again. After an error of Kafka the row must not be committed: it asks again in the next
// epoch.
func (r *worker) holds(route *Route, row *conv.Row, mark *conv.Mark) (bool, error) {
	if !r.cfg.Reread {
		return false, nil
	}
	key, err := route.Selector.Key(nil, row)
	keyed := err == nil // otherwise it never was a record
	lists, err := r.at(r.ctx, mark.Time)
	if err != nil {
		err = fmt.Errorf("read what route %s holds: %w", route.Name, err)
		if r.ctx.Err() != nil {
			return false, err
		}
		return false, r.failed(err, "routes")
	}
	r.held.mu.Lock()
	defer r.held.mu.Unlock()
	if at, _ := r.held.look(lists, saidBy(route.Name, true, row.ConversationID, *mark)); at.same && at.observation >= mark.Observation {
		return true, nil
	}
	if !keyed {
		return false, nil
	}
	says := saidBy(route.Name, false, key, *mark)
	at, known := r.held.look(lists, says)
	if at.same && (at.observation >= mark.Observation || at.other <= at.observation) {
		return true, nil
	}
	if have := r.held.since[says.key]; known && have.observation <= says.observation {
		r.held.since[says.key] = says // what nothing is held of, the history of rows knows alone
	}
	return false, nil
}

// standing is what is held of a row.
type standing struct {
	same        bool   // the content is
	observation uint32 // of it, the highest
	other       uint32 // the highest of other contents, up to the row's own
}

func (h *held) look(lists [][]said, s said) (at standing, known bool) {
	see := func(o said) {
		known = true
		switch {
		case o.fingerprint == s.fingerprint:
			at.same, at.observation = true, max(at.observation, o.observation)
		case o.observation <= s.observation:
			at.other = max(at.other, o.observation)
		}
	}
	for _, list := range lists {
		i, _ := slices.BinarySearchFunc(list, s, said.compare)
		for ; i < len(list) && list[i].key == s.key; i++ {
			see(list[i])
		}
	}
	if o, added := h.since[s.key]; added {
		see(o)
	}
	return at, known
}
