package staging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/avro"
	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/simulator"
)

var dialects = []string{genesys.DialectReports, genesys.DialectJobs}

// everyFault has whatever can happen to a results page, and to the job behind it.
func everyFault() simulator.Faults {
	often := simulator.Rates{simulator.Results: 0.1}
	return simulator.Faults{
		TooMany: often, Unavailable: often, Cut: often, Garbled: often, Truncated: often, Expired: often, RetryAfter: 3,
		Gzip: true, EmptyPages: 3,
		Script: simulator.Script{
			Partial: []int{1}, Gone: []simulator.Gone{{Job: 2, Pages: 1}}, Expires: []simulator.Expires{{Job: 3, Pages: 1}},
		},
	}
}

func TestR13_WhateverHappensThePagesThatAreKeptHoldEveryRow(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, dialect, everyFault())
				k := w.newTopics()
				k.must(run{name: "first", source: w.platform(staged)})
				if diff := cmp.Diff(w.truth(), rowTimes(k.rows())); diff != "" {
					t.Errorf("in Kafka: %s", diff)
				}
				if diff := cmp.Diff(w.truth(), w.kept()); diff != "" {
					t.Errorf("in storage: %s", diff)
				}
			})
		})
	}
}

// recorder notes which pages a stage has kept, and fails now and then.
type recorder struct {
	extractor.Stage
	mu    sync.Mutex
	kept  map[string]bool
	calls int
}

func (r *recorder) Page(ctx context.Context, w conv.Window, job conv.Job, page int, body io.Reader) error {
	r.mu.Lock()
	r.calls++
	fails := r.calls%3 == 0
	r.mu.Unlock()
	if fails {
		return errors.New("503 Slow Down")
	}
	err := r.Stage.Page(ctx, w, job, page, body)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept[pageOf(w, job, page)] = true
	}
	return err
}

func pageOf(w conv.Window, job conv.Job, page int) string {
	return fmt.Sprintf("%s job %s page %d", w, job.ID, page)
}

// witness looks at every batch before it is committed.
type witness struct {
	pipeline.Publisher
	t        *testing.T
	recorder *recorder
	batches  int
}

func (p *witness) Commit(ctx context.Context, b *conv.Batch) error {
	cp := &b.Checkpoint
	last := cp.Position.Page
	if cp.Position.Row == 0 {
		last-- // nothing of it is in the batch
	}
	p.recorder.mu.Lock()
	for page := range last + 1 {
		if name := pageOf(cp.Window, cp.Job, page); !p.recorder.kept[name] {
			p.t.Errorf("rows of %s are committed, and it is not kept", name)
		}
	}
	p.recorder.mu.Unlock()
	if len(b.Records) > 0 {
		p.batches++
	}
	return p.Publisher.Commit(ctx, b)
}

func TestR13_AtNoCrashIsARowCommittedWhosePageIsNotKept(t *testing.T) {
	for _, dialect := range dialects {
		for at := 25; at <= 200; at += 35 {
			t.Run(fmt.Sprint(dialect, " dies at write ", at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, dialect, simulator.Faults{Cut: simulator.Rates{simulator.Results: 0.2}})
					k := w.newTopics()
					r := &recorder{kept: map[string]bool{}}
					recorded := func(s extractor.Stage) extractor.Stage { r.Stage = s; return r }
					watched := &witness{t: t, recorder: r}
					watch := func(p pipeline.Publisher) pipeline.Publisher { watched.Publisher = p; return watched }
					ctx, kill := context.WithCancel(t.Context())
					defer kill()
					m := &mortal{under: w.net.DialContext, at: at, kill: kill}
					_, _ = k.backfill(ctx, run{name: "dies", source: w.platform(recorded), dial: m.dial, watch: watch})
					k.must(run{name: "goes on", source: w.platform(recorded), watch: watch})
					if watched.batches < 10 {
						t.Errorf("%d batches: nothing was put to the test", watched.batches)
					}
					if diff := cmp.Diff(w.truth(), rowTimes(k.rows())); diff != "" {
						t.Errorf("in Kafka: %s", diff)
					}
					if diff := cmp.Diff(w.truth(), w.kept()); diff != "" {
						t.Errorf("in storage: %s", diff)
					}
				})
			})
		}
	}
}

