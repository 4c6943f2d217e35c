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

// attempts is how many jobs an epoch gives one window before it calls the window incomplete.
// Adopted jobs count.
const attempts = 3

// worker takes one window through its life.
type worker struct {
	*epoch
	id    uint64          // names the worker to the history
	cp    conv.Checkpoint // the window as it stands once the open batch is committed
	batch *conv.Batch     // the open batch, nil before its first row
	age   *time.Timer     // fires when the open batch is old enough to be committed
	tries int             // jobs that this epoch has given the window

	page      int               // page being read
	seen      int               // rows of it that were handled before: they are read again, and not counted again
	last      conv.Key          // of the row before
	pageEnd   conv.Key          // of the last row of the page before
	again     bool              // the row is the last of the page before
	dead      map[conv.Key]bool // dead letters that the job has brought
	count     int64             // of the job's rows as the platform last said, -1 where it did not
	available int64             // the least watermark that the job's pages named, 0 for none
	quiet     bool              // another window's alert speaks for this one too
	census    *census           // of the rows of a job that is read from its first to its last
	stood     conv.Checkpoint   // with Config.Reread, the window before it is read again; the zero value once it is

	mark       conv.Mark        // of the row that was judged last
	deviations []conv.Deviation // of that row
	routes     []conv.Deviation // of that row from the contract of one route
	drifted    int              // which entry of cp.Drift a row had last
}

func (e *epoch) worker(w conv.Window) *worker {
	r := &worker{epoch: e, id: e.ids.Add(1), cp: e.ledger.at(w), age: time.NewTimer(0), dead: map[conv.Key]bool{}}
	r.age.Stop()
	return r
}

// work takes a window from where the ledger has it as far as it gets. The windows that it was
// narrowed to, or that have to be read again, are returned.
func (e *epoch) work(w conv.Window) ([]conv.Window, error) {
	cp := e.ledger.at(w)
	switch e.needs(&cp) {
	case nothing:
		return nil, nil
	case reading:
		r := e.worker(w)
		defer r.age.Stop()
		children, err := r.run()
		if err != nil || len(children) > 0 {
			return children, err
		}
	}
	e.agenda.read(w)
	if cp = e.ledger.at(w); !e.awaitsCount(&cp) {
		return nil, e.closeParents(w)
	}
	return e.compare(e.span(w), w, false)
}

// need is what a window still needs.
type need uint8

const (
	nothing need = iota
	comparing
	reading
)

func (e *epoch) needs(cp *conv.Checkpoint) need {
	if _, finished := e.finished.Load(cp.Window); finished || cp.State.Closed() && !e.cfg.Reread || len(cp.Nested) > 0 {
		return nothing
	}
	e.mu.Lock()
	again := e.rereads[cp.Window]
	e.mu.Unlock()
	switch {
	case again, e.cfg.Reread, !cp.State.Whole(), cp.State == conv.Reconciled, e.outdated(cp):
		return reading
	case e.cfg.Reconcile:
		return comparing
	}
	return nothing
}

// settles is when the rows of a window change no more, epoch ms.
func (p *Pipeline) settles(w conv.Window) int64 { return p.schedule.Settles(w) }

// outdated says whether a window that was read may have changed since, and will not any more.
func (p *Pipeline) outdated(cp *conv.Checkpoint) bool {
	at := p.settles(cp.Window)
	return p.cfg.Conversations && cp.Job.PlatformTime < at && at <= p.platformTime()
}

// platformTime is the platform's clock as far as it is known, epoch ms.
func (p *Pipeline) platformTime() int64 { return time.Now().UnixMilli() + p.clock.Load() }

// try counts a job of a window.
func (e *epoch) try(w conv.Window) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.rereads, w)
	e.tries[w]++
	return e.tries[w]
}

// setback is why a window is not whole yet. The zero value is none.
type setback struct {
	reason string
	wide   bool // narrower windows may do better
	final  bool // another job now would not mend it
	early  bool // it was asked for too early
	absent bool // its rows are not kept where they were to be read from
}

