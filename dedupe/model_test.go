package dedupe_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
)

// model runs a history beside what it stands for: the rows in Kafka, the ledger, and the
// rows in flight, from which every answer can be had by looking at all of them.
type model struct {
	t      *testing.T
	rnd    *rand.Rand
	files  *memfiles.Dir
	fault  func(op, name string) error
	limit  int
	filter float64
	h      *dedupe.History

	topic   []published
	ledger  map[string]dedupe.Span
	flights map[string]*batch // by window
	batches uint64
	seq     uint64

	verdicts map[dedupe.Verdict]int
	losses   uint64
	seals    int
}

type published struct {
	window string
	seq    uint64
	dedupe.Entry
}

type batch struct {
	id      uint64
	entries []dedupe.Entry
}

func newModel(t *testing.T, seed uint64, limit int, filter float64) *model {
	m := &model{
		t:        t,
		rnd:      rand.New(rand.NewPCG(seed, 1)),
		files:    memfiles.New(),
		limit:    limit,
		filter:   filter,
		ledger:   map[string]dedupe.Span{},
		flights:  map[string]*batch{},
		verdicts: map[dedupe.Verdict]int{},
	}
	m.start()
	return m
}

// start opens a history on the files, as often as that takes.
func (m *model) start() {
	for attempt := 0; ; attempt++ {
		h, err := dedupe.Open(m.files, cluster, m.limit)
		if err == nil {
			m.h = h
			break
		}
		if attempt == 2 {
			m.setFault(nil)
		}
	}
	m.h.SetFalseHits(m.filter)
	m.recover()
}

func (m *model) stop() {
	m.losses += m.h.Losses()
	m.seals += m.h.SealedHours()
	if err := m.h.Close(); err != nil {
		m.t.Fatal(err)
	}
	if n := m.files.OpenFiles(); n != 0 {
		m.t.Fatalf("%d files open after Close", n)
	}
}

// crash goes on with the files as they are, and with nothing else.
func (m *model) crash() {
	after := m.files.Crash()
	m.stop()
	m.files = after
	m.setFault(m.fault)
	m.start()
}

func (m *model) setFault(fault func(op, name string) error) {
	m.fault = fault
	m.files.SetFault(fault)
}

func (m *model) recover() {
	clear(m.flights)
	m.h.Forget()
	m.h.Expect(slices.Collect(maps.Values(m.ledger)))
}

// The naive history.

func (m *model) want(window string, e dedupe.Entry) dedupe.Verdict {
	var newest uint32
	var known bool
	contents := map[uint64]bool{}
	each := func(o dedupe.Entry) {
		if o.Key != e.Key {
			return
		}
		if !known || o.Observation > newest {
			known, newest = true, o.Observation
			clear(contents)
		}
		if o.Observation == newest {
			contents[o.Fingerprint] = true
		}
	}
	for _, p := range m.topic {
		each(p.Entry)
	}
	for w, b := range m.flights {
		for _, o := range b.entries {
			if w != window && o.Key == e.Key {
				return dedupe.Contested
			}
			each(o)
		}
	}
	switch {
	case !known:
		return dedupe.New
	case contents[e.Fingerprint]:
		return dedupe.Repeat
	case e.Observation < newest:
		return dedupe.Stale
	default:
		return dedupe.Revision
	}
}

func (m *model) wantCount(from, to int64) int64 {
	keys := map[conv.Key]bool{}
	for _, p := range m.topic {
		if from <= p.Time && p.Time < to && !p.Dead {
			keys[p.Key] = true
		}
	}
	return int64(len(keys))
}

// What the pipeline does.

// ready loads what is missing for a time. It returns false if the disk does not let it.
func (m *model) ready(at int64) bool {
	for attempt := 0; attempt < 5; attempt++ {
		missing := m.h.Missing(at)
		if missing == nil {
			return true
		}
		for _, s := range missing {
			_ = m.h.Load(s, m.read(s)) // what fails is still missing
		}
	}
	return false
}

var errBroken = errors.New("connection reset")

// read yields a window's rows in any order with some of other windows, and may break off.
func (m *model) read(s dedupe.Span) func(func(dedupe.Entry, error) bool) {
	return func(yield func(dedupe.Entry, error) bool) {
		for _, i := range m.rnd.Perm(len(m.topic)) {
			p := m.topic[i]
			if p.window != s.ID && m.rnd.IntN(4) > 0 {
				continue
			}
			if m.rnd.IntN(2000) == 0 {
				yield(dedupe.Entry{}, errBroken)
				return
			}
			if !yield(p.Entry, nil) {
				return
			}
		}
	}
}

