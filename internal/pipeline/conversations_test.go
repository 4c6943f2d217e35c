package pipeline_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// lastDays are the days before the bubble's time begins, the oldest first.
func lastDays(n int64) conv.Window { return conv.Window{From: newYear - n*day, To: newYear} }

func (w *world) backfillLake(l *lake, s setup, interval conv.Window) (out struct {
	Incomplete, Unverified []conv.Window
	Counters               conv.Counters
}, err error) {
	w.t.Helper()
	sum, err := w.run(w.t.Context(), l, s, interval, plain{})
	out.Incomplete, out.Unverified, out.Counters = sum.Incomplete, sum.Unverified, sum.Counters
	return out, err
}

// wantTalks fails unless the newest record of every conversation is what the lake has.
func (w *world) wantTalks(l *lake) {
	w.t.Helper()
	got := map[string]string{}
	for _, r := range w.records("rows") {
		if got[r.key] == r.value {
			w.t.Errorf("conversation %s is published twice in a row as %s", r.key, r.value)
		}
		got[r.key] = r.value
	}
	want := map[string]string{}
	for _, c := range l.talks {
		want[c.id] = fmt.Sprintf(`{"conversationId":%q,"content":%q}`, c.id, c.content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("newest records:\n%s", diff)
	}
}

func TestConversationsThatSpanWindowsArePublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		span := conv.Window{From: newYear - 10*day, To: newYear - 7*day}
		l := &lake{talks: chatter(span, 40), perPage: 7}
		l.talks = append(l.talks,
			talk{id: "long", start: span.From + hour, end: span.To - hour, content: "first"},
			talk{id: "endless", start: span.From + 2*hour, content: "first"},
			talk{id: "from before", start: span.From - day, end: span.From + hour, content: "first"},
			talk{id: "on the edge", start: span.From + day, end: span.From + day, content: "first"},
		)
		s := w.conversations("first")
		s.config.Step = 6 * time.Hour
		s.config.Windows = 4
		sum, err := w.backfillLake(l, s, span)
		if err != nil || len(sum.Incomplete)+len(sum.Unverified) != 0 || sum.Counters.Revisions != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		w.wantTalks(l)
		for window, cp := range w.ledger() {
			if cp.State != conv.Settled || cp.Counted == nil || *cp.Counted != plan.Days(window) {
				t.Errorf("window %s is %s, counted with %v", window, cp.State, cp.Counted)
			}
		}
	})
}

func TestTheCountIsAskedForWholeUTCDaysThatArePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		span := conv.Window{From: newYear - 10*day, To: newYear - 8*day}
		l := &lake{talks: chatter(span, 40)}
		s := w.conversations("first")
		s.config.Step = 12 * time.Hour
		half := conv.Window{From: span.From, To: span.From + 36*hour}
		sum, err := w.backfillLake(l, s, half)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]conv.Window{{From: span.From + day, To: span.From + 36*hour}}, sum.Unverified); diff != "" {
			t.Errorf("the half day is unverified, and nothing else:\n%s", diff)
		}
		s = w.conversations("second")
		s.takeOver, s.config.Step = true, 12*time.Hour
		if sum, err = w.backfillLake(l, s, span); err != nil || len(sum.Unverified) != 0 {
			t.Fatalf("%+v, %v; want the second day verified with its other half", sum, err)
		}
		for _, counted := range l.counted {
			if plan.Days(counted) != counted {
				t.Errorf("the count of %s was asked for, which is no whole days", counted)
			}
		}
		if jobs := len(l.windows); jobs != 4 {
			t.Errorf("%d jobs, want one for each half day", jobs)
		}
	})
}

func TestNothingIsSubmittedPastTheWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		l := &lake{talks: chatter(lastDays(3), 30), behind: 30 * time.Hour}
		s := w.conversations("first")
		sum, err := w.backfillLake(l, s, lastDays(3))
		if err != nil {
			t.Fatal(err)
		}
		late := []conv.Window{{From: newYear - 2*day, To: newYear - day}, {From: newYear - day, To: newYear}}
		if diff := cmp.Diff(late, sum.Incomplete); diff != "" {
			t.Errorf("incomplete:\n%s", diff)
		}
		for _, submitted := range l.windows {
			if submitted.To > newYear-30*hour {
				t.Errorf("window %s was submitted past the watermark", submitted)
			}
		}
		if problem := w.ledger()[late[0]].LastError; !strings.Contains(problem, "1999-12-30T18:00:") {
			t.Errorf("the reason %q does not say how far the data reach", problem)
		}
	})
}

