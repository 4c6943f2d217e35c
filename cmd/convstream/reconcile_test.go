package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// reconciled is the object that reconcile --json prints.
type reconciled struct {
	Windows []struct {
		Window        conv.Window `json:"window"`
		Held          int64       `json:"held"`
		Conversations int64       `json:"conversations"`
		DeadLetters   int64       `json:"dead_letters"`
		Expected      *int64      `json:"expected"`
		Difference    *int64      `json:"difference"`
		Verdict       string      `json:"verdict"`
		Reason        string      `json:"reason"`
	} `json:"windows"`
	Held         int64 `json:"held"`
	Expected     int64 `json:"expected"`
	Off          int   `json:"off"`
	Unverified   int   `json:"unverified"`
	NotPublished int   `json:"not_published"`
}

// verdicts are those of the windows, in order.
func (r reconciled) verdicts() []string {
	var all []string
	for _, w := range r.Windows {
		all = append(all, w.Verdict)
	}
	return all
}

// reconcile compares an interval, the day by default, and wants an exit code.
func (w *world) reconcile(code int, environ []string, args ...string) (reconciled, result) {
	w.t.Helper()
	if len(args) == 0 {
		args = interval
	}
	res := w.run(environ, slices.Concat([]string{"reconcile", "--json"}, args)...).must(w.t, code)
	var r reconciled
	if err := json.Unmarshal([]byte(res.stdout), &r); err != nil {
		w.t.Fatalf("%v: %q", err, res.stdout)
	}
	return r, res
}

// counter stands before a platform and answers for its count, while it is told to.
type counter struct {
	refuse atomic.Bool
	count  atomic.Int64 // 0: the platform's own
}

func (c *counter) before(platform http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/details/query")
		switch {
		case asked && c.refuse.Load():
			rw.WriteHeader(http.StatusBadRequest)
		case asked && c.count.Load() != 0:
			fmt.Fprintf(rw, `{"count":%d}`, c.count.Load())
		default:
			platform.ServeHTTP(rw, r)
		}
	})
}

func TestR94_ReconcileComparesWhatWasPublishedWithThePlatform(t *testing.T) {
	t.Parallel()
	var c counter
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300, Faults: simulator.Faults{Oversize: 1}}, Front: c.before})
	w.backfill().must(t, 0)
	jobs := w.jobs()

	r, _ := w.reconcile(0, nil)
	if len(r.Windows) != 4 || r.Held != r.Expected || r.Off+r.Unverified+r.NotPublished != 0 {
		t.Fatalf("it says %+v", r)
	}
	var dead int64
	for i, got := range r.Windows {
		if got.Window != quarter(i) || got.Verdict != "ok" || got.Held-got.DeadLetters != int64(w.sim.Count(quarter(i))) || *got.Expected != got.Held || *got.Difference != 0 ||
			got.Conversations > got.Held {
			t.Errorf("window %d is %+v", i, got)
		}
		dead += got.DeadLetters
	}
	if dead != 1 {
		t.Errorf("%d dead letters were counted, want 1", dead)
	}

	// A few rows are below the threshold, until that says otherwise.
	c.count.Store(r.Windows[0].Held + 3)
	if r, _ := w.reconcile(0, []string{"CONVSTREAM_WINDOW_RECONCILE_THRESHOLD=0.1"}); r.Off != 0 || *r.Windows[0].Difference != -3 {
		t.Errorf("with a shortage below the threshold it says %+v", r)
	}
	r, res := w.reconcile(3, []string{"CONVSTREAM_WINDOW_RECONCILE_THRESHOLD=0"})
	if r.Off != 4 || *r.Windows[0].Difference != -3 || r.Windows[0].Verdict != "off" {
		t.Errorf("with a count above it says %+v", r)
	}
	res.saysOnce(t, "off: ", quarter(0).String(), "convstream verify")

	c.refuse.Store(true)
	r, res = w.reconcile(3, nil)
	if r.Unverified != 4 || r.Windows[0].Expected != nil || !strings.Contains(r.Windows[0].Reason, "400") {
		t.Errorf("without a count it says %+v", r)
	}
	res.saysOnce(t, "unverified: ", quarter(3).String())
	if w.jobs() != jobs {
		t.Error("reconcile submits jobs")
	}
}

