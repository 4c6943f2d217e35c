package pipeline

import (
	"time"

	"convstream/internal/conv"
)

// Events is what a pipeline tells while it runs. Every field may be nil. The functions are
// called from several goroutines and must not block for long.
type Events struct {
	// Claimed: the pipeline is ours, and so many windows make up the interval.
	Claimed func(windows int)
	// Recovering: a commit failed; the ledger is asked after the wait.
	Recovering func(err error, wait time.Duration)
	// Submitted: the window has a job, and the ledger knows it.
	Submitted func(w conv.Window, job conv.Job, attempt int)
	// Ended: the job has ended, in whatever way.
	Ended func(w conv.Window, job conv.Job, status conv.JobStatus)
	// Retrying: the window needs a new job, after the wait.
	Retrying func(w conv.Window, reason string, wait time.Duration)
	// Loaded: the history of earlier rows was read back from Kafka.
	Loaded func(span string, rows int, took time.Duration)
	// Committed: a batch is in Kafka.
	Committed func(cp conv.Checkpoint, rows, dead int, took time.Duration)
	// Refused: so many more dead letters are in Kafka. route is the derived route, "" the row topic.
	Refused func(route, reason string, n int64)
	// Closed: the window is published and, where that was asked for, reconciled.
	Closed func(cp conv.Checkpoint)
	// Drifted: a row departs from its contract in a way that the window has not seen before.
	Drifted func(w conv.Window, d conv.Drift)
	// Noted: the events topic gets an entry that a person may want to see, or, where its
	// severity is "alert", has to.
	Noted func(e conv.Event)
	// Idle: Follow has nothing to do. next is when it knows to have, zero where that depends on
	// the platform's watermark.
	Idle func(next time.Time)
}

// orNothing fills the fields that are nil.
func (e Events) orNothing() Events {
	if e.Claimed == nil {
		e.Claimed = func(int) {}
	}
	if e.Recovering == nil {
		e.Recovering = func(error, time.Duration) {}
	}
	if e.Submitted == nil {
		e.Submitted = func(conv.Window, conv.Job, int) {}
	}
	if e.Ended == nil {
		e.Ended = func(conv.Window, conv.Job, conv.JobStatus) {}
	}
	if e.Retrying == nil {
		e.Retrying = func(conv.Window, string, time.Duration) {}
	}
	if e.Loaded == nil {
		e.Loaded = func(string, int, time.Duration) {}
	}
	if e.Committed == nil {
		e.Committed = func(conv.Checkpoint, int, int, time.Duration) {}
	}
	if e.Refused == nil {
		e.Refused = func(string, string, int64) {}
	}
	if e.Closed == nil {
		e.Closed = func(conv.Checkpoint) {}
	}
	if e.Drifted == nil {
		e.Drifted = func(conv.Window, conv.Drift) {}
	}
	if e.Noted == nil {
		e.Noted = func(conv.Event) {}
	}
	if e.Idle == nil {
		e.Idle = func(time.Time) {}
	}
	return e
}
