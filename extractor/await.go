package extractor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"convstream/internal/conv"
)

// Await polls the job until it has ended and returns how. A state that the dialect does not
// know is polled on, and progress decides nothing.
//
// A job that the platform no longer knows is conv.ErrJobGone. One that has not ended when
// the deadline has passed since its submission, by whichever process, is aborted and is
// conv.ErrJobDeadline.
func (e *Extractor) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	poll := e.config.Poll
	submitted := time.UnixMilli(job.Submitted)
	deadline := submitted.Add(poll.Deadline)
	wait := poll.Initial
	adopted := time.Since(submitted) > poll.Initial // it was submitted before a restart
	for n := 1; ; n++ {
		if n > 1 || !adopted {
			if err := sleep(ctx, min(wait+jitter(poll.Jitter), time.Until(deadline))); err != nil {
				return conv.JobStatus{}, err
			}
			wait = min(2*wait, poll.Max)
		}
		status, err := e.status(ctx, w, job, deadline)
		switch {
		case ctx.Err() != nil:
			return conv.JobStatus{}, ctx.Err()
		case gone(err):
			return conv.JobStatus{}, fmt.Errorf("%w: %w", conv.ErrJobGone, err)
		case err == nil:
			e.hooks.Polled(w, job, status, n, time.Since(submitted))
			if status.State.Ended() {
				return status, nil
			}
		}
		if !time.Now().Before(deadline) {
			return conv.JobStatus{}, e.abandon(ctx, w, job)
		}
		if err != nil {
			return conv.JobStatus{}, err
		}
	}
}

// status asks where the job stands. Push-back is waited out until the deadline, but each
// request has the longest poll wait at least: the last one, and the one for a job that
// another process left long ago and that may have ended since.
func (e *Extractor) status(ctx context.Context, w conv.Window, job conv.Job, deadline time.Time) (conv.JobStatus, error) {
	if least := time.Now().Add(e.config.Poll.Max); deadline.Before(least) {
		deadline = least
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return call(ctx, e, OpStatus, w, func(ctx context.Context) (conv.JobStatus, error) {
		return e.source.Status(ctx, job)
	})
}

// abandon aborts a job that is past its deadline. Whether that succeeds changes nothing for
// the window.
func (e *Extractor) abandon(ctx context.Context, w conv.Window, job conv.Job) error {
	err := e.Cancel(ctx, w, job)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		e.hooks.CancelRefused(job, err)
	}
	return fmt.Errorf("%w of %s: job %s", conv.ErrJobDeadline, e.config.Poll.Deadline, job.ID)
}

// jitter is a random time from 0 to limit.
func jitter(limit time.Duration) time.Duration { return rand.N(limit + 1) }
