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
	parents map[conv.Window]conv.Window // of the children of narrowed windows
}

// replace takes other windows for the truth.
func (l *ledger) replace(windows map[conv.Window]conv.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows = windows
	l.parents = map[conv.Window]conv.Window{}
	for _, cp := range windows {
		l.adopt(&cp)
	}
}

// adopt notes the children of a window.
func (l *ledger) adopt(cp *conv.Checkpoint) {
	for _, child := range cp.Nested {
		l.parents[child] = cp.Window
	}
}

// at returns where a window stands, planned if it was never begun.
func (l *ledger) at(w conv.Window) conv.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cp, ok := l.windows[w]; ok {
		return cp.Clone()
	}
	cp := conv.Checkpoint{Window: w, State: conv.Planned}
	if parent, ok := l.parents[w]; ok {
		above := l.windows[parent]
		origin := above.Root()
		cp.Parent, cp.Origin = &parent, &origin
	}
	return cp
}

// has says whether the ledger knows a window.
func (l *ledger) has(w conv.Window) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.windows[w]
	return known
}

func (l *ledger) set(cp conv.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows[cp.Window] = cp
	l.adopt(&cp)
}

// overlapping lists the windows that share an instant with a stretch of time.
func (l *ledger) overlapping(span conv.Window) (list []conv.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w, cp := range l.windows {
		if w.Overlaps(span) {
			list = append(list, cp.Clone())
		}
	}
	return list
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
