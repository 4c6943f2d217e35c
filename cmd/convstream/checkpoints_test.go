package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

func TestTheLedgerIsListedWithCountsAndParentsAndExportedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300, Faults: simulator.Faults{Script: simulator.Script{Partial: []int{1}}}}})
	w.run(nil, append([]string{"backfill", "--step", "12h"}, interval...)...).must(t, 0)

	ledger := w.ledger()
	lines := strings.Split(strings.TrimSuffix(w.run(nil, "checkpoints", "list").must(t, 0).stdout, "\n"), "\n")
	want := []string{"WINDOW", "STATE", "CHECKPOINT", "FETCHED", "PUBLISHED", "REPEATS", "DEAD", "HELD", "EXPECTED", "UPDATED", "PARENT"}
	if diff := cmp.Diff(want, strings.Fields(lines[0])); diff != "" {
		t.Fatalf("columns (-want +got):\n%s", diff)
	}
	if len(lines) != len(ledger)+1 || len(ledger) != 6 {
		t.Fatalf("%d lines are listed, and %d windows exported, want 6 of them", len(lines), len(ledger))
	}
	children := 0
	for i, cp := range ledger {
		columns := strings.Fields(lines[i+1])
		parent := "-"
		if cp.Parent != nil {
			parent = cp.Parent.String()
			children++
		}
		held := "-"
		if cp.Held != nil {
			held = jsonOf(t, *cp.Held)
		}
		if columns[0] != cp.Window.String() || columns[7] != held || columns[10] != parent {
			t.Errorf("line %d is %q, want held %s and parent %s of %s", i+1, lines[i+1], held, parent, cp.Window)
		}
	}
	if children != 4 {
		t.Errorf("%d windows have a parent, want 4", children)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestACheckpointIsShownWithItsTimesForPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	w.backfill().must(t, 0)
	var shown struct {
		conv.Checkpoint
		Times map[string]string `json:"times"`
	}
	r := w.run(nil, "checkpoints", "show", quarter(1).String()).must(t, 0)
	if err := json.Unmarshal([]byte(r.stdout), &shown); err != nil {
		t.Fatal(err)
	}
	cp := shown.Checkpoint
	want := map[string]string{
		"updated": conv.FormatInstant(cp.Updated), "min_time": conv.FormatInstant(*cp.MinTime), "max_time": conv.FormatInstant(*cp.MaxTime),
		"stored_min": conv.FormatInstant(*cp.StoredMin), "stored_max": conv.FormatInstant(*cp.StoredMax),
		"job.submitted": conv.FormatInstant(cp.Job.Submitted), "job.platform_time": conv.FormatInstant(cp.Job.PlatformTime),
	}
	if diff := cmp.Diff(want, shown.Times); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}
