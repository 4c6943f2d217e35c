package pipeline

import (
	"testing"

	"convstream/internal/conv"
)

func TestAWindowThatWasNotComparedIsNotDoneInSilence(t *testing.T) {
	w := conv.Window{From: 1, To: 2}
	for state, want := range map[conv.State]string{
		conv.Settled: "", conv.Reconciled: "", conv.Published: "unverified", conv.Unverified: "unverified",
		conv.Incomplete: "incomplete", conv.Narrowed: "incomplete", conv.Paging: "incomplete", conv.Planned: "incomplete", "": "incomplete",
	} {
		var s Summary
		s.judge(w, &conv.Checkpoint{State: state}, true)
		got := ""
		switch {
		case len(s.Incomplete) == 1:
			got = "incomplete"
		case len(s.Unverified) == 1:
			got = "unverified"
		}
		if got != want || s.Unasked != 0 {
			t.Errorf("a window that is %q counts as %q, want %q", state, got, want)
		}
	}
	var s Summary // the comparison was not asked for
	if s.judge(w, &conv.Checkpoint{State: conv.Published}, false); s.Unasked != 1 || len(s.Unverified) != 0 {
		t.Errorf("%+v, want one window that nobody asked to compare", s)
	}
}
