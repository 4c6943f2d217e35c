package app

import (
	"bytes"
	"encoding/json"
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
