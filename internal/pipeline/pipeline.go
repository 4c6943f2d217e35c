package pipeline

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// Extractor reads conversation rows from the platform's asynchronous jobs. Its methods wait
// out push-back by themselves; an error they return is final for the run, but for
// conv.ErrJobGone, conv.ErrJobDeadline and conv.ErrNoJob, which mean that the window needs a new
// job.
type Extractor interface {
	Submit(ctx context.Context, w conv.Window) (conv.Job, error)
	// Await polls until the job has ended.
	Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error)
	// Read hands over the rows behind a position, in order, and the end of every page. A page
	// that broke off is handed over again from its first row.
	Read(ctx context.Context, w conv.Window, job conv.Job, from conv.Position, emit func(conv.Chunk) error) error
	// Baseline is the platform's own count of the rows of a stretch of time, whole UTC days
	// where Config.Conversations is set, or conv.ErrNoBaseline.
	Baseline(ctx context.Context, w conv.Window) (int64, error)
	// Availability is the platform's watermark, epoch ms: all rows before it can be had. It is
	// asked for only where Config.Conversations is set.
	Availability(ctx context.Context) (int64, error)
	// Pushed counts the calls so far that the platform has pushed back.
	Pushed() uint64
	// Cancel aborts a job that nobody will read. Refusals are not errors.
	Cancel(ctx context.Context, w conv.Window, job conv.Job) error
}

// Contract turns a row into the value of its record.
type Contract interface {
	// Encode appends the value to dst. A row that breaks the contract leaves dst as it was,
	// and Facts.Reject says why. Where it departs from the contract is appended to drift, each
	// field and kind once.
	Encode(dst []byte, schemaID uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts)
}

// Selector says which rows a derived route takes, and under which key.
type Selector interface {
	// Select says whether the route takes the row. An error means that it cannot be said.
	Select(row *conv.Row) (bool, error)
	// Key appends the record key to dst. An error means that the row has none.
	Key(dst []byte, row *conv.Row) ([]byte, error)
}

// Route is a derived route: rows that are published go to its topic as well, in the same
// transaction.
type Route struct {
	Name     string
	SchemaID uint32
	Contract Contract
	Selector Selector
	// Wider says that the contract publishes of a row what the primary route's does not, or more
	// plainly: then a row that differs in that alone is a revision too.
	Wider bool
	// Own are the sources that only this contract reads, and the objects around them: where rows
	// that the route takes depart from the contract there, that is drift of the route. A route that
	// has some is Wider.
	Own map[string]bool
}

// Rules are constraints of the user's own on rows that keep the contract.
type Rules interface {
	// Check says why a row is to be a dead letter, nil where it is not.
	Check(row *conv.Row) *conv.Reject
}

// Redactor takes private values out of rows that are kept as they came.
type Redactor interface {
	// Redact appends the row's JSON without its private values to dst. ok is false where it
	// cannot tell them, so that the row must not be kept.
	Redact(dst []byte, row *conv.Row) (out []byte, ok bool)
}

// Publisher is the way into Kafka. Commit, Heartbeat, Claim and Recover are called from one
// goroutine at a time, History, Routed and Limits from any.
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
	// Dead reads back the dead letters of the ranges, and perhaps others, but none of derived routes.
	Dead(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Stored, error]
	// Routed reads back what derived routes have of the ranges, and the dead letters of them.
	Routed(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Routed, error]
	// Limits says which records the topic of a derived route takes; "" is the row topic.
	Limits(route string) conv.Limits
	// CheckRetention returns an error if Kafka would soon delete rows as old as oldest, epoch ms.
	CheckRetention(ctx context.Context, oldest int64) error
}

// Config says how a pipeline runs.
type Config struct {
	Org      string
	Dialect  string
	Query    string // hash of the submit payload's fixed part
	SchemaID uint32

	Routes   []Route
	Known    map[string]bool // fields beside the contract's that derived routes read: their keys are no drift
	Rules    Rules           // nil for none
	Redactor Redactor        // of what becomes a dead letter; nil keeps it as it came

	// Conversations says that rows are conversations: a window's job brings every one that
	// lived in it, they change for a while, the platform counts those of whole UTC days, and it
	// says how far its data reach.
	Conversations bool

	Limit   int64           // most rows of one job: a result that reaches it is cut off; 0 for none
	Step    time.Duration   // length of a window
	Overlap time.Duration   // how far a job reaches back before its window
	Narrow  []time.Duration // what a window that lacks rows is cut into, falling
	Lag     time.Duration   // how long after its end a window may still get rows
	Settle  time.Duration   // and how long its rows may change, where they do
	Windows int             // how many are in flight at the most

	Interval  time.Duration // a batch is committed at this age
	Bytes     int           // or at this size
	Reconcile bool          // compare every window with the platform's count
	Reread    bool          // read windows however they stand: the source keeps what its jobs brought before
	Threshold float64       // share of the count that may be missing without an alert
}

func (c *Config) schedule() plan.Schedule {
	return plan.Schedule{Step: c.Step, Settle: c.Settle, Conversations: c.Conversations, Compare: c.Reconcile}
}

// Pipeline moves the rows of one organisation into Kafka.
type Pipeline struct {
	cfg      Config
	source   Extractor
	contract Contract
	kafka    Publisher
	history  *dedupe.History
	events   Events

	schedule plan.Schedule

	ledger    ledger
	mixed     bool          // the ledger knows rows of another query
	loading   chan struct{} // holds one token: one reader of old rows at a time
	ids       atomic.Uint64 // names batches and their owners to the history
	committed atomic.Uint64 // batches so far
	observed  observations
	clock     atomic.Int64 // by how much the platform's clock is ahead of ours, ms
	watermark atomic.Int64 // as last seen, epoch ms

	// finished are the windows that this call of Backfill, or this round of Follow, has
	// brought as far as it can.
	finished sync.Map

	unread sync.Map // why windows that were to be read again could not be, by window

	found map[conv.Window]conv.Checkpoint // the ledger as the last claim has found it
}

// New makes a pipeline.
func New(cfg Config, source Extractor, contract Contract, kafka Publisher, history *dedupe.History, events Events) *Pipeline {
	return &Pipeline{
		cfg: cfg, schedule: cfg.schedule(), source: source, contract: contract, kafka: kafka, history: history,
		events: events.orNothing(), loading: make(chan struct{}, 1),
	}
}

// Windows returns what is known to be committed, in order of time. It may be called while
// the pipeline runs.
func (p *Pipeline) Windows() []conv.Checkpoint {
	all := slices.Collect(maps.Values(p.ledger.all()))
	slices.SortFunc(all, func(a, b conv.Checkpoint) int { return a.Window.Compare(b.Window) })
	return all
}
