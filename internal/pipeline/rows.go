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
	if r.pageEnd = (conv.Key{}); r.cp.PageEnd != nil {
		r.pageEnd = *r.cp.PageEnd
	}
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
		case <-r.hurry.next():
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
		if err := r.handle(&c.Rows[i], index); err != nil {
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
		if c.Page.Count >= 0 {
			r.count = c.Page.Count
		}
		if at := c.Page.Available; at > 0 && (r.available == 0 || at < r.available) {
			r.available = at
		}
		r.pageEnd = r.last
		end := r.last
		r.cp.PageEnd = &end
		r.open() // so that the new position is committed even when every row was a repeat
		if c.Next != "" {
			r.cp.Position = conv.Position{Token: c.Next, Page: r.page + 1}
		} // else it stays on the last page: no token would mean the first
	}
	return nil
}

// handle counts a row that is seen for the first time in this job and decides what becomes
// of it. A row that another window has in flight waits until that is committed.
func (r *worker) handle(row *conv.Row, index int) error {
	first := index >= r.seen
	for {
		moved := r.moved.next()
		err := r.row(row, index, first)
		if err == nil && first {
			r.cp.Counters.Fetched++
			r.cp.JobRows++
		}
		if !errors.Is(err, errContested) {
			return err
		}
		// Whoever waits holds no open batch, so nobody waits for one who waits.
		if err := r.flush(false); err != nil {
			return err
		}
		if err := r.await(moved); err != nil {
			return err
		}
	}
}

// errContested says that another window has a row in flight.
var errContested = errors.New("another window has the row in flight")

// await waits for the next commit, and keeps asking for it.
func (r *worker) await(moved <-chan struct{}) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		r.hurry.fire()
		select {
		case <-moved:
			return nil
		case <-r.over:
			return errEpochOver
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-again.C:
		}
	}
}

// row makes a record of a row, or a dead letter, or nothing because it is there already.
// first says that this job has not brought it before: a page that broke off, or that a killed
// process had begun, is read again.
func (r *worker) row(row *conv.Row, index int, first bool) error {
	b := r.open()
	start := len(b.Buf)
	b.Buf = append(b.Buf, row.ConversationID...)
	mid := len(b.Buf)
	mark, reject := r.judge(b, row, mid)
	r.cp.Saw(row)
	if row.HasTime {
		r.noteZone(row, index)
	}
	if reject != nil {
		b.Buf = b.Buf[:start]
		return r.bury(b, row, index, first, mark, reject)
	}
	key := conv.RowKey(r.cfg.Org, row.ConversationID, *mark)
	verdict, err := r.check(b, dedupe.Entry{
		Key:         key,
		Time:        mark.Time,
		Fingerprint: mark.Fingerprint,
		Observation: mark.Observation,
	})
	if err != nil {
		b.Buf = b.Buf[:start]
		return err
	}
	r.meet(key, index, first)
	if r.cp.Window.Contains(row.Time) {
		r.census.add(key)
	}
	switch verdict {
	case dedupe.New, dedupe.Revision:
		b.Add(start, mid, row.Time, *mark)
		r.cp.Stored(row.Time)
		r.cp.Counters.Published++
		if verdict == dedupe.Revision {
			r.cp.Counters.Revisions++
		}
		if !first {
			r.cp.Counters.Fetched++ // the page has changed since it was read
		}
	default:
		b.Buf = b.Buf[:start]
		if first {
			r.cp.Counters.Duplicates++
		}
	}
	return nil
}

// noteZone tells once that timestamps of the window name no zone: they are taken as UTC.
func (r *worker) noteZone(row *conv.Row, index int) {
	if row.Zoned || r.zoneless {
		return
	}
	r.zoneless = true
	r.note("drift", "", map[string]any{
		"kind": "zone_missing", "field": "timestamp", "expected": "Z or an offset", "found": "neither",
		"job": r.cp.Job.ID, "page": r.page, "row": index,
	})
}

// meet takes back the count of a page's first row that is the last of the page before.
func (r *worker) meet(key conv.Key, index int, first bool) {
	if index == 0 && first && key == r.pageEnd {
		r.cp.JobRows--
	}
	r.last = key
}

