package extractor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

// states gives each poll its state in turn, and the last one from then on.
func states(list ...conv.JobState) func(int) (conv.JobStatus, error) {
	return func(n int) (conv.JobStatus, error) {
		return conv.JobStatus{State: list[min(n, len(list))-1]}, nil
	}
}

func TestR39R42R43_WaitsDoubleAndCarryJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: states(conv.JobQueued, conv.JobQueued, conv.JobRunning, conv.JobRunning, conv.JobRunning, conv.JobRunning, conv.JobDone)}
		start := time.Now()
		got, err := New(f, quick(), Hooks{}).Await(t.Context(), window, newJob())
		if err != nil || got.State != conv.JobDone {
			t.Fatalf("%+v, %v", got, err)
		}
		jitters := map[time.Duration]bool{}
		waits := f.waits(OpStatus, start)
		for i, base := range []time.Duration{10, 20, 40, 80, 120, 120, 120} {
			extra := waits[i] - base*time.Second
			if extra < 0 || extra > 5*time.Second+time.Millisecond {
				t.Errorf("wait %d is %s, want %d s and up to 5 s", i, waits[i], base)
			}
			jitters[extra] = true
		}
		if len(waits) != 7 || len(jitters) < 4 {
			t.Errorf("%d waits with %d different jitters", len(waits), len(jitters))
		}
	})
}

func TestR44_JobsDoNotPollInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: states(conv.JobDone)}
		e := New(f, quick(), Hooks{})
		for range 20 {
			go func() { _, _ = e.Await(t.Context(), window, newJob()) }()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		times := map[time.Time]bool{}
		for _, a := range f.asked {
			times[a.at] = true
		}
		if len(f.asked) != 20 || len(times) < 15 {
			t.Errorf("%d polls at %d different times", len(f.asked), len(times))
		}
	})
}

func TestR48R50R52R53R54R55_StateAloneDecidesAndEachPollIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []conv.JobState{conv.JobDone, conv.JobPartial, conv.JobFailed} {
			answers := []conv.JobStatus{
				{State: conv.JobRunning, Progress: 1}, {State: conv.JobRunning, Progress: 0.95}, {State: conv.JobRunning, Progress: 0.2},
				{State: conv.JobUnknown, Word: "optimising", Progress: -1}, {State: conv.JobUnknown, Word: "optimising", Progress: -1}, {State: end, Progress: 0.45, Count: 7},
			}
			f := &fakeSource{status: func(n int) (conv.JobStatus, error) { return answers[n-1], nil }}
			var seen []conv.JobStatus
			strange := 0
			hooks := Hooks{UnknownState: func(_ conv.Window, _ conv.Job, s conv.JobStatus) {
				if strange++; s.Word != "optimising" {
					t.Errorf("told of the word %q", s.Word)
				}
			}, Polled: func(_ conv.Window, _ conv.Job, s conv.JobStatus, n int, since time.Duration) {
				if seen = append(seen, s); n != len(seen) || since <= 0 {
					t.Errorf("poll %d reported as %d, %s after the submission", len(seen), n, since)
				}
			}}
			got, err := New(f, quick(), hooks).Await(t.Context(), window, newJob())
			if err != nil || got != answers[5] {
				t.Errorf("%+v, %v", got, err)
			}
			if len(seen) != len(answers) {
				t.Errorf("%d of %d polls were reported", len(seen), len(answers))
			}
			if strange != 1 {
				t.Errorf("told %d times of an unknown word, want once", strange)
			}
		}
	})
}

func TestR60_AdoptedJobIsPolledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: states(conv.JobRunning, conv.JobDone)}
		job := newJob()
		job.Submitted -= time.Hour.Milliseconds()
		start := time.Now()
		if _, err := New(f, quick(), Hooks{}).Await(t.Context(), window, job); err != nil {
			t.Fatal(err)
		}
		if w := f.waits(OpStatus, start); w[0] != 0 || w[1] < 10*time.Second {
			t.Errorf("waits are %v, want none and then the first of the guide", w)
		}
	})
}

func TestR56R57_DeadlineCountsFromSubmissionAndAborts(t *testing.T) {
	for name, c := range map[string]struct {
		age     time.Duration // of the job when it is awaited
		refusal error
		refused bool
	}{
		"fresh":            {0, nil, false},
		"after a restart":  {20 * time.Hour, nil, false},
		"R9 no permission": {0, refuse(OpCancel, 403), true},
		"already deleted":  {0, refuse(OpCancel, 404), true},
		"DELETE is broken": {0, refuse(OpCancel, 400), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeSource{status: states(conv.JobRunning), cancel: func(int) error { return c.refusal }}
				refused := false
				e := New(f, quick(), Hooks{CancelRefused: func(conv.Job, error) { refused = true }})
				job := newJob()
				job.Submitted -= c.age.Milliseconds()
				start := time.Now()
				_, err := e.Await(t.Context(), window, job)
				if !errors.Is(err, conv.ErrJobDeadline) || refused != c.refused || f.counts[OpCancel] != 1 {
					t.Errorf("%v, refused %v, %d DELETEs", err, refused, f.counts[OpCancel])
				}
				if got, want := time.Since(start), 24*time.Hour-c.age; got < want || got > want+time.Second {
					t.Errorf("given up after %s, want %s", got, want)
				}
			})
		})
	}
}

func TestJobThatEndedWhileNobodyLookedIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: states(conv.JobDone)}
		job := newJob()
		job.Submitted -= (72 * time.Hour).Milliseconds()
		if got, err := New(f, quick(), Hooks{}).Await(t.Context(), window, job); err != nil || got.State != conv.JobDone {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestR46_PushBackOnPollingLetsTheDeadlineRunOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: func(int) (conv.JobStatus, error) { return conv.JobStatus{}, pushBack(OpStatus, 0) }}
		start := time.Now()
		_, err := New(f, quick(), Hooks{}).Await(t.Context(), window, newJob())
		if !errors.Is(err, conv.ErrJobDeadline) {
			t.Error(err)
		}
		if got := time.Since(start); got < 24*time.Hour || got > 24*time.Hour+5*time.Minute {
			t.Errorf("given up after %s", got)
		}
	})
}

func TestR59_VanishedJobIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{400, 404, 410, 422} {
			f := &fakeSource{status: func(int) (conv.JobStatus, error) { return conv.JobStatus{}, refuse(OpStatus, status) }}
			if _, err := New(f, quick(), Hooks{}).Await(t.Context(), window, newJob()); !errors.Is(err, conv.ErrJobGone) {
				t.Errorf("%d: %v", status, err)
			}
			if f.counts[OpStatus] != 1 {
				t.Errorf("%d: polled %d times", status, f.counts[OpStatus])
			}
		}
	})
}

func TestR36R51_AFailedJobEndsWithItsTextAndIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: func(int) (conv.JobStatus, error) {
			return conv.JobStatus{State: conv.JobFailed, Word: "failed", Error: "Internal Server Error"}, nil
		}}
		got, err := New(f, quick(), Hooks{}).Await(t.Context(), window, newJob())
		if err != nil || got.State != conv.JobFailed || got.Error != "Internal Server Error" {
			t.Errorf("%+v, %v", got, err)
		}
		if f.counts[OpStatus] != 1 || len(f.asked) != 1 {
			t.Errorf("calls were %v, want one poll", f.counts)
		}
	})
}

// A job that was cancelled, or has expired, is as good as one that nobody knows.
func TestR59_AJobThatIsLostIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{status: func(int) (conv.JobStatus, error) { return conv.JobStatus{State: conv.JobLost, Word: "EXPIRED"}, nil }}
		polls := 0
		hooks := Hooks{Polled: func(conv.Window, conv.Job, conv.JobStatus, int, time.Duration) { polls++ }}
		_, err := New(f, quick(), hooks).Await(t.Context(), window, newJob())
		if !errors.Is(err, conv.ErrJobGone) || !strings.Contains(err.Error(), "EXPIRED") || polls != 1 {
			t.Errorf("%v after %d polls", err, polls)
		}
	})
}

func TestPermanentRefusalOfAPollFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{401, 403, 501} {
			f := &fakeSource{status: func(int) (conv.JobStatus, error) { return conv.JobStatus{}, refuse(OpStatus, status) }}
			_, err := New(f, quick(), Hooks{}).Await(t.Context(), window, newJob())
			var api *APIError
			if !errors.As(err, &api) || errors.Is(err, conv.ErrJobGone) || f.counts[OpStatus] != 1 {
				t.Errorf("%d: %v after %d polls", status, err, f.counts[OpStatus])
			}
			if want := fmt.Sprintf("status %s: HTTP %d", window, status); !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	})
}

// Whether a job that nobody will read is aborted must not decide over its window.
func TestR57_JobThatCannotBeAbortedIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, left := range map[int]bool{400: true, 403: true, 404: true, 409: true, 410: true, 401: false, 501: false} {
			var told []error
			f := &fakeSource{cancel: func(int) error { return refuse(OpCancel, status) }}
			e := New(f, quick(), Hooks{CancelRefused: func(_ conv.Job, err error) { told = append(told, err) }})
			err := e.Cancel(t.Context(), window, newJob())
			if (err == nil) != left || (len(told) == 1) != left {
				t.Errorf("%d: %v, told of %v", status, err, told)
			}
		}
	})
}
