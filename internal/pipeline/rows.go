package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

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
			if !r.again {
				r.cp.JobRows++
				r.countDrift(index)
			}
		}
		if !errors.Is(err, errContested) {
			return err
		}
		// Whoever waits holds no row, so nobody waits for one who waits. A batch without any stays
		// open: its commit would end the wait that it is for, again and again.
		if !r.batch.Empty() {
			if err := r.flush(false); err != nil {
				return err
			}
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