// run reads the window until it is published, or has to be narrowed or given up.
func (r *worker) run() (children []conv.Window, err error) {
	if children := r.recut(); children != nil {
		return children, r.narrow(children, "the window is incomplete, and window.step is shorter than it")
	}
	if r.cfg.Reread {
		r.stood = r.cp.Clone()
	}
	if err := r.dropUseless(); err != nil {
		return nil, err
	}
	for {
		r.tries = r.try(r.cp.Window)
		if !sleep(r.ctx, plan.Backoff(r.tries)) {
			return nil, context.Cause(r.ctx)
		}
		back, err := r.extract()
		if err == nil && r.cfg.Reread {
			if ended, err := r.reread(back); ended || err != nil {
				return nil, err
			}
		}
		switch {
		case err != nil:
			return nil, err
		case back.reason == "":
			return nil, r.close(conv.Published, "")
		case back.early:
			r.forgetJob()
			return nil, r.close(conv.Planned, back.reason)
		}
		if children := r.narrower(back); children != nil {
			return children, r.narrow(children, back.reason)
		}
		if back.final || r.tries >= attempts {
			return nil, r.close(conv.Incomplete, back.reason)
		}
		r.events.Retrying(r.cp.Window, back.reason, plan.Backoff(r.tries+1))
		r.forgetJob()
	}
}

// forgetJob makes the window want another job. What the job observed stays in the ledger, so
// that no later one is given the same number.
func (r *worker) forgetJob() {
	r.cp.Job = conv.Job{Observation: r.cp.Job.Observation}
	r.cp.State = conv.Planned
}

// dropUseless forgets a job that cannot make the window whole: one that was read already, or
// one of another query, which is aborted.
func (r *worker) dropUseless() error {
	live := r.cp.State == conv.Submitted || r.cp.State == conv.Paging
	same := r.cp.Query == r.cfg.Query
	if live && same {
		return nil
	}
	if live && r.cp.Job.ID != "" {
		if err := r.source.Cancel(r.ctx, r.cp.Window, r.cp.Job); err != nil {
			return fmt.Errorf("window %s: %w", r.cp.Window, err)
		}
	}
	r.forgetJob()
	return nil
}

