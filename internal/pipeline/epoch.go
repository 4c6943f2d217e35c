package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"convstream/internal/conv"
)

// commitFailed ends an epoch: a commit's outcome is unknown.
type commitFailed struct {
	err       error
	at        string // window and position of the batch
	committed uint64 // batches committed before
}

func (e *commitFailed) Error() string { return e.err.Error() }
func (e *commitFailed) Unwrap() error { return e.err }

func (e *commitFailed) permanent() bool {
	var p interface{ Permanent() bool }
	return errors.As(e.err, &p) && p.Permanent()
}

// failed is the end of an epoch that recovery can follow.
func (p *Pipeline) failed(err error, at string) error {
	return &commitFailed{err: err, at: at, committed: p.committed.Load()}
}

// errEpochOver is why windows stop when the committer has given up.
var errEpochOver = errors.New("the epoch is over")

// handover is a batch on its way to the committer. done, where it is not nil, is closed
// once the batch is committed.
type handover struct {
	batch *conv.Batch
	done  chan struct{}
}

// epoch is the work between two claims.
type epoch struct {
	*Pipeline
	intake  context.Context // ends when intake stops
	ctx     context.Context // intake, or a part of it that ends with the first error
	batches chan handover   // unbuffered: a batch in it is held by its window
	over    chan struct{}   // closed when the committer has given up
	moved   signal          // a batch was committed
	hurry   signal          // somebody waits for open batches to be committed

	follows bool      // it goes on with later windows
	asked   time.Time // when the watermark was asked for

	agenda  *agenda
	mu      sync.Mutex
	tries   map[conv.Window]int      // jobs that the epoch has given each window
	rereads map[conv.Window]bool     // windows that are to be read again, however they stand
	short   map[conv.Window]bool     // spans that wait for their neighbours before they are compared for good
	retries map[conv.Window]bool     // spans of which windows were read again for a shortfall
	missed  map[conv.Window][]string // vanished conversations that a census of the window found, the first few
	claims  map[claim]bool           // what is being closed
	held    *held                    // by derived routes

	released signal // a claim was given up
}

// runEpoch works until the work is done, ctx ends, or something fails. A failed commit is a
// *commitFailed, and goes before any other error.
func (p *Pipeline) runEpoch(ctx context.Context, work func(*epoch) error) error {
	intake, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	e := &epoch{
		Pipeline: p, intake: intake, ctx: intake, batches: make(chan handover), over: make(chan struct{}),
		tries: map[conv.Window]int{}, rereads: map[conv.Window]bool{}, short: map[conv.Window]bool{}, retries: map[conv.Window]bool{}, missed: map[conv.Window][]string{}, claims: map[claim]bool{}, held: newHeld(),
	}
	var failed error
	var committer sync.WaitGroup
	committer.Go(func() {
		if failed = e.commitAll(context.WithoutCancel(ctx)); failed != nil {
			close(e.over)
			stop(errEpochOver)
		}
	})
	err := work(e)
	close(e.batches)
	committer.Wait()
	if failed != nil {
		return failed
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = context.Cause(ctx)
	}
	return err
}

// commitAll is the committer. It goes on after intake has stopped, until no window can hand
// over any more.
func (e *epoch) commitAll(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case h, ok := <-e.batches:
			if !ok {
				return nil
			}
			if err := e.commit(ctx, h); err != nil {
				return err
			}
		case <-tick.C:
			if err := e.kafka.Heartbeat(ctx); err != nil {
				return e.failed(err, "heartbeat")
			}
		}
	}
}

func (e *epoch) commit(ctx context.Context, h handover) error {
	b, start := h.batch, time.Now()
	if err := e.kafka.Commit(ctx, b); err != nil {
		from := e.ledger.at(b.Checkpoint.Window).Position // where the batch ends depends on when it closed
		return e.failed(err, b.Checkpoint.Window.String()+" page "+from.Token+" row "+strconv.Itoa(from.Row))
	}
	e.committed.Add(1)
	for _, cp := range append([]conv.Checkpoint{b.Checkpoint}, b.Others...) {
		e.countRefused(&cp)
		e.ledger.set(cp)
		if s, ok := span(cp); ok {
			if err := e.history.Commit(b.ID, s); err != nil {
				return fmt.Errorf("remember what was published: %w", err)
			}
		}
	}
	e.moved.fire()
	e.events.Committed(b.Checkpoint, len(b.Records), len(b.Dead), time.Since(start))
	if h.done != nil {
		close(h.done)
	}
	return nil
}

// hand gives a batch to the committer. With wait it returns once the batch is committed.
func (e *epoch) hand(b *conv.Batch, wait bool) error {
	h := handover{batch: b}
	if wait {
		h.done = make(chan struct{})
	}
	select {
	case e.batches <- h:
	case <-e.over:
		return errEpochOver
	}
	if !wait {
		return nil
	}
	select {
	case <-h.done:
		return nil
	case <-e.over:
		return errEpochOver
	}
}
