package app

import (
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// routeAudit compares the topic of a derived route with what the ledger counts of the route.
// Which rows are in it is the filter's word. It may leave out one content of a row and let an
// earlier one through again, so a double is here what no later job can have brought: the same
// content of the same observation.
type routeAudit struct {
	of          *audit
	name, topic string

	rows    map[conv.Window]int64
	dead    map[conv.Window]int64
	seen    map[said]bool // of the present partition
	doubled int64
	foreign int64
}

// said is what a record says, and by which job's word.
type said struct {
	key         conv.Key
	fingerprint uint64
	observation uint32
}

func (a *audit) addRoute(name, topic string) *routeAudit {
	r := &routeAudit{of: a, name: name, topic: topic, rows: map[conv.Window]int64{}, dead: map[conv.Window]int64{}, seen: map[said]bool{}}
	a.routes = append(a.routes, r)
	return r
}

// route is the audit of a derived route, nil where it has none.
func (a *audit) route(name string) *routeAudit {
	for _, r := range a.routes {
		if r.name == name {
			return r
		}
	}
	return nil
}

// begun says whether the ledger knows anything of a route.
func (a *audit) begun(name string) bool {
	for _, cp := range a.ledger {
		if _, counted := cp.Routes[name]; counted {
			return true
		}
	}
	return false
}

// row takes one record of the route's topic.
func (a *routeAudit) row(r *kgo.Record) error {
	owner, window, err := producer.ParseWindowHeader(producer.Header(r, producer.WindowHeader))
	mark, broken := conv.ParseMark(producer.Header(r, conv.MarkHeader))
	if err != nil || broken != nil {
		a.foreign++ // not written by convstream
		return nil
	}
	if owner != a.of.owner {
		return nil // another pipeline shares the topic
	}
	a.rows[window]++
	if !a.of.concerns(window, mark) {
		return nil
	}
	says := said{conv.RowKey(a.of.org, r.Key, mark), mark.Fingerprint, mark.Observation}
	if a.seen[says] {
		a.doubled++
	}
	a.seen[says] = true
	return nil
}

// endPartition is called behind the last record of a partition.
func (a *routeAudit) endPartition() { clear(a.seen) }

// routeReport is what an audit found in the topic of a derived route.
type routeReport struct {
	Route       string     `json:"route"`
	Topic       string     `json:"topic"`
	Published   int64      `json:"published"` // as the ledger counts, in the windows that were looked at
	Filtered    int64      `json:"filtered"`
	Rows        int64      `json:"rows"` // in the topic
	DeadLetters int64      `json:"dead_letters"`
	Missing     int64      `json:"missing"`
	Doubled     int64      `json:"doubled"`
	Foreign     int64      `json:"foreign"`
	Before      int64      `json:"before"` // rows that the primary route published before this one was there
	Off         []offRoute `json:"off,omitempty"`
}

// offRoute is a window of which a derived topic does not hold what the ledger counts.
type offRoute struct {
	Window      conv.Window `json:"window"`
	Published   int64       `json:"published"`
	Rows        int64       `json:"rows"`
	Invalid     int64       `json:"invalid"`
	DeadLetters int64       `json:"dead_letters"`
}

// begin reports what is no window's own.
func (a *routeAudit) begin(after map[conv.Window]conv.Checkpoint) *routeReport {
	r := &routeReport{Route: a.name, Topic: a.topic, Doubled: a.doubled, Foreign: a.foreign}
	for w, rows := range a.rows {
		if !a.of.knows(w, after) {
			r.Foreign += rows
		}
	}
	return r
}

// add compares one window, and says whether its counters can be true.
func (a *routeAudit) add(r *routeReport, cp *conv.Checkpoint) (balanced bool) {
	w, c := cp.Window, cp.Routes[a.name]
	r.Published += c.Published
	r.Filtered += c.Filtered
	r.Rows += a.rows[w]
	r.DeadLetters += a.dead[w]
	r.Missing += max(0, c.Published-a.rows[w])
	r.Before += max(0, cp.Counters.Published-c.Total())
	if letters := c.Invalid + c.Redriven; c.Published != a.rows[w] || letters != a.dead[w] {
		r.Off = append(r.Off, offRoute{w, c.Published, a.rows[w], letters, a.dead[w]})
	}
	return c.Total() <= cp.Counters.Published
}

func (r *routeReport) wrong() bool {
	return r.Missing > 0 || r.Doubled > 0 || r.Foreign > 0 || len(r.Off) > 0
}

func printRouteAudit(w io.Writer, r *routeReport) {
	fmt.Fprintf(w, "route %s: %d rows in %s, %d filtered; %d missing, %d doubled, %d foreign; %d dead letters\n",
		r.Route, r.Rows, r.Topic, r.Filtered, r.Missing, r.Doubled, r.Foreign, r.DeadLetters)
	if r.Before > 0 {
		fmt.Fprintf(w, "route %s: %d rows were published before the route was there\n", r.Route, r.Before)
	}
	for _, m := range r.Off {
		fmt.Fprintf(w, "route %s, window %s: the ledger counts %d rows and %d dead letters, the topics hold %d and %d\n",
			r.Route, m.Window, m.Published, m.Invalid, m.Rows, m.DeadLetters)
	}
}
