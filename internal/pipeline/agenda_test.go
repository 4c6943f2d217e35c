package pipeline

import (
	"testing"
	"testing/synctest"

	"convstream/internal/conv"
)

func numbered(n int) (windows []conv.Window) {
	for i := range int64(n) {
		windows = append(windows, conv.Window{From: i, To: i + 1})
	}
	return windows
}

func TestWindowsInFlightAreHalvedByPushBackAndGrowAgainInCalm(t *testing.T) {
	a := newAgenda(numbered(100), 8, 0)
	inFlight := func() (windows []conv.Window) {
		for {
			w, ok, _ := a.take()
			if !ok {
				return windows
			}
			windows = append(windows, w)
		}
	}
	at := inFlight()
	if len(at) != 8 {
		t.Fatalf("%d windows in flight at first, want 8", len(at))
	}
	a.done(at[0], nil, 1) // pushed back once
	if more := inFlight(); len(more) != 0 {
		t.Fatalf("%d windows begun right after push-back, with 7 at work", len(more))
	}
	for _, w := range at[1:5] { // calm: 3 are left, and the limit went from 4 to 8
		a.done(w, nil, 1)
	}
	if more := inFlight(); len(more) != 5 {
		t.Errorf("%d windows begun after four calm ones, want 5 beside the 3 at work", len(more))
	}
	for n := uint64(2); n < 20; n++ { // however often it is pushed back, one is in flight
		a.done(conv.Window{}, nil, n)
	}
	if a.limit != 1 {
		t.Errorf("the limit fell to %d, want 1", a.limit)
	}
}

func TestChildrenOfANarrowedWindowComeNext(t *testing.T) {
	all := numbered(3)
	a := newAgenda(all[:2], 1, 0)
	w, _, _ := a.take()
	a.done(w, all[2:], 0)
	if next, ok, _ := a.take(); !ok || next != all[2] {
		t.Errorf("next is %v, want the child %v", next, all[2])
	}
}

func TestNobodyGoesHomeWhileAWindowAtWorkMayStillBeNarrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := numbered(2)
		a := newAgenda(all[:1], 2, 0)
		first, _ := a.next(t.Context())
		got := make(chan conv.Window)
		go func() {
			w, _ := a.next(t.Context())
			got <- w
		}()
		synctest.Wait() // it waits
		a.done(first, all[1:], 0)
		if w := <-got; w != all[1] {
			t.Errorf("the waiting worker got %v, want the child", w)
		}
		a.done(all[1], nil, 0)
		if _, ok := a.next(t.Context()); ok {
			t.Error("there is still something to do")
		}
	})
}
