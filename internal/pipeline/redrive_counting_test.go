package pipeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// A window is compared with the platform's count after some of its letters were redriven: what was a dead letter that counts
// as a row is a row now, and counts once.
func TestRedrivenRowsCountOnceInAComparison(t *testing.T) {
	for _, limit := range []int64{0, 4} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(60, 7)
				p.unfit(3)
				for i := range p.rows { // edges are unfit as well, and stand on the bounds of the comparison
					if at := p.rows[i].Time - interval.From; at%hour == 0 {
						p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i].Time, "unfit")
					}
				}
				w.brokenBackfill(p)
				jobs := p.submitted
				if _, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{Limit: limit}); err != nil {
					t.Fatal(err)
				}
				var n notes
				s := w.taking("comparing")
				s.config.Threshold = 0
				s.events.Noted = n.take
				sum, err := w.run(t.Context(), p, s, interval, broken)
				if err != nil || len(sum.Incomplete)+len(sum.Unverified) != 0 || p.submitted != jobs || len(n.of("reconcile")) != 0 {
					t.Errorf("%+v, %v, %d more jobs, %v", sum, err, p.submitted-jobs, n.of("reconcile"))
				}
			})
		})
	}
}

func TestARowThatALaterJobPublishedIsNotRedriven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(40, 7)
		p.unfit(4)
		p.short = 3 // so the windows stay incomplete, and are read again
		s := w.taking("broken")
		if _, err := w.run(t.Context(), p, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		letters := w.count("dlq")
		p.short = 0
		if _, err := w.run(t.Context(), p, w.taking("mended"), interval, wiser); err != nil {
			t.Fatal(err)
		}
		w.want(p)
		sum, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{})
		if err != nil || sum.Published != 0 || sum.Superseded != int64(letters) {
			t.Errorf("%+v, %v; want all %d superseded", sum, err, letters)
		}
		w.wantRedriven(p, letters)
	})
}

func TestARedrivenRowThatALaterJobBringsIsARepeat(t *testing.T) {
	for name, c := range map[string]struct {
		step  time.Duration
		every int
	}{"some of four windows": {time.Hour, 4}, "all of one": {4 * time.Hour, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(40, 7)
				p.unfit(c.every)
				p.short = 3
				setup := func(run string) setup {
					s := w.taking(run)
					s.config.Step = c.step
					return s
				}
				if _, err := w.run(t.Context(), p, setup("broken"), interval, broken); err != nil {
					t.Fatal(err)
				}
				letters := w.count("dlq")
				if _, err := w.redrive(t.Context(), setup("redrive"), wiser, pipeline.Redrive{}); err != nil {
					t.Fatal(err)
				}
				p.short = 0
				jobs := p.submitted
				sum, err := w.run(t.Context(), p, setup("mended"), interval, wiser)
				if err != nil || len(sum.Incomplete) != 0 || p.submitted == jobs {
					t.Fatalf("%+v, %v, %d jobs", sum, err, p.submitted-jobs)
				}
				w.wantRedriven(p, letters)
			})
		})
	}
}

// The platform may leave the rows on both bounds of its query out of its count. A redriven row there is no dead letter there any more.
func TestARedrivenRowOnABoundIsNoDeadLetterOnIt(t *testing.T) {
	for uncounted, incomplete := range map[int64]int{2: 0, 3: 4} {
		t.Run(fmt.Sprintf("the platform counts %d fewer", uncounted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(60, 7)
				for i := 14; i < 60; i += 15 { // the last row of each window
					p.rows[i] = makeRow(string(p.rows[i].ConversationID), p.rows[i+1-15].Time+hour-1, "unfit")
				}
				w.brokenBackfill(p)
				if _, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{}); err != nil {
					t.Fatal(err)
				}
				p.short = -uncounted
				s := w.taking("comparing")
				s.config.Threshold = 0
				sum, err := w.run(t.Context(), p, s, interval, wiser)
				if err != nil || len(sum.Incomplete) != incomplete {
					t.Errorf("%+v, %v; want %d windows off their count", sum, err, incomplete)
				}
			})
		})
	}
}

