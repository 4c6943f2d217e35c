package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convstream/internal/conv"
)

const (
	// patience is how long a call is repeated that fails by anything but push-back.
	patience = 15 * time.Minute

	// firstPatience is the same until any call has been answered: an address that is wrong
	// does not become right by waiting.
	firstPatience = 30 * time.Second
)

// call does one call of the source and repeats it while that may help. Push-back is waited
// out for as long as it lasts.
func call[T any](ctx context.Context, e *Extractor, op Op, w conv.Window, do func(context.Context) (T, error)) (T, error) {
	var none T
	steps := newSteps(e.config.Retry)
	var failing time.Time // since when, by anything but push-back
	for {
		v, err := do(context.WithValue(ctx, gateKey{}, e.gate))
		if err == nil || isAnswer(err) {
			e.answered.Store(true)
		}
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return none, ctx.Err()
		case pushedBack(err):
			steps, failing = newSteps(e.config.Retry), time.Time{}
			e.hooks.Retrying(op, w, e.gate.wait(), err)
			continue // the gate waits
		case !temporary(err):
			return none, fmt.Errorf("%s: %w", naming(op, w), err)
		}
		now := time.Now()
		if failing.IsZero() {
			failing = now
		}
		left, problem := e.patience(now.Sub(failing))
		if left <= 0 {
			return none, fmt.Errorf("%s: %s: %w", naming(op, w), problem, err)
		}
		wait := min(max(steps.NextBackOff(), e.config.Retry.asked(err)), left)
		e.hooks.Retrying(op, w, wait, err)
		if err := sleep(ctx, wait); err != nil {
			return none, err
		}
	}
}

// patience is how much longer a call is repeated that has been failing for some time, and
// what to say of it when that is over.
func (e *Extractor) patience(failing time.Duration) (left time.Duration, problem string) {
	if e.answered.Load() {
		return patience - failing, fmt.Sprintf("no success for %s", patience)
	}
	return firstPatience - failing, fmt.Sprintf("the platform has not answered once in %s since the start; check source.region, or source.base_url and source.token_url, and the way there", firstPatience)
}

// naming is the call, and the window it is for.
func naming(op Op, w conv.Window) string {
	if w == (conv.Window{}) {
		return string(op)
	}
	return string(op) + " " + w.String()
}

// isAnswer says whether an error is an answer of the platform.
func isAnswer(err error) bool {
	var api *APIError
	return errors.As(err, &api) && api.Status != 0
}

// temporary says whether the same call may succeed later. What is no answer of the platform
// is the network's failure, which passes.
func temporary(err error) bool {
	var api *APIError
	if errors.As(err, &api) {
		return api.Temporary()
	}
	var stage interface{ Permanent() bool }
	if errors.As(err, &stage) && stage.Permanent() {
		return false
	}
	return !errors.Is(err, conv.ErrNoBaseline) && !errors.Is(err, conv.ErrNoWatermark)
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
