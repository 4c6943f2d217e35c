package extractor

import (
	"context"
	"io"

	"convstream/internal/conv"
)

// Source is the platform's analytics API in one dialect. Each method is one call and
// retries nothing but a refused token; they may be called from several goroutines. Before
// every request that it sends, a method calls [Pass].
//
// A call that the platform answered with a refusal returns an [*APIError]. Any other error
// is taken for a failure of the network and asked again.
type Source interface {
	// Submit asks for the window's rows. It does not wait for the query to run.
	Submit(ctx context.Context, w conv.Window) (conv.Job, error)

	// Status says where the job stands.
	Status(ctx context.Context, job conv.Job) (conv.JobStatus, error)

	// Page opens the results page that token names, "" being the first. The caller closes
	// it. Reading from it fails once ctx is done.
	Page(ctx context.Context, job conv.Job, token string) (io.ReadCloser, error)

	// Cancel aborts the job.
	Cancel(ctx context.Context, job conv.Job) error

	// Baseline is the platform's own count of the window's rows; conv.ErrNoBaseline where
	// the answer holds none.
	Baseline(ctx context.Context, w conv.Window) (int64, error)

	// Availability is the platform's watermark, epoch ms: every row before it can be asked
	// for. conv.ErrNoWatermark where the dialect has none.
	Availability(ctx context.Context) (int64, error)

	// Envelope says how a results page is laid out.
	Envelope() Envelope

	// Keys says where a row keeps its conversation id and its times.
	Keys() Keys
}

// Op is a call of the platform's API.
type Op string

// The calls.
const (
	OpToken    Op = "token" // of OAuth; a part of every other call
	OpSubmit   Op = "submit"
	OpStatus   Op = "status"
	OpResults  Op = "results"
	OpCancel   Op = "cancel"
	OpBaseline Op = "baseline"

	OpAvailability Op = "availability"

	OpStore Op = "store" // no call of the platform: of the Stage
)
