package dedupe

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
)

// merge yields the current contents of every key of both sides, in the order of a segment.
// Both sides are in that order. An error of the older side ends the sequence.
func merge(older iter.Seq2[record, error], newer []record) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var key []record // all that is known of the key at hand
		feed := func(r record) bool {
			if len(key) > 0 && key[0].key != r.key {
				if !yieldCurrent(key, yield) {
					return false
				}
				key = key[:0]
			}
			key = append(key, r)
			return true
		}
		for r, err := range older {
			if err != nil {
				yield(record{}, err)
				return
			}
			for len(newer) > 0 && bytes.Compare(newer[0].key[:], r.key[:]) < 0 {
				if !feed(newer[0]) {
					return
				}
				newer = newer[1:]
			}
			if !feed(r) {
				return
			}
		}
		for _, r := range newer {
			if !feed(r) {
				return
			}
		}
		yieldCurrent(key, yield)
	}
}

// yieldCurrent yields what was seen at the highest observation, each fingerprint once.
func yieldCurrent(key []record, yield func(record, error) bool) bool {
	slices.SortFunc(key, func(a, b record) int {
		return cmp.Or(cmp.Compare(b.observation, a.observation), cmp.Compare(a.fingerprint, b.fingerprint))
	})
	for i, r := range key {
		if r.observation < key[0].observation {
			break
		}
		if i > 0 && r.fingerprint == key[i-1].fingerprint {
			continue
		}
		if !yield(r, nil) {
			return false
		}
	}
	return true
}