func TestAProvisionalWindowIsReadAgainOnceItsRowsHaveSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		yesterday := lastDays(1)
		l := &lake{talks: chatter(yesterday, 20)}
		sum, err := w.backfillLake(l, w.conversations("first"), yesterday)
		if err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if state := w.ledger()[yesterday].State; state != conv.Reconciled {
			t.Fatalf("the day is %s, want reconciled for now", state)
		}
		time.Sleep(80 * time.Hour)
		l.talks[3].content = "wrapped up"
		l.talks = append(l.talks, talk{id: "late", start: yesterday.From + hour, end: yesterday.From + 2*hour, content: "first"})
		s := w.conversations("second")
		s.takeOver = true
		if sum, err = w.backfillLake(l, s, yesterday); err != nil || sum.Counters.Revisions != 1 || sum.Counters.Published != 22 {
			t.Fatalf("%+v, %v; want one revision and one new row", sum, err)
		}
		if state := w.ledger()[yesterday].State; state != conv.Settled {
			t.Errorf("the day is %s, want settled", state)
		}
		w.wantTalks(l)
		jobs := len(l.windows)
		s = w.conversations("third")
		s.takeOver = true
		if _, err = w.backfillLake(l, s, yesterday); err != nil || len(l.windows) != jobs {
			t.Errorf("%v: a settled day got another job", err)
		}
	})
}

func TestASettledDayMayLackNoRowAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		old := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
		l := &missing{lake: &lake{talks: chatter(old, 100)}}
		sum, err := w.run(t.Context(), l, w.conversations("first"), old, plain{})
		if err != nil {
			t.Fatal(err)
		}
		if len(sum.Incomplete) != 1 {
			t.Errorf("one row of a hundred is missing for good: %+v, want the day incomplete", sum)
		}
		recent := lastDays(1)
		l = &missing{lake: &lake{talks: chatter(recent, 100)}}
		s := w.conversations("second")
		s.takeOver = true
		if sum, err = w.run(t.Context(), l, s, recent, plain{}); err != nil || len(sum.Incomplete) != 0 || sum.Short != 1 {
			t.Errorf("one row of a hundred is missing for now: %+v, %v, want it visible and the day reconciled", sum, err)
		}
	})
}

// missing is a lake that counts one conversation more than its jobs bring.
type missing struct{ *lake }

func (m *missing) Baseline(ctx context.Context, w conv.Window) (int64, error) {
	n, err := m.lake.Baseline(ctx, w)
	return n + 1, err
}

// The watermark went back between the question and the page.
func TestAResultWhosePagesReachLessFarThanTheWindowIsNotWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		window := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
		reach := window.To - 1
		src := &scripted{base: func(conv.Window) int64 { return 1 }}
		src.read = func(_ context.Context, _ conv.Window, _ conv.Job, _ conv.Position, emit func(conv.Chunk) error) error {
			row := makeRow("a", window.From, "x")
			return emit(conv.Chunk{Rows: []conv.Row{row}, End: true, Page: conv.PageFacts{Count: -1, Available: reach}})
		}
		sum, err := w.run(t.Context(), reaching{src}, w.conversations("first"), window, plain{})
		if err != nil || len(sum.Incomplete) != 1 || sum.Counters.Published != 1 {
			t.Errorf("%+v, %v; want the row published and the window incomplete", sum, err)
		}
		reach = window.To
		s := w.conversations("second")
		s.takeOver = true
		if sum, err = w.run(t.Context(), reaching{src}, s, window, plain{}); err != nil || len(sum.Incomplete) != 0 {
			t.Errorf("%+v, %v; want it complete once the data reach its end", sum, err)
		}
	})
}

// Another filter asks for other rows: what it does not ask for has not vanished.
func TestRowsOfAnotherQueryHaveNotVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		yesterday := lastDays(1)
		l := &lake{talks: chatter(yesterday, 20)}
		if sum, err := w.backfillLake(l, w.conversations("first"), yesterday); err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		l.talks = l.talks[:15]
		var n notes
		s := w.conversations("second")
		s.takeOver, s.config.Query = true, "voice only"
		s.events.Noted = n.take
		if _, err := w.backfillLake(l, s, yesterday); err != nil {
			t.Fatal(err)
		}
		if told := n.of("vanished"); len(told) != 0 {
			t.Errorf("%v are said to have vanished", told[0].Detail)
		}
	})
}

func TestVanishedConversationsAreReportedByAnUninterruptedReading(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			yesterday := lastDays(1)
			l := &lake{talks: chatter(yesterday, 20), perPage: 3}
			if sum, err := w.backfillLake(l, w.conversations("first"), yesterday); err != nil || len(sum.Incomplete) != 0 {
				t.Fatalf("%+v, %v", sum, err)
			}
			time.Sleep(80 * time.Hour)
			l.talks[4].till, l.talks[9].till = time.Now().UnixMilli(), time.Now().UnixMilli()
			s := w.conversations("second")
			s.takeOver = true
			if interrupted { // killed in the middle of the result, which a third process adopts
				ctx, kill := context.WithCancelCause(t.Context())
				c := &cutter{under: w.net.DialContext, at: math.MaxInt}
				s.dial, l.slow = c.dial, 2*time.Second
				s.events.Committed = func(cp conv.Checkpoint, _, _ int, _ time.Duration) {
					if cp.Position.Page == 2 {
						c.die()
						kill(errKilled)
					}
				}
				if _, err := w.run(ctx, l, s, yesterday, plain{}); err == nil {
					t.Fatal("the killed run ended well")
				}
				s = w.conversations("third")
				s.takeOver = true
			}
			var n notes
			s.events.Noted = n.take
			sum, err := w.backfillLake(l, s, yesterday)
			if err != nil {
				t.Fatal(err)
			}
			told := n.of("vanished")
			if len(told) != 1 {
				t.Fatalf("%d reports of vanished rows, want one; %+v", len(told), sum)
			}
			// What was interrupted tells nothing: the surplus has the window read once more.
			reader := map[bool]string{false: "job-2", true: "job-3"}[interrupted]
			if told[0].Detail["job"] != reader {
				t.Errorf("%v reports, want %s", told[0].Detail["job"], reader)
			}
			if diff := cmp.Diff([]string{"talk-0004", "talk-0009"}, told[0].Detail["conversations"]); diff != "" {
				t.Error(diff)
			}
			cp := w.ledger()[yesterday]
			if cp.State != conv.Settled || cp.Vanished != 2 {
				t.Errorf("the day is %s with %d vanished: %s; want settled, as the two explain the surplus", cp.State, cp.Vanished, cp.LastError)
			}
		})
	}
}

