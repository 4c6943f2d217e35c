package dedupe

import (
	"bytes"
	"cmp"
	"iter"
	"slices"

	"convstream/internal/conv"
)

// table holds contents of one bucket in memory. Neither map holds a pointer, so the garbage
// collector does not walk through them.
type table struct {
	first map[conv.Key]content // one current content of each key

	// also holds the other current contents, with their observation. One whose observation
	// is not that of first has been overtaken and is ignored.
	also map[variant]uint32
}

// variant is one content of one key.
type variant struct {
	key         conv.Key
	fingerprint uint64
}

// What a table weighs: an entry's 32 bytes in a hash map that is between half full and full.
const (
	tableBytes = 512
	entryBytes = 64
)

func newTable() *table { return &table{first: make(map[conv.Key]content)} }

func (t *table) add(r record) {
	current, known := t.first[r.key]
	switch {
	case !known || r.observation > current.observation:
		t.first[r.key] = r.content
	case r.observation == current.observation && r.fingerprint != current.fingerprint:
		if t.also == nil {
			t.also = make(map[variant]uint32)
		}
		t.also[variant{r.key, r.fingerprint}] = r.observation
	}
}

func (t *table) see(r record, s *standing) {
	current, known := t.first[r.key]
	if !known {
		return
	}
	same := current.fingerprint == r.fingerprint
	if !same && t.also != nil {
		observation, listed := t.also[variant{r.key, r.fingerprint}]
		same = listed && observation == current.observation
	}
	s.see(current.observation, same)
}

func (t *table) has(k conv.Key) bool {
	_, known := t.first[k]
	return known
}

func (t *table) bytes() int {
	if t == nil {
		return 0
	}
	return tableBytes + entryBytes*t.len()
}

func (t *table) len() int {
	if t == nil {
		return 0
	}
	return len(t.first) + len(t.also)
}

// all yields every current content, in no order.
func (t *table) all() iter.Seq[record] {
	return func(yield func(record) bool) {
		if t == nil {
			return
		}
		for key, c := range t.first {
			if !yield(record{key, c}) {
				return
			}
		}
		for v, observation := range t.also {
			c := t.first[v.key]
			if c.observation != observation {
				continue
			}
			c.fingerprint = v.fingerprint
			if !yield(record{v.key, c}) {
				return
			}
		}
	}
}

// sorted lists every current content in the order of a segment.
func (t *table) sorted() []record {
	list := make([]record, 0, t.len())
	list = slices.AppendSeq(list, t.all())
	slices.SortFunc(list, compareRecords)
	return list
}

// compareRecords is the order of a segment.
func compareRecords(a, b record) int {
	if c := bytes.Compare(a.key[:], b.key[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.fingerprint, b.fingerprint)
}
