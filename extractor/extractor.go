package extractor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"convstream/internal/conv"
)

// Config sets pace and patience. Every field must be set, but for Stage and Spool; [Defaults]
// has the guide's values.
type Config struct {
	Poll  Poll
	Retry Retry

	// RequestsPerMinute is the share of the organisation's API limit that all requests of an
	// Extractor together may take, those for tokens and repeated ones included. It is kept in
	// every minute, wherever that begins.
	RequestsPerMinute int

	// Stage keeps pages before their rows are handed on; nil for none. Spool is the folder for
	// a page that arrives meanwhile.
	Stage Stage
	Spool string
}

// Poll paces the status requests of a job.
type Poll struct {
	Initial  time.Duration // first wait; doubles with every request
	Max      time.Duration // where doubling stops
	Jitter   time.Duration // each wait is longer by a random time up to this
	Deadline time.Duration // a job not finished this long after its submission is given up
}

// Retry paces the repetition of a call that failed.
type Retry struct {
	Initial time.Duration // first wait; doubles with every failure
	Max     time.Duration // where doubling stops
}

// Defaults returns the guide's values.
func Defaults() Config {
	return Config{
		Poll:              Poll{Initial: 10 * time.Second, Max: 2 * time.Minute, Jitter: 5 * time.Second, Deadline: 24 * time.Hour},
		Retry:             Retry{Initial: time.Second, Max: time.Minute},
		RequestsPerMinute: 300,
	}
}

// Validate names every value that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("source.%s is %v: want %s", field, value, want))
		}
	}
	check(c.Poll.Initial > 0, "poll.initial", c.Poll.Initial, "more than 0")
	check(c.Poll.Max >= c.Poll.Initial, "poll.max", c.Poll.Max, "at least poll.initial")
	check(c.Poll.Jitter >= 0, "poll.jitter", c.Poll.Jitter, "0 or more")
	check(c.Poll.Deadline > 0, "poll.deadline", c.Poll.Deadline, "more than 0")
	check(c.Retry.Initial > 0, "retry.initial", c.Retry.Initial, "more than 0")
	check(c.Retry.Max >= c.Retry.Initial, "retry.max", c.Retry.Max, "at least retry.initial")
	check(c.RequestsPerMinute >= 1, "requests_per_minute", c.RequestsPerMinute, "1 or more")
	return errors.Join(errs...)
}

// Hooks are told what happens. Any of them may be nil. They are called from the goroutine
// that called the Extractor, and should return soon.
type Hooks struct {
	// Polled follows every answer to a status request: the n-th that this process made for
	// the job, at the given time since the job's submission.
	Polled func(w conv.Window, job conv.Job, status conv.JobStatus, n int, since time.Duration)

	// UnknownState follows the first answer about a job whose word for the state the dialect
	// does not have. Polling goes on.
	UnknownState func(w conv.Window, job conv.Job, status conv.JobStatus)

	// Retrying comes before the wait that follows a failed call or a broken page.
	Retrying func(op Op, w conv.Window, wait time.Duration, err error)

	// PageRead follows a page that was handed on whole. At is where it stands, Row being
	// the number of its rows.
	PageRead func(w conv.Window, job conv.Job, at conv.Position, facts conv.PageFacts)

	// CancelRefused says that the platform would not abort a job, which then runs on.
	CancelRefused func(job conv.Job, err error)
}

func (h *Hooks) fill() {
	if h.Polled == nil {
		h.Polled = func(conv.Window, conv.Job, conv.JobStatus, int, time.Duration) {}
	}
	if h.UnknownState == nil {
		h.UnknownState = func(conv.Window, conv.Job, conv.JobStatus) {}
	}
	if h.Retrying == nil {
		h.Retrying = func(Op, conv.Window, time.Duration, error) {}
	}
	if h.PageRead == nil {
		h.PageRead = func(conv.Window, conv.Job, conv.Position, conv.PageFacts) {}
	}
	if h.CancelRefused == nil {
		h.CancelRefused = func(conv.Job, error) {}
	}
}

// Extractor gets rows from one organisation. All its calls share one budget of requests and
// one circuit breaker, so there must be one Extractor per organisation. Its methods may be
// called from several goroutines, and return ctx.Err() once ctx is done.
type Extractor struct {
	source   Source
	splitter *Splitter
	config   Config
	hooks    Hooks
	gate     *gate
	answered atomic.Bool // a call has got an answer of the platform, be it a refusal
	endings  sync.Map    // with a Stage: conv.JobStatus by the id of a job that is to be read
}

// New returns an Extractor. The configuration must be valid.
func New(source Source, config Config, hooks Hooks) *Extractor {
	hooks.fill()
	return &Extractor{
		source:   source,
		splitter: NewSplitter(source.Envelope(), source.Keys()),
		config:   config,
		hooks:    hooks,
		gate:     newGate(config),
	}
}

// Pushed is how many requests the platform has pushed back so far (429, 503).
func (e *Extractor) Pushed() uint64 { return e.gate.pushedBack() }

// Submit asks the platform for the window's rows, and returns the job that collects them.
// conv.ErrNoJob says that the platform went on failing to take the query.
func (e *Extractor) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	job, err := call(ctx, e, OpSubmit, w, func(ctx context.Context) (conv.Job, error) {
		return e.source.Submit(ctx, w)
	})
	if faulty(err) {
		err = fmt.Errorf("%w: %w", conv.ErrNoJob, err)
	}
	return job, err
}

// Baseline is the platform's own count of the window's rows; conv.ErrNoBaseline where it
// offers none.
func (e *Extractor) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	return call(ctx, e, OpBaseline, w, func(ctx context.Context) (int64, error) {
		return e.source.Baseline(ctx, w)
	})
}

// Availability is the platform's watermark, epoch ms: every row before it can be asked for.
// conv.ErrNoWatermark where the dialect has none.
func (e *Extractor) Availability(ctx context.Context) (int64, error) {
	return call(ctx, e, OpAvailability, conv.Window{}, e.source.Availability)
}

// Cancel aborts a job that nobody will read. A platform that refuses, because the job is
// gone or the permission is missing, is reported to Hooks.CancelRefused and is no error.
func (e *Extractor) Cancel(ctx context.Context, w conv.Window, job conv.Job) error {
	_, err := call(ctx, e, OpCancel, w, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, e.source.Cancel(ctx, job)
	})
	var api *APIError
	if errors.As(err, &api) && (api.Gone() || api.Status == http.StatusForbidden) {
		e.hooks.CancelRefused(job, err)
		return nil
	}
	return err
}