// A later job of another window brings a conversation that the day's own job was too early for.
func TestAConversationThatANeighboursLaterJobBroughtHasNotVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		days := conv.Window{From: newYear - 2*day, To: newYear}
		l := &lake{talks: chatter(days, 20)}
		s := w.conversations("first")
		if sum, err := w.backfillLake(l, s, days); err != nil || len(sum.Incomplete) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		time.Sleep(100 * time.Hour)
		// Behind the first day's second reading, and before that of the second day.
		l.talks = append(l.talks, talk{id: "late", start: days.From + hour, content: "first", since: time.Now().UnixMilli() + 1500})
		slow := &slowSecond{lake: l}
		var n notes
		s = w.conversations("second")
		s.takeOver, s.config.Windows = true, 2
		s.events.Noted = n.take
		if _, err := w.run(t.Context(), slow, s, days, plain{}); err != nil {
			t.Fatal(err)
		}
		if told := n.of("vanished"); len(told) != 0 {
			t.Errorf("%v has vanished before it came", told)
		}
	})
}

// slowSecond submits the second day's job late, and ends the first day's job later still.
type slowSecond struct{ *lake }

func (s *slowSecond) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	if w.To == newYear {
		time.Sleep(2 * time.Second)
	}
	return s.lake.Submit(ctx, w)
}

func (s *slowSecond) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	if w.To != newYear {
		time.Sleep(time.Minute)
	}
	return s.lake.Await(ctx, w, job)
}

func TestR117R118_RowsMoreThanASecondOutsideTheWindowRaiseAnAlert(t *testing.T) {
	for _, c := range []struct {
		before, after int64 // ms beyond the bounds as they are sent
		alert         bool
		conversations bool
	}{
		{before: 1000, after: 1000},
		{before: 1001, alert: true},
		{after: 1001, alert: true},
		{before: 1000, after: 1000, conversations: true},
		{before: 1001, alert: true, conversations: true},
		{after: 1001, alert: true, conversations: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			window := conv.Window{From: newYear - 10*day, To: newYear - 9*day}
			start, end := window.From-1, window.To-1
			s := w.defaults("first")
			if c.conversations {
				start, end = window.From, window.To
				s = w.conversations("first")
			}
			s.config.Overlap, s.config.Step, s.config.Reconcile = time.Millisecond, 24*time.Hour, false
			low, high := makeRow("low", start-c.before, "x"), makeRow("high", end+c.after, "x")
			if c.conversations {
				low.Time, low.End, low.HasEnd = window.From-day, start-c.before, true
			}
			src := &scripted{base: func(conv.Window) int64 { return 2 }}
			src.read = func(_ context.Context, _ conv.Window, _ conv.Job, _ conv.Position, emit func(conv.Chunk) error) error {
				return emit(conv.Chunk{Rows: []conv.Row{low, high}, End: true})
			}
			var n notes
			s.events.Noted = n.take
			if _, err := w.run(t.Context(), reaching{src}, s, window, plain{}); err != nil {
				t.Fatal(err)
			}
			told := n.of("boundary")
			if (len(told) > 0) != c.alert {
				t.Fatalf("%+v: events %v", c, told)
			}
			if !c.alert {
				return
			}
			want := map[string]any{
				"job": "job-1", "start": conv.FormatInstant(start), "end": conv.FormatInstant(end),
				"min": conv.FormatInstant(start - c.before), "max": conv.FormatInstant(end + c.after),
				"excess_before_ms": max(0, c.before), "excess_after_ms": max(0, c.after),
			}
			if diff := cmp.Diff(want, told[0].Detail); diff != "" || told[0].Severity != "alert" {
				t.Errorf("severity %q, detail:\n%s", told[0].Severity, diff)
			}
		})
	}
}

// reaching is a source whose watermark lies ahead of everything.
type reaching struct{ *scripted }

func (reaching) Availability(context.Context) (int64, error) { return math.MaxInt64, nil }

// pause is what scripted platforms take their time with; they run in bubbles only.
func pause(d time.Duration) { time.Sleep(d) }
