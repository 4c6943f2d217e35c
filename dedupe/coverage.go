package dedupe

import (
	"cmp"
	"slices"
)

// coverage compares what the ledger holds with what the buckets hold.
type coverage struct {
	expected map[string]Span
	covered  map[string]uint64 // window → every row up to this commit is in the buckets
}

// covers says whether every row of the span is in the buckets.
func (c *coverage) covers(s Span) bool {
	seq, ok := c.covered[s.ID]
	return ok && seq >= s.Seq
}

// missing lists the expected spans that touch the bucket and are not covered.
func (c *coverage) missing(hour int64) []Span {
	var list []Span
	for _, s := range c.expected {
		if s.touches(hour) && !c.covers(s) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Span) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// loaded notes that every row of the span is in the buckets.
func (c *coverage) loaded(s Span) {
	c.covered[s.ID] = max(c.covered[s.ID], s.Seq)
}

// commit notes a window's next commit, whose rows are in the buckets, and says whether all
// of the window's rows are.
func (c *coverage) commit(s Span) bool {
	before, known := c.expected[s.ID]
	c.expected[s.ID] = s
	if known && !c.covers(before) {
		return false
	}
	c.loaded(s)
	return true
}

// lose notes that rows of the bucket are gone. A window that the ledger has not spoken of
// may have had some there.
func (c *coverage) lose(hour int64) {
	for id := range c.covered {
		if s, known := c.expected[id]; !known || s.touches(hour) {
			delete(c.covered, id)
		}
	}
}
