package dedupe

// Bytes is what the buckets weigh by the history's own count.
func (h *History) Bytes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

// SetFalseHits sets how often the filters of segments sealed from now on say yes to keys
// that they do not hold.
func (h *History) SetFalseHits(share float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.falseHits = share
}

// SealedHours counts the buckets that have a segment.
func (h *History) SealedHours() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, b := range h.buckets {
		if b.sealed {
			n++
		}
	}
	return n
}

// OpenSegments counts the segments that are open.
func (h *History) OpenSegments() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.loaded
}

// Losses counts the segments that were given up as damaged.
func (h *History) Losses() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.losses
}

// MaxLoaded is the bound on OpenSegments.
const MaxLoaded = maxLoaded

// SegmentName is the file of an hour.
func SegmentName(hour int64) string { return segmentName(hour) }
