package pipeline_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

func TestAResultOfOneRowIsWholeWhenItIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(1, 7)
		p.endings = []conv.JobState{conv.JobPartial}
		p.claims = 1
		s := w.defaults("a")
		s.config.Narrow = nil
		sum, err := w.run(t.Context(), p, s, w1, plain{})
		if err != nil || len(sum.Incomplete) != 0 {
			t.Errorf("%+v %v: %s, %d jobs", sum, err, w.ledger()[w1].LastError, w.ledger()[w1].Attempt)
		}
	})
}

func TestADayThatNeverBecomesWholeIsNotLeftInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		l := &lake{talks: chatter(lastDays(1), 10)}
		var n notes
		s := w.conversations("a")
		s.config.Step, s.config.Settle = 6*time.Hour, 6*time.Hour
		s.events.Noted = n.take
		_ = w.follow(stopAfter(t, 12*time.Hour), l, s)
		first := conv.Window{From: newYear - 6*hour, To: newYear}
		if w.ledger()[first].State == conv.Published {
			t.Error("published, never compared, no event")
		}
	})
}

func TestNarrowedConversationsAreCarriedOnAfterAKillAtEveryCommit(t *testing.T) {
	for at := 1; at < 80; at++ {
		struck := false
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			d := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
			l := &lake{talks: chatter(d, 30), perPage: 4, endings: []conv.JobState{conv.JobPartial, conv.JobDone, conv.JobPartial}}
			l.talks = append(l.talks, talk{id: "long", start: d.From + hour, end: d.To - hour, content: "x"})
			mk := func(run string) setup {
				s := w.conversations(run)
				s.takeOver = true
				s.config.Step, s.config.Windows, s.config.Narrow = 12*time.Hour, 3, []time.Duration{6 * time.Hour}
				return s
			}
			ctx, kill := context.WithCancelCause(t.Context())
			defer kill(nil)
			c := &cutter{under: w.net.DialContext, at: math.MaxInt}
			s := mk("first")
			s.dial = c.dial
			commits := 0
			s.events.Committed = func(conv.Checkpoint, int, int, time.Duration) {
				if commits++; commits == at {
					struck = true
					c.die()
					kill(errKilled)
				}
			}
			_, _ = w.run(ctx, l, s, d, plain{})
			sum, err := w.run(t.Context(), l, mk("second"), d, plain{})
			if err != nil || len(sum.Incomplete)+len(sum.Unverified) != 0 {
				t.Errorf("killed at %d: %+v %v", at, sum, err)
			}
			for win, cp := range w.ledger() {
				if cp.State != conv.Settled || !cp.Counters.Balanced() {
					t.Errorf("killed at %d: %s is %s %s", at, win, cp.State, cp.LastError)
				}
			}
			w.wantTalks(l)
		})
		if !struck {
			return
		}
	}
}

func TestANarrowedWindowWithoutACountIsCarriedOnAfterAKillAtEveryCommit(t *testing.T) {
	for at := 1; ; at++ {
		struck := false
		ok := t.Run("", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(30, 7)
				p.endings = []conv.JobState{conv.JobPartial}
				var n notes
				ctx, kill := context.WithCancelCause(t.Context())
				defer kill(nil)
				c := &cutter{under: w.net.DialContext, at: math.MaxInt}
				s := w.wide("first", &n)
				s.dial, s.config.Reconcile = c.dial, false
				commits := 0
				s.events.Committed = func(conv.Checkpoint, int, int, time.Duration) {
					if commits++; commits == at {
						struck = true
						c.die()
						kill(errKilled)
					}
				}
				_, _ = w.backfill(ctx, p, s)
				s = w.wide("second", &n)
				s.takeOver, s.config.Reconcile = true, false
				sum, err := w.backfill(t.Context(), p, s)
				if err != nil || len(sum.Incomplete) != 0 || w.ledger()[interval].State != conv.Published {
					t.Errorf("killed at commit %d: %v %v, root %s", at, sum.Incomplete, err, w.ledger()[interval].State)
				}
				w.want(p)
			})
		})
		_ = ok
		if !struck {
			return
		}
	}
}

// A final error of one window's submit ends the run while another was begun.
type denied struct {
	*platform
	at int64
}

func (d *denied) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	if w.From == d.at {
		time.Sleep(2 * time.Second)
		return conv.Job{}, context.DeadlineExceeded
	}
	return d.platform.Submit(ctx, w)
}

func TestNoWindowIsPassedOverAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := &denied{platform: newPlatform(0, 5)}
		seed := conv.Window{From: newYear - 4*hour, To: newYear - 3*hour}
		if _, err := w.run(t.Context(), p, w.defaults("seed"), seed, plain{}); err != nil {
			t.Fatal(err)
		}
		p.at = seed.To
		s := w.defaults("one")
		s.takeOver = true
		p.at = 0
		s = w.defaults("two")
		s.takeOver = true
		_ = w.follow(stopAfter(t, 2*time.Hour), p, s)
		if _, ok := w.ledger()[conv.Window{From: seed.To, To: seed.To + hour}]; !ok {
			t.Error("never begun")
		}
	})
}

// The last row of a page comes again as the first of the next, between which the process dies.
func TestR84_ARowThatAPageRepeatsCountsOnceAlsoAfterAKillBetweenThePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 4)
		ctx, kill := context.WithCancelCause(t.Context())
		c := &cutter{under: w.net.DialContext, at: math.MaxInt}
		s := w.defaults("first")
		s.dial, s.config.Windows, p.slow = c.dial, 1, 2*time.Second
		s.events.Committed = func(cp conv.Checkpoint, _, _ int, _ time.Duration) {
			if cp.Position.Page == 2 && cp.Position.Row == 0 {
				c.die()
				kill(errKilled)
			}
		}
		if _, err := w.backfill(ctx, p, s); err == nil {
			t.Fatal("the killed run ended well")
		}
		s = w.defaults("second")
		s.takeOver, p.slow = true, 0
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		if cp := w.ledger()[w1]; cp.JobRows != 16 { // 15, and the next hour's first one
			t.Errorf("the job's rows are counted as %d, want 16", cp.JobRows)
		}
	})
}
