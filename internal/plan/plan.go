// Package plan decides which windows a run works on, and when. It is pure: no I/O, no clock,
// no goroutine.
package plan

import (
	"slices"
	"time"

	"convstream/internal/conv"
)

// Ledger is what is known of the windows that were begun.
type Ledger = map[conv.Window]conv.Checkpoint

// Cut divides a stretch of time at the UTC multiples of step. Its first and last windows
// are clipped to the stretch, so the windows lie edge to edge and cover it exactly. Step is
// a whole number of milliseconds.
func Cut(w conv.Window, step time.Duration) []conv.Window {
	var windows []conv.Window
	width := step.Milliseconds()
	for from := w.From; from < w.To; {
		to := min(w.To, floor(from, width)+width)
		windows = append(windows, conv.Window{From: from, To: to})
		from = to
	}
	return windows
}

// floor is the largest multiple of width that is not above ms.
func floor(ms, width int64) int64 {
	rest := ms % width
	if rest < 0 {
		rest += width
	}
	return ms - rest
}

// Narrow cuts a window at the first of the widths, which fall, that is shorter than it; nil
// where none is.
func Narrow(w conv.Window, widths []time.Duration) []conv.Window {
	for _, width := range widths {
		if width < w.Duration() {
			return Cut(w, width)
		}
	}
	return nil
}

// Days is the whole UTC days that a window touches.
func Days(w conv.Window) conv.Window {
	const day = int64(24 * time.Hour / time.Millisecond)
	return conv.Window{From: floor(w.From, day), To: floor(w.To-1, day) + day}
}

// Windows lists the windows that make up an interval, in order of time, none overlapping
// another: first those that the ledger calls closed, then those that an earlier run began,
// whatever step they were cut with, and for what is left new ones cut by step. A closed
// window that sticks out of the interval is listed whole. A narrowed window stands for its
// children: they are listed only where it sticks out of the interval.
func Windows(interval conv.Window, step time.Duration, ledger Ledger) []conv.Window {
	var taken []conv.Window // in order of time
	known := sorted(ledger)
	take := func(children, closed bool) {
		for _, w := range known {
			cp := ledger[w]
			if (cp.Parent != nil) != children || cp.State.Closed() != closed {
				continue
			}
			if closed && w.Overlaps(interval) || interval.Covers(w) {
				taken = insert(taken, w)
			}
		}
	}
	for _, children := range []bool{false, true} {
		take(children, true)
		take(children, false)
	}
	for _, gap := range Uncovered(interval, taken) {
		taken = append(taken, Cut(gap, step)...)
	}
	slices.SortFunc(taken, conv.Window.Compare)
	return taken
}

// insert adds a window to others that lie apart, in order of time, unless it overlaps one.
func insert(windows []conv.Window, w conv.Window) []conv.Window {
	i, _ := slices.BinarySearchFunc(windows, w.From, func(o conv.Window, from int64) int {
		if o.To <= from {
			return -1
		}
		return 1
	})
	if i < len(windows) && windows[i].Overlaps(w) {
		return windows
	}
	return slices.Insert(windows, i, w)
}

// Leaves lists the windows that stand for a window: its children's leaves where it was
// narrowed, or itself.
func Leaves(w conv.Window, ledger Ledger) []conv.Window {
	nested := ledger[w].Nested
	if len(nested) == 0 {
		return []conv.Window{w}
	}
	var leaves []conv.Window
	for _, child := range nested {
		leaves = append(leaves, Leaves(child, ledger)...)
	}
	return leaves
}

// Family lists a window and all that were narrowed from it, parents first.
func Family(w conv.Window, ledger Ledger) []conv.Window {
	family := []conv.Window{w}
	for _, child := range ledger[w].Nested {
		family = append(family, Family(child, ledger)...)
	}
	return family
}

// Spans lists, in order of time, the windows of the ledger that overlap an interval, and
// the stretches of the interval that none of them covers.
func Spans(interval conv.Window, ledger Ledger) []conv.Window {
	var spans []conv.Window
	for _, w := range sorted(ledger) {
		if w.Overlaps(interval) {
			spans = append(spans, w)
		}
	}
	spans = append(spans, Uncovered(interval, spans)...)
	slices.SortFunc(spans, conv.Window.Compare)
	return spans
}

// Uncovered returns what of the interval the windows leave uncovered.
func Uncovered(interval conv.Window, windows []conv.Window) []conv.Window {
	windows = slices.Clone(windows)
	slices.SortFunc(windows, conv.Window.Compare)
	var left []conv.Window
	from := interval.From
	for _, w := range windows {
		if from < w.From {
			left = append(left, conv.Window{From: from, To: min(w.From, interval.To)})
		}
		from = max(from, w.To)
		if from >= interval.To {
			return left
		}
	}
	return append(left, conv.Window{From: from, To: interval.To})
}

func sorted(ledger Ledger) []conv.Window {
	windows := make([]conv.Window, 0, len(ledger))
	for w := range ledger {
		windows = append(windows, w)
	}
	slices.SortFunc(windows, conv.Window.Compare)
	return windows
}

// Backoff is how long to wait before attempt n, counted from 1: nothing before the first,
// then 2 s doubling to 60 s.
func Backoff(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	return min(60*time.Second, time.Second<<min(n-1, 6))
}