// The letter is as old as the job that brought it, not as the window's newest.
func TestALetterNeverOverwritesNewerContent(t *testing.T) {
	for _, c := range []struct {
		name, second string // content that the second job brings
		want         []string
	}{
		{"the newer is published", "new", []string{"new"}},
		{"both are letters", "new, and unfit", []string{"unfit", "new, and unfit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(8, 7)
				p.unfit(8)
				p.short = 3 // the windows stay incomplete
				if _, err := w.run(t.Context(), p, w.taking("first"), interval, broken); err != nil {
					t.Fatal(err)
				}
				p.rows[0], p.short = makeRow("conv-0000", p.rows[0].Time, c.second), 0
				if _, err := w.run(t.Context(), p, w.taking("second"), interval, broken); err != nil {
					t.Fatal(err)
				}
				sum, err := w.redrive(t.Context(), w.taking("redrive"), wiser, pipeline.Redrive{})
				if err != nil || sum.Left() != 0 {
					t.Fatalf("%+v, %v", sum, err)
				}
				var got []string
				w.each("rows", func(r *kgo.Record) {
					if string(r.Key) == "conv-0000" {
						var row struct{ Content string }
						if err := json.Unmarshal(r.Value, &row); err != nil {
							t.Fatal(err)
						}
						got = append(got, row.Content)
					}
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("the topic says %q one after the other, want %q", got, c.want)
				}
				w.counters()
			})
		})
	}
}

func TestLettersOfANarrowedWindowAreRedrivenInTheWindowThatBroughtThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(60, 7)
		p.unfit(3)
		p.endings = []conv.JobState{conv.JobPartial}
		var n notes
		s := w.wide("broken", &n)
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), p, s, interval, broken); err != nil {
			t.Fatal(err)
		}
		s = w.wide("redrive", &n)
		s.takeOver, s.config.Query = true, "another since"
		sum, err := w.redrive(t.Context(), s, wiser, pipeline.Redrive{})
		if err != nil || sum.Published != 20 || sum.Left() != 0 {
			t.Fatalf("%+v, %v; want 20 published", sum, err)
		}
		w.wantRedriven(p, 20)
		if root := w.ledger()[interval]; root.State != conv.Published || root.Counters.Redriven != 20 {
			t.Errorf("the window that brought them is %s and counts %+v", root.State, root.Counters)
		}
		s = w.wide("comparing", &n)
		s.takeOver, s.config.Threshold = true, 0
		jobs := p.submitted
		if sum, err := w.run(t.Context(), p, s, interval, wiser); err != nil || len(sum.Incomplete) != 0 || p.submitted != jobs {
			t.Errorf("%+v, %v, %d more jobs; want the children to agree with the platform's count", sum, err, p.submitted-jobs)
		}
	})
}

// parse reads the text of a conversation, whose times only the lake knows.
func (l *lake) parse(text []byte) (conv.Row, error) {
	var said struct {
		ID string `json:"conversationId"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return conv.Row{}, err
	}
	for _, c := range l.talks {
		if c.id == said.ID {
			return conv.Row{Raw: text, ConversationID: []byte(c.id), Time: c.start, HasTime: true, Zoned: true, End: c.end, HasEnd: c.end != 0}, nil
		}
	}
	return conv.Row{}, fmt.Errorf("the lake has no conversation %q", said.ID)
}

// A conversation that lives in several windows is a letter in each, and counts as one of the day it began in.
func TestLettersOfAConversationInSeveralWindowsAreOneRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		d := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
		l := &lake{talks: chatter(d, 30), perPage: 4}
		for i := range l.talks {
			if i%3 == 0 {
				l.talks[i].content = "unfit"
			}
		}
		l.talks = append(l.talks, talk{id: "long", start: d.From + hour, end: d.To - hour, content: "unfit"})
		setup := func(run string) setup {
			s := w.conversations(run)
			s.takeOver, s.config.Step = true, 6*time.Hour
			return s
		}
		s := setup("broken")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), l, s, d, broken); err != nil {
			t.Fatal(err)
		}
		letters := w.count("dlq")
		sum, err := w.redrive(t.Context(), setup("redrive"), wiser, pipeline.Redrive{Parse: l.parse})
		if err != nil || sum.Published != 11 || sum.Superseded != int64(letters)-11 || sum.Superseded < 3 {
			t.Fatalf("%+v of %d letters, %v; want 11 published, and the other letters of the long one superseded", sum, letters, err)
		}
		w.wantTalks(l)
		jobs := len(l.jobs)
		back, err := w.run(t.Context(), l, setup("comparing"), d, broken)
		if err != nil || len(back.Incomplete)+len(back.Unverified) != 0 || len(l.jobs) != jobs {
			t.Errorf("%+v, %v, %d more jobs; want the day to agree with the platform's count", back, err, len(l.jobs)-jobs)
		}
		for window, cp := range w.ledger() {
			if cp.State != conv.Settled || cp.DeadInside != 0 {
				t.Errorf("window %s is %s, with %d dead letters: %s", window, cp.State, cp.DeadInside, cp.LastError)
			}
		}
	})
}
