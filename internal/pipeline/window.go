package pipeline

import (
	"cmp"
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
	id    uint64          // names the worker to the history
	cp    conv.Checkpoint // the window as it stands once the open batch is committed
	batch *conv.Batch     // the open batch, nil before its first row
	age   *time.Timer     // fires when the open batch is old enough to be committed
	tries int             // jobs that this run has given the window

	page     int               // page being read
	seen     int               // rows of it that were handled before: they are read again, and not counted again
	last     conv.Key          // of the row before
	pageEnd  conv.Key          // of the last row of the page before
	dead     map[conv.Key]bool // dead letters that the job has brought
	zoneless bool              // a timestamp without a zone was told of
	count    int64             // of the job's rows as the platform last said, -1 where it did not
}

// setback is why a window is not whole yet. The zero value is none.
type setback struct {
	reason string
	final  bool // another job now would not mend it
}

// work takes a window from where the ledger has it to its end.
func (e *epoch) work(w conv.Window) error {
	cp := e.ledger.at(w)
	if cp.State.Closed() || cp.State == conv.Published && !e.cfg.Reconcile {
		return nil
	}
	r := &worker{epoch: e, id: e.ids.Add(1), cp: cp, age: time.NewTimer(0), dead: map[conv.Key]bool{}}
	r.age.Stop()
	defer r.age.Stop()
	err := r.run()
	if errors.Is(err, errEpochOver) || errors.Is(context.Cause(e.ctx), errEpochOver) {
		return nil // the committer knows why
	}
	return err
}

func (r *worker) run() error {
	if err := r.dropUseless(); err != nil {
		return err
	}
	for r.tries = 1; ; r.tries++ {
		back, err := r.attempt()
		if err != nil || back.reason == "" {
			return err
		}
		if back.final || r.tries == attempts {
			return r.close(conv.Incomplete, back.reason)
		}
		wait := plan.Backoff(r.tries + 1)
		r.events.Retrying(r.cp.Window, back.reason, wait)
		if !sleep(r.ctx, wait) {
			return context.Cause(r.ctx)
		}
		r.cp.Job = conv.Job{}
		r.cp.State = conv.Planned
	}
}

// dropUseless forgets a job that cannot make the window whole: one that was read and did not,
// or one of another query, which is aborted.
func (r *worker) dropUseless() error {
	if r.cp.State != conv.Incomplete && r.cp.Query == r.cfg.Query {
		return nil
	}
	if r.cp.Job.ID != "" && r.cp.State != conv.Incomplete {
		if err := r.source.Cancel(r.ctx, r.cp.Window, r.cp.Job); err != nil {
			return fmt.Errorf("window %s: %w", r.cp.Window, err)
		}
	}
	r.cp.Job = conv.Job{}
	r.cp.State = conv.Planned
	return nil
}

// attempt extracts the window's rows and compares them with the platform's count.
func (r *worker) attempt() (setback, error) {
	if r.cp.State != conv.Published && r.cp.State != conv.Unverified {
		back, err := r.extract()
		if err != nil || back.reason != "" {
			return back, err
		}
		if err := r.close(conv.Published, ""); err != nil {
			return setback{}, err
		}
	}
	if !r.cfg.Reconcile {
		return setback{}, nil
	}
	return r.reconcile()
}

// extract reads the window's job to its end; a job that the ledger knows is adopted.
func (r *worker) extract() (setback, error) {
	if r.cp.Job.ID == "" {
		if err := r.submit(); err != nil {
			return setback{}, err
		}
	}
	status, err := r.source.Await(r.ctx, r.cp.Window, r.cp.Job)
	switch {
	case errors.Is(err, conv.ErrJobGone), errors.Is(err, conv.ErrJobDeadline):
		return setback{reason: err.Error()}, nil
	case err != nil:
		return setback{}, fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	r.events.Ended(r.cp.Window, r.cp.Job, status)
	if status.State == conv.JobFailed {
		return setback{reason: fmt.Sprintf("job %s ended as %s: %s", r.cp.Job.ID, status.Word, status.Error)}, nil
	}
	r.count = status.Count
	err = r.read()
	switch {
	case errors.Is(err, conv.ErrJobGone):
		return setback{reason: err.Error()}, nil
	case err != nil:
		return setback{}, fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	back := r.lacking(status)
	if back.reason == "" || r.early() != "" {
		return back, nil
	}
	return back, r.partial(back.reason)
}

// lacking says why a result that was read to its end may lack rows.
func (r *worker) lacking(status conv.JobStatus) setback {
	job, rows := r.cp.Job.ID, r.cp.JobRows
	switch {
	case r.early() != "":
		return setback{reason: r.early(), final: true}
	case status.State == conv.JobPartial:
		return setback{reason: fmt.Sprintf("job %s ended as %s: rows are missing", job, status.Word)}
	case max(rows, r.count) >= r.cfg.Limit:
		return setback{reason: fmt.Sprintf("job %s reached source.limit (%d rows): raise it, or run backfill for each half of the window", job, r.cfg.Limit), final: true}
	case rows < r.count:
		return setback{reason: fmt.Sprintf("job %s counts %d rows, and its pages hold %d", job, r.count, rows)}
	}
	return setback{}
}

// early says that the job was submitted before all rows of the window could be there, ""
// where it was not.
func (r *worker) early() string {
	over := r.cp.Window.To + r.cfg.Lag.Milliseconds()
	if r.cp.Job.PlatformTime >= over {
		return ""
	}
	return fmt.Sprintf("its job was submitted before the window was over (window.lag is %s): run again after %s",
		r.cfg.Lag, conv.FormatInstant(over))
}

// submit gets the window a job, and has the ledger know it before the first poll, so that a
// restart adopts the job instead of submitting another.
func (r *worker) submit() error {
	job, err := r.source.Submit(r.ctx, r.cp.Window)
	if err != nil {
		return fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	job.PlatformTime = cmp.Or(job.PlatformTime, job.Submitted)
	job.Observation = r.observed.next(job)
	r.cp.Job = job
	r.cp.Attempt++
	r.cp.Position = conv.Position{}
	r.cp.JobRows, r.cp.DeadInside = 0, 0
	clear(r.dead)
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
func (r *worker) partial(reason string) error {
	e := r.event("partial", map[string]any{
		"job": r.cp.Job.ID, "reason": reason, "rows": r.cp.JobRows, "min_time": r.cp.MinTime, "max_time": r.cp.MaxTime,
	})
	r.open().Events = append(r.open().Events, e)
	return r.flush(true)
}

// longestProblem bounds what the ledger keeps of a problem, in bytes.
const longestProblem = 2000

// close commits the window's state and waits until Kafka has it. A window that is published is
// closed only where no comparison follows.
func (r *worker) close(state conv.State, problem string) error {
	r.cp.State = state
	r.cp.LastError = problem[:min(len(problem), longestProblem)]
	if state == conv.Incomplete {
		e := r.event("incomplete", map[string]any{"reason": r.cp.LastError, "held": r.cp.Held, "expected": r.cp.Expected})
		e.Severity = "alert"
		r.open().Events = append(r.open().Events, e)
		r.events.Alert(e)
	}
	if err := r.flush(true); err != nil {
		return err
	}
	if state != conv.Published || !r.cfg.Reconcile {
		r.events.Closed(r.cp)
	}
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
		r.batch = &conv.Batch{ID: r.ids.Add(1)}
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
