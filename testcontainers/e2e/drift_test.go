package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/testcontainers/readers"
)

// noon is in the middle of the day, and of a window of it.
var noon = day.From + dayMillis/2

// changed is how rows depart from the contract.
type changed struct {
	Kind  conv.DriftKind `json:"kind"`
	Field string         `json:"field"`
	Rows  int64          `json:"rows"`
}

// flows are changes of flows at noon: fields are removed, added and of another type, from then on.
func flows(fields map[string]string) (drift []simulator.Drift) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		drift = append(drift, simulator.Drift{From: time.UnixMilli(noon), Field: field, Change: fields[field]})
	}
	return drift
}

func TestRealFieldsThatAreRemovedAddedOrRetypedWithinAWindowAreToldOnceAndLeaveRowsIntact(t *testing.T) {
	const rows = 20_000
	env, dice := withRegistry(t), random(t)
	f := faults()
	f.PageRows = 500
	f.Drift = flows(map[string]string{
		"attributes.custom.customer_segment": "removed", "attributes.custom.case_priority": "to_object",
		"attributes.custom.loyalty": "added", "metrics.queuetime.ms": "to_string",
	})
	w := newWorldOf(t, env, newPlatform(t, rows, f), settings{more: "commit: {interval: 100ms}"})
	w.killWriting(t, w.backfill(t, convstream), dice.Int64N(resultBytes(rows)))
	w.backfill(t, convstream).wantExit(t, 0)
	w.wantOnce(t, rows)
	w.reconcile(t, 0)
	var late, queued int64
	want := map[string]seen{}
	for row := range w.platform.Truth(day) {
		want[row.InteractionID.String()] = truthOf(row)
		if row.Time >= noon {
			late++
			if row.Queue >= 0 {
				queued++
			}
		}
	}
	w.wantRead(t, w.topics.Rows, "interaction_id", want, readers.JavaScript)
	rowsOf := w.wantDrift(t, map[conv.DriftKind][]string{
		// What a row has not is left out of it now and then, on all days.
		conv.DriftMissing: {"attributes.custom.case_priority", "attributes.custom.customer_segment", "metrics.handledtime.ms", "metrics.queuetime.ms"},
		conv.DriftUnknown: {"attributes.custom.loyalty"},
		conv.DriftRetyped: {"attributes.custom.case_priority", "metrics.queuetime.ms"},
	})
	if n := rowsOf["unknown attributes.custom.loyalty"]; n != late {
		t.Errorf("the added field was counted in %d rows, want %d", n, late)
	}
	if n := rowsOf["retyped metrics.queuetime.ms"]; n != queued {
		t.Errorf("the retyped metric was counted in %d rows, want %d", n, queued)
	}
	if n := rowsOf["missing attributes.custom.customer_segment"]; n < late {
		t.Errorf("the removed field was counted in %d rows, want %d at least", n, late)
	}
}

// wantDrift fails the test unless the events tell of these deviations, once each, and `drift` lists the same. It returns in
// how many rows each was.
func (w *world) wantDrift(t *testing.T, want map[conv.DriftKind][]string) (rowsOf map[string]int64) {
	t.Helper()
	rowsOf = map[string]int64{}
	var told []changed
	for _, e := range w.eventsOf(t, "drift") {
		kind, _ := e.Detail["kind"].(string)
		field, _ := e.Detail["field"].(string)
		count, _ := e.Detail["count"].(float64)
		told = append(told, changed{conv.DriftKind(kind), field, int64(count)})
		rowsOf[kind+" "+field] = int64(count)
	}
	slices.SortFunc(told, func(a, b changed) int { return strings.Compare(string(a.Kind)+a.Field, string(b.Kind)+b.Field) })
	t.Logf("DRIFT %+v", told)
	got := map[conv.DriftKind][]string{}
	for _, d := range told {
		got[d.Kind] = append(got[d.Kind], d.Field)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields by kind, as events tell them (-want +told):\n%s", diff)
	}
	p := start(t, convstream, w.config, "drift", "--json")
	p.wantExit(t, 0)
	var listed struct{ Drift []changed }
	p.answer(t, &listed)
	if diff := cmp.Diff(told, listed.Drift); diff != "" {
		t.Errorf("drift differs from the events (-events +listed):\n%s", diff)
	}
	return rowsOf
}

