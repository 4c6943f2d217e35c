package producertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// Broker is a Kafka to test against.
type Broker struct {
	Brokers []string
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the network
}

// day is the window that the tests publish.
var day = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01

var names atomic.Int64

// config is a pipeline of its own for the test, with topics of its own.
func (b Broker) config(t testing.TB) producer.Config {
	t.Helper()
	n := fmt.Sprintf("t%d-%d", time.Now().UnixNano(), names.Add(1))
	return producer.Config{
		Brokers:      b.Brokers,
		Dial:         b.Dial,
		Pipeline:     n,
		Org:          "acme",
		Run:          "first",
		CreateTopics: true,
		Partitions:   3,
		Topics: producer.Topics{
			Rows: n + ".rows", DeadLetters: n + ".dlq", Events: n + ".events", Checkpoints: n + ".checkpoints",
		},
	}
}

// open opens a producer and closes it when the test ends, without releasing the claim.
func open(t testing.TB, cfg producer.Config) *producer.Producer {
	t.Helper()
	p, err := producer.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open producer: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// claimed opens a producer that owns its pipeline.
func claimed(t testing.TB, cfg producer.Config) *producer.Producer {
	t.Helper()
	p := open(t, cfg)
	if _, err := p.Claim(t.Context(), false); err != nil {
		t.Fatalf("claim: %v", err)
	}
	return p
}

// batch makes a batch of rows numbered from first to before end.
func batch(first, end int) *conv.Batch {
	b := &conv.Batch{Checkpoint: conv.Checkpoint{
		Window:   day,
		State:    conv.Paging,
		Attempt:  1,
		Position: conv.Position{Token: "after-" + rowID(end-1), Row: end},
		Counters: conv.Counters{Fetched: int64(end), Published: int64(end)},
	}}
	for i := first; i < end; i++ {
		addRow(b, rowID(i), "value of "+rowID(i), day.From+int64(i))
	}
	return b
}

func rowID(i int) string { return fmt.Sprintf("row-%05d", i) }

func addRow(b *conv.Batch, key, value string, at int64) {
	start := len(b.Buf)
	b.Buf = append(b.Buf, key...)
	mid := len(b.Buf)
	b.Buf = append(b.Buf, value...)
	b.Add(start, mid, at, conv.Mark{Identity: 1, Fingerprint: conv.Hash64([]byte(value)), Time: at, Observation: 7})
}

// committed reads every committed record of a topic.
func committed(t testing.TB, cfg producer.Config, topic string) []*kgo.Record {
	t.Helper()
	untilStable(t, admin(t, cfg), topic)
	r, err := producer.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var records []*kgo.Record
	err = r.Records(t.Context(), topic, nil, func(rec *kgo.Record) error {
		records = append(records, rec)
		return nil
	})
	if err != nil {
		t.Fatalf("read topic %s: %v", topic, err)
	}
	return records
}

// untilStable waits until no transaction is open in a topic: a real broker answers a commit
// before its markers are written, and a reader does not see the transaction until they are.
func untilStable(t testing.TB, adm *kadm.Client, topic string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		stable, err := adm.ListCommittedOffsets(t.Context(), topic)
		ends, err2 := adm.ListEndOffsets(t.Context(), topic)
		if errors.Join(err, err2, stable.Error(), ends.Error()) == nil && reflect.DeepEqual(stable.Offsets(), ends.Offsets()) {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("a transaction stays open in topic %s", topic)
		}
	}
}

// keys counts the records of a topic by key.
func keys(t testing.TB, cfg producer.Config, topic string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, r := range committed(t, cfg, topic) {
		count[string(r.Key)]++
	}
	return count
}

// wantRows fails unless rows 0 to n-1 are in the row topic, each once, and nothing else is.
func wantRows(t testing.TB, cfg producer.Config, n int) {
	t.Helper()
	got := keys(t, cfg, cfg.Topics.Rows)
	for i := range n {
		switch c := got[rowID(i)]; c {
		case 1:
		case 0:
			t.Errorf("row %d is missing", i)
		default:
			t.Errorf("row %d is there %d times", i, c)
		}
	}
	if len(got) > n {
		t.Errorf("the topic holds %d different rows, want %d", len(got), n)
	}
}

func admin(t testing.TB, cfg producer.Config) *kadm.Client {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(cfg.Brokers...)}
	if cfg.Dial != nil {
		opts = append(opts, kgo.Dialer(cfg.Dial))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}
