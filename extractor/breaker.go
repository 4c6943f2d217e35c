package extractor

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// breaker stops all requests once one of them was pushed back (429, 503). When the wait is
// over, one goes ahead as a probe; the others follow if it is not pushed back too.
//
// The circuit keeps open, half-open and closed apart. The wait is kept beside it, because
// it changes with what the platform asks for, and because requests wait here where those of
// a circuit are turned away. The gate's lock guards all of it.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	retry   Retry
	until   time.Time // no request goes out before
	steps   *backoff.ExponentialBackOff
}

func newBreaker(retry Retry) *breaker {
	return &breaker{
		circuit: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			MaxRequests:  1,
			Timeout:      time.Nanosecond, // until is what keeps it open
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures > 0 },
			IsSuccessful: func(err error) bool { return !pushedBack(err) },
			IsExcluded:   toldNothing,
		}),
		retry: retry,
		steps: newSteps(retry),
	}
}

// toldNothing says that a request's end says nothing of the platform: another one has to be
// the probe.
func toldNothing(err error) bool {
	return errors.Is(err, errNoVerdict) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// newSteps doubles from Initial to Max.
func newSteps(r Retry) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: r.Initial, Multiplier: 2, MaxInterval: r.Max}
}

// note sets the wait that follows a request. Those that are pushed back while the breaker is
// open already, because they went out before, are not a further step.
func (b *breaker) note(err error) {
	now := time.Now()
	late := now.Before(b.until)
	switch {
	case pushedBack(err):
		wait := b.retry.asked(err)
		if !late {
			wait = max(wait, b.steps.NextBackOff())
		}
		if until := now.Add(wait); until.After(b.until) {
			b.until = until
		}
	case err == nil && !late:
		b.steps.Reset()
	}
}

// asked is the wait that the platform asks for, 0 where it asks for none. Up to a tenth comes
// on top of it, Max at most, so that all who were told the same do not come back at once.
func (r Retry) asked(err error) time.Duration {
	var api *APIError
	if errors.As(err, &api) && api.HasRetryAfter {
		return api.RetryAfter + jitter(min(api.RetryAfter/10, r.Max))
	}
	return 0
}

// jitter is a random time from 0 to limit.
func jitter(limit time.Duration) time.Duration { return rand.N(limit + 1) }
