package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/simulator"
)

// driftLine is an entry of what drift --json prints.
type driftLine struct {
	Kind, Field, Expected, Found string
	Rows                         int64
	Windows                      int
	First                        string `json:"first_window"`
	Last                         string `json:"last_window"`
	Still                        bool
	Proposed                     string
}

// At 15:00, in the middle of a window, a flow is changed: an attribute goes, another comes, and
// a metric becomes text. At 20:00 one more change is taken back.
func flowChange() []simulator.Drift {
	at := func(hour int) time.Time { return time.UnixMilli(day.From).Add(time.Duration(hour) * time.Hour) }
	return []simulator.Drift{
		{From: at(15), Field: "attributes.custom.case_priority", Change: "removed"},
		{From: at(15), Field: "attributes.custom.loyalty", Change: "added", Value: 5},
		{From: at(15), Field: "metrics.queuetime.ms", Change: "to_string"},
		{From: at(8), To: at(10), Field: "attributes.custom.customer_segment", Change: "to_object"},
	}
}

func TestR97_AFlowThatChangesInsideAWindowCostsNoRowAndIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 2000, Faults: simulator.Faults{PageRows: 90, Drift: flowChange()}}})
	if f := w.backfill("--json").must(t, 0).figures(t); f.Published != 2000 || f.Invalid != 0 || f.Windows != 4 {
		t.Errorf("the figures are %+v", f)
	}
	w.holdsTheTruth(t)
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)

	events := map[string]int{}
	for line := range strings.Lines(w.run(nil, "tail", "--topic", "genesys.events", "-n", "1000").must(t, 0).stdout) {
		var e struct {
			Kind, Window string
			Detail       struct{ Kind, Field string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == "drift" {
			events[e.Detail.Kind+" "+e.Detail.Field+" "+e.Window]++
		}
	}
	for event, n := range events {
		if n != 1 {
			t.Errorf("%s is told %d times", event, n)
		}
	}
	if len(events) < 5 {
		t.Errorf("the events are %v", events)
	}

	var report struct {
		Windows  int
		Drift    []driftLine
		Proposal struct {
			Compatibility string
			Incompatible  []any
		}
	}
	next := filepath.Join(w.dir, "next.avsc")
	if err := json.Unmarshal([]byte(w.run(nil, "drift", "--json", "--propose", next).must(t, 0).stdout), &report); err != nil {
		t.Fatal(err)
	}
	const morning, afternoon, evening = "2024-01-01T06:00:00.000Z/2024-01-01T12:00:00.000Z", "2024-01-01T12:00:00.000Z/2024-01-01T18:00:00.000Z", "2024-01-01T18:00:00.000Z/2024-01-02T00:00:00.000Z"
	want := []driftLine{
		{Kind: "retyped", Field: "attributes.custom.customer_segment", Expected: "string", Found: "object", Windows: 1, First: morning, Last: morning},
		{Kind: "retyped", Field: "metrics.queuetime.ms", Expected: "long", Found: "string", Windows: 2, First: afternoon, Last: evening, Still: true, Proposed: "add field metrics_queuetime_ms_as_string"},
		{Kind: "unknown", Field: "attributes.custom.loyalty", Expected: "no such key", Found: "number", Windows: 2, First: afternoon, Last: evening, Still: true, Proposed: "add field attributes_custom_loyalty"},
	}
	var got []driftLine
	for _, d := range report.Drift {
		if d.Rows <= 0 || d.Rows >= 2000 {
			t.Errorf("%s of %s is told of %d rows", d.Kind, d.Field, d.Rows)
		}
		d.Rows = 0
		if d.Kind == "missing" { // the platform leaves out what a row has not, at any time
			if d.Field == "attributes.custom.case_priority" && (!d.Still || !strings.HasPrefix(d.Proposed, "none: a flow does not set it")) {
				t.Errorf("%+v", d)
			}
			continue
		}
		got = append(got, d)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if report.Proposal.Compatibility != "BACKWARD" || len(report.Proposal.Incompatible) != 0 {
		t.Errorf("%+v", report.Proposal)
	}

	// The proposal is a contract under which nothing is told that it answers.
	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.write(w.config, string(text)+"contract: {file: "+next+"}\n")
	shown := w.run(nil, "drift").must(t, 0)
	if !strings.Contains(shown.stdout, "The contract needs no change.") || strings.Count(shown.stdout, "none: the contract has it") != 1 {
		t.Errorf("under the proposed contract it prints\n%s", shown.stdout)
	}
}

func TestAShareOfInvalidRowsIsDeadLettersAndNoMore(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			const rows, invalid = 2000, 200
			faults := simulator.Faults{PageRows: 90, Invalid: simulator.Invalid{Share: 0.1}}
			w := newWorld(t, scene{Platform: simulator.Config{Rows: rows, Faults: faults}})
			text, err := os.ReadFile(w.config)
			if err != nil {
				t.Fatal(err)
			}
			w.write(w.config, strings.Replace(string(text), "  org: acme", "  org: acme\n  dialect: "+dialect, 1))
			f := w.backfill("--json").must(t, 0).figures(t)
			if f.Published != rows-invalid || f.Fetched != f.Published+f.Duplicates+f.Invalid || len(f.Incomplete) != 0 {
				t.Errorf("the figures are %+v", f)
			}
			letters := map[string]bool{} // two windows that ask for their common edge have a letter each of what lies there
			for line := range strings.Lines(w.run(nil, "tail", "--topic", "genesys.dlq", "-n", "1000").must(t, 0).stdout) {
				letters[line] = true
			}
			if len(letters) != invalid || f.Invalid < invalid {
				t.Errorf("%d rows are dead letters, want %d; the figures are %+v", len(letters), invalid, f)
			}
			if dialect == "reports" {
				w.holdsTheTruth(t)
			}
			w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
		})
	}
}
