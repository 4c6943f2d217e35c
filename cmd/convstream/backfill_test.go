package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

func TestR2_ASecondBackfillPrintsTheSameFiguresAndAsksForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 2000, Faults: simulator.Faults{PageRows: 150}}})
	first := w.backfill("--json").must(t, 0)
	f := first.figures(t)
	if f.Windows != 4 || f.Published != 2000 || f.Invalid != 0 || len(f.Incomplete) != 0 || f.Fetched != f.Published+f.Duplicates+f.Invalid {
		t.Errorf("the figures are %+v", f)
	}
	if said := first.sentences(); len(said) > 0 {
		t.Errorf("beside the log it says %q", said)
	}
	w.holdsTheTruth(t)

	asked := w.sim.Stats()
	second := w.backfill("--json").must(t, 0)
	if got := second.figures(t); !same(got, f) {
		t.Errorf("a second run prints %+v, the first one %+v", got, f)
	}
	if now := w.sim.Stats(); len(now.Jobs) != len(asked.Jobs) || len(now.Requests[simulator.Baseline]) != len(asked.Requests[simulator.Baseline]) {
		t.Errorf("a second run asked the platform: %+v, before %+v", now.Requests, asked.Requests)
	}
	w.holdsTheTruth(t)
}

// same compares figures by what they print.
func same(a, b figures) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func TestTheSummaryForPeopleAccountsForEveryRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 100}})
	r := w.backfill().must(t, 0)
	if !strings.Contains(r.stdout, "100 published") || !strings.Contains(r.stdout, "\nin this run: ") ||
		!strings.Contains(r.stdout, "\nroute speech: ") || strings.Count(r.stdout, "\n") != 3 {
		t.Errorf("stdout is %q", r.stdout)
	}
}

func TestABackfillOfNothingIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	f := w.backfill("--json").must(t, 0).figures(t)
	if want := (figures{Windows: 4, Incomplete: []conv.Window{}}); !same(f, want) {
		t.Errorf("the figures are %+v", f)
	}
	verify := w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
	if !strings.Contains(verify.stdout, "0 distinct rows") {
		t.Errorf("verify says %q", verify.stdout)
	}
	if tail := w.run(nil, "tail").must(t, 0); tail.stdout != "" {
		t.Errorf("tail prints %q", tail.stdout)
	}
}

func TestAnotherStepPublishesNothingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 500}})
	f := w.backfill("--json").must(t, 0).figures(t)
	jobs := w.jobs()
	if again := w.backfill("--json", "--step", "1h").must(t, 0).figures(t); !same(again, f) || w.jobs() != jobs {
		t.Errorf("with hours for windows the figures are %+v after %d jobs, before %+v after %d", again, w.jobs(), f, jobs)
	}
}

func TestWhatABackfillLeftCanBeLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	w.backfill().must(t, 0)

	t.Run("verify", func(t *testing.T) {
		r := w.run(nil, append([]string{"verify", "--json"}, interval...)...).must(t, 0)
		voice := 0
		for _, truth := range w.truth() {
			if truth.Type == "voice" {
				voice++
			}
		}
		want := fmt.Sprintf(`{"windows":4,"distinct":300,"missing":0,"doubled":0,"foreign":0,"dead_letters":0,"balanced":true,"incomplete":[],`+
			`"routes":[{"route":"speech","topic":"genesys.speech","published":%[1]d,"filtered":%[2]d,"rows":%[1]d,"dead_letters":0,`+
			`"missing":0,"doubled":0,"foreign":0,"before":0}]}`, voice, 300-voice)
		if r.stdout != want+"\n" || r.stderr != "" {
			t.Errorf("it prints %q and %q, want %q", r.stdout, r.stderr, want)
		}
	})
	t.Run("verify of a day that was never published", func(t *testing.T) {
		r := w.run(nil, "verify", "--from", "2024-01-02", "--to", "2024-01-03").must(t, 3)
		r.saysOnce(t, "2024-01-02T00:00:00.000Z/2024-01-03T00:00:00.000Z")
	})
	t.Run("tail", func(t *testing.T) {
		r := w.run(nil, "tail", "-n", "3").must(t, 0)
		known := map[string]row{}
		for _, truth := range w.truth() {
			known[truth.Interaction] = truth
		}
		lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("it prints %q", r.stdout)
		}
		for _, line := range lines {
			var got struct {
				Interaction  string `json:"interaction_id"`
				Conversation string `json:"conversation_id"`
				Timestamp    string
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			if want := known[got.Interaction]; got.Conversation != want.Conversation || got.Timestamp != conv.FormatInstant(want.Time) {
				t.Errorf("it prints %s, the platform has %+v", line, want)
			}
		}
	})
	t.Run("tail of the ledger", func(t *testing.T) {
		r := w.run(nil, "tail", "-n", "1", "--topic", "genesys.checkpoints").must(t, 0)
		if !json.Valid([]byte(r.stdout)) || !strings.Contains(r.stdout, `"released":true`) {
			t.Errorf("the last record is %q", r.stdout)
		}
	})
	t.Run("checkpoints list", func(t *testing.T) {
		r := w.run(nil, "checkpoints", "list").must(t, 0)
		lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
		if len(lines) != 5 || !strings.HasPrefix(lines[0], "WINDOW") || r.stderr != "" {
			t.Fatalf("it prints %q and %q", r.stdout, r.stderr)
		}
		for i, line := range lines[1:] {
			if !strings.HasPrefix(line, quarter(i).String()+"  settled") {
				t.Errorf("line %d is %q", i, line)
			}
		}
	})
	t.Run("checkpoints show", func(t *testing.T) {
		r := w.run(nil, "checkpoints", "show", quarter(1).String()).must(t, 0)
		var cp conv.Checkpoint
		if err := json.Unmarshal([]byte(r.stdout), &cp); err != nil || cp.Window != quarter(1) || !cp.Counters.Balanced() || cp.Counters.Published == 0 {
			t.Errorf("%v: it prints %q", err, r.stdout)
		}
	})
	t.Run("checkpoints show of an unknown window", func(t *testing.T) {
		r := w.run(nil, "checkpoints", "show", "2023-01-01/2023-01-02").must(t, 1)
		r.saysOnce(t, "2023-01-01T00:00:00.000Z/2023-01-02T00:00:00.000Z", "checkpoints list")
	})
}

