package soak

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

var (
	runs  = flag.Int("runs", 300, "how many seeded runs")
	first = flag.Uint64("seed", 1, "the first seed; a failure names its own")
)

// telling are seeds beyond the usual ones that have found something.
var telling = []uint64{1982}

func TestR2_TheSameTruthYieldsTheSameRowsWhateverHappens(t *testing.T) {
	n := *runs
	if testing.Short() {
		n = min(n, 20)
	}
	var seeds []uint64
	for i := range uint64(n) {
		seeds = append(seeds, *first+i)
	}
	if n > 1 {
		seeds = append(seeds, telling...)
	}
	for _, seed := range seeds {
		ok := t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soak(t, draw(seed)) })
		})
		if !ok {
			t.Fatalf("again with: go test ./internal/soak -seed %d -runs 1", seed)
		}
	}
}

// soak lives through a scenario, does what work is left, and checks all that is to be true then.
func soak(t *testing.T, s scenario) {
	st := open(t, s)
	defer st.close()
	for _, l := range s.lives {
		st.live(t, l)
	}
	st.under(t, len(s.terms)-1)
	if s.redrives() && s.early {
		st.redriveAll(t)
	}
	sum := st.finish(t)
	if s.redrives() {
		if !s.early {
			st.redriveAll(t)
		}
		st.redriveNothing(t)
		sum = st.finish(t)
	}
	revisions := st.checkRows(t)
	st.checkLedger(t, sum, revisions)
	st.checkCounts(t)
	st.checkLetters(t)
	st.checkLineage(t)
	st.checkSpeech(t)
	st.checkDrift(t)
}

// live runs a process that may die, unless one before it has done the same work.
func (st *stage) live(t *testing.T, l life) {
	t.Helper()
	if st.under(t, l.terms); l.work == backfill && st.done {
		return
	}
	var err error
	switch l.work {
	case redrive:
		_, err = st.redrive(t, l.death, l.limit)
	case reread:
		st.config.Reread = true
		_, err = st.backfill(t, l.death)
		st.config.Reread = false
	default:
		_, err = st.backfill(t, l.death)
		st.done = err == nil
	}
	_ = err // whatever it left undone is done later
}

// under has the contracts be those of the scenario's n-th terms.
func (st *stage) under(t *testing.T, n int) {
	t.Helper()
	if n != st.at {
		st.at, st.done = n, false
		st.agree(t, st.terms[n])
	}
}

// attempts is how often a process is started: an embedded broker may refuse a batch to a busy
// machine; whoever runs it starts it again.
const attempts = 4

// finish backfills until nothing is left to do.
func (st *stage) finish(t *testing.T) (sum pipeline.Summary) {
	t.Helper()
	var err error
	for range attempts {
		if sum, err = st.backfill(t, nil); err == nil && len(sum.Incomplete)+len(sum.Unverified) == 0 {
			return sum
		}
	}
	t.Fatalf("%s: after %d processes: incomplete %v, unverified %v, %v\n%s", st.dialect, st.runs, sum.Incomplete, sum.Unverified, err, st.problems(t))
	return sum
}

// redriveAll redrives until every letter is done with that can be.
func (st *stage) redriveAll(t *testing.T) (found pipeline.Redriven) {
	t.Helper()
	var err error
	for range attempts {
		if found, err = st.redrive(t, nil, 0); err == nil {
			break
		}
	}
	if err != nil || found.Left() != found.Invalid[conv.ReasonNoKey] {
		t.Fatalf("%s: after %d processes: a redrive leaves letters: %+v, %v", st.dialect, st.runs, found, err)
	}
	return found
}

// redriveNothing fails if a redrive finds any work after one that did all of it.
func (st *stage) redriveNothing(t *testing.T) {
	t.Helper()
	if again := st.redriveAll(t); again.Published+again.Superseded != 0 || again.Before+again.Left() != again.Chosen {
		t.Errorf("%s: a redrive after one that has ended well: %+v; want nothing redriven", st.dialect, again)
	}
}

// truth lists every row by what tells it apart and what it says, with how often it has to be
// there.
func (st *stage) truth() map[string]int {
	rows := map[string]int{}
	if st.dialect == genesys.DialectJobs {
		for c := range st.sim.Conversations(st.platform.Window) {
			end := "-"
			if c.Ended {
				end = conv.FormatInstant(c.End)
			}
			rows[fmt.Sprintf("%s %s %s %d", c.ID, conv.FormatInstant(c.Start), end, strings.Count(string(c.Body), `"sessionId"`))]++
		}
		return rows
	}
	for r := range st.sim.Truth(st.openEnd()) {
		queue := fmt.Sprint(r.Queue)
		if r.Queue < 0 {
			queue = "-"
		}
		rows[fmt.Sprintf("%s %s %s %s %q %s", r.InteractionID, r.ConversationID, conv.FormatInstant(r.Time), r.Type, r.Segment, queue)]++
	}
	return rows
}

// openEnd is the platform's whole time, but for its last millisecond where the platform leaves
// the end of a query out: that is brought by the window that follows.
func (st *stage) openEnd() conv.Window {
	w := st.platform.Window
	if edges := st.platform.Faults.Edges; edges == "end_out" || edges == "both_out" {
		w.To--
	}
	return w
}

// words are what tells a row apart and what it says.
func (st *stage) words(row map[string]any) string {
	if st.dialect == genesys.DialectReports {
		return rowWords(row)
	}
	return conversationWords(row)
}

// published lists every record of the row topic in the same words.
func (st *stage) published(t *testing.T) map[string]int {
	t.Helper()
	rows := map[string]int{}
	st.each(t, "rows", func(_ *kgo.Record, row map[string]any) { rows[st.words(row)]++ })
	return rows
}

// checkRows fails unless every row is published once. Where the contract has gained a field, a
// row may be there without it and with it: it counts those revisions.
func (st *stage) checkRows(t *testing.T) (revisions int64) {
	t.Helper()
	without, with := map[string]int{}, map[string]int{}
	st.each(t, "rows", func(_ *kgo.Record, row map[string]any) {
		if maybe(row["gained"]) != nil {
			with[st.words(row)]++
		} else {
			without[st.words(row)]++
		}
	})
	rows := maps.Clone(without)
	for row, n := range with {
		if n == 1 && without[row] == 1 {
			revisions++
		} else {
			rows[row] += n
		}
	}
	if diff := cmp.Diff(st.truth(), rows); diff != "" {
		t.Errorf("%s: rows that are not in Kafka once, as they are:\n%.3000s", st.dialect, diff)
	}
	return revisions
}
