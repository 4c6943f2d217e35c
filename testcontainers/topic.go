package testcontainers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	adminWithin  = 30 * time.Second
	readWithin   = 60 * time.Second
	pollInterval = 50 * time.Millisecond
)

// Client returns a client of the environment's brokers that is closed at the end of the test.
func (e *Env) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(e.Brokers...),
		kgo.MetadataMinAge(100 * time.Millisecond), // the default makes a test wait 5 s for a moved leader
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// Topic creates a topic whose name begins with name and is otherwise unique, with three replicas where there are three
// nodes. It is served by every node when Topic returns, and dropped at the end of the test.
func (e *Env) Topic(t testing.TB, name string, partitions int, configs map[string]string) string {
	t.Helper()
	topic := name + "-" + strings.ToLower(rand.Text()[:8])
	values := make(map[string]*string, len(configs))
	for k, v := range configs {
		values[k] = &v
	}
	adm := kadm.NewClient(e.Client(t))
	ctx, cancel := context.WithTimeout(t.Context(), adminWithin)
	defer cancel()
	if _, err := adm.CreateTopic(ctx, int32(partitions), int16(min(3, e.Nodes)), values, topic); err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
	e.DropAtEnd(t, topic)
	if err := e.awaitTopic(ctx, t, topic, partitions); err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
	return topic
}

// DropAtEnd drops a topic at the end of the test. A topic that is not there then is none to drop.
func (e *Env) DropAtEnd(t testing.TB, topic string) {
	t.Cleanup(func() { e.drop(t, topic) })
}

func (e *Env) drop(t testing.TB, topic string) {
	if fake, ok := e.KFake(); ok { // which has no controller any more when a test has removed that node
		_ = fake.DeleteTopic(topic) // fails only when the test has dropped it
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(e.Brokers...))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).DeleteTopic(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("drop topic %s: %v", topic, err)
	}
}

// awaitTopic waits until each node by itself reports the topic whole: a node that has not heard of it yet would make
// the first produce of a test wait for the client's next metadata refresh.
func (e *Env) awaitTopic(ctx context.Context, t testing.TB, topic string, partitions int) error {
	for _, addr := range e.Brokers {
		adm := kadm.NewClient(e.Client(t, kgo.SeedBrokers(addr), kgo.MetadataMinAge(pollInterval)))
		err := poll(ctx, func() error {
			details, err := adm.ListTopics(ctx, topic)
			if err != nil {
				return err
			}
			ready := 0
			for _, p := range details[topic].Partitions {
				if p.Err == nil && p.Leader >= 0 {
					ready++
				}
			}
			if ready < partitions {
				return fmt.Errorf("%s serves %d of %d partitions", addr, ready, partitions)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// poll tries until try succeeds or the context ends, and then returns try's last error.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		}
	}
}

// Committed returns what a read_committed consumer sees of a topic, in the order of offsets within each partition. It
// reads to the high watermark of this moment, so it waits for transactions that are being completed and fails the test
// if one stays open.
func (e *Env) Committed(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readWithin)
	defer cancel()
	adm := kadm.NewClient(e.Client(t))
	var from map[int32]kgo.Offset
	var left map[int32]int64
	// After an election a leader answers OFFSET_NOT_AVAILABLE for a while: that is not an empty topic.
	err := poll(ctx, func() (err error) {
		from, left, err = offsets(ctx, adm, topic)
		return err
	})
	if err != nil {
		t.Fatalf("list offsets of %s: %v", topic, err)
	}
	records, err := e.readTo(ctx, t, topic, from, left)
	if err != nil {
		t.Fatalf("read %s: partitions %v are not read to their ends; is a transaction open? %v", topic, left, err)
	}
	return records
}

// offsets returns where the partitions that hold something start and end.
func offsets(ctx context.Context, adm *kadm.Client, topic string) (from map[int32]kgo.Offset, to map[int32]int64, err error) {
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err := errors.Join(err, starts.Error()); err != nil {
		return nil, nil, err
	}
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return nil, nil, err
	}
	from, to = map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(topic, end.Partition); start.Offset < end.Offset {
			from[end.Partition] = kgo.NewOffset().At(start.Offset)
			to[end.Partition] = end.Offset
		}
	})
	return from, to, nil
}

// readTo reads until the position of each partition has reached its end, and removes it from left. Control records
// are kept until then: the last offset of a transaction is one.
func (e *Env) readTo(ctx context.Context, t testing.TB, topic string, from map[int32]kgo.Offset, left map[int32]int64) ([]*kgo.Record, error) {
	cl := e.Client(t,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	var records []*kgo.Record
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, reading := left[r.Partition]
			if reading && r.Offset < end && !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if reading && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return records, nil
}
