package pipeline_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

type skewed struct{ *scripted }

func (s skewed) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	j, err := s.scripted.Submit(ctx, w)
	if j.ID == "job-1" {
		j.Submitted += 10_000 // answered by a node whose clock is ten seconds ahead
	}
	return j, err
}

// The other window dies with the row in its open batch.
func TestAWindowIsNotClosedOnARowThatAnotherHasInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		x := makeRow("edge", w2.From-1, "x") // W1's own row; W2's job brings it through the 1 ms overlap
		a := makeRow("a", w1.From, "a")
		taken := make(chan struct{})
		take := sync.OnceFunc(func() { close(taken) })
		src := &scripted{base: func(v conv.Window) int64 {
			if v == w1 {
				return 2
			}
			return 0
		}}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			if v == w2 {
				if err := emit(conv.Chunk{Rows: []conv.Row{x}}); err != nil {
					return err
				}
				time.Sleep(10 * time.Millisecond)
				take()
				<-ctx.Done() // next page is slow
				return context.Cause(ctx)
			}
			<-taken
			return emit(conv.Chunk{Rows: []conv.Row{a, x}, End: true})
		}
		ctx, kill := context.WithCancelCause(t.Context())
		c := &cutter{under: w.net.DialContext, at: math.MaxInt}
		s := w.defaults("first")
		s.dial = c.dial
		s.events.Committed = func(cp conv.Checkpoint, _, _ int, _ time.Duration) {
			if cp.State == conv.Settled {
				c.die() // kill -9
				kill(errKilled)
			}
		}
		if _, err := w.run(ctx, src, s, conv.Window{From: w1.From, To: w2.To}, plain{}); err == nil {
			t.Fatal("the killed run ended well")
		}
		s = w.defaults("second")
		s.takeOver = true
		sum, err := w.run(t.Context(), src, s, w1, plain{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range w.records("rows") {
			if r.key == "edge" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("row edge of window 1 is in Kafka %d times, window 1 is %v", n, sum)
		}
	})
}

// Two windows bring the same edge row, the later job with newer content, at the same time.
func TestAnOlderSnapshotIsNeverWrittenBehindANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		old, fresh := makeRow("edge", w2.From-1, "old"), makeRow("edge", w2.From-1, "new")
		src := &scripted{base: func(conv.Window) int64 { return 1 }}
		src.submit = func(v conv.Window, n int) {
			if v == w2 {
				time.Sleep(2 * time.Second)
			}
		}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			if v == w1 {
				time.Sleep(2100 * time.Millisecond)
				if err := emit(conv.Chunk{Rows: []conv.Row{old}}); err != nil {
					return err
				}
				time.Sleep(1500 * time.Millisecond) // rest of the page
				return emit(conv.Chunk{At: conv.Position{Row: 1}, End: true})
			}
			time.Sleep(200 * time.Millisecond)
			return emit(conv.Chunk{Rows: []conv.Row{fresh}, End: true})
		}
		s := w.defaults("first")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), src, s, conv.Window{From: w1.From, To: w2.To}, plain{}); err != nil {
			t.Fatal(err)
		}
		got := w.records("rows")
		if last := got[len(got)-1]; strings.Contains(last.value, "old") {
			t.Errorf("the last record of the key is %s, the older job's", last.value)
		}
	})
}

// The job and the platform's count agree at noon on half a day.
func TestAWindowThatWasNotOverIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		now := time.Now().UnixMilli()
		today := conv.Window{From: now - 12*hour, To: now + 12*hour}
		var rows []conv.Row
		for i := int64(0); i < 24; i++ {
			rows = append(rows, makeRow(fmt.Sprint("h", i), today.From+i*hour+1, "x"))
		}
		known := func() (out []conv.Row) {
			for _, r := range rows {
				if r.Time < time.Now().UnixMilli() {
					out = append(out, r)
				}
			}
			return
		}
		src := &scripted{base: func(conv.Window) int64 { return int64(len(known())) }}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			return emit(conv.Chunk{Rows: known(), End: true})
		}
		s := w.defaults("first")
		s.config.Step = 48 * time.Hour
		if sum, err := w.run(t.Context(), src, s, today, plain{}); err != nil || len(sum.Incomplete) != 1 {
			t.Errorf("at noon: %+v, %v; want the day incomplete", sum, err)
		}
		time.Sleep(24 * time.Hour)
		s = w.defaults("second")
		s.config.Step = 48 * time.Hour
		sum, err := w.run(t.Context(), src, s, today, plain{})
		if n := len(w.records("rows")); err != nil || n != 24 || len(sum.Incomplete) != 0 {
			t.Errorf("a day later: %d of 24 rows in Kafka, %+v, %v", n, sum, err)
		}
	})
}

// Whatever the comparison of counts says.
func TestR34R88_AResultThatHoldsFewerRowsThanItCountsIsNeverWhole(t *testing.T) {
	for _, reconcile := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			src := &scripted{base: func(conv.Window) int64 { return 100 }}
			src.status = func(conv.Job) conv.JobStatus { return conv.JobStatus{State: conv.JobDone, Count: 100} }
			src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
				var rows []conv.Row
				for i := range 96 {
					rows = append(rows, makeRow(fmt.Sprint("c", i), w1.From+int64(i), "x"))
				}
				return emit(conv.Chunk{Rows: rows, End: true, Page: conv.PageFacts{Count: 100}})
			}
			s := w.defaults("first")
			s.config.Reconcile = reconcile
			sum, err := w.run(t.Context(), src, s, w1, plain{})
			if err != nil || len(sum.Incomplete) != 1 {
				t.Errorf("96 of the job's own 100 rows: %+v, %v; want the window incomplete", sum, err)
			}
		})
	}
}

// The second job is answered by a machine whose clock is behind.
func TestALaterJobIsNewerWhateverThePlatformsClocksSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		src := &scripted{base: func(conv.Window) int64 { return 1 }}
		src.status = func(j conv.Job) conv.JobStatus {
			if j.ID == "job-1" {
				return conv.JobStatus{State: conv.JobPartial, Count: -1}
			}
			return conv.JobStatus{State: conv.JobDone, Count: -1}
		}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			return emit(conv.Chunk{Rows: []conv.Row{makeRow("k", w1.From, "of "+job.ID)}, End: true})
		}
		if _, err := w.run(t.Context(), skewed{src}, w.defaults("first"), w1, plain{}); err != nil {
			t.Fatal(err)
		}
		got := w.records("rows")
		if last := got[len(got)-1]; !strings.Contains(last.value, "job-2") {
			t.Errorf("the later job's content was dropped as stale; Kafka holds %v", last)
		}
	})
}
