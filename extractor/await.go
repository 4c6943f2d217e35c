package extractor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"convstream/internal/conv"
)

// Await polls the job until it has ended and returns how. A state that the dialect does not
// know is polled on, and progress decides nothing.
//
// A job that the platform no longer knows, has cancelled or let expire is conv.ErrJobGone.
// One that has not ended when the deadline has passed since its submission, by whichever
// process, is aborted and is conv.ErrJobDeadline.
func (e *Extractor) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	submitted := time.UnixMilli(job.Submitted)
	life := newLife(e.config.Poll, submitted)
	step := life.begin(time.Now())
	for n := 1; ; n++ {
		if err := sleep(ctx, step.least+jitter(step.most-step.least)); err != nil {
			return conv.JobStatus{}, err
		}
		status, err := e.status(ctx, w, job, life.limit(time.Now()))
		if ctx.Err() != nil {
			return conv.JobStatus{}, ctx.Err()
		}
		if err == nil {
			e.hooks.Polled(w, job, status, n, time.Since(submitted))
		}
		if step = life.answered(time.Now(), status, err); step.strange {
			e.hooks.UnknownState(w, job, status)
		}
		switch step.next {
		case jobEnded:
			e.ended(job, status)
			return status, nil
		case jobGone:
			return conv.JobStatus{}, lost(job, status, err)
		case jobLate:
			return conv.JobStatus{}, e.abandon(ctx, w, job)
		case callFailed:
			return conv.JobStatus{}, err
		}
	}
}

// status asks where the job stands. Push-back is waited out until the limit.
func (e *Extractor) status(ctx context.Context, w conv.Window, job conv.Job, limit time.Time) (conv.JobStatus, error) {
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	return call(ctx, e, OpStatus, w, func(ctx context.Context) (conv.JobStatus, error) {
		return e.source.Status(ctx, job)
	})
}

// lost is a job without a result: the platform refuses it, or says that it has none.
func lost(job conv.Job, s conv.JobStatus, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", conv.ErrJobGone, err)
	}
	return fmt.Errorf("%w: job %s is %s", conv.ErrJobGone, job.ID, cmp.Or(s.Word, "lost"))
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
