package app

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// tally counts what the topics hold of some stretches of time: distinct rows, whichever
// pipeline of the organisation brought them, and the distinct dead letters among which is
// none that was published after all. It keeps the keys of one partition at a time, and of
// all dead letters, and shares no code with the dedupe history.
type tally struct {
	org           string
	conversations bool          // rows are conversations, counted by their start
	spans         []conv.Window // in order of time, none overlapping another
	redriven      conv.LetterSet

	held    []int64 // distinct rows and dead letters by span
	callers []int64 // distinct conversations of the rows
	dead    []int64 // distinct dead letters
	bounds  []int64 // those of both that lie on the first or last millisecond

	rows  map[conv.Key]bool // of the present partition
	ids   map[spanID]bool
	unfit map[conv.Key]unfit // dead letters that are counted
}

// unfit is where a dead letter is counted.
type unfit struct {
	span  int
	bound bool // it is known to lie on the first or last millisecond
}

// spanID is a conversation in a span.
type spanID struct {
	span int
	id   uint64
}

func newTally(org string, conversations bool, spans []conv.Window) *tally {
	n := len(spans)
	return &tally{
		org: org, conversations: conversations, spans: spans,
		held: make([]int64, n), callers: make([]int64, n), dead: make([]int64, n), bounds: make([]int64, n),
		rows: map[conv.Key]bool{}, ids: map[spanID]bool{}, unfit: map[conv.Key]unfit{},
	}
}

// span is the index of the span that holds an instant.
func (t *tally) span(ms int64) (i int, ok bool) {
	i, _ = slices.BinarySearchFunc(t.spans, ms, func(w conv.Window, ms int64) int {
		if w.To <= ms {
			return -1
		}
		return 1
	})
	return i, i < len(t.spans) && t.spans[i].Contains(ms)
}

// ours says whether a record was written for the organisation, by a job for which window.
func (t *tally) ours(r *kgo.Record, header string) (w conv.Window, ok bool) {
	owner, w, err := producer.ParseWindowHeader(producer.Header(r, header))
	return w, err == nil && strings.HasSuffix(owner, "/"+t.org)
}

// deadLetter takes one record of the dead-letter topic. All of them come before the rows.
func (t *tally) deadLetter(r *kgo.Record) error {
	window, ok := t.ours(r, producer.WindowHeader)
	if !ok || producer.Header(r, producer.RouteHeader) != nil {
		return nil // the row topic has the row of a derived route's dead letter
	}
	if root, ok := t.ours(r, producer.RootHeader); ok {
		window = root
	}
	// One whose own time is not known counts where its window begins.
	var digest conv.Digest
	if n, err := hex.Decode(digest[:], producer.Header(r, producer.DigestHeader)); err != nil || n != len(digest) {
		return nil // not written by convstream
	}
	key, at, known := conv.DeadKey(t.org, window, digest), window.From, false
	redriven := t.redriven.Has(conv.LetterID{Partition: r.Partition, Offset: r.Offset})
	if mark, err := conv.ParseMark(producer.Header(r, conv.MarkHeader)); err == nil {
		key = conv.RowKey(t.org, r.Key, mark)
		if t.conversations || mark.Time < window.To {
			at, known = mark.Time, true
		} else {
			redriven = false // its time is wild: the platform has it in the window, and its row counts in none
		}
	}
	if redriven {
		return nil // the row topic has its row, under whatever key that has by now
	}
	if i, ok := t.span(at); ok {
		t.unfit[key] = unfit{i, known && t.bound(i, at)}
	}
	return nil
}

// bound says whether an instant is the first or the last of a span.
func (t *tally) bound(span int, ms int64) bool {
	return ms == t.spans[span].From || ms == t.spans[span].To-1
}

// row takes one record of the row topic.
func (t *tally) row(r *kgo.Record) error {
	mark, err := conv.ParseMark(producer.Header(r, conv.MarkHeader))
	if _, ours := t.ours(r, producer.WindowHeader); !ours || err != nil {
		return nil
	}
	i, ok := t.span(mark.Time)
	key := conv.RowKey(t.org, r.Key, mark)
	if !ok || t.rows[key] {
		return nil
	}
	t.rows[key] = true
	t.held[i]++
	if t.bound(i, mark.Time) {
		t.bounds[i]++
	}
	delete(t.unfit, key)
	if id := (spanID{i, conv.Hash64(r.Key)}); !t.ids[id] {
		t.ids[id] = true
		t.callers[i]++
	}
	return nil
}

// endPartition is called behind the last record of a partition of the row topic: all that is
// said of a row, and of a conversation, stands in one.
func (t *tally) endPartition() {
	clear(t.rows)
	clear(t.ids)
}

// end is called behind the last partition.
func (t *tally) end() {
	for _, u := range t.unfit {
		t.dead[u.span]++
		t.held[u.span]++
		if u.bound {
			t.bounds[u.span]++
		}
	}
}
