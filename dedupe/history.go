package dedupe

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"convstream/internal/conv"
)

// ErrNotReady says that spans have to be loaded before a time may be asked about: call
// [History.Missing], load what it names, and ask again. A bucket that was ready stops being
// so when its segment turns out to be damaged.
var ErrNotReady = errors.New("rows published before have to be loaded first")

// falseHits is the share of unknown keys that cost a read of the segment.
const falseHits = 0.01

// History is the memory of published rows. Its methods may be called from several
// goroutines.
type History struct {
	files     Files
	identity  string
	limit     int
	falseHits float64

	ready sync.Map // the buckets known to be ready: Missing's way around mu

	mu       sync.Mutex
	buckets  map[int64]*bucket // by hour
	bytes    int               // what they weigh together
	loaded   int               // how many have an open segment
	touches  uint64            // counts the uses of buckets
	flights  []flight          // a few: one or two for each window at work
	coverage coverage
	losses   uint64 // segments given up as damaged
}

// flight is a batch whose fate is open.
type flight struct {
	batch  uint64
	owner  uint64
	tables map[int64]*table // by hour
}

// Open opens the history in a directory. The identity names what the history is a cache of,
// cluster and topics; what the directory holds of another identity, or damaged, is removed.
// The limit bounds the memory of the buckets in bytes; beside it stand the entries in flight
// and, while a bucket is sealed, a sorted copy of its entries.
func Open(files Files, identity string, limit int) (*History, error) {
	m, err := openDirectory(files, identity)
	if err != nil {
		return nil, err
	}
	h := &History{
		files:     files,
		identity:  identity,
		limit:     limit,
		falseHits: falseHits,
		buckets:   map[int64]*bucket{},
		coverage:  coverage{expected: map[string]Span{}, covered: m.Covered},
	}
	for _, hour := range m.Hours {
		h.bucket(hour).sealed = true
	}
	return h, nil
}

// Expect says what the ledger holds. It replaces the earlier list and keeps what is loaded;
// it is called at the start and after each recovery, behind [History.Forget].
func (h *History) Expect(spans []Span) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coverage.expected = make(map[string]Span, len(spans))
	for _, s := range spans {
		h.coverage.expected[s.ID] = s
	}
	h.ready.Clear()
}

