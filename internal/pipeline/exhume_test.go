package pipeline_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// The process dies in the middle of a page, the contract is mended, and the next process reads the page of the same job from its
// first row: the dead letters of the one are rows of the other.
func TestARowThatWasADeadLetterOfTheSameJobCountsOnceInAComparison(t *testing.T) {
	for at, struck := 1, true; struck; at += 3 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := newPlatform(40, 10)
			p.unfit(2)
			for i := 9; i < 40; i += 10 { // the last row of each window lies on its bound
				p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i-9].Time+hour-1, "unfit")
			}
			setup := func(run string) setup {
				s := w.taking(run)
				s.config.Bytes, s.config.Threshold = 1, 0 // each row is committed by itself
				return s
			}
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			s := setup("strict")
			struck = s.dieAt(w, at, func() { kill(errKilled) }, func() { _, _ = w.run(ctx, p, s, interval, broken) })
			sum, err := w.run(t.Context(), p, setup("mended"), interval, wiser)
			if err != nil || len(sum.Incomplete)+len(sum.Unverified) != 0 {
				t.Errorf("killed at commit %d: %+v, %v", at, sum, err)
			}
			for window, cp := range w.ledger() { // a dead letter on a bound may be the row of the neighbour
				if over := *cp.Held - *cp.Expected; !cp.Counters.Balanced() || cp.Attempt != 1 || over < 0 || over > cp.DeadOnBounds {
					t.Errorf("killed at commit %d: window %s: %+v, %d held with %d dead letters, %d expected", at, window, cp.Counters, *cp.Held, cp.DeadInside, *cp.Expected)
				}
			}
		})
	}
}

// respelling spells the row that a page repeats from the page before in another way.
type respelling struct{ *platform }

func (p respelling) Read(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	return p.platform.Read(ctx, w, job, at, func(c conv.Chunk) error {
		if c.At.Page > 0 && c.At.Row == 0 && len(c.Rows) > 0 {
			c.Rows = slices.Clone(c.Rows)
			c.Rows[0].Raw = append(bytes.Clone(c.Rows[0].Raw), ' ')
		}
		return emit(c)
	})
}

// indifferent is a contract to which the spelling of a row is nothing.
type indifferent struct{ narrowMinded }

func (c indifferent) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	out, facts := c.narrowMinded.Encode(dst, id, row, drift)
	facts.Fingerprint = conv.Hash64(bytes.TrimSpace(row.Raw))
	return out, facts
}

func TestADeadLetterThatAPageRepeatsInAnotherSpellingCountsOnceInAComparison(t *testing.T) {
	for at, struck := 1, true; struck; at++ { // the commit at which a process dies, another goes on
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := newPlatform(40, 4)
			p.slow = 2 * time.Second // the end of a page is committed before the next one comes
			for i := range p.rows {  // none lies on a bound
				p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i].Time+1000, "unfit")
			}
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			s := w.taking("first")
			s.config.Bytes, s.config.Threshold = 1, 0
			struck = s.dieAt(w, at, func() { kill(errKilled) }, func() { _, _ = w.run(ctx, respelling{p}, s, interval, indifferent{broken}) })
			s.dial, s.events, s.run = nil, pipeline.Events{}, "second"
			sum, err := w.run(t.Context(), respelling{p}, s, interval, indifferent{broken})
			if err != nil || len(sum.Incomplete)+len(sum.Unverified) != 0 || sum.Counters.Invalid != 48 {
				t.Errorf("killed at commit %d: %+v, %v; want a letter for each spelling", at, sum, err)
			}
			for window, cp := range w.ledger() {
				if cp.DeadInside != 10 || cp.JobRows != 10 {
					t.Errorf("killed at commit %d: window %s: %d rows of the job, %d of them dead letters that the platform counts; want 10 of 10", at, window, cp.JobRows, cp.DeadInside)
				}
			}
		})
	}
}

// dieAt runs a process that dies at one of its commits: nothing of it passes from then on. It
// says whether the process got there.
func (s *setup) dieAt(w *world, at int, kill, run func()) (struck bool) {
	c, commits := &cutter{under: w.net.DialContext, at: math.MaxInt}, 0
	s.dial = c.dial
	s.events.Committed = func(conv.Checkpoint, int, int, time.Duration) {
		if commits++; commits == at {
			struck = true
			c.die()
			kill()
		}
	}
	run()
	return struck
}

// A conversation that lives in both halves of a day is a dead letter of the first, and the second publishes it under the mended
// contract. Counted twice, it would stand for one that the jobs leave out.
func TestADeadLetterThatAnotherWindowHasPublishedHidesNoMissingRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		old := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
		l := &missing{lake: &lake{talks: append(chatter(old, 20), talk{id: "all day", start: old.From + hour, end: old.To - hour, content: "unfit"})}}
		s := w.conversations("strict")
		s.config.Step = 12 * time.Hour
		if _, err := w.run(t.Context(), l, s, conv.Window{From: old.From, To: old.From + 12*hour}, broken); err != nil {
			t.Fatal(err)
		}
		s = w.conversations("mended")
		s.takeOver, s.config.Step = true, 12*time.Hour
		sum, err := w.run(t.Context(), l, s, old, wiser)
		if err != nil || len(sum.Incomplete) == 0 {
			t.Errorf("%+v, %v; want the day incomplete, as one conversation is missing", sum, err)
		}
	})
}
