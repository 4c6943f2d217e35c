package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// routed is a topic with the audit of a derived route beside it, of which the ledger counts so
// much of monday.
func routed(t *testing.T, published int64, counters conv.RouteCounters) (*topic, *routeAudit) {
	t.Helper()
	p := newTopic(t, published, 0)
	cp := p.audit.ledger[monday]
	cp.Routes = map[string]conv.RouteCounters{"voice": counters}
	p.audit.ledger[monday] = cp
	if !p.audit.begun("voice") || p.audit.begun("chat") {
		t.Error("the ledger counts voice, and knows nothing of chat")
	}
	return p, p.audit.addRoute("voice", "genesys.voice")
}

func TestADerivedTopicIsComparedWithTheLedgersCountOfItsRoute(t *testing.T) {
	letter := func(route string) *kgo.Record {
		return &kgo.Record{Headers: []kgo.RecordHeader{
			{Key: producer.WindowHeader, Value: []byte("p/acme/" + monday.String())}, {Key: producer.RouteHeader, Value: []byte(route)},
		}}
	}
	for name, c := range map[string]struct {
		counters conv.RouteCounters
		write    func(p *topic, r *routeAudit)
		code     int
		want     routeReport
	}{
		"as it is counted": {conv.RouteCounters{Published: 1, Filtered: 1, Invalid: 1}, func(p *topic, r *routeAudit) {
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
			_ = r.row(p.record("q/acme", monday, "a", contentA, 1)) // another pipeline's
			_ = p.audit.deadLetter(letter("voice"))
			_ = p.audit.deadLetter(letter("chat")) // of a route that is configured no more
		}, ExitDone, routeReport{Published: 1, Filtered: 1, Rows: 1, DeadLetters: 1}},
		"content there and back, of which the filter left out the middle": {conv.RouteCounters{Published: 2, Filtered: 1}, func(p *topic, r *routeAudit) {
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
			_ = r.row(p.record("p/acme", monday, "a", contentA, 3))
		}, ExitDone, routeReport{Published: 2, Filtered: 1, Rows: 2}},
		"doubled": {conv.RouteCounters{Published: 2, Filtered: 1}, func(p *topic, r *routeAudit) {
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
		}, ExitFailed, routeReport{Published: 2, Filtered: 1, Rows: 2, Doubled: 1}},
		"missing": {conv.RouteCounters{Published: 2, Filtered: 1}, func(p *topic, r *routeAudit) {
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
		}, ExitFailed, routeReport{Published: 2, Filtered: 1, Rows: 1, Missing: 1, Off: []offRoute{{monday, 2, 1, 0, 0}}}},
		"without its dead letter": {conv.RouteCounters{Filtered: 2, Invalid: 1}, func(*topic, *routeAudit) {},
			ExitFailed, routeReport{Filtered: 2, Off: []offRoute{{monday, 0, 0, 1, 0}}}},
		"a dead letter redriven": {conv.RouteCounters{Published: 1, Filtered: 2, Redriven: 1}, func(p *topic, r *routeAudit) {
			_ = r.row(p.record("p/acme", monday, "a", contentA, 1))
			_ = p.audit.deadLetter(letter("voice"))
		}, ExitDone, routeReport{Published: 1, Filtered: 2, Rows: 1, DeadLetters: 1}},
		"rows of nobody": {conv.RouteCounters{Filtered: 3}, func(p *topic, r *routeAudit) {
			_ = r.row(&kgo.Record{})
			_ = r.row(p.record("p/acme", tuesday, "a", contentA, 1))
		}, ExitFailed, routeReport{Filtered: 3, Foreign: 2}},
		"a route added later": {conv.RouteCounters{Filtered: 1}, func(*topic, *routeAudit) {},
			ExitDone, routeReport{Filtered: 1, Before: 2}},
		"more than there were rows": {conv.RouteCounters{Filtered: 4}, func(*topic, *routeAudit) {},
			ExitFailed, routeReport{Filtered: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := routed(t, 3, c.counters)
			for _, conversation := range []string{"a", "b", "c"} {
				p.row(conversation, contentA, 1)
			}
			c.write(p, r)
			r.endPartition()
			c.want.Route, c.want.Topic = "voice", "genesys.voice"
			report := p.finds(findings{Distinct: 3}, c.code)
			if diff := cmp.Diff(&c.want, report.Routes[0]); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}
