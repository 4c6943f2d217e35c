package testcontainers_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
)

func TestRealCommitIsSeenAndAbortIsNot(t *testing.T) {
	env := testcontainers.RequireReal(t)
	topic := env.Topic(t, "txn", 1, nil)
	cl := producer(t, env, topic)
	for _, step := range []struct {
		value string
		how   kgo.TransactionEndTry
	}{{"first", kgo.TryCommit}, {"aborted", kgo.TryAbort}, {"second", kgo.TryCommit}, {"aborted at the end", kgo.TryAbort}} {
		begin(t, cl)
		produce(t, cl, topic, step.value)
		end(t, cl, step.how)
	}
	if got, want := values(t, env, topic), []string{"first", "second"}; !slices.Equal(got, want) {
		t.Errorf("committed: %q, want %q", got, want)
	}
}

func TestRealOpenTransactionHoldsTheLastStableOffset(t *testing.T) {
	env := testcontainers.RequireReal(t)
	topic := env.Topic(t, "open", 1, nil)
	cl := producer(t, env, topic)
	begin(t, cl)
	produce(t, cl, topic, "open")

	adm := kadm.NewClient(env.Client(t))
	stable, err := adm.ListCommittedOffsets(within(t, time.Minute), topic)
	if err != nil {
		t.Fatal(err)
	}
	if lso, _ := stable.Lookup(topic, 0); lso.Offset != 0 {
		t.Errorf("last stable offset: %d, want 0 while the transaction is open", lso.Offset)
	}
	// A new owner of the id aborts what the old one left.
	producer(t, env, topic)
	if got := values(t, env, topic); len(got) != 0 {
		t.Errorf("committed: %q, want nothing", got)
	}
}

func TestRealBrokerConfig(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithBrokerConfig("message.max.bytes", "2000"))
	topic := env.Topic(t, "small", 1, nil)
	// kgo would refuse it by itself were its own limit not higher than the broker's.
	cl := env.Client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := send(within(t, time.Minute), cl, record(topic, string(make([]byte, 4000))))
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("record over message.max.bytes: %v, want MESSAGE_TOO_LARGE", err)
	}
}

func TestRealOneNodeHasNoOtherLeader(t *testing.T) {
	env := testcontainers.RequireReal(t)
	topic := env.Topic(t, "alone", 1, nil)
	if err := env.MoveLeader(topic, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("move the leader on one node: %v, want ErrUnsupported", err)
	}
}