// private is the contract of a dialect with a mark, and a redactor for it.
func private(t *testing.T, w *world) {
	t.Helper()
	if w.dialect == genesys.DialectReports {
		marked := strings.Replace(w.contract.Schema(), `"name":"attributes_custom_customer_segment"`, `"privacy":"hash","name":"attributes_custom_customer_segment"`, 1)
		c, err := avro.Parse([]byte(marked))
		if err != nil {
			t.Fatal(err)
		}
		w.contract = c
	}
	w.contract = w.contract.WithKey([]byte("a key of thirty-two bytes, or so"))
	r := avro.NewRedactor(w.contract)
	if r.Idle() {
		t.Fatalf("nothing is marked in %s", w.contract.Schema())
	}
	w.redactor = r
}

func TestR13_NewTopicsAreFilledFromStagingAsTheFirstOnesWere(t *testing.T) {
	for _, dialect := range dialects {
		for _, redacted := range []bool{false, true} {
			for name, faults := range map[string]simulator.Faults{"calm": {}, "faults": everyFault()} {
				t.Run(fmt.Sprintf("%s redacted=%t %s", dialect, redacted, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, dialect, faults)
						if redacted {
							private(t, w)
						}
						first := w.newTopics()
						first.must(run{name: "platform", source: w.platform(staged)})
						asked := w.sim.Stats()
						second := w.newTopics()
						second.must(run{name: "staging", source: w.archive(), reread: true})
						if diff := cmp.Diff(first.rows(), second.rows()); diff != "" {
							t.Errorf("rows of the first topics, and of the second: %.2000s", diff)
						}
						if len(second.rows()) == 0 {
							t.Error("no rows")
						}
						if diff := cmp.Diff(asked, w.sim.Stats()); diff != "" {
							t.Errorf("the platform was asked: %s", diff)
						}
					})
				})
			}
		}
	}
}

// changed is a contract of which every row says something else than before.
type changed struct{ pipeline.Contract }

func (c changed) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	dst, facts := c.Contract.Encode(dst, id, row, drift)
	facts.Fingerprint ^= 1
	return dst, facts
}

func TestR13_ReadingFromStagingAgainPublishesWhatIsNewAndThatOnce(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, dialect, simulator.Faults{})
				k := w.newTopics()
				k.must(run{name: "platform", source: w.platform(staged)})
				rows, before := k.rows(), k.ledger()
				k.must(run{name: "again", source: w.archive(), reread: true})
				if diff := cmp.Diff(rows, k.rows()); diff != "" {
					t.Errorf("rows that are there already were published: %.2000s", diff)
				}
				for _, name := range []string{"changed", "changed again"} {
					sum := k.must(run{name: name, source: w.archive(), reread: true, contract: changed{w.contract}})
					if sum.Counters.Revisions != int64(total(rows)) {
						t.Errorf("%s: %d revisions of %d rows", name, sum.Counters.Revisions, total(rows))
					}
				}
				for window, cp := range k.ledger() {
					was := before[window]
					if cp.State != was.State || cp.Job != was.Job || was.State != conv.Settled {
						t.Errorf("window %s is %s by job %+v, and was %s by %+v", window, cp.State, cp.Job, was.State, was.Job)
					}
					if *cp.Held != *was.Held || *cp.Expected != *was.Expected {
						t.Errorf("window %s held %d of %d, and now %d of %d", window, *was.Held, *was.Expected, *cp.Held, *cp.Expected)
					}
				}
				k.must(run{name: "platform again", source: w.platform(staged)})
			})
		})
	}
}

func TestR13_OlderContentNeverOverwritesNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, genesys.DialectJobs, simulator.Faults{Revise: 30, ReviseAfter: 2})
		k := w.newTopics()
		old := w.newTopics()
		old.must(run{name: "first look", source: w.platform(staged)}) // of both days, before the revision
		time.Sleep(time.Minute)
		k.must(run{name: "second look", source: w.platform(nil)})
		rows := k.rows()
		if cmp.Equal(rows, old.rows()) {
			t.Fatal("nothing was revised")
		}
		k.must(run{name: "staging", source: w.archive(), reread: true})
		if diff := cmp.Diff(rows, k.rows()); diff != "" {
			t.Errorf("older content was published: %.2000s", diff)
		}
	})
}

