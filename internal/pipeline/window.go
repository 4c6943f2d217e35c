package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// attempts is how many jobs a run submits for one window before it calls the window
// incomplete. Adopted jobs count.
const attempts = 3

// worker takes one window through its life.
type worker struct {
	*epoch
	cp    conv.Checkpoint // the window as it stands once the open batch is committed
	batch *conv.Batch     // the open batch, nil before its first row
	age   *time.Timer     // fires when the open batch is old enough to be committed
	tries int             // jobs that this run has given the window

	page int // page being read
	seen int // rows of it that were handled before: they are read again, and not counted again
}

// work takes a window from where the ledger has it to its end.
func (e *epoch) work(w conv.Window) error {
	cp := e.ledger.at(w)
	if cp.State.Closed() || cp.State == conv.Published && !e.cfg.Reconcile {
		return nil
	}
	r := &worker{epoch: e, cp: cp, age: time.NewTimer(0)}
	r.age.Stop()
	defer r.age.Stop()
	if cp.State == conv.Incomplete || cp.Query != e.cfg.Query {
		r.cp.Job = conv.Job{}
		r.cp.State = conv.Planned
	}
	err := r.run()
	if errors.Is(err, errEpochOver) || errors.Is(context.Cause(e.ctx), errEpochOver) {
		return nil // the committer knows why
	}
	return err
}

func (r *worker) run() error {
	for r.tries = 1; ; r.tries++ {
		problem, err := r.attempt()
		if err != nil || problem == "" {
			return err
		}
		if r.tries == attempts {
			return r.close(conv.Incomplete, problem)
		}
		wait := plan.Backoff(r.tries + 1)
		r.events.Retrying(r.cp.Window, problem, wait)
		if !sleep(r.ctx, wait) {
			return context.Cause(r.ctx)
		}
		r.cp.Job = conv.Job{}
		r.cp.State = conv.Planned
	}
}

// attempt extracts the window's rows and compares them with the platform's count. It
// returns the problem that another job may mend, "" where there is none.
func (r *worker) attempt() (problem string, err error) {
	if r.cp.State != conv.Published && r.cp.State != conv.Unverified {
		if problem, err = r.extract(); err != nil || problem != "" {
			return problem, err
		}
		if err := r.close(conv.Published, ""); err != nil {
			return "", err
		}
	}
	if !r.cfg.Reconcile {
		return "", nil
	}
	return r.reconcile()
}

// extract reads the window's job to its end; a job that the ledger knows is adopted.
func (r *worker) extract() (problem string, err error) {
	if r.cp.Job.ID == "" {
		if err := r.submit(); err != nil {
			return "", err
		}
	}
	status, err := r.source.Await(r.ctx, r.cp.Window, r.cp.Job)
	switch {
	case errors.Is(err, conv.ErrJobGone), errors.Is(err, conv.ErrJobDeadline):
		return err.Error(), nil
	case err != nil:
		return "", fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	r.events.Ended(r.cp.Window, r.cp.Job, status)
	if status.State == conv.JobFailed {
		return fmt.Sprintf("job %s ended as %s: %s", r.cp.Job.ID, status.Word, status.Error), nil
	}
	err = r.read()
	switch {
	case errors.Is(err, conv.ErrJobGone):
		return err.Error(), nil
	case err != nil:
		return "", fmt.Errorf("window %s: %w", r.cp.Window, err)
	case status.State == conv.JobPartial:
		return r.partial(status)
	}
	return "", nil
}

// submit gets the window a job, and has the ledger know it before the first poll, so that a
// restart adopts the job instead of submitting another.
func (r *worker) submit() error {
	job, err := r.source.Submit(r.ctx, r.cp.Window)
	if err != nil {
		return fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	r.cp.Job = job
	r.cp.Attempt++
	r.cp.Position = conv.Position{}
	r.cp.State = conv.Submitted
	r.cp.Dialect, r.cp.Query = r.cfg.Dialect, r.cfg.Query
	r.cp.LastError = ""
	if err := r.flush(true); err != nil {
		return err
	}
	r.events.Submitted(r.cp.Window, job, r.cp.Attempt)
	return nil
}

// partial tells of a result that lacks rows. What came is published.
func (r *worker) partial(status conv.JobStatus) (string, error) {
	e := r.event("partial", map[string]any{
		"job": r.cp.Job.ID, "status": status.Word, "counters": r.cp.Counters,
		"min_time": r.cp.MinTime, "max_time": r.cp.MaxTime,
	})
	r.open().Events = append(r.open().Events, e)
	return fmt.Sprintf("job %s ended as %s: rows are missing", r.cp.Job.ID, status.Word), r.flush(true)
}

// close commits the window's end and waits until Kafka has it.
func (r *worker) close(state conv.State, problem string) error {
	r.cp.State = state
	r.cp.LastError = problem
	if state == conv.Incomplete {
		e := r.event("incomplete", map[string]any{"reason": problem, "held": r.cp.Held, "expected": r.cp.Expected})
		e.Severity = "alert"
		r.open().Events = append(r.open().Events, e)
		r.events.Alert(e)
	}
	if err := r.flush(true); err != nil {
		return err
	}
	r.events.Closed(r.cp)
	return nil
}

// event is an entry for the events topic about this window.
func (r *worker) event(kind string, detail map[string]any) conv.Event {
	w := r.cp.Window
	return conv.Event{Kind: kind, Time: time.Now().UnixMilli(), Window: &w, Detail: detail}
}

// open returns the open batch, and begins one where there is none.
func (r *worker) open() *conv.Batch {
	if r.batch == nil {
		r.batch = &conv.Batch{ID: r.batchIDs.Add(1)}
		r.age.Reset(r.cfg.Interval)
	}
	return r.batch
}

// flush hands over the open batch, or with wait even one that holds nothing but the
// checkpoint, and returns once it is committed.
func (r *worker) flush(wait bool) error {
	if r.batch == nil && !wait {
		return nil
	}
	b := r.open()
	r.age.Stop()
	r.batch = nil
	b.Checkpoint = r.cp.Clone()
	return r.hand(b, wait)
}
