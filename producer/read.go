package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// span is an inclusive range of offsets in one partition. Its last offset must be one that
// a read_committed reader reaches: below the last stable offset.
type span struct {
	topic       string
	partition   int32
	first, last int64
}

// readStalls is how long a read waits for the next record before it says that the log is
// not what its offsets promised. It is longer than a dead producer's transaction can hold
// readers up: its timeout, and the ten seconds in which brokers look for such.
const readStalls = 90 * time.Second

// listTries is how long a topic's offsets are asked for while that fails.
const listTries = time.Minute

// read hands every committed record of the spans, of which no two may share a partition, to
// each. Control records are kept while reading, so that the position reaches a last offset
// that is one.
func read(ctx context.Context, c Config, spans []span, each func(*kgo.Record) error) error {
	offsets := map[string]map[int32]kgo.Offset{}
	left := map[partition]int64{}
	for _, s := range spans {
		if offsets[s.topic] == nil {
			offsets[s.topic] = map[int32]kgo.Offset{}
		}
		offsets[s.topic][s.partition] = kgo.NewOffset().At(s.first)
		left[partition{s.topic, s.partition}] = s.last
	}
	cl, err := kgo.NewClient(c.options(
		kgo.ConsumePartitions(offsets),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(4<<20),
		kgo.FetchMaxPartitionBytes(1<<20),
		kgo.FetchMaxWait(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for len(left) > 0 {
		if err := readSome(ctx, cl, left, each); err != nil {
			return err
		}
	}
	return nil
}

type partition struct {
	topic string
	id    int32
}

// readSome polls once, and takes a partition out of left when its last offset was passed.
func readSome(ctx context.Context, cl *kgo.Client, left map[partition]int64, each func(*kgo.Record) error) error {
	poll, cancel := context.WithTimeout(ctx, readStalls)
	defer cancel()
	fetches := cl.PollFetches(poll)
	if err := ctx.Err(); err != nil {
		return err
	}
	if poll.Err() != nil && fetches.NumRecords() == 0 {
		return fmt.Errorf("no record in %s although %d partitions have more", readStalls, len(left))
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) {
			return fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	for iter := fetches.RecordIter(); !iter.Done(); {
		r := iter.Next()
		p := partition{r.Topic, r.Partition}
		last, wanted := left[p]
		if !wanted || r.Offset > last {
			delete(left, p)
			continue
		}
		if !r.Attrs.IsControl() {
			if err := each(r); err != nil {
				return err
			}
		}
		if r.Offset == last {
			delete(left, p)
			cl.PauseFetchPartitions(map[string][]int32{p.topic: {p.id}})
		}
	}
	return nil
}

// bounds returns the first offset and the last stable offset of each partition of a topic.
// Just after a leader has moved, a broker answers OFFSET_NOT_AVAILABLE (KIP-207) or that it
// is not the leader: that is no answer, and never an empty topic.
func bounds(ctx context.Context, adm *kadm.Client, topic string) (start, end map[int32]int64, err error) {
	if start, err = listed(ctx, topic, adm.ListStartOffsets); err != nil {
		return nil, nil, err
	}
	end, err = listed(ctx, topic, adm.ListCommittedOffsets)
	return start, end, err
}

func listed(ctx context.Context, topic string, list func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, listTries)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		offsets, err := list(ctx, topic)
		if err == nil {
			err = offsets.Error()
		}
		if err == nil {
			found := map[int32]int64{}
			offsets.Each(func(o kadm.ListedOffset) { found[o.Partition] = o.Offset })
			if len(found) > 0 {
				return found, nil
			}
			err = errNoPartitions // metadata that is being loaded: no answer either
		}
		var refused *kerr.Error // anything else is the network's
		if errors.As(err, &refused) && (!refused.Retriable || errors.Is(err, kerr.UnknownTopicOrPartition)) {
			return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
		}
	}
}

var errNoPartitions = errors.New("the broker names no partition")

// awaitStable waits until no transaction holds back what was in a topic when the call began:
// a commit is acknowledged before its markers are in every partition. A dead pipeline that shares the topic can hold it back until its
// transaction times out.
func awaitStable(ctx context.Context, adm *kadm.Client, topic string) error {
	ends, err := listed(ctx, topic, adm.ListEndOffsets)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readStalls)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		stable, err := listed(ctx, topic, adm.ListCommittedOffsets)
		if err != nil {
			return err
		}
		if reaches(stable, ends) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("an open transaction of another producer holds back topic %s: %w", topic, ctx.Err())
		}
	}
}

// reaches says whether no partition's offset lies before its end.
func reaches(offsets, ends map[int32]int64) bool {
	for partition, end := range ends {
		if offsets[partition] < end {
			return false
		}
	}
	return true
}
