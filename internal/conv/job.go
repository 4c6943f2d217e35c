package conv

import "errors"

// ErrJobGone says that the job's result cannot be read any further: the platform no longer
// knows the job, refuses its page token, or never gets a page whole. The window has to be
// submitted anew; rows that were published already drop out as repeats.
var ErrJobGone = errors.New("the job's result cannot be read any further")

// ErrNoJob says that the platform cannot take the query of a window. A narrower one may do.
var ErrNoJob = errors.New("the platform does not take the query")

// ErrJobDeadline says that a job did not finish within the poll deadline and was aborted.
var ErrJobDeadline = errors.New("the job did not finish before the poll deadline")

// ErrNoWatermark says that the dialect does not tell how far the platform's data reach.
var ErrNoWatermark = errors.New("the platform does not tell how far its data reach")

// ErrNoBaseline says that the platform has no count to compare a window with.
var ErrNoBaseline = errors.New("the platform offers no count for this window")

// ErrNotStaged says that the rows of a window are not kept where they are to be read from.
var ErrNotStaged = errors.New("the window is not in staging")

// Job is an asynchronous query that the platform has accepted.
type Job struct {
	ID string `json:"id,omitempty"`

	// Submitted is when the job was submitted by our clock, epoch ms: polls and their
	// deadline count from here.
	Submitted int64 `json:"submitted,omitempty"`

	// PlatformTime is the same moment by the platform's clock, epoch ms: what the job can
	// have seen counts from here.
	PlatformTime int64 `json:"platform_time,omitempty"`

	// Observation orders what jobs saw: it stands in the marks of the job's rows. It is the
	// platform's time in epoch seconds, raised where that would not lie above every earlier
	// job's.
	Observation uint32 `json:"observation,omitempty"`
}

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
	JobLost // cancelled or expired: it has no result any more
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
	Results  string  // where the platform says the results are, if not where they should be
}
