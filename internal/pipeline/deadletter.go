package pipeline

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// bury makes a dead letter of a row, once for the same bytes under the same root window.
func (r *worker) bury(b *conv.Batch, row *conv.Row, index int, first bool, mark *conv.Mark, why *conv.Reject) error {
	root, letter := r.cp.Root(), r.letter(row, index, mark, why)
	key := conv.DeadKey(r.cfg.Org, root, letter.Digest)
	// Whatever can fail comes before the check: it notes the letter in the open batch.
	counts := false
	if !r.dead[key] && first {
		var err error
		if counts, err = r.counts(row, mark); err != nil {
			return err
		}
	}
	verdict, err := r.check(b, dedupe.Entry{Key: key, Time: root.From, Dead: true})
	if err != nil {
		return err
	}
	r.meet(key, index, first)
	if mark != nil && r.cp.Window.Contains(mark.Time) {
		r.census.add(conv.RowKey(r.cfg.Org, row.ConversationID, *mark))
	}
	if counts {
		r.cp.DeadInside++
		if row.HasTime && (row.Time == r.cp.Window.From || row.Time == r.cp.Window.To-1) {
			r.cp.DeadOnBounds++
		}
	}
	r.dead[key] = true
	if verdict != dedupe.New {
		if first {
			r.cp.Counters.Duplicates++
		}
		return nil
	}
	b.AddDead(letter)
	r.cp.Stored(root.From)
	r.cp.Counters.Invalid++
	if !first {
		r.cp.Counters.Fetched++
	}
	return nil
}

// counts says whether a dead letter is a row of this window that Kafka does not hold otherwise:
// an earlier content of it may be published.
func (r *worker) counts(row *conv.Row, mark *conv.Mark) (bool, error) {
	if !r.inside(row) || mark == nil {
		return r.inside(row), nil
	}
	key := conv.RowKey(r.cfg.Org, row.ConversationID, *mark)
	for {
		if err := r.load(r.ctx, mark.Time); err != nil {
			return false, err
		}
		if _, held, err := r.history.Newest(key, mark.Time); !errors.Is(err, dedupe.ErrNotReady) {
			return !held, err
		}
	}
}

// inside says whether the platform counts a dead letter with this window, as far as its
// timestamp tells.
func (r *worker) inside(row *conv.Row) bool {
	if !row.HasTime {
		return true
	}
	// A query of reports brings what the platform keeps in the window; only the overlap may
	// bring rows of the one before.
	return row.Time >= r.cp.Window.From && (row.Time < r.cp.Window.To || !r.cfg.Conversations)
}

// letter is the dead letter of a row. It owns its memory.
func (r *worker) letter(row *conv.Row, index int, mark *conv.Mark, why *conv.Reject) conv.DeadLetter {
	d := conv.DeadLetter{
		Key:    bytes.Clone(row.ConversationID),
		Reason: why.Reason, Path: why.Path, Expected: why.Expected, Found: why.Found,
		Job: r.cp.Job.ID, Page: r.page, Row: index,
	}
	if mark != nil {
		m := *mark
		d.Mark = &m
	}
	ok := true
	if r.cfg.Redactor == nil {
		d.Raw = bytes.Clone(row.Raw)
	} else if d.Raw, ok = r.cfg.Redactor.Redact(make([]byte, 0, len(row.Raw)), row); !ok {
		d.Raw = nil
	}
	d.Withheld, d.Redacted = !ok, ok && (row.Redacted || !bytes.Equal(d.Raw, row.Raw))
	d.Digest, d.Length = told(row, d.Raw, ok)
	return d
}

// told is what a dead letter tells of its row's bytes: the digest and the length of those it
// holds. The digest of what was taken out of them would help to guess it. Of a row that is held
// in part, or not at all, it tells of the whole.
func told(row *conv.Row, held []byte, whole bool) (conv.Digest, int64) {
	switch {
	case row.Length > 0:
		return row.Digest, row.Length
	case !whole:
		held = row.Raw
	}
	return sha256.Sum256(held), int64(len(held))
}
