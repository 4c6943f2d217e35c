package extractor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"convstream/internal/conv"
)

// fakeSource answers from functions and notes when it was asked what.
type fakeSource struct {
	status   func(n int) (conv.JobStatus, error)
	page     func(ctx context.Context, n int, token string) (io.ReadCloser, error)
	submit   func(n int) (conv.Job, error)
	cancel   func(n int) error
	baseline func() (int64, error)

	available func() (int64, error)

	mu     sync.Mutex
	counts map[Op]int
	asked  []asked
}

type asked struct {
	op    Op
	token string
	at    time.Time
}

func (f *fakeSource) note(op Op, token string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[Op]int{}
	}
	f.counts[op]++
	f.asked = append(f.asked, asked{op, token, time.Now()})
	return f.counts[op]
}

// passed is one request of the fake's, made when it has its turn.
func passed[T any](ctx context.Context, f *fakeSource, op Op, token string, do func(n int) (T, error)) (T, error) {
	report, err := Pass(ctx, op)
	if err != nil {
		var none T
		return none, err
	}
	v, err := do(f.note(op, token))
	report(err)
	return v, err
}

func (f *fakeSource) Submit(ctx context.Context, _ conv.Window) (conv.Job, error) {
	return passed(ctx, f, OpSubmit, "", func(n int) (conv.Job, error) {
		if f.submit != nil {
			return f.submit(n)
		}
		return newJob(), ctx.Err()
	})
}

func (f *fakeSource) Status(ctx context.Context, _ conv.Job) (conv.JobStatus, error) {
	return passed(ctx, f, OpStatus, "", f.status)
}

func (f *fakeSource) Page(ctx context.Context, _ conv.Job, token string) (io.ReadCloser, error) {
	return passed(ctx, f, OpResults, token, func(n int) (io.ReadCloser, error) { return f.page(ctx, n, token) })
}

func (f *fakeSource) Cancel(ctx context.Context, _ conv.Job) error {
	_, err := passed(ctx, f, OpCancel, "", func(n int) (struct{}, error) {
		if f.cancel != nil {
			return struct{}{}, f.cancel(n)
		}
		return struct{}{}, nil
	})
	return err
}

func (f *fakeSource) Baseline(ctx context.Context, _ conv.Window) (int64, error) {
	return passed(ctx, f, OpBaseline, "", func(int) (int64, error) { return f.baseline() })
}

func (f *fakeSource) Availability(ctx context.Context) (int64, error) {
	if f.available == nil {
		return 0, conv.ErrNoWatermark
	}
	return passed(ctx, f, OpAvailability, "", func(int) (int64, error) { return f.available() })
}

func (f *fakeSource) Envelope() Envelope { return reportsEnvelope }
func (f *fakeSource) Keys() Keys         { return reportsKeys }

// waits are the times between the calls of one kind, the first counted from start.
func (f *fakeSource) waits(op Op, start time.Time) (waits []time.Duration) {
	for _, a := range f.asked {
		if a.op == op {
			waits = append(waits, a.at.Sub(start))
			start = a.at
		}
	}
	return waits
}

var window = conv.Window{From: 1704067200000, To: 1704153600000}

func newJob() conv.Job { return conv.Job{ID: "job-1", Submitted: time.Now().UnixMilli()} }

// quick is the guide's configuration with a budget that is never in the way.
func quick() Config {
	c := Defaults()
	c.RequestsPerMinute = 6_000_000
	return c
}

func refuse(op Op, status int) error { return &APIError{Op: op, Status: status} }

func pushBack(op Op, after time.Duration) error {
	return &APIError{Op: op, Status: http.StatusTooManyRequests, RetryAfter: after, HasRetryAfter: after > 0}
}

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

var errNetwork = errors.New("connection refused")

func TestConfigNamesEveryValueThatMakesNoSense(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Poll: Poll{Max: -1, Jitter: -1}, Retry: Retry{Max: -1}}.Validate()
	for _, field := range []string{"poll.initial", "poll.max", "poll.jitter", "poll.deadline", "retry.initial", "retry.max", "requests_per_minute"} {
		if err == nil || !strings.Contains(err.Error(), "source."+field+" is ") {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
}
