package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// bury makes a dead letter of a row, once for the same bytes under the same root window.
func (r *worker) bury(b *conv.Batch, row *conv.Row, index int, first bool, mark *conv.Mark, why *conv.Reject) error {
	root, letter := r.cp.Root(), r.letter(row, index, mark, why)
	key := conv.DeadKey(r.cfg.Org, root, letter.Digest)
	same := r.sameness(key, row, mark)
	r.meet(same, index, first)
	// Whatever can fail comes before the check: it notes the letter in the open batch.
	counts := false
	if !r.dead[same] && first && !r.again {
		var err error
		if counts, err = r.counts(row, mark); err != nil {
			return err
		}
	}
	verdict, err := r.check(b, dedupe.Entry{Key: key, Time: root.From, Dead: true})
	if err != nil {
		return err
	}
	if mark != nil && r.cp.Window.Contains(mark.Time) {
		r.census.add(conv.RowKey(r.cfg.Org, row.ConversationID, *mark))
	}
	if counts {
		r.cp.DeadInside++
		if r.onBound(row) {
			r.cp.DeadOnBounds++
		}
	}
	r.dead[same] = true
	if verdict != dedupe.New {
		if first {
			r.cp.Counters.Duplicates++
		}
		return nil
	}
	b.AddDead(letter)
	r.cp.Stored(root.From)
	r.cp.Counters.Invalid++
	r.cp.Refuse("", letter.Reason)
	if !first {
		r.cp.Counters.Fetched++
	}
	return nil
}

// sameness tells the rows apart that become dead letters of a job: by key and content, as a page
// may spell the row otherwise that it repeats from the page before, and by their letter where they
// have no key.
func (r *worker) sameness(letter conv.Key, row *conv.Row, mark *conv.Mark) conv.Key {
	if mark == nil {
		return letter
	}
	key := conv.RowKey(r.cfg.Org, row.ConversationID, *mark)
	binary.BigEndian.PutUint64(key[:], head(key)^mark.Fingerprint) // the key's own field may be what is missing
	return key
}

// exhume takes a row that is published now out of the dead letters that its window counts, where
// the same job has brought it as one: the process died in the middle of a page, and the contract
// was mended before the page was read again.
func (r *worker) exhume(row *conv.Row, mark *conv.Mark, verdict dedupe.Verdict) error {
	if r.cp.DeadInside == 0 || verdict != dedupe.New || !r.inside(row) {
		return nil
	}
	root := r.cp.Root()
	key := conv.DeadKey(r.cfg.Org, root, r.letter(row, 0, mark, &conv.Reject{}).Digest)
	_, dead, err := r.newest(r.ctx, key, root.From)
	if err != nil || !dead {
		return err
	}
	r.cp.DeadInside--
	if r.onBound(row) {
		r.cp.DeadOnBounds = max(0, r.cp.DeadOnBounds-1)
	}
	return nil
}

// onBound says whether a row lies on the window's first or last millisecond.
func (r *worker) onBound(row *conv.Row) bool {
	return row.HasTime && (row.Time == r.cp.Window.From || row.Time == r.cp.Window.To-1)
}

// counts says whether a dead letter is a row of this window that Kafka does not hold otherwise:
// an earlier content of it may be published.
func (r *worker) counts(row *conv.Row, mark *conv.Mark) (bool, error) {
	if !r.inside(row) || mark == nil {
		return r.inside(row), nil
	}
	_, held, err := r.newest(r.ctx, conv.RowKey(r.cfg.Org, row.ConversationID, *mark), mark.Time)
	return !held, err
}

// inside says whether the platform counts a dead letter with this window, as far as its
// timestamp tells.
func (r *worker) inside(row *conv.Row) bool {
	return !row.HasTime || r.countsAt(r.cp.Window, row.Time)
}

// countsAt says whether the platform counts a row of an instant with a window that brought it.
func (p *Pipeline) countsAt(w conv.Window, ms int64) bool {
	// A query of reports brings what the platform keeps in the window; only the overlap may
	// bring rows of the one before.
	return ms >= w.From && (ms < w.To || !p.cfg.Conversations)
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
