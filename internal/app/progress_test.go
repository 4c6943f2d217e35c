package app

import (
	"bytes"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

func TestWithoutATerminalThereAreNoBarsAndNoEventIsLost(t *testing.T) {
	var out bytes.Buffer
	heard := 0
	events, bars := withProgress(pipeline.Events{
		Committed: func(conv.Checkpoint, int, int, time.Duration) { heard++ },
		Closed:    func(conv.Checkpoint) { heard++ },
	}, &out, 10)
	events.Committed(conv.Checkpoint{Window: monday}, 1, 0, 0)
	events.Closed(conv.Checkpoint{Window: monday, State: conv.Reconciled})
	bars.stop()
	if heard != 2 || out.Len() > 0 {
		t.Errorf("%d events were heard of 2, and written was %q", heard, out.String())
	}
}
