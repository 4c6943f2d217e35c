package pipeline_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// kept hands the jobs of a ledger over once more, as an archive does.
type kept struct {
	*platform
	jobs map[conv.Window]conv.Job
}

func (w *world) kept(p *platform) kept {
	k := kept{p, map[conv.Window]conv.Job{}}
	for window, cp := range w.ledger() {
		k.jobs[window] = cp.Job
	}
	return k
}

func (k kept) Submit(_ context.Context, w conv.Window) (conv.Job, error) {
	job, ok := k.jobs[w]
	if !ok {
		return job, conv.ErrNotStaged
	}
	return job, nil
}

// loseRows empties the row topic.
func (w *world) loseRows() {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers("localhost:9092"), kgo.Dialer(w.net.DialContext))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := adm.ListEndOffsets(context.Background(), "rows")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := adm.DeleteRecords(context.Background(), ends.Offsets()); err != nil {
		w.t.Fatal(err)
	}
	if n := w.count("rows"); n != 0 {
		w.t.Fatalf("%d rows are left", n)
	}
}

// rereading is a setup that reads from where rows are kept.
func (w *world) rereading(run string) setup {
	s := w.routed(run)
	s.takeOver, s.config.Reconcile, s.config.Reread = true, false, true
	return s
}

// topics are the values of the derived topics, and how many dead letters there are.
func (w *world) topics() (derived []string, letters int) {
	return append(w.valuesOf("voices"), w.valuesOf("copies")...), w.count("dlq")
}

func TestRowsThatOnlyTheRowTopicHasLostComeBackThereAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		s := w.routed("first")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		derived, letters := w.topics()
		counted := w.routeCounters()
		archive := w.kept(p)
		w.loseRows()
		// The third window alone brings the row on its edge, which the second brought before.
		third := conv.Window{From: interval.From + 2*hour, To: interval.From + 3*hour}
		for i, part := range []conv.Window{third, interval} {
			if _, err := w.run(t.Context(), archive, w.rereading([]string{"third", "all"}[i]), part, wordy{}); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.count("rows"); n != len(p.rows) {
			t.Errorf("%d rows came back, want %d", n, len(p.rows))
		}
		gotDerived, gotLetters := w.topics()
		if diff := cmp.Diff(derived, gotDerived); diff != "" || gotLetters != letters {
			t.Errorf("%d dead letters became %d; derived topics:\n%s", letters, gotLetters, diff)
		}
		for name, c := range w.routeCounters() {
			c.Filtered = counted[name].Filtered // nobody remembers what a filter did not let through
			if c != counted[name] {
				t.Errorf("route %s counted %+v, and counts %+v", name, counted[name], c)
			}
		}
	})
}

func (w *world) routeCounters() map[string]conv.RouteCounters {
	sum := map[string]conv.RouteCounters{}
	for _, cp := range w.ledger() {
		for name, c := range cp.Routes {
			sum[name] = sum[name].Add(c)
		}
	}
	return sum
}

// moody fails the first reading of what routes hold.
type moody struct {
	*producer.Producer
	failed *bool
}

func (m moody) Routed(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Routed, error] {
	if *m.failed {
		return m.Producer.Routed(ctx, ranges)
	}
	*m.failed = true
	return func(yield func(conv.Routed, error) bool) { yield(conv.Routed{}, errors.New("connection reset")) }
}

func TestAFailedReadOfWhatRoutesHoldLosesNoRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		s := w.routed("first")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		derived, letters := w.topics()
		archive := w.kept(p)
		w.loseRows()
		s = w.rereading("again")
		kafka, err := producer.Open(t.Context(), w.kafka(s.run, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer kafka.Close()
		history, err := dedupe.Open(s.files, kafka.Identity(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer history.Close()
		failed := false
		if _, err := pipeline.New(s.config, archive, wordy{}, moody{kafka, &failed}, history, s.events).Backfill(t.Context(), interval, true); err != nil || !failed {
			t.Fatal(err, failed)
		}
		if n := w.count("rows"); n != len(p.rows) {
			t.Errorf("%d rows came back, want %d", n, len(p.rows))
		}
		if gotDerived, gotLetters := w.topics(); !slices.Equal(gotDerived, derived) || gotLetters != letters {
			t.Errorf("derived topics held %d records and %d letters, and hold %d and %d", len(derived), letters, len(gotDerived), gotLetters)
		}
		for window, cp := range w.ledger() {
			if !cp.Counters.Balanced() {
				t.Errorf("window %s counts %+v: a batch was committed that broke off within a row", window, cp.Counters)
			}
		}
	})
}

// stopping ends the run when the first page was read.
type stopping struct {
	kept
	stop func()
}

func (s stopping) Read(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	return s.kept.Read(ctx, w, job, at, func(c conv.Chunk) error {
		err := emit(c)
		if c.End {
			time.Sleep(2 * time.Second) // so that what was read is committed
			s.stop()
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return err
	})
}

func TestAStoppedReadingFromStagingLeavesWholeWindowsAsTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(40, 7)
		p.unfit(5)
		s := w.taking("first")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), p, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		before := w.ledger()
		archive := w.kept(p)
		w.loseRows()
		stop := func(name string) (after map[conv.Window]conv.Checkpoint) {
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			s := w.taking(name)
			s.config.Reconcile, s.config.Reread, s.files = false, true, memfiles.New()
			if _, err := w.run(ctx, stopping{archive, func() { end(errKilled) }}, s, interval, broken); !errors.Is(err, errKilled) {
				t.Fatalf("the run ended with %v", err)
			}
			return w.ledger()
		}
		after := stop("stopped")
		published := cmpopts.IgnoreFields(conv.Checkpoint{}, "Run", "Seq", "Updated", "Attempt", "Ranges", "Counters")
		if diff := cmp.Diff(before, after, published); diff != "" {
			t.Errorf("the ledger said, and says:\n%s", diff)
		}
		if n := w.count("rows"); n == 0 {
			t.Error("no row was committed before the stop: this proves little")
		}
		for window, cp := range after {
			if !cp.Counters.Balanced() {
				t.Errorf("window %s counts %+v", window, cp.Counters)
			}
		}
		s = w.taking("to the end")
		s.config.Reconcile, s.config.Reread = false, true
		if _, err := w.run(t.Context(), archive, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		s, n := w.taking("compare"), &notes{}
		s.events.Noted = n.take
		if _, err := w.run(t.Context(), p, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		if alerts := n.of("reconcile"); len(alerts) > 0 {
			t.Errorf("%d differences, the first %v; want none", len(alerts), alerts[0].Detail)
		}
	})
}

