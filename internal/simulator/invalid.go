package simulator

import (
	"slices"
	"strings"
)

// Invalid is a share of the true rows, and of the conversations, that no contract takes. They
// are poison rows in the place of true ones.
type Invalid struct {
	Share float64  `yaml:"share"` // 0 to 1
	Kinds []Poison `yaml:"kinds"` // missing, retyped or keyless; default all three
}

var invalidKinds = []Poison{Missing, Retyped, Keyless}

func (v Invalid) validate(refuse refuse) {
	if !(v.Share >= 0 && v.Share <= 1) {
		refuse("invalid.share: %v is no share; use 0 to 1", v.Share)
	}
	for _, kind := range v.Kinds {
		if !slices.Contains(invalidKinds, kind) {
			refuse("invalid.kinds: %q is unknown; use %s", kind, listed(invalidKinds))
		}
	}
}

// invalidity says which true rows are invalid: they are spread evenly.
type invalidity struct {
	seed     uint64
	kinds    []Poison
	some, of int // so many of the rows
}

func newInvalidity(seed uint64, rows int, v Invalid) invalidity {
	kinds := v.Kinds
	if len(kinds) == 0 {
		kinds = invalidKinds
	}
	return invalidity{seed: seed, kinds: kinds, some: int(v.Share*float64(rows) + 0.5), of: rows}
}

// before counts the invalid ones among the first n rows.
func (v *invalidity) before(n int) int {
	if v.some == 0 {
		return 0
	}
	return scale(n, v.some, v.of)
}

// wrong returns what is wrong with true row i; "" for nothing.
func (v *invalidity) wrong(i int) Poison {
	if v.before(i+1) == v.before(i) {
		return ""
	}
	d := newDice(v.seed, forInvalid, uint64(i))
	return pick(&d, v.kinds)
}

// wrong counts the rows from lo on and before hi that are invalid, and that the view has.
func (w *world) wrong(lo, hi int, v view) int {
	n := w.invalid.before(hi) - w.invalid.before(lo)
	for _, absent := range [][]int{w.late, w.removed} {
		for _, i := range absent {
			if lo <= i && i < hi && w.hides(i, v) && w.invalid.wrong(i) != "" {
				n--
			}
		}
	}
	return max(0, n)
}

// spoil makes the row as wrong as it is said to be.
func (r *Row) spoil() {
	switch r.Poison {
	case Keyless:
		r.ConversationID = ID{}
	case Missing:
		r.Type = ""
	}
}

// spoiled is a conversation that is wrong.
func spoiled(text []byte, wrong Poison) []byte {
	if wrong == "" {
		return text
	}
	tree := decodeTree(text)
	people, _ := tree["participants"].([]any)
	switch wrong {
	case Keyless:
		delete(tree, "conversationId")
	case Missing:
		tree["participants"] = append(people, nil)
	case Retyped:
		tree["participants"] = append(people, "agent")
	}
	return encodeTree(tree)
}

// listed names the words that a key takes.
func listed[T ~string](words []T) string {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return strings.Join(names, ", ")
}
