package testcontainers_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
)

func TestMain(m *testing.M) { testcontainers.Main(m) }

// within bounds what a test asks of a broker; a broker that is slow does not fail a test, one that hangs does.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// producer returns a transactional client that owns txnID: its InitProducerID has returned.
func producer(t *testing.T, env *testcontainers.Env, txnID string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl := env.Client(t, append([]kgo.Opt{
		kgo.TransactionalID(txnID), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, opts...)...)
	if _, _, err := cl.ProducerID(within(t, time.Minute)); err != nil {
		t.Fatalf("own %s: %v", txnID, err)
	}
	return cl
}

func record(topic, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(value)}
}

// send closes the client when the context ends, because a produce in flight does not heed its context.
func send(ctx context.Context, cl *kgo.Client, records ...*kgo.Record) error {
	defer context.AfterFunc(ctx, cl.Close)()
	return cl.ProduceSync(ctx, records...).FirstErr()
}

func begin(t *testing.T, cl *kgo.Client) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatalf("begin: %v", err)
	}
}

func produce(t *testing.T, cl *kgo.Client, topic, value string) {
	t.Helper()
	if err := send(within(t, time.Minute), cl, record(topic, value)); err != nil {
		t.Fatalf("produce %q: %v", value, err)
	}
}

func end(t *testing.T, cl *kgo.Client, how kgo.TransactionEndTry) {
	t.Helper()
	if err := cl.EndTransaction(within(t, time.Minute), how); err != nil {
		t.Fatalf("end transaction (commit: %v): %v", how, err)
	}
}

// values are what a read_committed consumer sees.
func values(t *testing.T, env *testcontainers.Env, topic string) []string {
	t.Helper()
	var out []string
	for _, r := range env.Committed(t, topic) {
		out = append(out, string(r.Value))
	}
	return out
}
