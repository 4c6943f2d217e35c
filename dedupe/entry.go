package dedupe

import (
	"convstream/internal/conv"
)

// Entry is one published row or dead letter, or one that asks to be published.
type Entry struct {
	Key         conv.Key
	Time        int64  // event time, epoch ms; of a dead letter, the start of its root window
	Fingerprint uint64 // hash of the row's content; 0 of a dead letter
	Observation uint32 // when the row's job was submitted, epoch seconds; 0 of a dead letter
	Dead        bool   // a dead letter: remembered, but not counted
}

// Verdict is what the history says of a row.
type Verdict uint8

// The verdicts. A key's current contents are the fingerprints seen at its highest
// observation.
const (
	New       Verdict = iota + 1 // the key is unknown
	Revision                     // the key is known, and no job newer than this one said otherwise
	Repeat                       // the content is among the key's current ones
	Stale                        // other content, of a job older than the current contents
	Contested                    // another owner has the key in flight: ask again once that is committed
)

var verdictNames = [...]string{"none", "new", "revision", "repeat", "stale", "contested"}

// String is the verdict's name in lower case.
func (v Verdict) String() string { return verdictNames[v] }

// Span is the ledger's word on one window: the rows of window ID, up to its commit Seq, have
// event times from Min to Max, both included and in epoch ms. Where Min is greater than Max
// the window has no rows.
type Span struct {
	ID       string
	Seq      uint64
	Min, Max int64
}

const hourMillis = 60 * 60 * 1000

// hourOf is the bucket of an instant: whole hours since 1970, rounded towards the past.
func hourOf(t int64) int64 {
	hour := t / hourMillis
	if t%hourMillis < 0 {
		hour--
	}
	return hour
}

func (s Span) touches(hour int64) bool {
	return s.Min <= s.Max && hourOf(s.Min) <= hour && hour <= hourOf(s.Max)
}

// content is an entry without its key and its bucket.
type content struct {
	fingerprint uint64
	observation uint32
	place       uint32 // ms since the bucket's start, and deadFlag
}

const deadFlag = 1 << 31

// record is an entry of a known bucket.
type record struct {
	key conv.Key
	content
}

func (e Entry) record() record {
	place := uint32(e.Time - hourOf(e.Time)*hourMillis)
	if e.Dead {
		place |= deadFlag
	}
	return record{e.Key, content{e.Fingerprint, e.Observation, place}}
}

func (c content) dead() bool    { return c.place&deadFlag != 0 }
func (c content) offset() int64 { return int64(c.place &^ deadFlag) }

// standing is what is known of one key while a row with that key is judged. It is fed with
// the key's contents from wherever they are kept, in any order.
type standing struct {
	known       bool
	observation uint32 // the highest seen
	same        bool   // the row's own fingerprint is among those of that observation
}

func (s *standing) see(observation uint32, same bool) {
	switch {
	case !s.known || observation > s.observation:
		*s = standing{true, observation, same}
	case observation == s.observation:
		s.same = s.same || same
	}
}

func (s *standing) verdict(observation uint32) Verdict {
	switch {
	case !s.known:
		return New
	case s.same:
		return Repeat
	case observation < s.observation:
		return Stale
	default:
		return Revision
	}
}
