package conv

import "errors"

// ErrJobGone says that the platform no longer knows the job or refuses its page token. The
// window has to be submitted anew; rows that were published already drop out as repeats.
var ErrJobGone = errors.New("the platform no longer knows the job or its page token")

// ErrJobDeadline says that a job did not finish within the poll deadline and was aborted.
var ErrJobDeadline = errors.New("the job did not finish before the poll deadline")

// ErrNoBaseline says that the platform has no count to compare a window with.
var ErrNoBaseline = errors.New("the platform offers no count for this window")

// Job is an asynchronous query that the platform has accepted.
type Job struct {
	ID        string `json:"id,omitempty"`
	Submitted int64  `json:"submitted,omitempty"` // epoch ms; the poll deadline counts from here
}

// Observation is the job's submit time in epoch seconds, as marks carry it.
func (j Job) Observation() uint32 { return uint32(j.Submitted / 1000) }

// JobState is where a job stands. Each dialect maps its own words to these.
type JobState uint8

// The states of a job.
const (
	JobUnknown JobState = iota // a word the dialect does not have: keep polling
	JobQueued
	JobRunning
	JobDone
	JobPartial // results can be read, rows are missing
	JobFailed
)

// Ended says whether polling is over.
func (s JobState) Ended() bool { return s >= JobDone }

// JobStatus is one answer to a poll.
type JobStatus struct {
	State    JobState
	Word     string  // the platform's own word for the state
	Progress float64 // 0 to 1, -1 where absent; an estimate that decides nothing
	Error    string  // why the job failed
	Count    int64   // rows of the result, -1 where absent
}
