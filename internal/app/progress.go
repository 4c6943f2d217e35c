package app

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// bars show on a terminal how far a run is.
type bars struct {
	writer progress.Writer // nil where there is no terminal
	done   chan struct{}

	mu      sync.Mutex
	all     *progress.Tracker
	windows map[conv.Window]conv.Counters
	closed  int
}

// withProgress adds bars to the events of a run that is expected to fetch so many rows.
func withProgress(events pipeline.Events, w io.Writer, rows int) (pipeline.Events, *bars) {
	b := &bars{windows: map[conv.Window]conv.Counters{}, done: make(chan struct{})}
	if !isTerminal(w) {
		close(b.done)
		return events, b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetTrackerPosition(progress.PositionRight)
	b.writer.Style().Visibility.ETA = true
	b.all = &progress.Tracker{Message: "rows into Kafka", Total: int64(rows), Units: progress.UnitsDefault}
	b.writer.AppendTracker(b.all)
	go func() {
		defer close(b.done)
		b.writer.Render()
	}()
	committed, closed := events.Committed, events.Closed
	events.Committed = func(cp conv.Checkpoint, rows, dead int, took time.Duration) {
		b.committed(cp)
		committed(cp, rows, dead, took)
	}
	events.Closed = func(cp conv.Checkpoint) {
		b.close(cp)
		closed(cp)
	}
	return events, b
}

func (b *bars) committed(cp conv.Checkpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.windows[cp.Window] = cp.Counters
	var published int64
	for _, c := range b.windows {
		published += c.Published + c.Invalid
	}
	b.all.SetValue(published)
}

func (b *bars) close(cp conv.Checkpoint) {
	if !cp.State.Closed() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
	b.all.UpdateMessage(fmt.Sprintf("rows into Kafka, %d windows settled", b.closed))
}

// stop draws the last state and waits for the bars to end.
func (b *bars) stop() {
	if b.writer != nil {
		b.all.MarkAsDone()
		b.writer.Stop()
	}
	<-b.done
}
