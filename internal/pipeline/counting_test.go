package pipeline_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

type stuckSubmit struct {
	*platform
	stuck *conv.Window
}

func (s *stuckSubmit) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	if s.stuck != nil && *s.stuck == w {
		<-ctx.Done()
		return conv.Job{}, ctx.Err()
	}
	return s.platform.Submit(ctx, w)
}

func TestNoWindowIsPassedOverWhenRunIsStoppedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := &stuckSubmit{platform: newPlatform(0, 5)}
		seed := conv.Window{From: newYear - 4*hour, To: newYear - 3*hour}
		if _, err := w.run(t.Context(), p, w.defaults("seed"), seed, plain{}); err != nil {
			t.Fatal(err)
		}
		first := conv.Window{From: newYear - 3*hour, To: newYear - 2*hour}
		p.stuck = &first
		s := w.defaults("one")
		s.takeOver = true
		_ = w.follow(stopAfter(t, 5*time.Minute), p, s)
		p.stuck = nil
		s = w.defaults("two")
		s.takeOver = true
		_ = w.follow(stopAfter(t, 2*time.Hour), p, s)
		ledger := w.ledger()
		for from := seed.From; from < newYear; from += hour {
			if _, ok := ledger[conv.Window{From: from, To: from + hour}]; !ok {
				t.Errorf("window %s was never begun", conv.FormatInstant(from))
			}
		}
	})
}

func TestAWindowThatIsDueForItsSettlingReadIsNotClosedUnread(t *testing.T) {
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			yesterday := lastDays(1)
			l := &lake{talks: chatter(yesterday, 24), deny: conv.ErrNoBaseline}
			s := w.conversations("first")
			s.config.Step, s.config.Windows = 6*time.Hour, workers
			if sum, err := w.backfillLake(l, s, yesterday); err != nil || len(sum.Unverified) != 4 {
				t.Fatalf("%+v, %v", sum, err)
			}
			time.Sleep(100 * time.Hour)
			l.deny = nil
			for i := range l.talks {
				l.talks[i].content = "revised"
			}
			s = w.conversations("second")
			s.takeOver = true
			s.config.Step, s.config.Windows = 6*time.Hour, workers
			sum, err := w.backfillLake(l, s, yesterday)
			if err != nil || sum.Counters.Revisions != 24 {
				t.Errorf("workers %d: %d revisions published, want 24; incomplete %v unverified %v", workers, sum.Counters.Revisions, sum.Incomplete, sum.Unverified)
			}
		})
	}
}

func TestRunReadsAWindowThatABackfillAskedForTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // early backfill
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(0, 5)
		last := conv.Window{From: newYear - hour, To: newYear}
		s := w.defaults("first")
		s.config.Lag = 15 * time.Minute // Settle 0, as pipelineConfig has it for reports
		time.Sleep(5 * time.Minute)
		sum, err := w.run(t.Context(), p, s, last, plain{})
		if err != nil || len(sum.Incomplete) != 1 {
			t.Fatal(sum, err)
		}
		s = w.defaults("second")
		s.takeOver, s.config.Lag = true, 15*time.Minute
		_ = w.follow(stopAfter(t, 4*time.Hour), p, s)
		if cp := w.ledger()[last]; cp.State != conv.Settled {
			t.Errorf("after four hours of run the early window is %s (%s)", cp.State, cp.LastError)
		}
	})
}

type vanishAtCount struct {
	*lake
	done bool
}

func (v *vanishAtCount) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	if !v.done {
		v.done = true
		v.lake.mu.Lock()
		v.lake.talks[3].till = time.Now().UnixMilli()
		v.lake.mu.Unlock()
	}
	return v.lake.Baseline(ctx, w)
}

func TestADayFromWhichARowVanishedIsClosedByAnotherReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		old := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
		l := &vanishAtCount{lake: &lake{talks: chatter(old, 200)}}
		for _, run := range []string{"a", "b"} {
			s := w.conversations(run)
			s.takeOver = true
			sum, err := w.run(t.Context(), l, s, old, plain{})
			if err != nil || len(sum.Incomplete) != 0 {
				t.Errorf("run %s: %v, incomplete %v", run, err, sum.Incomplete)
			}
		}
	})
}

type rejecting struct{}

func (rejecting) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	if bytes.Contains(row.Raw, []byte("bad")) {
		return dst, conv.Facts{Reject: &conv.Reject{Reason: conv.ReasonType, Path: "content"}}
	}
	return plain{}.Encode(dst, id, row, drift)
}

func TestADeadLetterOfOverlappingWindowsCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		yesterday := lastDays(1)
		l := &lake{talks: chatter(yesterday, 10)}
		l.talks[2].content = "bad"
		if _, err := w.run(t.Context(), l, w.conversations("first"), yesterday, rejecting{}); err != nil {
			t.Fatal(err)
		}
		s := w.conversations("second")
		s.takeOver, s.config.Step = true, 12*time.Hour
		sum, err := w.run(t.Context(), l, s, conv.Window{From: yesterday.From, To: yesterday.From + 12*hour}, rejecting{})
		if err != nil || len(sum.Incomplete) != 0 {
			t.Errorf("%+v %v", sum, err)
		}
	})
}

func TestADeadLetterOfOverlappingWindowsDoesNotHideAMissingRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		yesterday := lastDays(1)
		l := &lake{talks: chatter(yesterday, 10)}
		l.talks[2].content = "bad"
		_, _ = w.run(t.Context(), l, w.conversations("first"), yesterday, rejecting{})
		m := &missing{lake: l} // counts one more than it brings: 10 %
		s := w.conversations("second")
		s.takeOver, s.config.Step = true, 12*time.Hour
		sum, _ := w.run(t.Context(), m, s, conv.Window{From: yesterday.From, To: yesterday.From + 12*hour}, rejecting{})
		if len(sum.Incomplete) == 0 && sum.Short == 0 {
			t.Errorf("one of 11 rows is missing and nobody says so: %+v", sum)
		}
	})
}

type hidden struct {
	*lake
	id    string
	until int64
}

func (h *hidden) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	job, err := h.lake.Submit(ctx, w)
	if time.Now().UnixMilli() < h.until {
		h.mu.Lock()
		j := h.jobs[job.ID]
		var rows []conv.Row
		for _, r := range j.rows {
			if string(r.ConversationID) != h.id {
				rows = append(rows, r)
			}
		}
		j.rows = rows
		h.jobs[job.ID] = j
		h.mu.Unlock()
	}
	return job, err
}

func TestHoursOfADaySettleTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		d := lastDays(1)
		h := &hidden{lake: &lake{talks: chatter(d, 100)}, id: "talk-0003", until: d.To + 71*hour}
		steps := []int64{0, d.From + 85*hour, d.To + 73*hour, d.To + 200*hour}
		for i, at := range steps {
			if at > 0 {
				time.Sleep(time.Until(time.UnixMilli(at)))
			}
			s := w.conversations("run" + string(rune('a'+i)))
			s.takeOver, s.config.Step = true, 12*time.Hour
			sum, err := w.run(t.Context(), h, s, d, plain{})
			if err != nil || i == len(steps)-1 && len(sum.Incomplete) > 0 {
				t.Errorf("%v, incomplete %v at last", err, sum.Incomplete)
			}
		}
		w.wantTalks(h.lake)
	})
}

func TestARowThatThePlatformCountsHasNotVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		d := lastDays(1)
		h := &hidden{lake: &lake{talks: chatter(d, 20)}, id: "talk-0003"}
		if _, err := w.run(t.Context(), h, w.conversations("a"), d, plain{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(80 * time.Hour)
		h.until = newYear + 1000*day // the later job does not bring it
		var n notes
		s := w.conversations("b")
		s.takeOver = true
		s.events.Noted = n.take
		sum, err := w.run(t.Context(), h, s, d, plain{})
		cp := w.ledger()[d]
		if err != nil || len(sum.Incomplete) != 0 {
			t.Errorf("Kafka holds 20 rows and the platform counts 20: %v, %s: %s", err, cp.State, cp.LastError)
		}
		if told := n.of("vanished"); len(told) != 0 || cp.Vanished != 0 {
			t.Errorf("%d are said to have vanished: %v", cp.Vanished, told)
		}
	})
}

func TestARevisionThatIsADeadLetterCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		d := lastDays(1)
		l := &lake{talks: chatter(d, 200)}
		if _, err := w.run(t.Context(), l, w.conversations("a"), d, rejecting{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(80 * time.Hour)
		l.talks[3].content = "bad"
		for _, run := range []string{"b", "c"} {
			s := w.conversations(run)
			s.takeOver = true
			sum, err := w.run(t.Context(), l, s, d, rejecting{})
			cp := w.ledger()[d]
			if err != nil || len(sum.Incomplete) != 0 {
				t.Errorf("run %s: %v, %s: %s", run, err, cp.State, cp.LastError)
			}
		}
	})
}
