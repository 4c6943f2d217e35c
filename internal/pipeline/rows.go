package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// read takes the rows of the window's job from its position to the end. Whatever ends it,
// all that was read is on its way to Kafka when it returns, unless the epoch is over.
func (r *worker) read() error {
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	chunks := make(chan conv.Chunk, 2)
	var failed error
	var reader sync.WaitGroup
	w, job, from := r.cp.Window, r.cp.Job, r.cp.Position
	reader.Go(func() {
		defer close(chunks)
		failed = r.source.Read(ctx, w, job, from, func(c conv.Chunk) error {
			select {
			case chunks <- c:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	r.cp.State = conv.Paging
	r.page, r.seen = from.Page, from.Row
	err := r.takeAll(chunks)
	stop()
	reader.Wait()
	if err == nil {
		err = failed
	}
	if flushed := r.flush(false); err == nil {
		err = flushed
	}
	return err
}

// takeAll handles chunks until there are no more, and commits in between.
func (r *worker) takeAll(chunks <-chan conv.Chunk) error {
	for {
		select {
		case c, ok := <-chunks:
			if !ok {
				return nil
			}
			if err := r.take(&c); err != nil {
				return err
			}
		case <-r.age.C:
			if err := r.flush(false); err != nil {
				return err
			}
		}
	}
}

// take handles the rows of a chunk and moves the position behind them.
func (r *worker) take(c *conv.Chunk) error {
	if c.At.Page != r.page {
		r.page, r.seen = c.At.Page, 0
	}
	for i := range c.Rows {
		index := c.At.Row + i
		if err := r.row(&c.Rows[i], index); err != nil {
			return err
		}
		r.seen = max(r.seen, index+1)
		r.cp.Position = conv.Position{Token: c.At.Token, Page: r.page, Row: r.seen}
		if r.batch.Size() >= r.cfg.Bytes {
			if err := r.flush(false); err != nil {
				return err
			}
		}
	}
	if c.End {
		r.open() // so that the new position is committed even when every row was a repeat
		if c.Next != "" {
			r.cp.Position = conv.Position{Token: c.Next, Page: r.page + 1}
		} // else it stays on the last page: no token would mean the first
	}
	return nil
}

// row decides what becomes of one row: a record, a dead letter, or nothing because it is
// there already.
func (r *worker) row(row *conv.Row, index int) error {
	b := r.open()
	start := len(b.Buf)
	b.Buf = append(b.Buf, row.ConversationID...)
	mid := len(b.Buf)
	mark, reject := r.judge(b, row, mid)
	if row.HasTime {
		r.cp.Saw(row.Time)
	}
	if reject != nil {
		b.Buf = b.Buf[:start]
		return r.bury(b, row, index, mark, reject)
	}
	verdict, err := r.check(b, dedupe.Entry{
		Key:         conv.RowKey(r.cfg.Org, row.ConversationID, *mark),
		Time:        mark.Time,
		Fingerprint: mark.Fingerprint,
		Observation: mark.Observation,
	})
	if err != nil {
		return err
	}
	switch verdict {
	case dedupe.New, dedupe.Revision:
		b.Add(start, mid, row.Time, *mark)
		r.cp.Stored(row.Time)
		r.cp.Counters.Fetched++
		r.cp.Counters.Published++
		if verdict == dedupe.Revision {
			r.cp.Counters.Revisions++
		}
	default:
		b.Buf = b.Buf[:start]
		r.repeat(index)
	}
	return nil
}

// repeat counts a row that is there already, unless it is one of those that are read again
// because the page broke off or the process was restarted.
func (r *worker) repeat(index int) {
	if index >= r.seen {
		r.cp.Counters.Fetched++
		r.cp.Counters.Duplicates++
	}
}

// judge encodes the row behind mid and says whether it may be published. The mark is nil
// for a row that has no key.
func (r *worker) judge(b *conv.Batch, row *conv.Row, mid int) (*conv.Mark, *conv.Reject) {
	if row.Length > 0 {
		return nil, &conv.Reject{Reason: conv.ReasonTooLarge, Path: "$", Expected: "a row that fits into memory"}
	}
	var facts conv.Facts
	b.Buf, facts = r.contract.Encode(b.Buf, r.cfg.SchemaID, row)
	switch {
	case facts.Reject != nil && facts.Reject.Reason == conv.ReasonNotAnObject:
		return nil, facts.Reject
	case len(row.ConversationID) == 0:
		return nil, &conv.Reject{Reason: conv.ReasonNoKey, Path: "$", Expected: "a conversation id", Found: "none"}
	case !row.HasTime:
		return nil, &conv.Reject{Reason: conv.ReasonNoKey, Path: "$", Expected: "an ISO 8601 timestamp", Found: "none"}
	}
	mark := &conv.Mark{
		Identity:    facts.Identity,
		Fingerprint: facts.Fingerprint,
		Time:        row.Time,
		Observation: r.cp.Job.Observation(),
	}
	if facts.Reject != nil {
		return mark, facts.Reject
	}
	size := len(row.ConversationID) + len(b.Buf) - mid
	return mark, r.kafka.Limits().Refuses(time.Now().UnixMilli(), row.Time, size)
}

// bury makes a dead letter of a row, once for the same bytes under the same root window.
func (r *worker) bury(b *conv.Batch, row *conv.Row, index int, mark *conv.Mark, why *conv.Reject) error {
	digest, length := conv.Digest(row.Digest), row.Length
	if length == 0 {
		digest, length = sha256.Sum256(row.Raw), int64(len(row.Raw))
	}
	root := r.cp.Root()
	verdict, err := r.check(b, dedupe.Entry{Key: conv.DeadKey(r.cfg.Org, root, digest), Time: root.From, Dead: true})
	if err != nil {
		return err
	}
	if verdict != dedupe.New {
		r.repeat(index)
		return nil
	}
	b.AddDead(conv.DeadLetter{
		Raw: bytes.Clone(row.Raw), Digest: digest, Length: length,
		Key: bytes.Clone(row.ConversationID), Mark: mark,
		Reason: why.Reason, Path: why.Path, Expected: why.Expected, Found: why.Found,
		Job: r.cp.Job.ID, Page: r.page, Row: index,
	})
	r.cp.Stored(root.From)
	r.cp.Counters.Fetched++
	r.cp.Counters.Invalid++
	if !row.HasTime || row.Time >= r.cp.Window.From {
		r.cp.DeadInside++
	}
	return nil
}

// check asks the history for a row, after reading back what it lacks. It may lack it again:
// another window's commit can widen what has to be known before the row is asked for.
func (r *worker) check(b *conv.Batch, e dedupe.Entry) (dedupe.Verdict, error) {
	for {
		if err := r.load(r.ctx, e.Time); err != nil {
			return 0, err
		}
		verdict, err := r.history.Check(b.ID, e)
		if !errors.Is(err, dedupe.ErrNotReady) {
			return verdict, err
		}
	}
}
