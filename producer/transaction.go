package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

var (
	errNotClaimed    = errors.New("the pipeline is not claimed")
	errOffsetUnknown = errors.New("the broker acknowledged a record without its offset")
)

// reach is the first and last offset that a transaction wrote to a partition.
type reach struct{ first, last int64 }

// transaction is one short step: Begin, produce, flush, End. The first error makes every
// later step a no-op, and a transaction with an error is never ended: its client is closed,
// and the next claim aborts it.
type transaction struct {
	p      *Producer
	ctx    context.Context
	cancel context.CancelFunc
	stop   func() bool
	err    error // a *CommitError

	pending sync.WaitGroup // promises that have not come back
	mu      sync.Mutex     // guards what promises write
	failed  error
	offsets map[partition]reach
}

// begin starts a transaction. When its deadline passes the client is closed, because
// nothing else makes a transactional client give up its records.
func (p *Producer) begin(ctx context.Context) *transaction {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	t := &transaction{p: p, ctx: ctx, cancel: cancel, offsets: map[partition]reach{}}
	t.stop = context.AfterFunc(ctx, p.tx.Close)
	if transactional {
		t.fail("begin", p.tx.BeginTransaction())
	}
	return t
}

// close frees what begin took. It does not end the transaction.
func (t *transaction) close() {
	t.stop()
	t.cancel()
}

func (t *transaction) fail(step string, err error) {
	if err == nil || t.err != nil {
		return
	}
	if errors.Is(t.ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("not done in %s: %w", commitTimeout, err)
	}
	t.err = &CommitError{Step: step, Err: err}
}

func (t *transaction) produce(r *kgo.Record) {
	if t.err != nil {
		return
	}
	t.pending.Add(1)
	t.p.tx.Produce(t.ctx, r, t.promise)
}

// promise is called once for every record, from one goroutine of the client.
func (t *transaction) promise(r *kgo.Record, err error) {
	defer t.pending.Done()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && r.Offset < 0 {
		err = errOffsetUnknown
	}
	if err != nil {
		if t.failed == nil {
			t.failed = fmt.Errorf("topic %s: %w", r.Topic, err)
		}
		return
	}
	part := partition{r.Topic, r.Partition}
	if have, ok := t.offsets[part]; ok {
		t.offsets[part] = reach{min(have.first, r.Offset), max(have.last, r.Offset)}
	} else {
		t.offsets[part] = reach{r.Offset, r.Offset}
	}
}

// flush waits until every record produced so far was acknowledged, or one was not.
func (t *transaction) flush() {
	if t.err != nil {
		return
	}
	t.pending.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail("produce", t.failed)
}

func (t *transaction) end() {
	if t.err != nil || !transactional {
		return
	}
	t.settle()
	if t.err == nil {
		t.fail("end", t.p.tx.EndTransaction(t.ctx, kgo.TryCommit))
	}
}

// settle waits until the client remembers every partition that it has produced to.
//
// The first records of a topic are sent from within the update that tells the client of the
// topic's partitions, and on a busy machine all of them can be acknowledged before that update
// is stored. EndTransaction goes by what is stored. It would find no partition of the topic: if
// there is no other, it aborts although asked to commit, and returns no error; and it would
// leave the topic's sequence numbers as they are, which the broker refuses in the next
// transaction. The update is stored under a lock that AbortBufferedRecords takes as well, and
// that has nothing to abort here: every record was acknowledged.
func (t *transaction) settle() {
	t.fail("end", t.p.tx.AbortBufferedRecords(t.ctx))
}

// stored says where the rows and dead letters that were flushed lie.
func (t *transaction) stored() []conv.Range {
	var ranges []conv.Range
	for part, r := range t.offsets {
		if part.topic == t.p.cfg.Topics.Rows || part.topic == t.p.cfg.Topics.DeadLetters {
			ranges = append(ranges, conv.Range{Topic: part.topic, Partition: part.id, First: r.first, Last: r.last})
		}
	}
	slices.SortFunc(ranges, compareRanges)
	return ranges
}

// produceRows produces all that a batch holds but its checkpoint.
func (t *transaction) produceRows(b *conv.Batch) {
	window := kgo.RecordHeader{Key: WindowHeader, Value: []byte(t.p.cfg.windowKey(b.Checkpoint.Window))}
	now := time.Now()
	records := make([]kgo.Record, len(b.Records))
	headers := make([]kgo.RecordHeader, 2*len(b.Records))
	marks := make([]byte, 0, len(b.Records)*len(conv.Mark{}.Append(nil)))
	for i := range b.Records {
		row, start := &b.Records[i], len(marks)
		marks = row.Mark.Append(marks)
		pair := headers[2*i : 2*i+2 : 2*i+2]
		pair[0] = kgo.RecordHeader{Key: conv.MarkHeader, Value: marks[start:len(marks):len(marks)]}
		pair[1] = window
		at := now
		if !t.p.cfg.IngestTime {
			at = time.UnixMilli(row.Time)
		}
		records[i] = kgo.Record{Topic: t.p.cfg.Topics.Rows, Key: b.Key(row), Value: b.Value(row), Headers: pair, Timestamp: at}
		t.produce(&records[i])
	}
	for i := range b.Dead {
		t.produce(t.p.deadRecord(&b.Dead[i], b.Checkpoint, now))
	}
	for _, e := range b.Events {
		t.produce(t.p.eventRecord(e))
	}
}

func compareRanges(a, b conv.Range) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(a.Partition, b.Partition))
}
