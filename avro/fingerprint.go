package avro

import "convstream/internal/conv"

// sortEntries brings the entries of one record, which stand in e.entries from position from
// on in contract order, into fingerprint order. e.ends holds their ends, from position ends on.
func (e *encoder) sortEntries(r *record, from, ends int) {
	if r.inOrder {
		return
	}
	to := len(e.entries)
	for _, i := range r.sorted {
		e.entries = append(e.entries, e.entry(i, from, ends)...)
	}
	copy(e.entries[from:], e.entries[to:])
	e.entries = e.entries[:to]
}

// entry is the entry of the record's field i, empty where it has none.
func (e *encoder) entry(i, from, ends int) []byte {
	if i > 0 {
		from = e.ends[ends+i-1]
	}
	return e.entries[from:e.ends[ends+i]]
}

// hashIdentity returns the hash of the identity fields' entries, 0 where there are none.
func (c *Contract) hashIdentity(e *encoder) uint64 {
	to := len(e.entries)
	for _, i := range c.identity {
		e.entries = append(e.entries, e.entry(i, 0, 0)...)
	}
	entries := e.entries[to:]
	e.entries = e.entries[:to]
	if len(entries) == 0 {
		return 0
	}
	return conv.Hash64(entries)
}
