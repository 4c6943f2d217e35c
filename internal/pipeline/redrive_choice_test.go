package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/dedupe"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

func TestWhatStaysADeadLetterIsToldByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		at := p.rows[3].Time
		source := &poisoned{platform: p, extra: []conv.Row{
			{Raw: []byte(`"no object"`)},
			{Raw: []byte(`{"timestamp":1}`), Time: at, HasTime: true},
			{Raw: []byte(`{"head":`), Length: 50 << 20, Digest: conv.Digest{1}},
			makeRow("fit", at, "unfit"),
			makeRow("worse", at, "unfit and worse"),
		}}
		s := w.taking("broken")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), source, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		sum, err := w.redrive(t.Context(), w.taking("redrive"), narrowMinded{word: "worse"}, pipeline.Redrive{})
		want := pipeline.Redriven{
			Chosen: 5, Published: 1,
			Invalid:    map[string]int64{conv.ReasonType: 1, conv.ReasonNoKey: 1},
			Impossible: map[string]int64{"only its first bytes were kept": 1, "its bytes are no row": 1},
		}
		if diff := cmp.Diff(want, sum); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		p.rows = append(p.rows, source.extra[3])
		w.want(p)
		if c := w.counters(); c.Invalid != 4 || c.Redriven != 1 {
			t.Errorf("the ledger counts %+v, want 4 letters that wait", c)
		}
	})
}

func TestOnlyChosenLettersAreTakenInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(40, 7)
		p.unfit(2)
		w.brokenBackfill(p)
		chosen := func(l *conv.Letter) bool { return strings.HasSuffix(string(l.Key), "4") }
		for i, want := range []pipeline.Redriven{{Chosen: 2, Published: 2}, {Chosen: 4, Before: 2, Published: 2}, {Chosen: 4, Before: 4}} {
			sum, err := w.redrive(t.Context(), w.taking(fmt.Sprint("redrive-", i)), wiser, pipeline.Redrive{Chosen: chosen, Limit: 2})
			if err != nil || sum.Chosen != want.Chosen || sum.Before != want.Before || sum.Published != want.Published {
				t.Errorf("redrive %d: %+v, %v; want %+v", i, sum, err, want)
			}
		}
	})
}

func TestARehearsalSaysWhatARedriveWillDoAndWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(40, 7)
		p.unfit(2)
		w.brokenBackfill(p)
		before := w.ends()
		rehearsed := w.rehearse(wiser)
		if after := w.ends(); !maps.Equal(before, after) {
			t.Errorf("topics ended at %v before, and end at %v", before, after)
		}
		sum, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{})
		if diff := cmp.Diff(sum, rehearsed); err != nil || diff != "" || sum.Published != 20 {
			t.Errorf("%v (-redrive +rehearsal)\n%s", err, diff)
		}
	})
}

func (w *world) rehearse(c pipeline.Contract) pipeline.Redriven {
	w.t.Helper()
	s := w.defaults("rehearsal")
	cfg := w.kafka(s.run, nil)
	kafka, err := producer.Open(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	defer kafka.Close()
	history, err := dedupe.Open(s.files, kafka.Identity(), 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	defer history.Close()
	r, err := producer.NewReader(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	ledger, err := r.Ledger(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	p := pipeline.New(s.config, nil, c, kafka, history, s.events)
	sum, err := p.RehearseRedrive(w.t.Context(), ledger.Windows, ledgerLetters{r, ledger}, pipeline.Redrive{Parse: parseRow})
	if err != nil {
		w.t.Error(err)
	}
	return sum
}

// ends says where each partition of the topics ends.
func (w *world) ends() map[string]int64 {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	all := map[string]int64{}
	for _, topic := range []string{"rows", "dlq", "events", "ledger"} {
		ends, err := r.Ends(w.t.Context(), topic)
		if err != nil {
			w.t.Fatal(err)
		}
		for partition, end := range ends {
			all[fmt.Sprint(topic, partition)] = end
		}
	}
	return all
}

func TestARedriveIsTurnedAwayWhileAnotherInstanceLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		p.unfit(2)
		w.brokenBackfill(p) // its process lives on
		s := w.defaults("redrive")
		_, err := w.redrive(t.Context(), s, wiser, pipeline.Redrive{})
		var owned *producer.OwnedError
		if !errors.As(err, &owned) {
			t.Errorf("%v, want an OwnedError", err)
		}
		time.Sleep(11 * time.Second)
		if sum, err := w.redrive(t.Context(), s, wiser, pipeline.Redrive{}); err != nil || sum.Published != 12 {
			t.Errorf("once the owner is dead: %+v, %v", sum, err)
		}
	})
}
