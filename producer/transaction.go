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
		err = fmt.Errorf("Kafka has not answered for %s: %w", commitTimeout, err)
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

// stored says where the rows, dead letters and records of derived routes that were flushed lie.
func (t *transaction) stored() []conv.Range {
	var ranges []conv.Range
	topics := &t.p.cfg.Topics
	for part, r := range t.offsets {
		route, derived := topics.route(part.topic)
		if derived || part.topic == topics.Rows || part.topic == topics.DeadLetters {
			ranges = append(ranges, conv.Range{Topic: part.topic, Route: route.Name, Partition: part.id, First: r.first, Last: r.last})
		}
	}
	slices.SortFunc(ranges, compareRanges)
	return ranges
}

// produceRows produces all that a batch holds but its checkpoint.
func (t *transaction) produceRows(b *conv.Batch) {
	now := time.Now()
	p := newPress(t.p.cfg, b, now)
	for i := range b.Records {
		t.produce(p.record(t.p.cfg.Topics.Rows, &b.Records[i]))
	}
	for i := range b.Derived {
		r := &b.Derived[i]
		t.produce(p.record(t.p.cfg.Topics.ofRoute(r.Route), &r.Record))
	}
	for i := range b.Dead {
		t.produce(t.p.deadRecord(&b.Dead[i], b.Checkpoint, now))
	}
	for _, e := range b.Events {
		t.produce(t.p.eventRecord(e))
	}
}

// press makes the records of a batch, all in memory that was taken at once.
type press struct {
	batch   *conv.Batch
	window  kgo.RecordHeader
	now     time.Time
	cfg     Config
	records []kgo.Record
	headers []kgo.RecordHeader
	marks   []byte
}

func newPress(c Config, b *conv.Batch, now time.Time) *press {
	n := len(b.Records) + len(b.Derived)
	return &press{
		batch: b, now: now, cfg: c,
		window:  kgo.RecordHeader{Key: WindowHeader, Value: []byte(c.windowKey(b.Checkpoint.Window))},
		records: make([]kgo.Record, 0, n),
		headers: make([]kgo.RecordHeader, 0, 2*n),
		marks:   make([]byte, 0, n*len(conv.Mark{}.Append(nil))),
	}
}

func (p *press) record(topic string, row *conv.Record) *kgo.Record {
	start, first := len(p.marks), len(p.headers)
	p.marks = row.Mark.Append(p.marks)
	mark := kgo.RecordHeader{Key: conv.MarkHeader, Value: p.marks[start:len(p.marks):len(p.marks)]}
	if row.Origin == nil {
		p.headers = append(p.headers, mark, p.window)
	} else {
		p.headers = append(p.headers, mark)
		p.headers = append(p.headers, p.cfg.originHeaders(row.Origin)...)
	}
	at := p.now
	if !p.cfg.IngestTime {
		at = time.UnixMilli(row.Time)
	}
	p.records = append(p.records, kgo.Record{
		Topic: topic, Key: p.batch.Key(row), Value: p.batch.Value(row), Headers: p.headers[first:len(p.headers):len(p.headers)], Timestamp: at,
	})
	return &p.records[len(p.records)-1]
}

func compareRanges(a, b conv.Range) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(a.Partition, b.Partition))
}
