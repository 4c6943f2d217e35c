package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// Extractor reads conversation rows from the platform's asynchronous jobs. Its methods wait
// out push-back by themselves; an error they return is final for the run, but for
// conv.ErrJobGone and conv.ErrJobDeadline, which mean that the window needs a new job.
type Extractor interface {
	Submit(ctx context.Context, w conv.Window) (conv.Job, error)
	// Await polls until the job has ended.
	Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error)
	// Read hands over the rows behind a position, in order, and the end of every page. A page
	// that broke off is handed over again from its first row.
	Read(ctx context.Context, w conv.Window, job conv.Job, from conv.Position, emit func(conv.Chunk) error) error
	// Baseline is the platform's own count of the window's rows, or conv.ErrNoBaseline.
	Baseline(ctx context.Context, w conv.Window) (int64, error)
	// Cancel aborts a job that nobody will read. Refusals are not errors.
	Cancel(ctx context.Context, w conv.Window, job conv.Job) error
}

// Contract turns a row into the value of its record.
type Contract interface {
	// Encode appends the value to dst. A row that breaks the contract leaves dst as it was,
	// and Facts.Reject says why.
	Encode(dst []byte, schemaID uint32, row *conv.Row) ([]byte, conv.Facts)
}

// Publisher is the way into Kafka. Commit, Heartbeat, Claim and Recover are called from one
// goroutine at a time, History and Limits from any.
type Publisher interface {
	// Claim makes this run the pipeline's owner and returns the ledger.
	Claim(ctx context.Context, takeOver bool) (map[conv.Window]conv.Checkpoint, error)
	// Recover finds out what became of a failed commit. An error with Final() true ends the
	// run; any other is tried again.
	Recover(ctx context.Context) (map[conv.Window]conv.Checkpoint, error)
	// Commit publishes a batch with its checkpoint, all or nothing, and completes the
	// checkpoint. After an error the outcome is unknown.
	Commit(ctx context.Context, b *conv.Batch) error
	// Heartbeat renews the claim when it is due. Errors are those of Commit.
	Heartbeat(ctx context.Context) error
	// History reads back the rows and dead letters of the ranges, and perhaps others.
	History(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Stored, error]
	Limits() conv.Limits
}

// Config says how a pipeline runs.
type Config struct {
	Org       string
	Dialect   string
	Query     string // hash of the submit payload's fixed part
	SchemaID  uint32
	Limit     int64         // most rows of one job: a result that reaches it is cut off
	Step      time.Duration // length of a window
	Lag       time.Duration // how long after its end a window may still get rows
	Windows   int           // how many are in flight
	Interval  time.Duration // a batch is committed at this age
	Bytes     int           // or at this size
	Reconcile bool          // compare every window with the platform's count
	Threshold float64       // share of the count that may be missing without an alert
}

// Pipeline moves the rows of one organisation into Kafka.
type Pipeline struct {
	cfg      Config
	source   Extractor
	contract Contract
	kafka    Publisher
	history  *dedupe.History
	events   Events

	ledger    ledger
	loading   chan struct{} // holds one token: one reader of old rows at a time
	ids       atomic.Uint64 // names batches and their owners to the history
	committed atomic.Uint64 // batches so far
	observed  observations
}

// New makes a pipeline.
func New(cfg Config, source Extractor, contract Contract, kafka Publisher, history *dedupe.History, events Events) *Pipeline {
	return &Pipeline{
		cfg: cfg, source: source, contract: contract, kafka: kafka, history: history,
		events: events.orNothing(), loading: make(chan struct{}, 1),
	}
}

// recoverFor is how long commits may fail before a run gives up: long enough for a cluster
// to restart, short enough for a person to be called.
const recoverFor = 15 * time.Minute