// Missing lists the spans that have to be loaded before a row of time t may be checked; nil
// when it may be. Trouble with the disk is left for [History.Check] to report.
func (h *History) Missing(t int64) []Span {
	hour := hourOf(t)
	if _, ready := h.ready.Load(hour); ready {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, _ = h.prepare(hour) // finds a damaged segment now rather than in Check
	return h.coverage.missing(hour)
}

// Load takes in what was read back from Kafka for a span: its rows up to commit s.Seq, in
// any order, and any other published rows. After an error the span is still missing; so it is
// when a segment was found damaged meanwhile, and the caller goes on asking
// [History.Missing] until it names nothing.
func (h *History) Load(s Span, entries iter.Seq2[Entry, error]) error {
	h.mu.Lock()
	losses := h.losses
	h.mu.Unlock()
	for e, err := range entries {
		if err == nil {
			err = h.take(e)
		}
		if err != nil {
			return fmt.Errorf("load rows of window %s: %w", s.ID, err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.losses == losses { // otherwise what was lost may have been of this span
		h.coverage.loaded(s)
	}
	return nil
}

// take makes a published entry history.
func (h *History) take(e Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.touch(hourOf(e.Time))
	b.add(e.record())
	h.weigh(b)
	return h.shrink()
}

// Check judges a row that asks to be published under a batch of an owner: the one who hands
// its batches over for commit in the order it made them. What is new or a revision is
// remembered as in flight until the batch is committed or forgotten. A row that another owner
// has in flight gets no verdict but Contested, because whatever was said of it would rest on
// a batch that may be forgotten, or be committed after this one; ask again when that batch is
// committed. After an error nothing is remembered; ErrNotReady is one.
func (h *History) Check(batch, owner uint64, e Entry) (Verdict, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hour, r := hourOf(e.Time), e.record()
	b, err := h.prepare(hour)
	if err != nil {
		return 0, fmt.Errorf("check a row of %s: %w", conv.FormatInstant(e.Time), err)
	}
	var s standing
	for _, f := range h.flights {
		t := f.tables[hour]
		if t == nil {
			continue
		}
		if f.owner != owner && t.has(r.key) {
			return Contested, nil
		}
		t.see(r, &s)
	}
	if err := h.see(b, r, &s); err != nil {
		return 0, fmt.Errorf("check a row of %s: %w", conv.FormatInstant(e.Time), err)
	}
	v := s.verdict(r.observation)
	if v == New || v == Revision {
		h.flight(batch, owner, hour).add(r)
	}
	return v, nil
}

// Newest is the highest observation of what was published of a key of time t, or is in flight;
// held is false where nothing is. The bucket has to be ready, or the error is ErrNotReady.
func (h *History) Newest(key conv.Key, t int64) (observation uint32, held bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hour, r := hourOf(t), record{key: key}
	b, err := h.prepare(hour)
	if err != nil {
		return 0, false, fmt.Errorf("look up a row of %s: %w", conv.FormatInstant(t), err)
	}
	var s standing
	for _, f := range h.flights {
		if t := f.tables[hour]; t != nil {
			t.see(r, &s)
		}
	}
	if err := h.see(b, r, &s); err != nil {
		return 0, false, fmt.Errorf("look up a row of %s: %w", conv.FormatInstant(t), err)
	}
	return s.observation, s.known, nil
}

// flight is what the batch has in flight in one bucket.
func (h *History) flight(batch, owner uint64, hour int64) *table {
	i := slices.IndexFunc(h.flights, func(f flight) bool { return f.batch == batch })
	if i < 0 {
		i = len(h.flights)
		h.flights = append(h.flights, flight{batch, owner, map[int64]*table{}})
	}
	t := h.flights[i].tables[hour]
	if t == nil {
		t = newTable()
		h.flights[i].tables[hour] = t
	}
	return t
}

// Commit makes the entries of a batch history. The span is the batch's window as the ledger
// now has it; Min and Max hold the time of every entry. An error says that memory could not
// be given back; the entries are history all the same.
func (h *History) Commit(batch uint64, s Span) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flights = slices.DeleteFunc(h.flights, func(f flight) bool {
		if f.batch != batch {
			return false
		}
		for hour, t := range f.tables {
			b := h.touch(hour)
			for r := range t.all() {
				b.add(r)
			}
			h.weigh(b)
		}
		return true
	})
	if !h.coverage.commit(s) {
		h.ready.Clear() // the span may touch more buckets than it did
	}
	return h.shrink()
}

// Forget forgets everything in flight, of all batches: a commit failed, or its outcome is
// not known. [History.Expect] then says what the ledger made of it.
func (h *History) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flights = nil
}

// Count counts the distinct keys that Each lists.
func (h *History) Count(from, to int64) (keys int64, err error) {
	err = h.Each(from, to, func(conv.Key, uint32) { keys++ })
	return keys, err
}

// Each hands over the distinct keys of history with from <= time < to, both in epoch ms, and
// the highest observation of each. Dead letters and what is in flight are left out. The buckets
// have to be ready, or the error is ErrNotReady. It reads one bucket at a time, and what is
// committed meanwhile may be listed or not. The function must not call the history.
func (h *History) Each(from, to int64, see func(key conv.Key, observation uint32)) error {
	for hour := hourOf(from); hour*hourMillis < to; hour++ {
		if err := h.eachInBucket(hour, from, to, see); err != nil {
			return fmt.Errorf("list rows of %s: %w", conv.FormatInstant(max(from, hour*hourMillis)), err)
		}
	}
	return nil
}

func (h *History) eachInBucket(hour, from, to int64, see func(conv.Key, uint32)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, err := h.prepare(hour)
	if err != nil {
		return err
	}
	var last conv.Key
	first := true
	for r, err := range merge(b.segment.all(), b.recent.sorted()) {
		if err != nil {
			return h.give(b, err)
		}
		t := hour*hourMillis + r.offset()
		if (first || r.key != last) && !r.dead() && from <= t && t < to {
			see(r.key, r.observation)
		}
		first, last = false, r.key
	}
	return nil
}

// Close closes the files. What was not saved is loaded again by the next start.
func (h *History) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.buckets {
		h.unload(b)
	}
	return nil
}
