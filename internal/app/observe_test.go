package app

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"convstream/internal/conv"
)

func TestR55_EveryPollLogsJobStatusAndProgress(t *testing.T) {
	var out bytes.Buffer
	p := &process{log: zerolog.New(&out)}
	w := conv.Window{From: 1704067200000, To: 1704153600000}
	p.extractorHooks().Polled(w, conv.Job{ID: "job-1"}, conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: 0.95}, 3, 70*time.Second)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"level": "info", "message": "job polled", "window": w.String(), "job": "job-1", "status": "running",
		"progress": 0.95, "poll": 3.0, "seconds": 70.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestR41_AnotherPlaceForTheResultsIsLoggedOncePerJob(t *testing.T) {
	var out bytes.Buffer
	p := &process{log: zerolog.New(&out)}
	polled := p.extractorHooks().Polled
	for _, id := range []string{"job-1", "job-2"} {
		polled(monday, conv.Job{ID: id}, conv.JobStatus{State: conv.JobQueued}, 1, time.Second)
		for n := range 3 {
			polled(monday, conv.Job{ID: id}, conv.JobStatus{State: conv.JobRunning, Results: "https://files.example/a"}, n+2, time.Second)
		}
		polled(monday, conv.Job{ID: id}, conv.JobStatus{State: conv.JobDone, Results: "https://files.example/a"}, 5, time.Second)
		named := `"job":"` + id + `","results":"https://files.example/a"`
		if n := strings.Count(out.String(), named); n != 1 {
			t.Errorf("the log says %d times where the results of %s are, want once: %s", n, id, out.String())
		}
	}
}

// logged is the one entry that something writes to the log.
func logged(t *testing.T, write func(p *process)) (map[string]any, *process) {
	t.Helper()
	var out bytes.Buffer
	p := &process{log: zerolog.New(&out), metrics: newMetrics()}
	write(p)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return got, p
}

func TestR84_APartialResultIsLoggedWithItsExactRowsAndTimeRange(t *testing.T) {
	got, _ := logged(t, func(p *process) {
		p.pipelineEvents().Noted(conv.Event{Kind: "partial", Window: &monday, Detail: map[string]any{
			"job": "job-1", "rows": int64(123_456_789), "min_time": "2024-01-01T00:00:00.001Z", "max_time": "2024-01-01T23:59:59.998Z",
		}})
	})
	want := map[string]any{
		"level": "warn", "message": "event", "kind": "partial", "window": monday.String(), "detail": map[string]any{
			"job": "job-1", "rows": 123_456_789.0, "min_time": "2024-01-01T00:00:00.001Z", "max_time": "2024-01-01T23:59:59.998Z",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestR95_AnAlertIsAnErrorWithTheSameFiguresAndMovesACounter(t *testing.T) {
	detail := map[string]any{"held": 94.0, "expected": 100.0, "difference": -6.0}
	alert := conv.Event{Kind: "reconcile", Severity: "alert", Window: &monday, Detail: detail}
	got, p := logged(t, func(p *process) { p.pipelineEvents().Noted(alert) })
	want := map[string]any{"level": "error", "message": "alert", "kind": "reconcile", "window": monday.String(), "detail": detail}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	p.metrics.count(alert)
	p.metrics.count(conv.Event{Kind: "reconcile"})
	p.metrics.count(conv.Event{Kind: "drift"})
	counts := []eventCount{
		{"boundary", "alert", 0}, {"drift", "warning", 1}, {"incomplete", "alert", 0}, {"invalid", "alert", 0}, {"reconcile", "alert", 2}, {"reconcile", "warning", 1},
	}
	if diff := cmp.Diff(counts, p.metrics.counts()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestR81_AFieldThatIsAbsentIsAWarningWithItsNameAndMovesACounter(t *testing.T) {
	drift := conv.Drift{
		Deviation: conv.Deviation{Kind: conv.DriftMissing, Field: "attributes.custom.case_priority", Expected: "string", Found: "nothing"},
		Count:     1, Job: "job-1", Page: 2, Row: 3,
	}
	got, p := logged(t, func(p *process) {
		p.pipelineEvents().Drifted(monday, drift)
		p.pipelineEvents().Noted(conv.Event{Kind: "drift", Window: &monday}) // once more, for the events topic
	})
	want := map[string]any{
		"level": "warn", "message": "rows depart from the contract", "window": monday.String(), "kind": "missing",
		"field": "attributes.custom.case_priority", "expected": "string", "found": "nothing", "job": "job-1", "page": 2.0, "row": 3.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	page := httptest.NewRecorder()
	p.metrics.handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{`convstream_drift_total{kind="missing"} 1`, `convstream_drift_total{kind="retyped"} 0`, `convstream_events_total{kind="drift",severity="warning"} 1`} {
		if !strings.Contains(page.Body.String(), line+"\n") {
			t.Errorf("the counters lack %s:\n%s", line, page.Body)
		}
	}
}

func TestDeadLettersMoveACounterOfTheirRouteAndReasonThatStartsAt0(t *testing.T) {
	p := &process{metrics: newMetrics()}
	p.metrics.expect("chat")
	p.pipelineEvents().Refused("", conv.ReasonType, 3)
	p.pipelineEvents().Refused("", conv.ReasonType, 2)
	p.pipelineEvents().Refused("speech", conv.ReasonRoute, 1)
	page := httptest.NewRecorder()
	p.metrics.handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`convstream_dead_letters_total{reason="wrong_type",route="conversations"} 5`, `convstream_dead_letters_total{reason="no_key",route="conversations"} 0`,
		`convstream_dead_letters_total{reason="route_failed",route="speech"} 1`, `convstream_dead_letters_total{reason="route_failed",route="chat"} 0`,
		`convstream_events_total{kind="invalid",severity="alert"} 0`,
	} {
		if !strings.Contains(page.Body.String(), line+"\n") {
			t.Errorf("the counters lack %s:\n%s", line, page.Body)
		}
	}
}

func TestDurationsInTheLogAreWholeMilliseconds(t *testing.T) {
	got, _ := logged(t, func(p *process) { p.pipelineEvents().Loaded("a day", 7, 1_234_567*time.Nanosecond) })
	if got["took_ms"] != 1.0 {
		t.Errorf("the entry is %v", got)
	}
}

func TestAnEventOfNoWindowAndOfConversationsIsLoggedWithoutTheirIDs(t *testing.T) {
	got, _ := logged(t, func(p *process) {
		p.noted(conv.Event{Kind: "vanished", Detail: map[string]any{"rows": 1, "conversations": []string{"c-1"}}})
	})
	want := map[string]any{"level": "warn", "message": "event", "kind": "vanished", "detail": map[string]any{"rows": 1.0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestARunWithNothingToDoSaysSoOnceForEachTimeItWaitsFor(t *testing.T) {
	var out bytes.Buffer
	p := &process{log: zerolog.New(&out)}
	events := p.pipelineEvents()
	events.Idle(time.UnixMilli(monday.From))
	events.Idle(time.UnixMilli(monday.From))
	events.Idle(time.UnixMilli(tuesday.From))
	events.Idle(time.UnixMilli(tuesday.From))
	events.Claimed(1)
	events.Idle(time.UnixMilli(tuesday.From))
	events.Idle(time.Time{})
	events.Idle(time.Time{})
	want := []string{
		`"until":"2024-01-01T00:00:00.000Z"`, `"until":"2024-01-02T00:00:00.000Z"`, "claimed", `"until":"2024-01-02T00:00:00.000Z"`, "the platform has more data",
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("the log says %q", lines)
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("line %d is %s, want %s", i, lines[i], want[i])
		}
	}
}