// entry is a random row of few conversations, times, contents and jobs, so that they meet.
func (m *model) entry() dedupe.Entry {
	at := start + m.rnd.Int64N(4)*hour + []int64{0, 1, hour - 1}[m.rnd.IntN(3)]
	if m.rnd.IntN(20) == 0 {
		root := conv.Window{From: start, To: start + hour}
		return dedupe.Entry{Key: conv.DeadKey("acme", root, conv.Digest{byte(m.rnd.IntN(20))}), Time: start, Dead: true}
	}
	return row(fmt.Sprint(m.rnd.IntN(40)), at, m.rnd.Uint64N(3), uint32(m.rnd.IntN(3)))
}

func (m *model) check() {
	window, e := fmt.Sprint("w", m.rnd.IntN(5)), m.entry()
	b := m.flights[window]
	if b == nil {
		m.batches++
		b = &batch{id: m.batches}
		m.flights[window] = b
	}
	for attempt := 0; attempt < 3; attempt++ {
		if !m.ready(e.Time) {
			return
		}
		got, err := m.h.Check(b.id, b.id, e)
		if err != nil {
			continue
		}
		if want := m.want(window, e); got != want {
			m.t.Fatalf("check %+v: %v, want %v", e, got, want)
		}
		m.verdicts[got]++
		if got == dedupe.New || got == dedupe.Revision {
			b.entries = append(b.entries, e)
		}
		return
	}
}

// publish puts a window's batch in the topic and the ledger.
func (m *model) publish(window string) (*batch, dedupe.Span) {
	b := m.flights[window]
	delete(m.flights, window)
	m.seq++
	s, known := m.ledger[window]
	if !known {
		s = dedupe.Span{ID: window, Min: 1, Max: 0}
	}
	s.Seq = m.seq
	for _, e := range b.entries {
		m.topic = append(m.topic, published{window, m.seq, e})
		if s.Min > s.Max {
			s.Min, s.Max = e.Time, e.Time
		}
		s.Min, s.Max = min(s.Min, e.Time), max(s.Max, e.Time)
	}
	m.ledger[window] = s
	return b, s
}

func (m *model) step() {
	windows := slices.Sorted(maps.Keys(m.flights))
	switch n := m.rnd.IntN(1000); {
	case n < 900:
		m.check()
	case n < 960 && len(windows) > 0:
		b, s := m.publish(windows[m.rnd.IntN(len(windows))])
		_ = m.h.Commit(b.id, s) // an error changes nothing about what is committed
	case n < 965:
		m.recover() // a failed commit
	case n < 970 && len(windows) > 0: // a commit without a reply
		m.publish(windows[m.rnd.IntN(len(windows))])
		m.recover()
	case n < 980:
		m.count()
	case n < 983:
		_ = m.h.Save()
	case n < 986:
		_ = m.h.Save()
		m.stop()
		m.start()
	case n < 989: // kill -9
		m.crash()
	case n < 992:
		m.damage()
	}
}

func (m *model) count() {
	from := start + m.rnd.Int64N(5*hour) - hour
	to := from + m.rnd.Int64N(5*hour)
	for at := from; at < to+hour; at += hour {
		if !m.ready(at) {
			return
		}
	}
	got, err := m.h.Count(from, to)
	if err == nil && got != m.wantCount(from, to) {
		m.t.Fatalf("count [%d, %d): %d, want %d", from, to, got, m.wantCount(from, to))
	}
}

// damage overwrites, cuts or lengthens a file.
func (m *model) damage() {
	names, err := m.files.List()
	if err != nil || len(names) == 0 {
		return
	}
	m.files.Damage(names[m.rnd.IntN(len(names))], func(content []byte) []byte {
		switch at := m.rnd.IntN(len(content)); m.rnd.IntN(4) {
		case 0:
			return content[:at]
		case 1:
			return append(content, 0)
		default:
			content[at] ^= byte(1 << m.rnd.IntN(8))
			return content
		}
	})
}

// verify asks about every content of every published key, with a disk that works.
func (m *model) verify() {
	m.setFault(nil)
	m.recover()
	seen := map[conv.Key]bool{}
	for _, p := range m.topic {
		if seen[p.Key] {
			continue
		}
		seen[p.Key] = true
		for observation := range uint32(3) {
			for content := range uint64(3) {
				e := p.Entry
				e.Fingerprint, e.Observation = content, observation
				m.answer(e)
			}
		}
	}
	for range 50 {
		m.answer(m.entry())
	}
	m.count()
}

func (m *model) answer(e dedupe.Entry) {
	m.t.Helper()
	for {
		if !m.ready(e.Time) {
			m.t.Fatal("rows are missing after their load")
		}
		got, err := m.h.Check(0, 0, e)
		if errors.Is(err, dedupe.ErrNotReady) {
			continue
		}
		if err != nil {
			m.t.Fatal(err)
		}
		if want := m.want("", e); got != want {
			m.t.Fatalf("check %+v: %v, want %v", e, got, want)
		}
		m.h.Forget()
		return
	}
}
