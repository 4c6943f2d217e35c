package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// narrowMinded is a contract that refuses the rows whose content holds a word. Mended, it refuses none.
type narrowMinded struct{ word string }

func (c narrowMinded) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	out, facts := plain{}.Encode(dst, id, row, drift)
	if facts.Reject == nil && c.word != "" && bytes.Contains(row.Raw, []byte(c.word)) {
		return dst, conv.Facts{Reject: &conv.Reject{Reason: conv.ReasonType, Path: "content", Expected: "long", Found: "string"}, Fingerprint: facts.Fingerprint}
	}
	return out, facts
}

var (
	broken = narrowMinded{word: "unfit"}
	wiser  = narrowMinded{}
)

// unfit makes every n-th row of a platform one that the broken contract refuses.
func (p *platform) unfit(n int) (letters int) {
	for i := 0; i < len(p.rows); i += n {
		p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i].Time, "unfit")
		letters++
	}
	return letters
}

// parseRow reads a row as makeRow writes it.
func parseRow(text []byte) (conv.Row, error) {
	var r struct {
		ID   string `json:"conversation.id"`
		Time *int64 `json:"timestamp"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return conv.Row{}, err
	}
	row := conv.Row{Raw: text, ConversationID: []byte(r.ID), Zoned: true}
	if r.Time != nil {
		row.Time, row.HasTime = *r.Time, true
	}
	return row, nil
}

// redrive runs one process that redrives dead letters.
func (w *world) redrive(ctx context.Context, s setup, c pipeline.Contract, o pipeline.Redrive) (pipeline.Redriven, error) {
	kafka, err := producer.Open(ctx, w.kafka(s.run, s.dial))
	if err != nil {
		return pipeline.Redriven{}, err
	}
	defer kafka.Close()
	history, err := dedupe.Open(s.files, kafka.Identity(), 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	defer history.Close()
	if o.TakeOver = s.takeOver; o.Parse == nil {
		o.Parse = parseRow
	}
	p := pipeline.New(s.config, nil, c, kafka, history, s.events)
	sum, err := p.Redrive(ctx, kafka, o)
	if err == nil {
		known := map[conv.Window]conv.Checkpoint{}
		for _, cp := range p.Windows() {
			known[cp.Window] = cp
		}
		if diff := cmp.Diff(w.ledger(), known); diff != "" {
			w.t.Errorf("(-the ledger +what the pipeline takes for the ledger)\n%s", diff)
		}
	}
	return sum, err
}

// taking is a setup of a process that takes over.
func (w *world) taking(run string) setup {
	s := w.defaults(run)
	s.takeOver = true
	return s
}

// broken publishes what the broken contract takes.
func (w *world) brokenBackfill(p *platform) {
	w.t.Helper()
	s := w.taking("broken")
	s.config.Reconcile = false
	if _, err := w.run(w.t.Context(), p, s, interval, broken); err != nil {
		w.t.Fatal(err)
	}
}

// counters sums up the ledger.
func (w *world) counters() (c conv.Counters) {
	w.t.Helper()
	for window, cp := range w.ledger() {
		c = c.Add(cp.Counters)
		if !cp.Counters.Balanced() {
			w.t.Errorf("window %s does not balance: %+v", window, cp.Counters)
		}
	}
	return c
}

// wantRedriven fails the test unless every row is there once, and the ledger has no dead letter that waits.
func (w *world) wantRedriven(p *platform, letters int) bool {
	w.t.Helper()
	ok := w.want(p)
	if c := w.counters(); c.Invalid != 0 || c.Redriven != int64(letters) {
		w.t.Errorf("the ledger counts %+v, want no letter that waits and %d redriven", c, letters)
		ok = false
	}
	if n := w.count("dlq"); n != letters {
		w.t.Errorf("%d dead letters, want the %d of the backfill", n, letters)
		ok = false
	}
	return ok
}

func TestR71_DeadLettersAreRedrivenOnceUnderAMendedContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7)
		p.unfit(5)
		w.brokenBackfill(p)
		letters := w.count("dlq") // rows on the edge of two windows are a letter in each
		first, err := w.redrive(t.Context(), w.taking("first"), wiser, pipeline.Redrive{})
		if err != nil || first.Published != 12 || first.Chosen != int64(letters) || first.Published+first.Superseded != first.Chosen || first.Left() != 0 {
			t.Fatalf("%+v, %v; want the 12 rows published, of %d letters", first, err, letters)
		}
		w.wantRedriven(p, letters)
		second, err := w.redrive(t.Context(), w.taking("second"), wiser, pipeline.Redrive{})
		if err != nil || second.Before != int64(letters) || second.Published+second.Superseded != 0 {
			t.Errorf("the second redrive: %+v, %v; want all %d redriven before", second, err, letters)
		}
		w.wantRedriven(p, letters)
	})
}

func TestARedrivenRowTellsItsLetterAndStandsInTheWindowThatBroughtIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(40, 7)
		p.unfit(3)
		w.brokenBackfill(p)
		if _, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{}); err != nil {
			t.Fatal(err)
		}
		letters := map[string]*kgo.Record{}
		w.each("dlq", func(r *kgo.Record) { letters[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = r })
		lineage := 0
		rows, ledger := map[conv.Window]int64{}, w.ledger()
		w.each("rows", func(r *kgo.Record) {
			_, window, err := producer.ParseWindowHeader(producer.Header(r, producer.WindowHeader))
			cp, known := ledger[window]
			if err != nil || !known {
				t.Fatalf("row %s is of window %s, which the ledger does not know: %v", r.Key, window, err)
			}
			rows[window]++
			if at := r.Timestamp.UnixMilli(); at < *cp.StoredMin || at > *cp.StoredMax {
				t.Errorf("row %s of window %s is not among the times that the ledger has for it", r.Key, window)
			}
			from := producer.Header(r, producer.RedrivenHeader)
			if from == nil {
				return
			}
			lineage++
			letter := letters[string(from)]
			if letter == nil {
				t.Fatalf("row %s names letter %s, which is none", r.Key, from)
			}
			for _, header := range []string{producer.WindowHeader, conv.MarkHeader} {
				if a, b := producer.Header(r, header), producer.Header(letter, header); !bytes.Equal(a, b) {
					t.Errorf("row %s has %s %q, and its letter %q", r.Key, header, a, b)
				}
			}
			if !bytes.Equal(r.Value, letter.Value) || !bytes.Equal(r.Key, letter.Key) {
				t.Errorf("letter %s holds %s of %s, and its row is %s of %s", from, letter.Value, letter.Key, r.Value, r.Key)
			}
		})
		if lineage != 14 {
			t.Errorf("%d rows name a letter, want 14", lineage)
		}
		for window, cp := range ledger {
			if n := rows[window]; n != cp.Counters.Published {
				t.Errorf("window %s: the ledger counts %d rows, the topic holds %d", window, cp.Counters.Published, n)
			}
		}
	})
}

// ledgerLetters are the dead letters as a ledger that was read has them.
type ledgerLetters struct {
	*producer.Reader
	ledger *producer.Ledger
}

func (l ledgerLetters) Letters(ctx context.Context) iter.Seq2[conv.Letter, error] {
	return l.Reader.Letters(ctx, l.ledger)
}

// each hands over the committed records of a topic.
func (w *world) each(topic string, see func(*kgo.Record)) {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	if err := r.Records(context.Background(), topic, nil, func(k *kgo.Record) error { see(k); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// The process dies at every other network write, and at those between the connection is cut.
func TestARedriveKilledOrCutOffAtAnyWriteIsCarriedOnExactlyOnce(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(16, 7)
		p.unfit(2)
		w.brokenBackfill(p)
		letters := w.count("dlq")
		ctx, kill := context.WithCancelCause(t.Context())
		defer kill(nil)
		c := &cutter{under: w.net.DialContext, at: at, after: after}
		if at%2 == 0 {
			c.kill = func() { kill(errKilled) }
		}
		s := w.taking("first")
		s.dial, s.config.Bytes = c.dial, 800 // several batches
		first, err := w.redrive(ctx, s, wiser, pipeline.Redrive{})
		if err == nil && (first.Published != 8 || first.Before != 0) {
			t.Errorf("cut at write %d: it counts %+v, want all 8 rows as its own", at, first)
		}
		if err != nil && !c.struck() {
			t.Error(err)
		}
		second, err := w.redrive(t.Context(), w.taking("second"), wiser, pipeline.Redrive{})
		if err != nil || second.Before+second.Published+second.Superseded != int64(letters) {
			t.Errorf("cut at write %d: the next one counts %+v, %v; want %d letters done with", at, second, err, letters)
		}
		if !w.wantRedriven(p, letters) {
			t.Errorf("cut at write %d, after delivery %v", at, after)
		}
		return c.struck()
	})
}

func TestWhatIsRedrivenIsWhatAGoodContractWouldHavePublishedFromTheStart(t *testing.T) {
	final := func(publish func(*world, *platform)) (rows []string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := newPlatform(60, 7)
			p.unfit(3)
			publish(w, p)
			w.want(p)
			w.each("rows", func(r *kgo.Record) {
				rows = append(rows, fmt.Sprintf("%s %s %x %s %d", r.Key, r.Value, producer.Header(r, conv.MarkHeader), producer.Header(r, producer.WindowHeader), r.Timestamp.UnixMilli()))
			})
			slices.Sort(rows)
		})
		return rows
	}
	// One window at a time: which of two neighbours brings a row on their edge is a matter of chance otherwise.
	good := final(func(w *world, p *platform) {
		s := w.taking("good")
		s.config.Windows = 1
		if _, err := w.run(w.t.Context(), p, s, interval, wiser); err != nil {
			t.Fatal(err)
		}
	})
	redriven := final(func(w *world, p *platform) {
		s := w.taking("broken")
		s.config.Windows = 1
		if _, err := w.run(w.t.Context(), p, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		if _, err := w.redrive(w.t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{}); err != nil {
			t.Fatal(err)
		}
	})
	if diff := cmp.Diff(good, redriven); diff != "" {
		t.Errorf("(-good from the start +redriven)\n%s", diff)
	}
}