// Backfill publishes the rows of an interval. It returns when every window of it is closed
// or incomplete; the summary speaks of the whole interval, whichever run did the work. When
// ctx ends, what has been read is committed before Backfill returns the cause.
func (p *Pipeline) Backfill(ctx context.Context, interval conv.Window, takeOver bool) (Summary, error) {
	windows, err := p.kafka.Claim(ctx, takeOver)
	if err != nil {
		return Summary{}, err
	}
	var failures failures
	for {
		p.adopt(windows)
		todo := plan.Windows(interval, p.cfg.Step, windows)
		p.events.Claimed(len(todo))
		err := p.runEpoch(ctx, todo)
		var lost *commitFailed
		if !errors.As(err, &lost) {
			return p.summary(interval), err
		}
		if windows, err = p.recover(ctx, &failures, lost); err != nil {
			return p.summary(interval), err
		}
	}
}

// adopt takes the ledger as the truth.
func (p *Pipeline) adopt(windows map[conv.Window]conv.Checkpoint) {
	p.history.Forget()
	p.ledger.replace(windows)
	for _, cp := range windows {
		p.observed.saw(cp.Job.Observation)
	}
	p.history.Expect(p.ledger.spans())
}

// failures remembers how commits failed since the last one that succeeded, to tell an outage
// from a loop.
type failures struct {
	since     time.Time
	committed uint64
	permanent string // where the last permanent error struck
	tries     int
}

// recover asks the publisher what was committed, until it answers.
func (p *Pipeline) recover(ctx context.Context, f *failures, lost *commitFailed) (map[conv.Window]conv.Checkpoint, error) {
	if lost.committed != f.committed || f.since.IsZero() {
		*f = failures{since: time.Now(), committed: lost.committed}
	}
	if lost.permanent() {
		if lost.at == f.permanent {
			return nil, fmt.Errorf("Kafka refuses the same batch again, so trying on is no use: %w", lost.err)
		}
		f.permanent = lost.at
	}
	for err := lost.err; ; {
		f.tries++
		if time.Since(f.since) > recoverFor {
			return nil, fmt.Errorf("no commit succeeded in %s: %w", recoverFor, err)
		}
		wait := plan.Backoff(f.tries)
		p.events.Recovering(err, wait)
		if !sleep(ctx, wait) {
			return nil, context.Cause(ctx)
		}
		var windows map[conv.Window]conv.Checkpoint
		if windows, err = p.kafka.Recover(ctx); err == nil {
			return windows, nil
		}
		var final interface{ Final() bool }
		if errors.As(err, &final) && final.Final() || ctx.Err() != nil {
			return nil, err
		}
	}
}

// sleep waits, and says whether it was left in peace.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Windows returns what is known to be committed, in order of time. It may be called while
// the pipeline runs.
func (p *Pipeline) Windows() []conv.Checkpoint {
	all := slices.Collect(maps.Values(p.ledger.all()))
	slices.SortFunc(all, func(a, b conv.Checkpoint) int {
		return cmp.Or(cmp.Compare(a.Window.From, b.Window.From), cmp.Compare(a.Window.To, b.Window.To))
	})
	return all
}

// Summary is what the ledger says of an interval.
type Summary struct {
	Windows    int
	Counters   conv.Counters
	Incomplete []conv.Window // rows are missing
	Unverified []conv.Window // no count was to be had
	Unasked    int           // published, and no count asked for
	Short      int64         // rows that the platform counts and reconciled windows lack: below the threshold
}

func (p *Pipeline) summary(interval conv.Window) Summary {
	var s Summary
	known := p.ledger.all()
	for _, w := range plan.Windows(interval, p.cfg.Step, known) {
		cp, ok := known[w]
		s.Windows++
		s.Counters = s.Counters.Add(cp.Counters)
		switch {
		case !ok || !cp.State.Whole():
			s.Incomplete = append(s.Incomplete, w)
		case cp.State == conv.Unverified:
			s.Unverified = append(s.Unverified, w)
		case cp.State == conv.Published:
			s.Unasked++
		case cp.Held != nil && cp.Expected != nil:
			s.Short += max(0, *cp.Expected-*cp.Held)
		}
	}
	return s
}