func TestR13_RowsThatTheTopicLostComeBackFromStaging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, genesys.DialectReports, simulator.Faults{})
		k := w.newTopics()
		k.must(run{name: "platform", source: w.platform(staged)})
		cl, err := kgo.NewClient(kgo.SeedBrokers(k.config("", nil).Brokers...), kgo.Dialer(w.net.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		ends, err := adm.ListEndOffsets(t.Context(), "rows")
		if err != nil {
			t.Fatal(err)
		}
		half := kadm.Offsets{}
		ends.Each(func(o kadm.ListedOffset) { half.AddOffset(o.Topic, o.Partition, o.Offset/2, -1) })
		if _, err := adm.DeleteRecords(t.Context(), half); err != nil {
			t.Fatal(err)
		}
		if left := total(k.rows()); left >= total(w.truth()) {
			t.Fatalf("%d rows are left: none was lost", left)
		}
		k.must(run{name: "staging", source: w.archive(), reread: true})
		if diff := cmp.Diff(w.truth(), rowTimes(k.rows())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestR13_AWindowThatIsNotInStagingIsNamedAndLeftAsItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, genesys.DialectReports, simulator.Faults{})
		k := w.newTopics()
		first := conv.Window{From: span.From, To: span.From + 24*hour}
		second := conv.Window{From: first.To, To: span.To}
		sum, err := k.backfill(t.Context(), run{name: "empty", source: w.archive(), reread: true})
		if diff := cmp.Diff([]conv.Window{first, second}, sum.Incomplete); diff != "" || err != nil || len(sum.Unreadable) != 2 || len(sum.Reasons) != 0 {
			t.Errorf("of an empty storage: %v, %v\n%s", err, sum.Unreadable, diff)
		}
		if len(k.ledger()) > 0 {
			t.Error("the ledger speaks of windows that nobody has read")
		}
		k.must(run{name: "platform", source: w.platform(nil)})
		before, rows := k.ledger(), k.rows()
		sum, err = k.backfill(t.Context(), run{name: "still empty", source: w.archive(), reread: true})
		if diff := cmp.Diff([]conv.Window{first, second}, sum.Incomplete); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		for _, reason := range sum.Unreadable {
			if !strings.Contains(reason, conv.ErrNotStaged.Error()) || !strings.Contains(reason, "mem:///acme/reports/1999") {
				t.Error(reason)
			}
		}
		if diff := cmp.Diff(before, k.ledger()); diff != "" {
			t.Errorf("the ledger has changed: %s", diff)
		}
		if diff := cmp.Diff(rows, k.rows()); diff != "" {
			t.Error(diff)
		}
	})
}

// deathbed kills the process when so many batches of rows are committed.
type deathbed struct {
	pipeline.Publisher
	of   *mortal
	left int
}

func (d *deathbed) Commit(ctx context.Context, b *conv.Batch) error {
	if d.left == 0 {
		d.of.die()
		return errKilled
	}
	if len(b.Records) > 0 {
		d.left--
	}
	return d.Publisher.Commit(ctx, b)
}

func TestR13_AKillWhileASettledWindowIsReadAgainLeavesItSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, genesys.DialectReports, simulator.Faults{})
		k := w.newTopics()
		k.must(run{name: "platform", source: w.platform(staged)})
		rows := total(k.rows())
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		m := &mortal{under: w.net.DialContext, at: -1, kill: kill}
		reread := run{name: "dies", source: w.archive(), reread: true, contract: changed{w.contract}, dial: m.dial}
		reread.watch = func(p pipeline.Publisher) pipeline.Publisher { return &deathbed{p, m, 3} }
		if _, err := k.backfill(ctx, reread); err == nil {
			t.Fatal("it lived")
		}
		if now := total(k.rows()); now == rows || now == 2*rows {
			t.Fatalf("the topic had %d rows and has %d: it did not die amid a window", rows, now)
		}
		for window, cp := range k.ledger() {
			if cp.State != conv.Settled {
				t.Errorf("window %s is %s", window, cp.State)
			}
		}
		reread.name, reread.dial, reread.watch = "goes on", nil, nil
		k.must(reread)
		if now := total(k.rows()); now != 2*rows {
			t.Errorf("%d rows and their revisions are %d records", rows, now)
		}
	})
}
