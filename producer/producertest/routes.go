package producertest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/producer"
)

// routed adds a derived route to the topics of a pipeline.
func routed(cfg producer.Config) producer.Config {
	cfg.Topics.Routes = []producer.RouteTopic{{Name: "voice", Topic: cfg.Pipeline + ".voice"}}
	return cfg
}

func derivedRecords(t *testing.T, b Broker) {
	cfg := routed(b.config(t))
	p := claimed(t, cfg)
	bt := batch(0, 1)
	start := len(bt.Buf)
	bt.Buf = append(bt.Buf, "derived value"...)
	mid := len(bt.Buf)
	bt.Buf = append(bt.Buf, "derived key"...)
	mark := bt.Records[0].Mark
	bt.Derive("voice", start, mid, mark.Time, mark)
	bt.AddDead(conv.DeadLetter{Route: "voice", Raw: []byte(`{}`), Length: 2, Reason: conv.ReasonRoute, Mark: &mark})
	mustCommit(t, p, bt)

	row, derived := committed(t, cfg, cfg.Topics.Rows)[0], committed(t, cfg, cfg.Topics.Routes[0].Topic)
	if len(derived) != 1 || string(derived[0].Key) != "derived key" || string(derived[0].Value) != "derived value" {
		t.Fatalf("the derived topic holds %d records, the first %+v; want the one that was added", len(derived), derived)
	}
	if diff := cmp.Diff(row.Headers, derived[0].Headers); diff != "" || !row.Timestamp.Equal(derived[0].Timestamp) {
		t.Errorf("a derived record has the time %s and the row %s, and its headers differ:\n%s", derived[0].Timestamp, row.Timestamp, diff)
	}
	dead := committed(t, cfg, cfg.Topics.DeadLetters)[0]
	if got := string(producer.Header(dead, producer.RouteHeader)); got != "voice" {
		t.Errorf("the dead letter names route %q, want voice", got)
	}
	var remembered []conv.Stored
	for s, err := range p.History(t.Context(), bt.Checkpoint.Ranges) {
		if err != nil {
			t.Fatal(err)
		}
		remembered = append(remembered, s)
	}
	if len(remembered) != 1 || remembered[0].Dead {
		t.Errorf("the history has %+v, want the row alone", remembered)
	}
	written := map[string]bool{}
	for _, r := range bt.Checkpoint.Ranges {
		written[r.Topic+" of "+r.Route] = true
	}
	want := map[string]bool{cfg.Topics.Rows + " of ": true, cfg.Topics.DeadLetters + " of ": true, cfg.Pipeline + ".voice of voice": true}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("topics and routes of the ranges (-want +got):\n%s", diff)
	}
}

func routeLimits(t *testing.T, b Broker) {
	cfg := routed(b.config(t))
	createTopic(t, cfg, cfg.Topics.Routes[0].Topic, map[string]string{
		"message.timestamp.before.max.ms": "86400000", "message.timestamp.after.max.ms": "1000", "max.message.bytes": "50000",
	})
	p := open(t, cfg)
	row, route := p.Limits(""), p.Limits("voice")
	if row.Before == 86400000 || row.After == 1000 || route.Before != 86400000 || route.After != 1000 {
		t.Errorf("the row topic takes %+v, and the derived one %+v; want each topic's own bounds of time", row, route)
	}
	// One transaction may hold a batch of both.
	if row.MaxBytes >= 50000 || row.MaxBytes != route.MaxBytes {
		t.Errorf("records of %d and %d bytes are taken; want what both topics take", row.MaxBytes, route.MaxBytes)
	}
}

func routeTopicMisfits(t *testing.T, b Broker) {
	t.Run("compacted", func(t *testing.T) {
		cfg := routed(b.config(t))
		cfg.KeyIsNotUnique = true
		createTopic(t, cfg, cfg.Topics.Routes[0].Topic, map[string]string{"cleanup.policy": "compact"})
		wantOpenError(t, cfg, cfg.Topics.Routes[0].Topic, "compacted", "route voice")
		cfg.Topics.Routes[0].OwnKey = true // whoever chose the key means it
		open(t, cfg)
	})
	t.Run("short retention", func(t *testing.T) {
		cfg := routed(b.config(t))
		createTopic(t, cfg, cfg.Topics.Routes[0].Topic, map[string]string{"retention.ms": "604800000"})
		err := open(t, cfg).CheckRetention(t.Context(), day.From)
		if err == nil || !strings.Contains(err.Error(), cfg.Topics.Routes[0].Topic) {
			t.Errorf("retention of a week for rows of 2024: %v, want an error that names the topic", err)
		}
	})
}
