package pipeline

import (
	"context"
	"fmt"

	"convstream/internal/conv"
)

// countDead counts the dead letters that the platform's count includes and that Kafka does not hold
// as rows.
func (c *comparison) countDead() error {
	for i := range c.heard {
		cp := &c.heard[i]
		if cp.DeadInside == 0 {
			continue
		}
		dead, bounds, err := c.stillDead(cp)
		if err != nil {
			err = fmt.Errorf("read the dead letters of window %s: %w", cp.Window, err)
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			return c.failed(err, "dead letters")
		}
		c.dead += min(dead, cp.DeadInside)
		c.bounds += min(bounds, cp.DeadOnBounds)
	}
	return nil
}

// stillDead counts the distinct dead letters with times in a window of which Kafka holds no row,
// and those of them on its first or last millisecond. What was a dead letter when the window was
// read may have been published for another one since, under a mended contract: of those that the
// window counts no more than this number is left. Letters are of the window's root, and may have
// been written for any part of it.
func (c *comparison) stillDead(cp *conv.Checkpoint) (dead, bounds int64, err error) {
	w, seen := cp.Window, map[conv.Key]bool{}
	for s, err := range c.kafka.Dead(c.ctx, c.rangesOf(cp.Root())) {
		if err != nil {
			return 0, 0, err
		}
		row := s.Key // of one without a key, its letter's
		if s.Letter != nil {
			row = conv.RowKey(c.cfg.Org, s.Conversation, *s.Letter)
		}
		if seen[row] || s.Time != cp.Root().From || s.Letter != nil && !c.countsAt(w, s.Letter.Time) {
			continue
		}
		seen[row] = true
		held, onBound := false, true // as far as is known
		if s.Letter != nil {
			onBound = s.Letter.Time == w.From || s.Letter.Time == w.To-1
			if _, held, err = c.newest(c.ctx, row, s.Letter.Time); err != nil {
				return 0, 0, err
			}
		}
		if !held {
			dead++
		}
		if !held && onBound {
			bounds++
		}
	}
	return dead, bounds, nil
}

// rangesOf lists where the records lie that were published for a window and for its parts.
func (c *comparison) rangesOf(root conv.Window) (ranges []conv.Range) {
	for _, cp := range c.ledger.overlapping(root) {
		if cp.Root() == root {
			ranges = append(ranges, cp.Ranges...)
		}
	}
	return ranges
}
