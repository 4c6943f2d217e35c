package pipeline

import (
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// recut is what an incomplete window is cut into because a shorter step is asked for now.
func (r *worker) recut() []conv.Window {
	if r.cp.State != conv.Incomplete || r.cp.Window.Duration() <= r.cfg.Step || r.cfg.Reread {
		return nil
	}
	return plan.Cut(r.cp.Window, r.cfg.Step)
}

// narrower is what the window is cut into after a setback; nil where it stays as it is.
func (r *worker) narrower(back setback) []conv.Window {
	if !back.wide {
		return nil
	}
	return plan.Narrow(r.cp.Window, r.cfg.Narrow)
}

// narrow has the ledger know the window's children, which carry on from here.
func (r *worker) narrow(children []conv.Window, reason string) error {
	r.cp.Nested = children
	r.cp.State = conv.Narrowed
	r.cp.LastError = reason[:min(len(reason), longestProblem)]
	r.tellDrift()
	r.tellRefused() // its children will find these rows there
	r.note("narrowed", "", map[string]any{"reason": reason, "children": children})
	return r.flush(true)
}

// reopen makes narrowed windows whose children are worked on again say so, until the children
// are closed.
func (e *epoch) reopen(w conv.Window, known plan.Ledger) error {
	cp := known[w]
	if len(cp.Nested) == 0 || e.ended(&cp) {
		return nil
	}
	if cp.State != conv.Narrowed {
		r := e.worker(w)
		defer r.age.Stop()
		r.cp.State = conv.Narrowed
		if err := r.flush(true); err != nil {
			return err
		}
	}
	for _, child := range cp.Nested {
		if err := e.reopen(child, known); err != nil {
			return err
		}
	}
	return nil
}

// closeParents closes the windows that a window was narrowed from, as far as all their
// children are closed.
func (e *epoch) closeParents(w conv.Window) error {
	for cp := e.ledger.at(w); cp.Parent != nil; cp = e.ledger.at(*cp.Parent) {
		if closed, err := e.closeParent(*cp.Parent); err != nil || !closed {
			return err
		}
	}
	return nil
}

// closeFamily closes the narrowed windows of a family whose children are closed, the narrowest
// first.
func (e *epoch) closeFamily(root conv.Window) error {
	family := plan.Family(root, e.ledger.all())
	for i := len(family) - 1; i >= 0; i-- {
		if _, err := e.closeParent(family[i]); err != nil {
			return err
		}
	}
	return nil
}

// closeParent closes a narrowed window if all its children are closed, as the worst of them.
func (e *epoch) closeParent(w conv.Window) (closed bool, err error) {
	mine := claim{w, true}
	if !e.claim(mine) {
		return false, nil // closeFamily will come by
	}
	defer e.release(mine)
	cp := e.ledger.at(w)
	if cp.State != conv.Narrowed {
		return false, nil
	}
	worst, problem := conv.Settled, ""
	var held, expected int64
	counted := true
	for _, child := range cp.Nested {
		c := e.ledger.at(child)
		if !e.ended(&c) {
			return false, nil
		}
		if rank(c.State) > rank(worst) {
			worst, problem = c.State, "window "+child.String()+": "+c.LastError
		}
		if counted = counted && c.Held != nil && c.Expected != nil && c.Counted == nil; counted {
			held, expected = held+*c.Held, expected+*c.Expected
		}
	}
	r := e.worker(w)
	defer r.age.Stop()
	r.cp.Held, r.cp.Expected = nil, nil
	if counted {
		r.cp.Held, r.cp.Expected = &held, &expected
	}
	return true, r.closeAs(worst, problem)
}

// ended says whether a window is as far as it can be brought now.
func (e *epoch) ended(cp *conv.Checkpoint) bool {
	_, finished := e.finished.Load(cp.Window)
	switch cp.State {
	case conv.Settled:
		return true
	case conv.Published:
		return finished || !e.cfg.Reconcile
	case conv.Reconciled, conv.Unverified, conv.Incomplete:
		return finished
	}
	return false
}

// closeAs closes a narrowed window. What was noted of its children is not noted again.
func (r *worker) closeAs(state conv.State, problem string) error {
	r.cp.State = state
	r.cp.LastError = problem[:min(len(problem), longestProblem)]
	if err := r.flush(true); err != nil {
		return err
	}
	r.finished.Store(r.cp.Window, nil)
	r.events.Closed(r.cp)
	return nil
}

// rank orders the states in which children are closed by how much is left to wish for.
func rank(s conv.State) int {
	switch s {
	case conv.Settled:
		return 0
	case conv.Reconciled:
		return 1
	case conv.Published:
		return 2
	case conv.Unverified:
		return 3
	}
	return 4
}
