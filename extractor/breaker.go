package extractor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// breaker stops all calls once one of them was pushed back (429, 503). When the wait is
// over, one call goes ahead as a probe; the others follow if it is not pushed back too.
//
// The circuit keeps open, half-open and closed apart. The wait is kept beside it, because
// it changes with what the platform asks for, and because callers here wait where those of
// a circuit are turned away.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	retry   Retry

	mu    sync.Mutex
	until time.Time // no call goes out before
	steps *backoff.ExponentialBackOff
}

func newBreaker(retry Retry) *breaker {
	return &breaker{
		circuit: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			MaxRequests:  1,
			Timeout:      time.Nanosecond, // until is what keeps it open
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures > 0 },
			IsSuccessful: func(err error) bool { return !pushedBack(err) },
			IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		}),
		retry: retry,
		steps: newSteps(retry),
	}
}

// newSteps doubles from Initial to Max.
func newSteps(r Retry) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: r.Initial, Multiplier: 2, MaxInterval: r.Max}
}

// enter waits until a call may go out. The caller then reports what became of it.
func (b *breaker) enter(ctx context.Context) (report func(error), err error) {
	for {
		wait := b.wait()
		if wait <= 0 {
			done, err := b.circuit.Allow()
			if err == nil {
				return func(err error) { b.note(err); done(err) }, nil
			}
			wait = b.retry.Initial // a probe is under way: look again
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// wait is how long no call may go out.
func (b *breaker) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.until)
}

// note sets the wait that follows a call. Calls that are pushed back while the breaker is
// open already, because they went out before, are not a further step.
func (b *breaker) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, wait := time.Now(), retryAfter(err)
	if !now.Before(b.until) {
		switch {
		case pushedBack(err):
			wait = max(wait, b.steps.NextBackOff())
		case err == nil:
			b.steps.Reset()
		}
	}
	if until := now.Add(wait); pushedBack(err) && until.After(b.until) {
		b.until = until
	}
}

// retryAfter is the wait that the platform asks for, 0 where it asks for none.
func retryAfter(err error) time.Duration {
	var api *APIError
	if errors.As(err, &api) && api.HasRetryAfter {
		return api.RetryAfter
	}
	return 0
}