// quarter is the day's window n.
func quarter(n int) conv.Window {
	const width = 6 * 3_600_000
	from := day.From + int64(n)*width
	return conv.Window{From: from, To: from + width}
}

// counting answers the platform's count of the first quarter otherwise.
func counting(answer string) func(http.Handler) http.Handler {
	return func(platform http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/details/query") &&
				r.URL.Query().Get("start") == conv.FormatInstant(day.From) {
				rw.Header().Set("Content-Type", "application/json")
				_, _ = rw.Write([]byte(answer))
				return
			}
			platform.ServeHTTP(rw, r)
		})
	}
}

func TestR92_AWindowBelowThePlatformsCountExits3AndIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400}, Front: counting(`{"count":1000}`)})
	r := w.backfill("--json").must(t, 3)
	f := r.figures(t)
	chunk := conv.Window{From: day.From, To: day.From + 3*3_600_000} // the platform miscounts what begins there
	if len(f.Incomplete) != 1 || f.Incomplete[0] != chunk || f.Published != 400 {
		t.Errorf("the figures are %+v", f)
	}
	r.saysOnce(t, chunk.String(), "checkpoints show")
	show := w.run(nil, "checkpoints", "show", chunk.String()).must(t, 0)
	if !strings.Contains(show.stdout, "the platform counts 1000") {
		t.Errorf("the ledger says %s", show.stdout)
	}
	w.holdsTheTruth(t)

	jobs := w.jobs()
	w.backfill().must(t, 3)
	if w.jobs() == jobs {
		t.Error("the same command did not try again")
	}
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 3).saysOnce(t, chunk.String())
}

func TestR93_WithoutACountAWindowIsUnverifiedAndExits3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400}, Front: counting(`{}`)})
	r := w.backfill("--json").must(t, 3)
	if f := r.figures(t); len(f.Incomplete) != 1 || f.Incomplete[0] != quarter(0) || f.Published != 400 {
		t.Errorf("the figures are %+v", f)
	}
	r.saysOnce(t, quarter(0).String(), "window.reconcile: false")
	w.holdsTheTruth(t)
}

func TestR93_WithoutReconciliationNoCountIsAskedForAndTheSummarySaysUnverified(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400}})
	off := []string{"CONVSTREAM_WINDOW_RECONCILE=false"}
	for range 2 {
		r := w.run(off, append([]string{"backfill"}, interval...)...).must(t, 0)
		if !strings.Contains(r.stdout, "4 windows are unverified") || !strings.Contains(r.stdout, "window.reconcile") {
			t.Errorf("it prints %q", r.stdout)
		}
	}
	if asked := w.sim.Stats().Requests[simulator.Baseline]; len(asked) > 0 || w.jobs() != 4 {
		t.Errorf("the platform was asked for counts: %v, and given %d jobs", asked, w.jobs())
	}
	w.holdsTheTruth(t)

	w.backfill().must(t, 0) // with reconciliation: the counts are asked for, and no job
	if asked := w.sim.Stats().Requests[simulator.Baseline]["200"]; asked != 4 || w.jobs() != 4 {
		t.Errorf("the platform was asked for %d counts and given %d jobs, want 4 and 4", asked, w.jobs())
	}
}
