package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// slow is a platform that counts a row for each day, and takes its time.
type slow time.Duration

func (s slow) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	select {
	case <-time.After(time.Duration(s)):
		return int64(w.Duration() / (24 * time.Hour)), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestAQuestionThatNobodyAnswersIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), planPatience)
		defer cancel()
		began, over := time.Now(), make(chan struct{})
		_, err := answer(ctx, "Kafka", func() (int, error) {
			<-over // whatever ctx says
			return 1, nil
		})
		if waited := time.Since(began); waited != planPatience || err == nil || !strings.Contains(err.Error(), "Kafka did not answer") {
			t.Errorf("after %s it says %v", waited, err)
		}
		close(over)
		if n, err := answer(t.Context(), "Kafka", func() (int, error) { return 7, nil }); n != 7 || err != nil {
			t.Errorf("an answer is %d, %v", n, err)
		}
	})
}

func TestSamplesAreAskedForAtOnceAndOneAnswerIsEnough(t *testing.T) {
	year := conv.Window{From: monday.From, To: monday.From + 366*86_400_000}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got, err := sample(t.Context(), slow(100*time.Millisecond), plan.Samples(year, 3, 31*24*time.Hour))
		if err != nil || len(got) != 3 || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after %s it has %v, %v", time.Since(began), got, err)
		}
		if rows := plan.Extrapolate(got, year.Duration()); rows != 366 {
			t.Errorf("the year has %d rows, want 366", rows)
		}
	})
	some := &moody{fails: map[int64]bool{monday.From: true}}
	if got, err := sample(t.Context(), some, []conv.Window{monday, tuesday}); err != nil || len(got) != 1 || got[0].Window != tuesday {
		t.Errorf("with one refusal it has %v, %v", got, err)
	}
	if got, err := sample(t.Context(), some, []conv.Window{monday}); err == nil || got != nil {
		t.Errorf("with refusals only it has %v, %v", got, err)
	}
}

// moody counts one row for each window but for those that it refuses.
type moody struct{ fails map[int64]bool }

func (m *moody) Baseline(_ context.Context, w conv.Window) (int64, error) {
	if m.fails[w.From] {
		return 0, errors.New("refused")
	}
	return 1, nil
}

func TestADryRunKnowsWhatIsDoneAndWhatItCosts(t *testing.T) {
	cfg := config.Config{
		Source: config.Source{Dialect: "jobs", PageSize: 10, Concurrency: 2, RequestsPerMinute: 60, Poll: config.Poll{Initial: time.Second, Max: time.Second}},
		Window: config.Window{Step: 12 * time.Hour, Reconcile: true},
	}
	d := dryRun{
		cfg: cfg, interval: conv.Window{From: monday.From, To: tuesday.To},
		ledger:  book(conv.Checkpoint{Window: hours(0, 12), State: conv.Settled}, conv.Checkpoint{Window: hours(12, 24), State: conv.Reconciled}),
		samples: []plan.Counted{{Window: monday, Rows: 200}},
	}
	r := d.report(func(w conv.Window) []byte { return []byte(`"` + w.String() + `"`) })
	done, rows := 1, int64(300)
	want := planReport{
		Windows: 4, Done: &done, Todo: 3, First: []conv.Window{hours(12, 24), hours(24, 36), hours(36, 48)},
		Payload: []byte(`"` + hours(12, 24).String() + `"`), Rows: &rows, Whole: 400, Notes: []string{},
		// 300 rows and half a page for each window; monday is counted once more, and tuesday. The
		// first two windows ask how far the data reach.
		Requests: map[string]int64{"submit": 3, "status": 6, "results": 32, "baseline": 2, "availability": 2, "token": 1},
		Seconds:  46,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	// What the platform counted is not what is to do.
	for text, windows := range map[string]int{
		"about 400 rows in the whole interval by the platform's count; to do are about 300, if they are spread evenly over it\n": 4,
		"rows to do: about 300, by the platform's count\n":                                                                       3,
	} {
		r.Windows = windows
		var out strings.Builder
		if printPlan(&out, cfg, r); !strings.Contains(out.String(), "\n"+text) {
			t.Errorf("of %d windows it prints\n%s", windows, out.String())
		}
	}
}

func TestADryRunShowsTheFirstBodyThatIsSent(t *testing.T) {
	cfg := config.Config{
		Source: config.Source{Dialect: "reports", Concurrency: 1, RequestsPerMinute: 60, Poll: config.Poll{Initial: time.Second, Max: time.Second}},
		Window: config.Window{Step: 12 * time.Hour, Reconcile: true},
	}
	first := conv.Checkpoint{Window: hours(0, 12), State: conv.Paging, Query: "q", Job: conv.Job{ID: "job"}}
	second := conv.Checkpoint{Window: hours(12, 24), State: conv.Published}
	payload := func(w conv.Window) []byte { return []byte(`"` + w.String() + `"`) }
	d := dryRun{cfg: cfg, interval: monday, query: "q", ledger: book(first, second), samples: []plan.Counted{{Window: monday, Rows: 200}}}
	if r := d.report(payload); r.Payload != nil || r.Todo != 2 || *r.Rows != 100 || r.Requests["submit"] != 0 || r.Requests["status"] != 2 || r.Requests["baseline"] != 2 {
		t.Errorf("with a job that lives and one that was read it says %+v", r)
	}
	d.query = "another"
	if r := d.report(payload); string(r.Payload) != `"`+hours(0, 12).String()+`"` || r.Requests["submit"] != 1 {
		t.Errorf("with a job of another query it says %+v", r)
	}
}
