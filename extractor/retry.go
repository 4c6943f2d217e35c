package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convstream/internal/conv"
)

// patience is how long a call is repeated that fails by anything but push-back.
const patience = 15 * time.Minute

// call does one call of the source, within the budget and past the breaker, and repeats it
// while that may help. Push-back is waited out for as long as it lasts.
func call[T any](ctx context.Context, e *Extractor, op Op, w conv.Window, do func(context.Context) (T, error)) (T, error) {
	var none T
	steps := newSteps(e.config.Retry)
	var failing time.Time // since when, by anything but push-back
	for {
		v, err := attempt(ctx, e, do)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return none, ctx.Err()
		case pushedBack(err):
			steps, failing = newSteps(e.config.Retry), time.Time{}
			e.hooks.Retrying(op, w, e.breaker.wait(), err)
			continue // the breaker waits
		case !temporary(err):
			return none, fmt.Errorf("%s %s: %w", op, w, err)
		}
		now := time.Now()
		if failing.IsZero() {
			failing = now
		}
		if now.Sub(failing) >= patience {
			return none, fmt.Errorf("%s %s: no success for %s: %w", op, w, patience, err)
		}
		wait := min(max(steps.NextBackOff(), retryAfter(err)), patience-now.Sub(failing))
		e.hooks.Retrying(op, w, wait, err)
		if err := sleep(ctx, wait); err != nil {
			return none, err
		}
	}
}

func attempt[T any](ctx context.Context, e *Extractor, do func(context.Context) (T, error)) (T, error) {
	var none T
	// The budget comes first: a call that waited for it must not pass a breaker that has
	// opened meanwhile.
	if err := sleep(ctx, e.limiter.Reserve().Delay()); err != nil {
		return none, err
	}
	report, err := e.breaker.enter(ctx)
	if err != nil {
		return none, err
	}
	v, err := do(ctx)
	report(err)
	return v, err
}

// temporary says whether the same call may succeed later. What is no answer of the platform
// is the network's failure, which passes.
func temporary(err error) bool {
	var api *APIError
	if errors.As(err, &api) {
		return api.Temporary()
	}
	return !errors.Is(err, conv.ErrNoBaseline)
}

// sleep waits, but no longer than ctx lasts.
func sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
