package extractor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
)

// reply is one way in which a poll can end.
type reply struct {
	name  string
	state conv.JobState
	err   error
	want  next // where the deadline has not passed
}

// replies are all ways per dialect. Progress and words are noise that must not matter.
var replies = map[string][]reply{
	"reports": {
		{"pending", conv.JobQueued, nil, pollNext},
		{"running", conv.JobRunning, nil, pollNext},
		{"optimising", conv.JobUnknown, nil, pollNext},
		{"completed", conv.JobDone, nil, jobEnded},
		{"partial", conv.JobPartial, nil, jobEnded},
		{"failed", conv.JobFailed, nil, jobEnded},
		{"404", 0, refuse(OpStatus, 404), jobGone},
		{"403", 0, refuse(OpStatus, 403), callFailed},
		{"network", 0, errNetwork, callFailed},
	},
	"jobs": {
		{"QUEUED", conv.JobQueued, nil, pollNext},
		{"PENDING", conv.JobRunning, nil, pollNext},
		{"queued", conv.JobUnknown, nil, pollNext},
		{"FULFILLED", conv.JobDone, nil, jobEnded},
		{"FAILED", conv.JobFailed, nil, jobEnded},
		{"CANCELLED", conv.JobLost, nil, jobGone},
		{"EXPIRED", conv.JobLost, nil, jobGone},
		{"410", 0, refuse(OpStatus, 410), jobGone},
		{"401", 0, refuse(OpStatus, 401), callFailed},
	},
}

// shortPoll reaches its deadline with the fifth poll.
var shortPoll = Poll{Initial: 10 * sec, Max: 80 * sec, Jitter: 5 * sec, Deadline: 200 * sec}

// Every sequence of five answers ends as its first decisive answer says, or at the deadline;
// and the waits before that depend on nothing but their number.
func TestR42R43R47R48R52R56_EverySequenceOfAnswersEndsAsItShould(t *testing.T) {
	submitted := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for dialect, all := range replies {
		for draw, name := range []string{"shortest waits", "longest waits"} {
			for _, delay := range []time.Duration{0, 35 * sec} {
				ends := map[next]int{}
				for n := range len(all) * len(all) * len(all) * len(all) * len(all) {
					var sequence []reply
					for range 5 {
						sequence = append(sequence, all[n%len(all)])
						n /= len(all)
					}
					end, problem := follow(submitted, sequence, draw, delay)
					if problem != "" {
						t.Fatalf("%s, %s, answers take %s: %v: %s", dialect, name, delay, names(sequence), problem)
					}
					ends[end]++
				}
				for _, e := range []next{jobEnded, jobGone, jobLate, callFailed} {
					if ends[e] == 0 {
						t.Errorf("%s, %s, answers take %s: no sequence ends as %d: %v", dialect, name, delay, e, ends)
					}
				}
			}
		}
	}
}

// follow plays a sequence of answers that each take delay to come, and holds each step
// against what it should be.
func follow(submitted time.Time, sequence []reply, draw int, delay time.Duration) (end next, problem string) {
	deadline := submitted.Add(shortPoll.Deadline)
	bases := []time.Duration{10 * sec, 20 * sec, 40 * sec, 80 * sec, 80 * sec, 80 * sec}
	l := newLife(shortPoll, submitted)
	s := l.begin(submitted)
	told := false
	now := submitted
	for i, r := range sequence {
		left := deadline.Sub(now)
		least, most := min(bases[i], left), min(bases[i]+5*sec, left)
		if s.next != pollNext || s.least != least || s.most != most {
			return 0, fmt.Sprintf("step %d is %+v, want a wait of %s to %s", i, s, least, most)
		}
		now = now.Add([]time.Duration{s.least, s.most}[draw]).Add(delay)
		s = l.answered(now, conv.JobStatus{State: r.state, Word: r.name, Progress: float64(i) / 4}, r.err)
		want := r.want
		if !now.Before(deadline) && want != jobEnded && want != jobGone {
			want = jobLate
		}
		first := r.err == nil && r.state == conv.JobUnknown && !told
		told = told || first
		if s.next != want || s.strange != first {
			return 0, fmt.Sprintf("answer %d leads to %+v, want %d, told of an unknown word: %v", i, s, want, first)
		}
		if want != pollNext {
			return want, ""
		}
	}
	return 0, "it never ends"
}

func names(sequence []reply) string {
	var list []string
	for _, r := range sequence {
		list = append(list, r.name)
	}
	return strings.Join(list, ", ")
}

// An adopted job is one that another process submitted, and may long have ended.
func TestR56R60_AnAdoptedJobIsPolledOnceWhateverItsAge(t *testing.T) {
	submitted := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age         time.Duration
		least, most time.Duration // before the first poll
		limit       time.Duration // how long that one may be pushed back
		running     next          // what "still running" leads to
	}{
		{0, 10 * sec, 15 * sec, 200 * sec, pollNext},
		{10 * sec, 10 * sec, 15 * sec, 190 * sec, pollNext},
		{11 * sec, 0, 0, 189 * sec, pollNext},
		{150 * sec, 0, 0, 80 * sec, pollNext},
		{200 * sec, 0, 0, 80 * sec, jobLate},
		{7 * 24 * time.Hour, 0, 0, 80 * sec, jobLate},
	} {
		now := submitted.Add(c.age)
		l := newLife(shortPoll, submitted)
		if s := l.begin(now); s.next != pollNext || s.least != c.least || s.most != c.most {
			t.Errorf("at %s the first step is %+v, want a wait of %s to %s", c.age, s, c.least, c.most)
		}
		if got := l.limit(now).Sub(now); got != c.limit {
			t.Errorf("at %s a poll may take %s, want %s", c.age, got, c.limit)
		}
		if s := l.answered(now, conv.JobStatus{State: conv.JobRunning}, nil); s.next != c.running {
			t.Errorf("at %s a running job leads to %d, want %d", c.age, s.next, c.running)
		}
		if s := newLife(shortPoll, submitted).answered(now, conv.JobStatus{State: conv.JobDone}, nil); s.next != jobEnded {
			t.Errorf("at %s a finished job leads to %d, want %d", c.age, s.next, jobEnded)
		}
	}
}

func TestR53R54_ProgressDecidesNothing(t *testing.T) {
	submitted := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	path := func(progress ...float64) (steps []step) {
		l := newLife(shortPoll, submitted)
		now := submitted
		for _, p := range progress {
			now = now.Add(10 * sec)
			steps = append(steps, l.answered(now, conv.JobStatus{State: conv.JobRunning, Progress: p}, nil))
		}
		return steps
	}
	want := path(0.1, 0.2, 0.3, 0.4)
	for _, progress := range [][]float64{{1, 1, 1, 1}, {0.95, 0.95, 0.95, 0.95}, {0.9, 0.5, 0.1, 0}, {-1, -1, -1, -1}} {
		if got := path(progress...); !slices.Equal(got, want) {
			t.Errorf("progress %v leads to %+v, want %+v", progress, got, want)
		}
	}
}
