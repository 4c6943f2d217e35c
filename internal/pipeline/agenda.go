package pipeline

import (
	"context"
	"slices"
	"sync"

	"convstream/internal/conv"
)

// agenda hands out the windows that wait to be worked on, as many at once as the platform
// bears: when it pushes calls back the number is halved, and grows by one with every window
// that ends in calm.
type agenda struct {
	mu      sync.Mutex
	waiting []conv.Window
	given   map[conv.Window]bool // waiting, or being worked on: nothing is worked on twice at once
	busy    map[conv.Window]bool // being read
	working int
	limit   int
	most    int
	pushed  uint64
	open    bool // more may be offered from outside
	moved   signal
	empty   signal // a window ended, and none waits
}

func newAgenda(windows []conv.Window, most int, pushed uint64) *agenda {
	a := &agenda{given: map[conv.Window]bool{}, busy: map[conv.Window]bool{}, limit: most, most: most, pushed: pushed}
	a.waiting = a.add(windows)
	return a
}

// add takes in windows, and returns those that it did not have.
func (a *agenda) add(windows []conv.Window) (fresh []conv.Window) {
	for _, w := range windows {
		if !a.given[w] {
			a.given[w] = true
			fresh = append(fresh, w)
		}
	}
	return fresh
}

// next waits for a window to work on. ok is false when there is nothing left and nobody at
// work who could add some, or when ctx has ended.
func (a *agenda) next(ctx context.Context) (w conv.Window, ok bool) {
	for {
		w, ok, moved := a.take()
		if ok || moved == nil {
			return w, ok && ctx.Err() == nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return conv.Window{}, false
		}
	}
}

// take takes a window if one may be worked on now. Otherwise moved tells when to ask again;
// nil for never.
func (a *agenda) take() (w conv.Window, ok bool, moved <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.waiting) > 0 && a.working < a.limit:
		w = a.waiting[0]
		a.waiting = a.waiting[1:]
		a.busy[w] = true
		a.working++
		return w, true, nil
	case len(a.waiting) == 0 && a.working == 0 && !a.open:
		return w, false, nil
	}
	return w, false, a.moved.next()
}

// offer adds windows behind those that wait.
func (a *agenda) offer(windows []conv.Window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, a.add(windows)...)
	a.moved.fire()
}

// has says whether a window waits or is worked on.
func (a *agenda) has(w conv.Window) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.given[w]
}

// idle says whether there is nothing to do.
func (a *agenda) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting) == 0 && a.working == 0
}

// read says that a window has been read: others may be compared with the platform's count
// together with it.
func (a *agenda) read(w conv.Window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, w)
}

// reading says whether another window than w that overlaps the span, or with near one that lies
// beside it, is being read or will be.
func (a *agenda) reading(span, w conv.Window, near bool) bool {
	if near {
		span = conv.Window{From: span.From - 1, To: span.To + 1}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for o := range a.busy {
		if o != w && o.Overlaps(span) {
			return true
		}
	}
	return slices.ContainsFunc(a.waiting, span.Overlaps)
}

// done ends the work on a window. Its children, if it was narrowed, come next. pushed is what
// the source says of push-back by now.
func (a *agenda) done(w conv.Window, children []conv.Window, pushed uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, w)
	delete(a.given, w)
	a.working--
	a.waiting = append(a.add(children), a.waiting...)
	if pushed != a.pushed {
		a.limit = max(1, a.limit/2)
	} else {
		a.limit = min(a.most, a.limit+1)
	}
	a.pushed = pushed
	a.moved.fire()
	if len(a.waiting) == 0 {
		a.empty.fire()
	}
}
