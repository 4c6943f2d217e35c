package pipeline

import (
	"encoding/binary"
	"errors"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// row makes a record of a row, or a dead letter, or nothing because it is there already.
// first says that this job has not brought it before: a page that broke off, or that a killed
// process had begun, is read again.
func (r *worker) row(row *conv.Row, index int, first bool) error {
	b := r.open()
	start := len(b.Buf)
	b.Buf = append(b.Buf, row.ConversationID...)
	mid := len(b.Buf)
	mark, reject := r.judge(b, row, mid)
	r.cp.Saw(row)
	if reject != nil {
		b.Buf = b.Buf[:start]
		return r.bury(b, row, index, first, mark, reject)
	}
	key := conv.RowKey(r.cfg.Org, row.ConversationID, *mark)
	verdict, err := r.check(b, dedupe.Entry{
		Key:         key,
		Time:        mark.Time,
		Fingerprint: mark.Fingerprint,
		Observation: mark.Observation,
	})
	if err != nil {
		b.Buf = b.Buf[:start]
		return err
	}
	r.meet(key, index, first)
	if r.cp.Window.Contains(row.Time) {
		r.census.add(key)
	}
	switch verdict {
	case dedupe.New, dedupe.Revision:
		b.Add(start, mid, row.Time, *mark)
		r.cp.Stored(row.Time)
		r.cp.Counters.Published++
		if verdict == dedupe.Revision {
			r.cp.Counters.Revisions++
		}
		if err := r.derive(b, row, index, mark); err != nil {
			r.drop() // the history has the row in flight, and not all of it is in the batch
			return err
		}
		if !first {
			r.cp.Counters.Fetched++ // the page has changed since it was read, or the contract has
			if err := r.exhume(row, mark, verdict); err != nil {
				r.drop()
				return err
			}
		}
	default:
		b.Buf = b.Buf[:start]
		if first {
			r.cp.Counters.Duplicates++
		}
	}
	return nil
}

// meet notes whether a page's first row is the last of the page before, brought once more.
func (r *worker) meet(key conv.Key, index int, first bool) {
	r.again = index == 0 && first && key == r.pageEnd
	r.last = key
}

// judge encodes the row behind mid and says whether it may be published. The mark is nil
// for a row that has no key, and valid until the next row.
func (r *worker) judge(b *conv.Batch, row *conv.Row, mid int) (*conv.Mark, *conv.Reject) {
	r.deviations = r.deviations[:0]
	if row.Length > 0 {
		return nil, &conv.Reject{Reason: conv.ReasonTooLarge, Path: "$", Expected: "a row that fits into memory"}
	}
	var facts conv.Facts
	b.Buf, facts = r.contract.Encode(b.Buf, r.cfg.SchemaID, row, &r.deviations)
	r.noteZone(row)
	switch {
	case facts.Reject != nil && facts.Reject.Reason == conv.ReasonNotAnObject:
		return nil, facts.Reject
	case len(row.ConversationID) == 0:
		return nil, &conv.Reject{Reason: conv.ReasonNoKey, Path: "$", Expected: "a conversation id", Found: "none"}
	case !row.HasTime:
		return nil, &conv.Reject{Reason: conv.ReasonNoKey, Path: "$", Expected: "an ISO 8601 timestamp", Found: "none"}
	}
	r.mark = conv.Mark{
		Identity:    facts.Identity,
		Fingerprint: r.widened(facts.Fingerprint, b, row),
		Time:        row.Time,
		Observation: r.cp.Job.Observation,
	}
	reject := facts.Reject
	if reject == nil && r.cfg.Rules != nil {
		reject = r.cfg.Rules.Check(row)
	}
	if reject == nil {
		size := len(row.ConversationID) + len(b.Buf) - mid
		reject = r.kafka.Limits("").Refuses(time.Now().UnixMilli(), row.Time, size)
	}
	return &r.mark, reject
}

// widened is the fingerprint of a row with what wider routes read of it. How the row departs from
// their contracts is noted of those that take it.
func (r *worker) widened(fingerprint uint64, b *conv.Batch, row *conv.Row) uint64 {
	for i := range r.cfg.Routes {
		route := &r.cfg.Routes[i]
		if !route.Wider {
			continue
		}
		end := len(b.Buf)
		var facts conv.Facts
		b.Buf, facts = route.Contract.Encode(b.Buf, route.SchemaID, row, r.drifting(route, row))
		r.noteOwn(route)
		b.Buf = b.Buf[:end]
		var both [16]byte
		binary.BigEndian.PutUint64(both[:], fingerprint)
		binary.BigEndian.PutUint64(both[8:], facts.Fingerprint)
		fingerprint = conv.Hash64(both[:])
	}
	return fingerprint
}

// check asks the history for a row, after reading back what it lacks. It may lack it again:
// another window's commit can widen what has to be known before the row is asked for.
func (r *worker) check(b *conv.Batch, e dedupe.Entry) (dedupe.Verdict, error) {
	for {
		if err := r.load(r.ctx, e.Time); err != nil {
			return 0, err
		}
		verdict, err := r.history.Check(b.ID, r.id, e)
		switch {
		case errors.Is(err, dedupe.ErrNotReady):
		case verdict == dedupe.Contested:
			return verdict, errContested
		default:
			return verdict, err
		}
	}
}