// judge encodes the row behind mid and says whether it may be published. The mark is nil
// for a row that has no key.
func (r *worker) judge(b *conv.Batch, row *conv.Row, mid int) (*conv.Mark, *conv.Reject) {
	if row.Length > 0 {
		return nil, &conv.Reject{Reason: conv.ReasonTooLarge, Path: "$", Expected: "a row that fits into memory"}
	}
	var facts conv.Facts
	b.Buf, facts = r.contract.Encode(b.Buf, r.cfg.SchemaID, row, nil)
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
		Observation: r.cp.Job.Observation,
	}
	if facts.Reject != nil {
		return mark, facts.Reject
	}
	size := len(row.ConversationID) + len(b.Buf) - mid
	return mark, r.kafka.Limits().Refuses(time.Now().UnixMilli(), row.Time, size)
}

// bury makes a dead letter of a row, once for the same bytes under the same root window.
func (r *worker) bury(b *conv.Batch, row *conv.Row, index int, first bool, mark *conv.Mark, why *conv.Reject) error {
	digest, length := conv.Digest(row.Digest), row.Length
	if length == 0 {
		digest, length = sha256.Sum256(row.Raw), int64(len(row.Raw))
	}
	root := r.cp.Root()
	key := conv.DeadKey(r.cfg.Org, root, digest)
	verdict, err := r.check(b, dedupe.Entry{Key: key, Time: root.From, Dead: true})
	if err != nil {
		return err
	}
	r.meet(key, index, first)
	if mark != nil && r.cp.Window.Contains(mark.Time) {
		r.census.add(conv.RowKey(r.cfg.Org, row.ConversationID, *mark))
	}
	if !r.dead[key] && first {
		counts, err := r.counts(row, mark)
		if err != nil {
			return err
		}
		if counts {
			r.cp.DeadInside++
		}
		if counts && row.HasTime && (row.Time == r.cp.Window.From || row.Time == r.cp.Window.To-1) {
			r.cp.DeadOnBounds++
		}
	}
	r.dead[key] = true
	if verdict != dedupe.New {
		if first {
			r.cp.Counters.Duplicates++
		}
		return nil
	}
	b.AddDead(conv.DeadLetter{
		Raw: bytes.Clone(row.Raw), Digest: digest, Length: length,
		Key: bytes.Clone(row.ConversationID), Mark: mark,
		Reason: why.Reason, Path: why.Path, Expected: why.Expected, Found: why.Found,
		Job: r.cp.Job.ID, Page: r.page, Row: index,
	})
	r.cp.Stored(root.From)
	r.cp.Counters.Invalid++
	if !first {
		r.cp.Counters.Fetched++
	}
	return nil
}

// counts says whether a dead letter is a row of this window that Kafka does not hold otherwise:
// an earlier content of it may be published.
func (r *worker) counts(row *conv.Row, mark *conv.Mark) (bool, error) {
	if !r.inside(row) || mark == nil {
		return r.inside(row), nil
	}
	key := conv.RowKey(r.cfg.Org, row.ConversationID, *mark)
	for {
		if err := r.load(r.ctx, mark.Time); err != nil {
			return false, err
		}
		if held, err := r.history.Holds(key, mark.Time); !errors.Is(err, dedupe.ErrNotReady) {
			return !held, err
		}
	}
}

// inside says whether the platform counts a dead letter with this window, as far as its
// timestamp tells.
func (r *worker) inside(row *conv.Row) bool {
	if !row.HasTime {
		return true
	}
	// A query of reports brings what the platform keeps in the window; only the overlap may
	// bring rows of the one before.
	return row.Time >= r.cp.Window.From && (row.Time < r.cp.Window.To || !r.cfg.Conversations)
}

// check asks the history for a row, after reading back what it lacks. It may lack it again:
// another window's commit can widen what has to be known before the row is asked for.
func (r *worker) check(b *conv.Batch, e dedupe.Entry) (dedupe.Verdict, error) {
	for {
		if err := r.load(r.ctx, e.Time); err != nil {
			return 0, err
		}
		verdict, err := r.history.Check(b.ID, r.id, e)
		switch {
		case errors.Is(err, dedupe.ErrNotReady):
		case verdict == dedupe.Contested:
			return verdict, errContested
		default:
			return verdict, err
		}
	}
}
