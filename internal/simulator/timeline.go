package simulator

import (
	"sort"

	"convstream/internal/conv"
)

const (
	stanza = 16 // rows after which the pattern of sameTime and sameConversation repeats
	hour   = 3_600_000
)

// sameTime names, for each row of a stanza, the row whose millisecond it shares;
// sameConversation the row whose conversation it belongs to. So three rows of different
// conversations fall on one millisecond (4 to 6), two interactions of one conversation do
// (8, 9), and one conversation has three interactions at three times (11 to 13).
var (
	sameTime         = [stanza]int{0, 1, 2, 3, 4, 4, 4, 7, 8, 8, 10, 11, 12, 13, 14, 15}
	sameConversation = [stanza]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 10, 11, 11, 11, 14, 15}
)

func leader(i int, pattern *[stanza]int) int { return i - i%stanza + pattern[i%stanza] }

// timeline places rows 0 to rows-1 in the span, in the order of their indexes.
type timeline struct {
	seed uint64
	span conv.Window
	rows int
	snap int64 // how near to an edge a row is drawn onto it, ms
}

func newTimeline(seed uint64, span conv.Window, rows int) timeline {
	// Of three neighbours at least one keeps its own time, and four slots' width holds
	// three whole slots: each edge gets a row, and so does the millisecond before it.
	snap := 4 * ((span.To-span.From)/int64(max(rows, 1)) + 1)
	return timeline{seed: seed, span: span, rows: rows, snap: min(snap, hour/8)}
}

// at returns the time of row i, epoch ms. It never falls as i grows: rows have slots one
// behind the other, each is moved within its own, and being drawn onto an edge or onto an
// earlier row keeps their order.
func (t *timeline) at(i int) int64 {
	i = leader(i, &sameTime)
	ms, next := t.slot(i), t.slot(i+1)
	if next > ms {
		d := newDice(t.seed, forTime, uint64(i))
		ms += int64(d.below(int(next - ms)))
	}
	return t.drawn(ms)
}

func (t *timeline) slot(i int) int64 {
	return t.span.From + int64(scale(i, int(t.span.To-t.span.From), t.rows))
}

// drawn moves a time near an hour's edge, and so a day's, onto the edge or onto the
// millisecond before it: the places where windows lose and double rows.
func (t *timeline) drawn(ms int64) int64 {
	edge := ms - ms%hour
	switch {
	case ms-edge < t.snap:
		return max(edge, t.span.From)
	case edge+hour-ms <= t.snap:
		return min(edge+hour-1, t.span.To-1)
	}
	return ms
}

// first returns the index of the first row at or behind the time; rows if there is none.
func (t *timeline) first(ms int64) int {
	return sort.Search(t.rows, func(i int) bool { return t.at(i) >= ms })
}
