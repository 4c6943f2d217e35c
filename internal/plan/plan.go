// Package plan decides which windows a run works on. It is pure: no I/O, no clock, no
// goroutine.
package plan

import (
	"slices"
	"time"

	"convstream/internal/conv"
)

// Cut divides a stretch of time at the UTC multiples of step. Its first and last windows
// are clipped to the stretch, so the windows lie edge to edge and cover it exactly. Step is
// a whole number of milliseconds.
func Cut(w conv.Window, step time.Duration) []conv.Window {
	var windows []conv.Window
	width := step.Milliseconds()
	for from := w.From; from < w.To; {
		to := min(w.To, (floorDiv(from, width)+1)*width)
		windows = append(windows, conv.Window{From: from, To: to})
		from = to
	}
	return windows
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Windows lists the windows that make up an interval, in order of time, none overlapping
// another: first those that the ledger calls closed, then those that an earlier run began,
// whatever step they were cut with, and for what is left new ones cut by step. A closed
// window that sticks out of the interval is listed whole.
func Windows(interval conv.Window, step time.Duration, ledger map[conv.Window]conv.Checkpoint) []conv.Window {
	var taken []conv.Window
	take := func(wanted func(conv.Window, conv.Checkpoint) bool) {
		for _, w := range sorted(ledger) {
			if wanted(w, ledger[w]) && !slices.ContainsFunc(taken, w.Overlaps) {
				taken = append(taken, w)
			}
		}
	}
	take(func(w conv.Window, cp conv.Checkpoint) bool { return cp.State.Closed() && w.Overlaps(interval) })
	take(func(w conv.Window, cp conv.Checkpoint) bool { return !cp.State.Closed() && interval.Covers(w) })
	for _, gap := range Uncovered(interval, taken) {
		taken = append(taken, Cut(gap, step)...)
	}
	slices.SortFunc(taken, byTime)
	return taken
}

// Spans lists, in order of time, the windows of the ledger that overlap an interval, and
// the stretches of the interval that none of them covers.
func Spans(interval conv.Window, ledger map[conv.Window]conv.Checkpoint) []conv.Window {
	var spans []conv.Window
	for _, w := range sorted(ledger) {
		if w.Overlaps(interval) {
			spans = append(spans, w)
		}
	}
	spans = append(spans, Uncovered(interval, spans)...)
	slices.SortFunc(spans, byTime)
	return spans
}

// Uncovered returns what of the interval the windows leave uncovered.
func Uncovered(interval conv.Window, windows []conv.Window) []conv.Window {
	windows = slices.Clone(windows)
	slices.SortFunc(windows, byTime)
	var left []conv.Window
	from := interval.From
	for _, w := range windows {
		if from < w.From {
			left = append(left, conv.Window{From: from, To: min(w.From, interval.To)})
		}
		from = max(from, w.To)
	}
	if from < interval.To {
		left = append(left, conv.Window{From: from, To: interval.To})
	}
	return left
}

func sorted(ledger map[conv.Window]conv.Checkpoint) []conv.Window {
	windows := make([]conv.Window, 0, len(ledger))
	for w := range ledger {
		windows = append(windows, w)
	}
	slices.SortFunc(windows, byTime)
	return windows
}

func byTime(a, b conv.Window) int {
	switch {
	case a.From < b.From, a.From == b.From && a.To < b.To:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Backoff is how long to wait before attempt n, counted from 1: nothing before the first,
// then 2 s doubling to 60 s.
func Backoff(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	return min(60*time.Second, time.Second<<min(n-1, 6))
}
