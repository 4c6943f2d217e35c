package testcontainers_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
)

const spread = 3 // partitions

// counter commits the numbers 0, 1, 2, ... one transaction each, a record to every partition. After an error it knows
// nothing: it takes the transactional id anew, which settles what was open, and reads how far it got.
type counter struct {
	env      *testcontainers.Env
	topic    string
	client   *kgo.Client
	next     int
	restarts int
}

func (c *counter) countTo(t *testing.T, n int) {
	t.Helper()
	ctx := within(t, 3*time.Minute)
	for c.next < n {
		if err := c.commitNext(t); err == nil {
			c.next++
			continue
		} else if ctx.Err() != nil {
			t.Fatalf("number %d: %v", c.next, err)
		}
		c.restarts++
		c.client.Close()
		c.client = producer(t, c.env, c.topic)
		c.next = len(c.env.Committed(t, c.topic)) / spread
	}
}

func (c *counter) commitNext(t *testing.T) error {
	if err := c.client.BeginTransaction(); err != nil {
		return err
	}
	var records []*kgo.Record
	for partition := range int32(spread) {
		r := record(c.topic, strconv.Itoa(c.next))
		r.Partition = partition
		records = append(records, r)
	}
	if err := send(within(t, time.Minute), c.client, records...); err != nil {
		return err
	}
	return c.client.EndTransaction(within(t, time.Minute), kgo.TryCommit)
}

// once fails the test unless each number is in each partition exactly once and in order.
func (c *counter) once(t *testing.T) {
	t.Helper()
	seen := map[int32]int{}
	for _, r := range c.env.Committed(t, c.topic) {
		if got, want := string(r.Value), strconv.Itoa(seen[r.Partition]); got != want {
			t.Fatalf("partition %d offset %d: %s, want %s", r.Partition, r.Offset, got, want)
		}
		seen[r.Partition]++
	}
	for partition := range int32(spread) {
		if seen[partition] != c.next {
			t.Errorf("partition %d holds %d numbers, want %d", partition, seen[partition], c.next)
		}
	}
}

func newCounter(t *testing.T, env *testcontainers.Env) *counter {
	topic := env.Topic(t, "count", spread, nil)
	return &counter{env: env, topic: topic, client: producer(t, env, topic)}
}

func TestRealKilledNodeLosesNothing(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithNodes(3))
	c := newCounter(t, env)
	for node := 1; node <= 3; node++ {
		c.countTo(t, c.next+5)
		if err := env.Kill(node); errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		c.countTo(t, c.next+5)
		if err := env.Restart(node); err != nil {
			t.Fatal(err)
		}
	}
	c.countTo(t, c.next+5)
	t.Logf("%d numbers, %d new producers", c.next, c.restarts)
	c.once(t)
}

func TestRealMovedLeaderLosesNothing(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithNodes(3))
	c := newCounter(t, env)
	for range 3 {
		c.countTo(t, c.next+5)
		for partition := range int32(spread) {
			if err := env.MoveLeader(c.topic, partition); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.countTo(t, c.next+5)
	c.once(t)
}

func TestRealLostCommitReply(t *testing.T) {
	for _, version := range []int{2, 1} {
		t.Run(fmt.Sprintf("v%d, kgo asks again", version), func(t *testing.T) {
			loss := &testcontainers.ReplyLoss{Key: testcontainers.EndTxn}
			err := commitWithLoss(t, version, loss)
			t.Logf("LOST REPLY transaction.version=%d EOF: commit says %v", version, err)
		})
		t.Run(fmt.Sprintf("v%d, the caller is told", version), func(t *testing.T) {
			loss := &testcontainers.ReplyLoss{Key: testcontainers.EndTxn, Err: errors.New("cable cut")}
			err := commitWithLoss(t, version, loss)
			t.Logf("LOST REPLY transaction.version=%d other error: commit says %v", version, err)
			if err == nil {
				t.Error("the commit whose reply was lost returned nil")
			}
		})
	}
}

// commitWithLoss commits one record, losing the reply, and checks that a successor finds it committed exactly once.
func commitWithLoss(t *testing.T, version int, loss *testcontainers.ReplyLoss) error {
	t.Helper()
	env := testcontainers.RequireReal(t, testcontainers.WithTxnVersion(version))
	topic := env.Topic(t, "lost-reply", 1, nil)
	cl := producer(t, env, topic, kgo.Dialer(loss.DialContext))
	begin(t, cl)
	produce(t, cl, topic, "once")
	loss.Lose(1)
	commitErr := cl.EndTransaction(within(t, time.Minute), kgo.TryCommit)
	if loss.Lost() != 1 {
		t.Fatalf("%d replies were lost, want 1", loss.Lost())
	}
	producer(t, env, topic) // settles whatever is open
	if got := values(t, env, topic); len(got) != 1 {
		t.Errorf("committed: %q, want one record", got)
	}
	return commitErr
}

func TestRealKilledNodeIsGoneUntilRestart(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithBrokerConfig("num.io.threads", "2"))
	topic := env.Topic(t, "survivor", 1, nil)
	if err := send(within(t, time.Minute), env.Client(t), record(topic, "kept")); err != nil {
		t.Fatal(err)
	}
	if err := env.Kill(1); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err := env.Client(t).Ping(within(t, time.Minute)); err == nil {
		t.Error("a killed node answers")
	}
	if err := env.Restart(1); err != nil {
		t.Fatal(err)
	}
	if got := values(t, env, topic); len(got) != 1 {
		t.Errorf("after the restart: %q, want the one record", got)
	}
	if err := env.Restart(1); err == nil {
		t.Error("a running node was started again")
	}
}