// contract writes a contract of dialect reports for the world: the default one, with one text in it replaced.
func (w *world) contract(t *testing.T, old, replacement string) string {
	t.Helper()
	c, err := avro.Default(w.settings.dialect)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(c.Schema(), old) != 1 {
		t.Fatalf("the default contract has %q %d times: %s", old, strings.Count(c.Schema(), old), c.Schema())
	}
	path := filepath.Join(w.dir, "contract.avsc")
	if err := os.WriteFile(path, []byte(strings.Replace(c.Schema(), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withContract configures another contract.
func (w *world) withContract(t *testing.T, level, old, replacement string) {
	t.Helper()
	w.settings.level = level
	file, _ := json.Marshal(w.contract(t, old, replacement)) // a string is JSON, and YAML
	w.settings.more = "contract: {file: " + string(file) + "}"
	w.config = w.writeConfig(t, "changed.yaml", w.env)
}

const segment = `{"name":"attributes_custom_customer_segment","type":["null","string"],"default":null,"source":"attributes.custom.customer_segment"}`

// Both the program and the registry refuse a change; the program is asked not to in order to hear the registry.
func TestRealAChangedContractThatIsRefusedEndsTheRunBeforeAnyRow(t *testing.T) {
	env := withRegistry(t)
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]struct {
		old, replacement string
		field            string // as the program names it
		place            string // as the registry does
		level            sr.CompatibilityLevel
	}{
		"removed": {
			`{"name":"interaction_type","type":"string","source":"interaction.type","required":true,"doc":"The medium, such as voice or chat."},`, "",
			"interaction_type", "interaction_type", sr.CompatFull,
		},
		"added":   {segment, segment + `,{"name":"loyalty","type":"string","required":true,"source":"attributes.custom.loyalty"}`, "loyalty", "loyalty", sr.CompatBackward},
		"retyped": {segment, strings.Replace(segment, `"string"`, `"long"`, 1), "attributes_custom_customer_segment", "/fields/4", sr.CompatBackward},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, env, newPlatform(t, 2000, simulator.Faults{}))
			span := w.span
			w.span.To = noon
			if code := w.backfill(t, convstream).exit(t); code != 0 {
				t.Fatalf("the first half of the day: exit code %d", code)
			}
			w.span = span
			before, jobs := len(env.Committed(t, w.topics.Rows)), len(w.platform.Stats().Jobs)
			for _, r := range registry.SetCompatibility(t.Context(), sr.SetCompatibility{Level: change.level}, w.topics.Rows+"-value") {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			for level, named := range map[string]string{change.level.String(): change.field, "NONE": change.place} {
				w.withContract(t, level, change.old, change.replacement)
				p := w.backfill(t, convstream)
				p.wantExit(t, 2)
				p.wantVerdict(t, w.topics.Rows+"-value", named)
			}
			if n := len(env.Committed(t, w.topics.Rows)); n != before || len(w.platform.Stats().Jobs) != jobs {
				t.Errorf("%d rows and %d jobs came of the refused contracts", n-before, len(w.platform.Stats().Jobs)-jobs)
			}
			if versions, err := registry.SubjectVersions(t.Context(), w.topics.Rows+"-value"); err != nil || len(versions) != 1 {
				t.Errorf("the registry has versions %v, %v; want the first only", versions, err)
			}
		})
	}
}

// A field that came at noon is contracted: rows of before are read by the contract that they were published by.
func TestRealRowsOfBeforeAndBehindAChangeOfTheContractAreReadAlike(t *testing.T) {
	const rows = 5000
	env := withRegistry(t)
	f := simulator.Faults{PageRows: 500, Drift: flows(map[string]string{"attributes.custom.loyalty": "added"})}
	w := newWorldOf(t, env, newPlatform(t, rows, f), settings{window: "step: 12h"})
	span := w.span
	w.span.To = noon
	w.backfill(t, convstream).wantExit(t, 0)
	w.span = span
	w.withContract(t, "BACKWARD", segment, segment+`,{"name":"loyalty","type":["null","string"],"default":null,"source":"attributes.custom.loyalty"}`)
	w.backfill(t, convstream).wantExit(t, 0)
	w.wantOnce(t, rows)
	w.reconcile(t, 0)
	want := map[string]seen{}
	for row := range w.platform.Truth(day) {
		whole := truthOf(row)
		if row.Time >= noon {
			whole.Value["loyalty"] = "gold"
		}
		want[row.InteractionID.String()] = whole
	}
	w.wantRead(t, w.topics.Rows, "interaction_id", want, readers.JavaScript)
}
