package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// bring brings windows as far as they can be brought now: read, compared with the platform's
// count, and where rows are missing cut into narrower ones and read again.
func (e *epoch) bring(roots []conv.Window) error {
	known := e.ledger.all()
	var todo []conv.Window
	for _, root := range roots {
		if err := e.reopen(root, known); err != nil {
			return err
		}
		todo = append(todo, plan.Leaves(root, known)...)
	}
	for len(todo) > 0 {
		if err := e.workAll(todo); err != nil {
			return err
		}
		// Every row is committed by now, also those that neighbours brought.
		var err error
		if todo, err = e.judgeAll(roots); err != nil {
			return err
		}
	}
	return nil
}

// begin forgets how often windows were tried before, and that they were finished.
func (e *epoch) begin(windows []conv.Window) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range windows {
		e.finished.Delete(w)
		delete(e.tries, w)
		delete(e.rereads, w)
		delete(e.retries, e.span(w))
	}
}

// parallel runs so many jobs side by side and waits for them. The first error ends the others,
// and an end of intake is returned as its cause.
func (e *epoch) parallel(n int, start func(*errgroup.Group)) error {
	g, ctx := errgroup.WithContext(e.intake)
	g.SetLimit(n)
	e.ctx = ctx
	start(g)
	err := g.Wait()
	e.ctx = e.intake
	if err == nil {
		err = context.Cause(e.intake)
	}
	return err
}

// workAll works on windows, and on those that they are narrowed to, until all have been read
// and as many as possible compared.
func (e *epoch) workAll(windows []conv.Window) error {
	e.agenda = newAgenda(windows, e.cfg.Windows, e.source.Pushed())
	return e.parallel(e.cfg.Windows, e.staff)
}

// staff starts the workers: each takes windows from the agenda until there are no more.
func (e *epoch) staff(g *errgroup.Group) {
	ctx := e.ctx
	for range e.cfg.Windows {
		g.Go(func() error {
			for {
				w, ok := e.agenda.next(ctx)
				if !ok {
					return nil
				}
				more, err := e.work(w)
				e.agenda.read(w)
				if err == nil {
					var short []conv.Window
					short, err = e.compareShort()
					more = append(more, short...)
				}
				e.agenda.done(w, more, e.source.Pushed())
				if errors.Is(err, errEpochOver) || errors.Is(context.Cause(ctx), errEpochOver) {
					return nil // the committer knows why
				}
				if err != nil {
					return err
				}
			}
		})
	}
}

// compareShort compares for good the spans that seemed short and whose neighbours have been
// read since. It returns the windows that are to be read again for it.
func (e *epoch) compareShort() (again []conv.Window, err error) {
	e.mu.Lock()
	var ready []conv.Window
	for span := range e.short {
		if !e.agenda.reading(span, conv.Window{}, true) {
			ready = append(ready, span)
			delete(e.short, span)
		}
	}
	e.mu.Unlock()
	for _, span := range ready {
		windows, err := e.compare(span, conv.Window{}, true)
		if err != nil {
			return nil, err
		}
		again = append(again, windows...)
	}
	return again, nil
}

// judgeAll compares what is left to be compared, and lists the windows that are to be read
// again.
func (e *epoch) judgeAll(roots []conv.Window) (again []conv.Window, err error) {
	known := e.ledger.all()
	var spans []conv.Window
	for _, root := range roots {
		for _, w := range plan.Leaves(root, known) {
			if cp := known[w]; e.awaitsCount(&cp) && !slices.Contains(spans, e.span(w)) {
				spans = append(spans, e.span(w))
			}
		}
	}
	var mu sync.Mutex
	err = e.parallel(e.cfg.Windows, func(g *errgroup.Group) {
		for _, span := range spans {
			g.Go(func() error {
				windows, err := e.compare(span, conv.Window{}, true)
				mu.Lock()
				defer mu.Unlock()
				again = append(again, windows...)
				if errors.Is(err, errEpochOver) || errors.Is(context.Cause(e.ctx), errEpochOver) {
					return nil
				}
				return err
			})
		}
	})
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if err := e.closeFamily(root); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(again, conv.Window.Compare)
	return slices.Compact(again), nil
}

// awaitsCount says whether a window is published and not yet compared.
func (e *epoch) awaitsCount(cp *conv.Checkpoint) bool {
	_, finished := e.finished.Load(cp.Window)
	return e.cfg.Reconcile && !finished && (cp.State == conv.Published || cp.State == conv.Unverified)
}

// claim makes the caller the only one who closes windows. ok is false while somebody else
// closes the same.
func (e *epoch) claim(c claim) (ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for other := range e.claims {
		if other.parent == c.parent && (other.span == c.span || !c.parent && other.span.Overlaps(c.span)) {
			return false
		}
	}
	e.claims[c] = true
	return true
}

// awaitClaim claims, and waits for its turn if it has to.
func (e *epoch) awaitClaim(c claim) error {
	for {
		released := e.released.next()
		if e.claim(c) {
			return nil
		}
		select {
		case <-released:
		case <-e.ctx.Done():
			return context.Cause(e.ctx)
		}
	}
}

func (e *epoch) release(c claim) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.claims, c)
	e.released.fire()
}

// claim is what somebody is closing: the windows of a span that is compared, or one parent.
type claim struct {
	span   conv.Window
	parent bool
}