// extract reads the window's job to its end; a job that the ledger knows is adopted.
func (r *worker) extract() (setback, error) {
	if r.cp.Job.ID == "" {
		if back, err := r.submit(); err != nil || back.reason != "" {
			return back, err
		}
	}
	status, err := r.source.Await(r.ctx, r.cp.Window, r.cp.Job)
	switch {
	case errors.Is(err, conv.ErrJobGone), errors.Is(err, conv.ErrJobDeadline):
		return r.lost(err, errors.Is(err, conv.ErrJobDeadline)), nil
	case err != nil:
		return setback{}, fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	r.events.Ended(r.cp.Window, r.cp.Job, status)
	if status.State == conv.JobFailed {
		return r.lost(fmt.Errorf("job %s ended as %s: %s", r.cp.Job.ID, status.Word, status.Error), true), nil
	}
	r.count, r.available = status.Count, 0
	err = r.read()
	switch {
	case errors.Is(err, conv.ErrJobGone):
		return r.lost(err, false), nil
	case err != nil:
		return setback{}, fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	r.checkBounds()
	back := r.lacking(status)
	switch {
	case back.reason == "":
		return back, r.findVanished()
	case back.early:
		return back, nil
	}
	return back, r.partial(back.reason)
}

// lost tells of a job that brings nothing more.
func (r *worker) lost(err error, wide bool) setback {
	r.note("job", "", map[string]any{"job": r.cp.Job.ID, "error": err.Error()})
	return setback{reason: err.Error(), wide: wide}
}

// lacking says why a result that was read to its end may lack rows.
func (r *worker) lacking(status conv.JobStatus) setback {
	job, rows, limit := r.cp.Job.ID, r.cp.JobRows, r.cfg.Limit
	switch {
	case r.early() != "":
		return setback{reason: r.early(), final: true, early: true}
	case status.State == conv.JobPartial:
		return setback{reason: fmt.Sprintf("job %s ended as %s: rows are missing", job, status.Word), wide: true}
	case r.available > 0 && r.available < r.cp.Window.To:
		return setback{reason: r.unavailable(r.available), final: true}
	case limit > 0 && max(rows, r.count) >= limit:
		return setback{reason: fmt.Sprintf("job %s reached source.limit (%d rows): raise it, or run backfill for each half of the window", job, limit),
			wide: true, final: true}
	case rows < r.count:
		return setback{reason: fmt.Sprintf("job %s counts %d rows, and its pages hold %d", job, r.count, rows), wide: true}
	}
	return setback{}
}

// early says that the job was submitted before all rows of the window could be there, ""
// where it was not. Conversations have the watermark for that.
func (r *worker) early() string {
	over := r.cp.Window.To + r.cfg.Lag.Milliseconds()
	if r.cfg.Conversations || r.cp.Job.PlatformTime >= over {
		return ""
	}
	return fmt.Sprintf("its job was submitted before the window was over (window.lag is %s): run again after %s",
		r.cfg.Lag, conv.FormatInstant(over))
}

func (r *worker) unavailable(reach int64) string {
	return fmt.Sprintf("the platform's data reach to %s (dataAvailabilityDate), and the window ends later: run again when they reach further",
		conv.FormatInstant(reach))
}

// submit gets the window a job, and has the ledger know it before the first poll, so that a
// restart adopts the job instead of submitting another.
func (r *worker) submit() (setback, error) {
	if back, err := r.foresee(); err != nil || back.reason != "" {
		return back, err
	}
	job, err := r.source.Submit(r.ctx, r.cp.Window)
	switch {
	case errors.Is(err, conv.ErrNoJob):
		return r.lost(err, true), nil
	case errors.Is(err, conv.ErrNotStaged):
		return setback{reason: err.Error(), absent: true}, nil
	case err != nil:
		return setback{}, fmt.Errorf("window %s: %w", r.cp.Window, err)
	}
	job.PlatformTime = cmp.Or(job.PlatformTime, job.Submitted)
	r.clock.Store(job.PlatformTime - job.Submitted)
	job.Observation = r.observed.next(job)
	r.cp.Job = job
	r.cp.Attempt++
	r.cp.Position = conv.Position{}
	r.cp.JobRows, r.cp.DeadInside, r.cp.DeadOnBounds = 0, 0, 0
	r.cp.MinTime, r.cp.MaxTime, r.cp.MinEnd = nil, nil, nil
	clear(r.dead)
	r.restartDrift()
	r.census = r.newCensus()
	r.last, r.cp.PageEnd = conv.Key{}, nil
	r.cp.State = conv.Submitted
	r.cp.Dialect, r.cp.Query = r.cfg.Dialect, r.cfg.Query
	r.cp.LastError = ""
	if err := r.flush(true); err != nil {
		return setback{}, err
	}
	r.events.Submitted(r.cp.Window, job, r.cp.Attempt)
	return setback{}, nil
}

// foresee says why a job would not make the window whole: the platform has not all of its
// rows yet, or more than one job may bring.
func (r *worker) foresee() (setback, error) {
	w := r.cp.Window
	if r.cfg.Conversations {
		reach, err := r.reach(w.To)
		if err != nil {
			return setback{}, fmt.Errorf("window %s: %w", w, err)
		}
		r.cp.Available = reach
		if reach < w.To {
			return setback{reason: r.unavailable(reach), final: true, early: true}, nil
		}
		return setback{}, nil
	}
	if r.cfg.Limit == 0 || !r.cfg.Reconcile || plan.Narrow(w, r.cfg.Narrow) == nil {
		return setback{}, nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	n, err := r.source.Baseline(ctx, w)
	switch {
	case r.ctx.Err() != nil:
		return setback{}, context.Cause(r.ctx)
	case err != nil || n < r.cfg.Limit:
		return setback{}, nil // a job tells what there is
	}
	return setback{reason: fmt.Sprintf("the platform counts %d rows, and source.limit is %d", n, r.cfg.Limit), wide: true}, nil
}

// partial tells of a result that lacks rows. What came is published.
func (r *worker) partial(reason string) error {
	r.note("partial", "", map[string]any{
		"job": r.cp.Job.ID, "reason": reason, "rows": r.cp.JobRows,
		"min_time": instant(r.cp.MinTime), "max_time": instant(r.cp.MaxTime),
	})
	return r.flush(true)
}