// unread fails one reading of history.
type unread struct {
	*producer.Producer
	fail func() error
}

func (f unread) History(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Stored, error] {
	if err := f.fail(); err != nil {
		return func(yield func(conv.Stored, error) bool) { yield(conv.Stored{}, err) }
	}
	return f.Producer.History(ctx, ranges)
}

// onePage brings the same rows whatever is asked for.
type onePage struct {
	*platform
	rows []conv.Row
}

func (p onePage) Read(_ context.Context, _ conv.Window, _ conv.Job, _ conv.Position, emit func(conv.Chunk) error) error {
	return emit(conv.Chunk{Rows: p.rows, End: true, Page: conv.PageFacts{Count: -1}})
}

func TestAFailedReadOfTheHistoryLosesNoDeadLetter(t *testing.T) {
	for name, stopped := range map[string]bool{"an outage": false, "a signal": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(40, 7)
				third := conv.Window{From: interval.From + 2*hour, To: interval.From + 3*hour}
				s := w.taking("before")
				s.config.Reconcile = false
				if _, err := w.run(t.Context(), p, s, third, broken); err != nil {
					t.Fatal(err)
				}
				// The contract refuses the second row, whose time lies in the third window: whether Kafka
				// holds it has to be read back.
				source := onePage{p, []conv.Row{makeRow("good", interval.From+60_000, "content"), makeRow("odd", third.From+1_800_000, "unfit")}}
				files := memfiles.New()
				run := func(ctx context.Context, name string, fail func() error) error {
					kafka, err := producer.Open(ctx, w.kafka(name, nil))
					if err != nil {
						t.Fatal(err)
					}
					defer kafka.Close()
					history, err := dedupe.Open(files, kafka.Identity(), 1<<20)
					if err != nil {
						t.Fatal(err)
					}
					defer history.Close()
					c := w.defaults(name).config
					c.Reconcile = false
					_, err = pipeline.New(c, source, broken, unread{kafka, fail}, history, pipeline.Events{}).Backfill(ctx, w1, true)
					if saved := history.Save(); saved != nil { // as a run does that is stopped
						t.Fatal(saved)
					}
					return err
				}
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				failed := false
				err := run(ctx, "second", func() error {
					switch {
					case failed:
						return nil
					case stopped:
						stop(errKilled)
					}
					failed = true
					return errors.New("connection reset")
				})
				if stopped {
					err = run(t.Context(), "third", func() error { return nil })
				}
				if err != nil || !failed {
					t.Fatal(err, failed)
				}
				if n, cp := w.count("dlq"), w.ledger()[w1]; n != 1 || cp.Counters.Invalid != 1 {
					t.Errorf("%d dead letters, and %+v counted; want 1", n, cp.Counters)
				}
			})
		})
	}
}

func TestALetterWhoseContentCameOnceMoreIsNotRedriven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(1, 7)
		at := p.rows[0].Time
		mended := wordy{before: "voice "}
		for _, pass := range []struct {
			run, content string
			contract     wordy
		}{
			{"a", "voice broken", wordy{before: "voice ", refuses: "broken"}},
			{"b", "voice", mended},
			{"a again", "voice broken", mended},
		} {
			time.Sleep(10 * time.Second)
			p.rows[0] = makeRow("conv-0000", at, pass.content)
			s := w.rereading(pass.run)
			s.config.Routes[0].Contract = pass.contract
			if _, err := w.run(t.Context(), p, s, w1, wordy{}); err != nil {
				t.Fatal(err)
			}
		}
		b, a := makeRow("conv-0000", at, "voice"), makeRow("conv-0000", at, "voice broken")
		want := map[string]int{"voice " + string(a.Raw): 1, "voice " + string(b.Raw): 1}
		holds := func() map[string]int {
			n := map[string]int{}
			for _, v := range w.valuesOf("voices") {
				n[v]++
			}
			return n
		}
		if got := holds(); !maps.Equal(got, want) {
			t.Fatalf("route voice holds %v, want %v", got, want)
		}
		s := w.routed("redrive")
		s.takeOver, s.config.Routes[0].Contract = true, mended
		sum, err := w.redrive(t.Context(), s, wordy{}, pipeline.Redrive{})
		if err != nil || sum.Superseded != 1 {
			t.Errorf("%+v, %v; want the letter superseded", sum, err)
		}
		if got := holds(); !maps.Equal(got, want) {
			t.Errorf("route voice holds %v, want %v", got, want)
		}
		w.routeSums()
	})
}
