package extractor

import (
	"time"

	"convstream/internal/conv"
)

// life decides what follows in the life of a job, from its submission to its end. It has no
// clock, no chance and no I/O: it is given each answer with its time, and says what to do.
//
// The state alone decides. Progress is not looked at, and neither is whether the state
// changed.
type life struct {
	poll      Poll
	submitted time.Time
	deadline  time.Time
	wait      time.Duration // before the next request, without jitter
	strange   bool          // an unknown word has come
}

// step is what to do next.
type step struct {
	next        next
	least, most time.Duration // the wait before a poll is drawn from these
	strange     bool          // the answer is the first with a word that the dialect does not have
}

type next uint8

const (
	pollNext   next = iota
	jobEnded        // its status says how
	jobGone         // it has no result any more
	jobLate         // the deadline has passed: abort it
	callFailed      // the error is not one that polling on would mend
)

// newLife begins or, after a restart, takes up the life of a job.
func newLife(poll Poll, submitted time.Time) *life {
	return &life{poll: poll, submitted: submitted, deadline: submitted.Add(poll.Deadline), wait: poll.Initial}
}

// begin is the first step. A job that another process left is polled at once.
func (l *life) begin(now time.Time) step {
	if now.Sub(l.submitted) > l.poll.Initial {
		return step{next: pollNext}
	}
	return l.again(now)
}

// answered is the step that follows an answer to a poll, or the error that came instead and
// was not waited out.
func (l *life) answered(now time.Time, s conv.JobStatus, err error) step {
	late := !now.Before(l.deadline)
	switch {
	case gone(err), faulty(err): // it was asked for as long as patience lasts
		return step{next: jobGone}
	case err != nil && late:
		return step{next: jobLate}
	case err != nil:
		return step{next: callFailed}
	case s.State == conv.JobLost:
		return step{next: jobGone}
	case s.State.Ended():
		return step{next: jobEnded}
	}
	first := s.State == conv.JobUnknown && !l.strange
	l.strange = l.strange || first
	if late {
		return step{next: jobLate, strange: first}
	}
	again := l.again(now)
	again.strange = first
	return again
}

// again polls once more, at the deadline if the wait would pass it.
func (l *life) again(now time.Time) step {
	left := l.deadline.Sub(now)
	s := step{next: pollNext, least: min(l.wait, left), most: min(l.wait+l.poll.Jitter, left)}
	l.wait = min(2*l.wait, l.poll.Max)
	return s
}

// limit is until when a poll may be pushed back: the deadline, but the longest poll wait at
// least. That is for the last poll, and for that of a job which another process left long ago
// and which may have ended since.
func (l *life) limit(now time.Time) time.Time {
	if least := now.Add(l.poll.Max); l.deadline.Before(least) {
		return least
	}
	return l.deadline
}
