package simulator

import (
	"iter"

	"convstream/internal/conv"
)

// Conversation is a conversation as jobs tell of it.
type Conversation struct {
	ID    ID
	Start int64 // epoch ms
	End   int64 // epoch ms; valid where Ended
	Ended bool  // else it goes on, and has no conversationEnd
	// Body is the whole of it as JSON, apart from how a page spells it, and as a contract for
	// all of it publishes it. A field that becomes null is not in it.
	Body   []byte
	Poison Poison // what is wrong with it, and Body is as it is told; "" for a true one
}

// Conversations returns the true conversations that start in the window, in the order of
// their starts, as a job of the dialect jobs submitted now would see them. Invalid ones are
// not among them.
func (s *Simulator) Conversations(w conv.Window) iter.Seq[Conversation] {
	return s.conversations(w, false)
}

// conversations are Conversations, and the invalid ones with them.
func (s *Simulator) conversations(w conv.Window, invalid bool) iter.Seq[Conversation] {
	v := s.look()
	w = v.before(w)
	return func(yield func(Conversation) bool) {
		for i := s.world.first(w.From); i < s.world.rows; i++ {
			start := s.world.at(i)
			if start >= w.To {
				return
			}
			wrong := s.world.invalid.wrong(i)
			if s.world.hides(i, v) || wrong != "" && !invalid {
				continue
			}
			end, ended := s.world.end(i, v)
			body := s.world.told(i, s.world.conversation(i, v, canonical), wrong != "")
			if !yield(Conversation{s.world.callID(i), start, end, ended, body, wrong}) {
				return
			}
		}
	}
}

// CountConversations returns how many conversations Conversations has of the window. They
// are as many as rows of the other dialect: both have the same times.
func (s *Simulator) CountConversations(w conv.Window) int { return s.Count(w) }

// longest is the longest time that a conversation lasts. It bounds how far before a window
// those lie that last into it.
const longest = 5 * 24 * hour

// life draws how long conversation i lasts, and whether anybody ever ended it. One that
// nobody ended had something happen to it for so long.
func (w *world) life(i int) (ms int64, left bool) {
	d := newDice(w.seed, forLife, uint64(i))
	const minute, span = 60_000, 25 * 60_000
	switch n := d.below(100); {
	case n < 2:
		return 0, false // over in the millisecond in which it began
	case n < 86:
		ms = 10_000 + int64(d.below(span))
	case n < 95:
		ms = 30*minute + int64(d.below(10*hour))
	case n < 98:
		ms = 10*hour + int64(d.below(longest-10*hour))
	default:
		return int64(d.below(longest)), true
	}
	// Some end where windows do, and where their last millisecond lies.
	end := w.at(i) + ms
	if edge := end - end%hour; d.oneIn(16) && edge > w.at(i) {
		ms = edge - w.at(i) - int64(d.below(2))
	}
	return ms, false
}

// end returns when conversation i ended, as far as the view knows that it did.
func (w *world) end(i int, v view) (ms int64, ended bool) {
	life, left := w.life(i)
	if w.revises(i) {
		left = !v.revised
	}
	return w.at(i) + life, !left
}

func (w *world) callID(i int) ID {
	d := newDice(w.seed, forCall, uint64(i))
	return d.id()
}

// details is the result of a job: the conversations that the query takes, of those at the
// places [0, n) of the walk.
type details struct {
	query detailQuery
	walk  walk
	n     int
}

// walk is an order in which conversations are looked at.
type walk struct {
	lo, hi int   // indexes
	desc   bool  // from hi down
	sorted []int // indexes in an order of their own; nil for that of the indexes
}

func (k *walk) len() int {
	if k.sorted != nil {
		return len(k.sorted)
	}
	return max(0, k.hi-k.lo)
}

// index returns the conversation at the place.
func (k *walk) index(place int) int {
	switch {
	case k.sorted != nil && k.desc:
		return k.sorted[len(k.sorted)-1-place]
	case k.sorted != nil:
		return k.sorted[place]
	case k.desc:
		return k.hi - 1 - place
	}
	return k.lo + place
}

// takes says whether the query wants conversation i and the view has it.
func (w *world) takes(q *detailQuery, i int, v view) bool {
	if w.hides(i, v) {
		return false
	}
	if !q.days {
		start := w.at(i)
		life, _ := w.life(i)
		if start >= q.window.To || start+life < q.window.From {
			return false
		}
	}
	if len(q.filters) == 0 {
		return true
	}
	return q.holds(w.conversation(i, v, canonical))
}

// seek returns the first place from place on, and before n, with a conversation that the
// query takes; n if there is none.
func (w *world) seek(q *detailQuery, k *walk, v view, place, n int) int {
	for place < n && !w.takes(q, k.index(place), v) {
		place++
	}
	return place
}

// cut returns the place behind the k-th conversation that the query takes, and how many
// there are up to it. Below 0, k is as many as there are.
func (w *world) cut(q *detailQuery, walk *walk, v view, k int) (place, taken int) {
	n := walk.len()
	for place = 0; place < n && taken != k; place++ {
		if w.takes(q, walk.index(place), v) {
			taken++
		}
	}
	return place, taken
}