func TestReconcileNamesWhatIsNotPublishedInOneSpan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	w.backfill().must(t, 0)
	r, res := w.reconcile(3, nil, "--from", "2024-01-01T12:00:00Z", "--to", "2024-01-05")
	if diff := cmp.Diff([]string{"ok", "ok", "not published"}, r.verdicts()); diff != "" || r.NotPublished != 1 {
		t.Fatalf("verdicts (-want +got):\n%s", diff)
	}
	if got, want := r.Windows[2].Window.String(), "2024-01-02T00:00:00.000Z/2024-01-05T00:00:00.000Z"; got != want {
		t.Errorf("not published is %s, want %s", got, want)
	}
	res.saysOnce(t, "not published: 2024-01-02T00:00:00.000Z/2024-01-05T00:00:00.000Z", "backfill")

	people := w.run(nil, append([]string{"reconcile"}, interval...)...).must(t, 0)
	if lines := strings.Split(people.stdout, "\n"); len(lines) != 6 || !strings.HasPrefix(lines[0], "WINDOW") || !strings.Contains(lines[1], quarter(0).String()) {
		t.Errorf("for people it prints %q", people.stdout)
	}
}

func TestReconcileDisturbsNoInstanceAtWork(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	p := w.startDay("--json=false")
	g.await(t)
	w.committed(t, 4, false)
	r, _ := w.reconcile(3, nil)
	if diff := cmp.Diff([]string{"not published"}, r.verdicts()); diff != "" || r.Held != 400 {
		t.Errorf("it holds %d rows, want 400; verdicts (-want +got):\n%s", r.Held, diff)
	}
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 1).saysOnce(t, "all that was read is committed")
}

func TestR89_JobsAreReconciledByWholeDaysOfConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 200}})
	jobs := []string{"CONVSTREAM_SOURCE_DIALECT=jobs"}
	w.run(jobs, append([]string{"backfill"}, interval...)...).must(t, 0)
	r, _ := w.reconcile(0, jobs, "--from", "2024-01-01T06:00:00Z", "--to", "2024-01-01T07:00:00Z")
	if len(r.Windows) != 1 || r.Windows[0].Window != day || r.Held != int64(w.sim.CountConversations(day)) || r.Windows[0].Conversations != r.Held {
		t.Errorf("it says %+v, the platform has %d", r, w.sim.CountConversations(day))
	}
	half := strings.Replace(day.String(), "01-02", "01-03", 1)
	r, _ = w.reconcile(3, jobs, "--from", half[:24], "--to", half[25:])
	if diff := cmp.Diff([]string{"ok", "not published"}, r.verdicts()); diff != "" {
		t.Errorf("two days (-want +got):\n%s", diff)
	}
}

func TestADayOfALongerWindowIsReconciledWithItsOtherDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 200}})
	jobs := []string{"CONVSTREAM_SOURCE_DIALECT=jobs", "CONVSTREAM_WINDOW_STEP=48h"}
	w.run(jobs, "backfill", "--from", "2023-12-31", "--to", "2024-01-02").must(t, 0)
	r, _ := w.reconcile(0, jobs, "--from", "2023-12-31", "--to", "2024-01-01") // the day before the platform's first
	if len(r.Windows) != 1 || r.Windows[0].Window.To != day.To || r.Held != int64(w.sim.CountConversations(day)) || *r.Windows[0].Expected != r.Held {
		t.Errorf("it says %+v, the platform has %d", r, w.sim.CountConversations(day))
	}
}
