package dedupe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"convstream/internal/conv"
)

// bucket is the history of one hour of event time.
type bucket struct {
	hour    int64
	sealed  bool     // there is a segment file
	segment *segment // nil unless it is open
	recent  *table   // committed since it was sealed; nil if nothing was
	bytes   int      // what segment and recent weigh, as of the last weigh
	touched uint64   // when it was used last, in touches of the history
}

func (b *bucket) add(r record) {
	if b.recent == nil {
		b.recent = newTable()
	}
	b.recent.add(r)
}

// maxLoaded bounds the files that the history holds open.
const maxLoaded = 256

// bucket returns the bucket of the hour.
func (h *History) bucket(hour int64) *bucket {
	b := h.buckets[hour]
	if b == nil {
		b = &bucket{hour: hour}
		h.buckets[hour] = b
	}
	return b
}

// touch returns the bucket of the hour and makes it the most recently used.
func (h *History) touch(hour int64) *bucket {
	b := h.bucket(hour)
	h.touches++
	b.touched = h.touches
	return b
}

// weigh keeps the sum of bytes after segment or recent have changed.
func (h *History) weigh(b *bucket) {
	bytes := b.segment.bytes() + b.recent.bytes()
	h.bytes += bytes - b.bytes
	b.bytes = bytes
}

// prepare makes a bucket fit to be asked: ready, and its segment open. Otherwise the error is
// ErrNotReady or one of the disk.
func (h *History) prepare(hour int64) (*bucket, error) {
	b := h.touch(hour)
	if err := h.shrink(); err != nil {
		return nil, err
	}
	if err := h.open(b); err != nil {
		return nil, err
	}
	if _, ready := h.ready.Load(hour); !ready { // asked last: a loss above empties it
		if h.coverage.missing(hour) != nil {
			return nil, ErrNotReady
		}
		h.ready.Store(hour, nil)
	}
	return b, nil
}

// see shows s what history holds of the key of r. The bucket is prepared.
func (h *History) see(b *bucket, r record, s *standing) error {
	if b.recent != nil {
		b.recent.see(r, s)
	}
	if b.segment == nil {
		return nil
	}
	if err := b.segment.see(r, s); err != nil {
		return h.give(b, err)
	}
	return nil
}

// open opens the segment of a bucket that has one. A damaged one is given up, which is no
// error: the bucket is then no longer ready.
func (h *History) open(b *bucket) error {
	if !b.sealed || b.segment != nil {
		return nil
	}
	file, err := h.files.Open(segmentName(b.hour))
	if err == nil {
		b.segment, err = openSegment(file, conv.Hash64([]byte(h.identity)), b.hour)
	}
	if err != nil {
		return h.lose(b)
	}
	h.loaded++
	h.weigh(b)
	return nil
}

// unload closes the segment of a bucket and drops its filter.
func (h *History) unload(b *bucket) {
	if b.segment == nil {
		return
	}
	_ = b.segment.file.Close() // it was only read
	b.segment = nil
	h.loaded--
	h.weigh(b)
}

// lose gives up the segment of a bucket. Every window that has rows there has to be loaded
// again, by this process or the next: so the manifest goes first, and if it does not go the
// segment stays, for as long as it cannot be read.
func (h *History) lose(b *bucket) error {
	if err := h.files.Remove(manifestName); err != nil {
		return fmt.Errorf("remove dedupe manifest over damaged bucket %s: %w", b, err)
	}
	h.unload(b)
	b.sealed = false
	_ = h.files.Remove(segmentName(b.hour)) // without a manifest it means nothing
	h.coverage.lose(b.hour)
	h.losses++
	h.ready.Clear()
	return nil
}

// give turns the error of a damaged segment into ErrNotReady, and gives the segment up.
func (h *History) give(b *bucket, damage error) error {
	if err := h.lose(b); err != nil {
		return err
	}
	return fmt.Errorf("%w: bucket %s: %w", ErrNotReady, b, damage)
}

// shrink gives memory back once the limit is passed: the least recently used buckets are
// sealed and dropped. It goes a quarter below the limit, so that rows which arrive in no
// order of time do not seal a bucket each.
func (h *History) shrink() error {
	if h.bytes <= h.limit && h.loaded <= maxLoaded {
		return nil
	}
	var list []*bucket
	for _, b := range h.buckets {
		if b.bytes > 0 {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b *bucket) int { return cmp.Compare(a.touched, b.touched) })
	for _, b := range list {
		if h.bytes <= h.limit/4*3 {
			break
		}
		// The bucket in use stays unless that frees enough to be worth the writing: its
		// filter would be loaded again at once.
		if b.touched == h.touches && (h.bytes <= h.limit || b.recent.bytes() < h.limit/4) {
			break
		}
		if err := h.seal(b); err != nil {
			return err
		}
		h.unload(b)
	}
	for _, b := range list {
		if h.loaded <= maxLoaded/4*3 {
			break
		}
		h.unload(b)
	}
	return nil
}

// seal writes what is recent into the segment. After an error it is still in memory.
func (h *History) seal(b *bucket) error {
	if b.recent == nil {
		return nil
	}
	err := h.open(b)
	if err == nil {
		err = h.writeSegment(b)
	}
	if errors.Is(err, errDamaged) {
		if err = h.lose(b); err == nil {
			err = h.writeSegment(b)
		}
	}
	if err != nil {
		return fmt.Errorf("seal dedupe bucket %s (is state_dir full or read-only?): %w", b, err)
	}
	b.sealed, b.recent = true, nil
	h.weigh(b)
	return nil
}

// writeSegment replaces the segment of a bucket by itself merged with what is recent.
func (h *History) writeSegment(b *bucket) error {
	f, err := h.files.Create(segmentName(b.hour))
	if err != nil {
		return err
	}
	defer f.Abandon()
	atMost := b.recent.len()
	if b.segment != nil {
		atMost += b.segment.records
	}
	w := newSegmentWriter(f, conv.Hash64([]byte(h.identity)), b.hour, atMost, h.falseHits)
	for r, err := range merge(b.segment.all(), b.recent.sorted()) {
		if err != nil {
			return err
		}
		w.add(r)
	}
	if err := w.finish(); err != nil {
		return err
	}
	h.unload(b) // Windows does not replace an open file
	return f.Commit()
}

// String names the bucket in errors by its start.
func (b *bucket) String() string { return conv.FormatInstant(b.hour * hourMillis) }
