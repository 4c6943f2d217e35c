package simulator

import (
	"math/rand/v2"
	"slices"
	"sort"

	"convstream/internal/conv"
)

// Poison says what is wrong with a row that no broker, or no contract, will take.
type Poison string

// The kinds of poison rows. A page spells a poison row always the same way, so that a job
// that brings it again brings the same bytes.
const (
	Oversize Poison = "oversize" // customer_segment of Faults.OversizeBytes
	Future   Poison = "future"   // stamped farFuture, served where it was placed
	Keyless  Poison = "keyless"  // no conversation.id; jobs: no conversationId
	Missing  Poison = "missing"  // no interaction.type; jobs: a null among the participants
	Retyped  Poison = "retyped"  // interaction.type is an object; jobs: a string among the participants
)

// farFuture is 2099-01-01: a time that no broker takes by default, and always the same, so
// that the row has the same bytes whenever it is served.
const farFuture = 4_070_908_800_000

// world is all rows of the platform: the true ones and, between them, the poison ones.
// Together they have positions from 0, in the order in which pages bring them.
type world struct {
	timeline
	absences
	invalid       invalidity
	drift         []Drift
	poisons       []Poison
	oversizeBytes int
	revise        int
}

func newWorld(cfg Config) *world {
	f := &cfg.Faults
	w := &world{
		timeline:      newTimeline(cfg.Seed, cfg.Window, cfg.Rows),
		invalid:       newInvalidity(cfg.Seed, cfg.Rows, f.Invalid),
		drift:         f.Drift,
		oversizeBytes: f.OversizeBytes,
		absences:      newAbsences(cfg.Seed, cfg.Rows, f.Late, f.Removed),
		revise:        min(f.Revise, cfg.Rows),
	}
	if cfg.Rows == 0 {
		return w // poison rows stand beside true ones
	}
	w.poisons = slices.Concat(
		slices.Repeat([]Poison{Oversize}, f.Oversize),
		slices.Repeat([]Poison{Future}, f.Future),
		slices.Repeat([]Poison{Keyless}, f.Keyless),
	)
	rand.New(rand.NewPCG(cfg.Seed, forPoison)).Shuffle(len(w.poisons), func(i, j int) {
		w.poisons[i], w.poisons[j] = w.poisons[j], w.poisons[i]
	})
	return w
}

// host returns the true row behind which poison row p stands, and whose time places it.
func (w *world) host(p int) int { return scale(2*p+1, w.rows, 2*len(w.poisons)) }

// position returns where poison row p stands among all rows.
func (w *world) position(p int) int { return w.host(p) + 1 + p }

// element returns the row at the position. It is not there if the view has it not.
func (w *world) element(pos int, v view) (r Row, there bool) {
	p := w.poisonsBefore(pos)
	if p < len(w.poisons) && w.position(p) == pos {
		return w.poisonRow(p), true
	}
	return w.row(pos-p, v), !w.hides(pos-p, v)
}

// poisonsBefore counts the poison rows before the position.
func (w *world) poisonsBefore(pos int) int {
	return sort.Search(len(w.poisons), func(p int) bool { return w.position(p) >= pos })
}

// count counts the rows of a run that the view has.
func (w *world) count(rows positions, v view) int {
	lo, hi := rows.lo-w.poisonsBefore(rows.lo), rows.hi-w.poisonsBefore(rows.hi)
	return rows.len() - w.absences.between(lo, hi, v)
}

func (w *world) poisonRow(p int) Row {
	r := w.content(w.rows+p, w.at(w.host(p)))
	d := newDice(w.seed, forPoison, uint64(p))
	r.Poison, r.ConversationID = w.poisons[p], d.id()
	switch r.Poison {
	case Oversize:
		r.Segment = d.text(w.oversizeBytes)
	case Future:
		r.Time = farFuture
	case Keyless:
		r.ConversationID = ID{}
	}
	return r
}

// positions is a run of rows [lo, hi), true and poison.
type positions struct{ lo, hi int }

func (p positions) len() int { return p.hi - p.lo }

// placed returns the positions of all rows placed in the window.
func (w *world) placed(win conv.Window) positions {
	return positions{w.behind(w.first(win.From)), w.behind(w.first(win.To))}
}

// behind returns the position of true row i.
func (w *world) behind(i int) int {
	return i + sort.Search(len(w.poisons), func(p int) bool { return w.host(p) >= i })
}
