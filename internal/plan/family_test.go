package plan

import (
	"testing"
	"time"

	"convstream/internal/conv"
)

func TestAFamilyWhoseChildIsBeyondTheHorizonIsNotDue(t *testing.T) {
	root := window(0, 24)
	a, b := window(0, 12), window(12, 24)
	s := Schedule{Step: 24 * time.Hour, Settle: 72 * time.Hour, Conversations: true, Compare: true}
	l := ledgerOf(
		conv.Checkpoint{Window: root, State: conv.Narrowed, Nested: []conv.Window{a, b}},
		conv.Checkpoint{Window: a, State: conv.Published, Parent: &root},
		conv.Checkpoint{Window: b, State: conv.Planned, Parent: &root},
	)
	due, _ := s.Due(l, at(20), at(30)) // the watermark went back behind the end of b
	if len(due) != 0 {
		t.Errorf("due at once, although its only open child is past the watermark: %v", due)
	}
}
