package pipeline

import (
	"maps"
	"sync"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// ledger is what is known to be committed: what the publisher read, and every commit since.
type ledger struct {
	mu      sync.Mutex
	windows map[conv.Window]conv.Checkpoint
}

// replace takes other windows for the truth.
func (l *ledger) replace(windows map[conv.Window]conv.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows = windows
}

// at returns where a window stands, planned if it was never begun.
func (l *ledger) at(w conv.Window) conv.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cp, ok := l.windows[w]; ok {
		return cp.Clone()
	}
	return conv.Checkpoint{Window: w, State: conv.Planned}
}

func (l *ledger) set(cp conv.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows[cp.Window] = cp
}

func (l *ledger) all() map[conv.Window]conv.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.windows)
}

// spans says for the dedupe history what the ledger holds.
func (l *ledger) spans() []dedupe.Span {
	var spans []dedupe.Span
	for _, cp := range l.all() {
		if s, ok := span(cp); ok {
			spans = append(spans, s)
		}
	}
	return spans
}

// span is the history's view of a window; ok is false for one that has stored nothing.
func span(cp conv.Checkpoint) (s dedupe.Span, ok bool) {
	if cp.StoredMin == nil || cp.StoredMax == nil {
		return s, false
	}
	return dedupe.Span{ID: cp.Window.String(), Seq: cp.Seq, Min: *cp.StoredMin, Max: *cp.StoredMax}, true
}
