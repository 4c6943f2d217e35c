package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// drifts lists the drift events of the events topic: window, kind, field and rows.
func (w *world) drifts() map[string]int {
	told := map[string]int{}
	for _, r := range w.kafkaRecords("events") {
		var e conv.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			w.t.Fatal(err)
		}
		if e.Kind == "drift" {
			told[fmt.Sprintf("%s %v %v in %v rows", e.Window, e.Detail["kind"], e.Detail["field"], e.Detail["count"])]++
		}
	}
	return told
}

// wantDrifts fails unless the events topic has one event for each kind and field of each
// window, with the number of rows that its job brought.
func (w *world) wantDrifts(p *platform) (ok bool) {
	w.t.Helper()
	want := map[string]int{}
	for from := interval.From; from < interval.To; from += hour {
		window := conv.Window{From: from, To: from + hour}
		rows := map[string]int{}
		for i := range p.rows {
			row := &p.rows[i]
			if row.Time < window.From-1 || row.Time > window.To { // as the platform does
				continue
			}
			if !row.Zoned {
				rows["zone_missing timestamp"]++
			}
			for _, word := range words(row) {
				if kind, field, is := strings.Cut(word, ":"); is {
					rows[kind+" "+field]++
				}
			}
		}
		for what, n := range rows {
			want[fmt.Sprintf("%s %s in %d rows", window, what, n)] = 1
		}
	}
	if diff := cmp.Diff(want, w.drifts()); diff != "" {
		w.t.Errorf("drift events:\n%s", diff)
		return false
	}
	return true
}

func TestR103_DriftIsToldOnceOfAWindowHoweverOftenItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		partial := conv.JobPartial
		p.endings = []conv.JobState{partial, partial, partial}
		var sighted []string
		run := func(name string) {
			s := w.routed(name)
			s.takeOver, s.config.Windows = true, 1
			s.events.Drifted = func(w conv.Window, d conv.Drift) {
				sighted = append(sighted, fmt.Sprintf("%s %s %s", w, d.Kind, d.Field))
			}
			if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
				t.Fatal(err)
			}
		}
		run("first")
		if cp := w.ledger()[w1]; cp.State != conv.Incomplete || cp.Drift[0].Count == 0 || !cp.Drift[0].Told {
			t.Fatalf("the first window is %s with %+v, want it given up, and its drift told", cp.State, cp.Drift)
		}
		w.wantDrifts(p)
		run("second")
		if cp := w.ledger()[w1]; cp.State != conv.Settled {
			t.Fatalf("the first window is %s, want it read whole", cp.State)
		}
		w.wantDrifts(p)
		w.wantRoutes(p)
		if n := len(w.drifts()); len(sighted) != n {
			t.Errorf("the hook had %d sightings, and %d events were told:\n%s", len(sighted), n, strings.Join(sighted, "\n"))
		}
	})
}

func TestR103_DriftBeyondTheBoundIsCountedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(4, 5)
		var fields []string
		for i := range conv.MaxDrift + 7 {
			fields = append(fields, fmt.Sprintf("unknown:field-%d", i))
		}
		for i := range p.rows {
			p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i].Time, strings.Join(fields, " "))
		}
		if _, err := w.run(t.Context(), p, w.defaults("first"), w1, wordy{}); err != nil {
			t.Fatal(err)
		}
		// The job brings the row of the next window's first instant, too.
		cp := w.ledger()[w1]
		if len(cp.Drift) != conv.MaxDrift || cp.DriftMore != 2*7 || cp.Drift[conv.MaxDrift-1].Count != 2 {
			t.Errorf("%d fields are kept, %d deviations beyond, the last kept is %+v; want %d, 14, and 2 rows", len(cp.Drift), cp.DriftMore, cp.Drift[len(cp.Drift)-1], conv.MaxDrift)
		}
		if n := len(w.drifts()); n != conv.MaxDrift {
			t.Errorf("%d events, want one for each field that is kept", n)
		}
	})
}

func TestAKeyThatADerivedRouteReadsIsNoDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(4, 5)
		p.rows[0] = makeRow("a", p.rows[0].Time, "unknown:speech.mood missing:speech.mood unknown:else")
		s := w.routed("first")
		s.config.Known = map[string]bool{"speech": true, "speech.mood": true}
		if _, err := w.run(t.Context(), p, s, w1, wordy{}); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{w1.String() + " missing speech.mood in 1 rows": 1, w1.String() + " unknown else in 1 rows": 1}
		if diff := cmp.Diff(want, w.drifts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestR81_UnknownKeysDoNotCrowdOutAMissingContractedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(8, 9)
		var fields []string
		for i := range conv.MaxDrift {
			fields = append(fields, fmt.Sprintf("unknown:field-%d", i))
		}
		p.rows[0] = makeRow("conv-0000", p.rows[0].Time, strings.Join(fields, " "))
		p.rows[1] = makeRow("conv-0001", p.rows[1].Time, "missing:case_priority retyped:duration")
		if _, err := w.run(t.Context(), p, w.defaults("first"), w1, wordy{}); err != nil {
			t.Fatal(err)
		}
		told := w.drifts()
		for _, what := range []string{"missing case_priority", "retyped duration"} {
			if n := told[w1.String()+" "+what+" in 1 rows"]; n != 1 {
				t.Errorf("%s is told %d times, want once", what, n)
			}
		}
	})
}

func TestWhatAJobWasNotToldOfIsToldBeforeTheNextCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(4, 5)
		p.endings = []conv.JobState{conv.JobPartial}
		p.rows[0] = makeRow("conv-0000", p.rows[0].Time, "missing:case_priority")
		s := w.defaults("first")
		s.events.Retrying = func(conv.Window, string, time.Duration) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.rows[0] = makeRow("conv-0000", p.rows[0].Time, "mended")
		}
		if _, err := w.run(t.Context(), p, s, w1, wordy{}); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{w1.String() + " missing case_priority in 1 rows": 1}
		if diff := cmp.Diff(want, w.drifts()); diff != "" || p.submitted != 2 {
			t.Errorf("%d jobs; %s", p.submitted, diff)
		}
	})
}

// A route's own fields drift in the rows that it takes, also where these are repeats.
func TestR103_DriftOfFieldsThatOnlyARouteReadsIsToldWithItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(4, 5)
		for i, content := range []string{"voice missing:mood missing:shared unknown:else", "chat missing:mood"} {
			p.rows[i] = makeRow(fmt.Sprintf("conv-%04d", i), p.rows[0].Time+int64(i), content)
		}
		s := w.routed("first")
		s.config.Routes[0].Wider, s.config.Routes[0].Own = true, map[string]bool{"mood": true, "else": true}
		p.endings = []conv.JobState{conv.JobPartial} // the second job brings repeats
		if _, err := w.run(t.Context(), p, s, w1, plain{}); err != nil {
			t.Fatal(err)
		}
		want := []conv.Drift{{
			Deviation: conv.Deviation{Kind: conv.DriftMissing, Field: "mood", Expected: "this", Found: "that", Route: "voice"},
			Count:     1, Job: "job-2", Told: true,
		}}
		if diff := cmp.Diff(want, w.ledger()[w1].Drift); diff != "" {
			t.Error(diff)
		}
		routes := 0
		for _, r := range w.kafkaRecords("events") {
			var e conv.Event
			if err := json.Unmarshal(r.Value, &e); err != nil {
				t.Fatal(err)
			}
			if e.Kind == "drift" && e.Detail["route"] == "voice" {
				routes++
			}
		}
		if routes != 1 {
			t.Errorf("%d events name the route, want 1", routes)
		}
	})
}
