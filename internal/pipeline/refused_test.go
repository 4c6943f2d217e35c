package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/producer"
)

// refusals counts what the hook is told of dead letters.
type refusals struct {
	mu   sync.Mutex
	rows map[string]int64
}

func (r *refusals) take(route, reason string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = map[string]int64{}
	}
	r.rows[route+" "+reason] += n
}

// alarms lists the alerts of the events topic that speak of dead letters.
func (w *world) alarms() map[string]int {
	told := map[string]int{}
	for _, r := range w.kafkaRecords("events") {
		var e conv.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			w.t.Fatal(err)
		}
		if e.Kind == "invalid" && e.Severity == "alert" {
			told[fmt.Sprintf("%s %v: %v of %v, %v", e.Window, e.Detail["route"], e.Detail["dead_letters"], e.Detail["rows"], e.Detail["reason"])]++
		}
	}
	return told
}

// wantAlarms fails unless there is one alert for each route of each window.
func (w *world) wantAlarms() (ok bool) {
	w.t.Helper()
	want := map[string]int{}
	for window, cp := range w.ledger() {
		want[fmt.Sprintf("%s conversations: %d of %d, wrong_type", window, cp.Counters.Invalid, cp.Counters.Published+cp.Counters.Invalid)] = 1
		voice := cp.Routes["voice"]
		want[fmt.Sprintf("%s voice: %d of %d, route_failed", window, voice.Invalid, voice.Total())] = 1
	}
	if diff := cmp.Diff(want, w.alarms()); diff != "" {
		w.t.Errorf("alerts (-want +got):\n%s", diff)
		return false
	}
	return true
}

// buried counts the dead letters of Kafka by route and reason.
func (w *world) buried() map[string]int64 {
	n := map[string]int64{}
	for _, r := range w.kafkaRecords("dlq") {
		n[string(producer.Header(r, "cs-route"))+" "+string(producer.Header(r, "cs-reason"))]++
	}
	return n
}

// In every window more than a twentieth of the rows are refused, by the primary route and by one
// of the derived ones. From every write on Kafka is away for longer than a commit waits: whether
// the batch was committed that it struck, the ledger tells.
func TestWindowsOfManyDeadLettersAreAlertsOnceWheneverKafkaGoesAway(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		c := &cutter{under: w.net.DialContext, at: at, after: after}
		c.kill = func() { time.AfterFunc(2*time.Minute, c.revive) }
		var counted refusals
		run := func(name string, dial dialer) error {
			s := w.routed(name)
			s.dial, s.takeOver, s.events.Refused = dial, true, counted.take
			_, err := w.run(t.Context(), p, s, interval, wordy{refuses: "broken"})
			return err
		}
		if err := run("first", c.dial); err != nil && (!c.struck() || !opening(err)) {
			t.Errorf("cut at write %d, after delivery %v: %v", at, after, err)
		}
		if err := run("second", nil); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(w.buried(), counted.rows); !w.wantAlarms() || diff != "" {
			t.Errorf("cut at write %d, after delivery %v: dead letters in Kafka, and counted:\n%s", at, after, diff)
		}
		return c.struck()
	})
}

// revive lets everything pass again.
func (c *cutter) revive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = false
}

func TestWindowsOfManyDeadLettersAreAlertsOnceWhereverAProcessIsKilled(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		ctx, kill := context.WithCancelCause(t.Context())
		defer kill(nil)
		c := &cutter{under: w.net.DialContext, at: at, after: after, kill: func() { kill(errKilled) }}
		s := w.routed("first")
		s.dial = c.dial
		if _, err := w.run(ctx, p, s, interval, wordy{refuses: "broken"}); err != nil && !c.struck() {
			t.Error(err)
		}
		s = w.routed("second")
		s.takeOver = true
		if _, err := w.run(t.Context(), p, s, interval, wordy{refuses: "broken"}); err != nil {
			t.Error(err)
		}
		if !w.wantAlarms() {
			t.Errorf("killed at write %d, after delivery %v", at, after)
		}
		return c.struck()
	})
}

func TestDeadLettersUpToTheThresholdAreNoAlert(t *testing.T) {
	for bad, want := range map[int]int{5: 0, 6: 1} { // of 100
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.cluster.Close()
			p := newPlatform(400, 50)
			for i := range bad {
				p.rows[i+10] = makeRow(fmt.Sprintf("bad-%d", i), p.rows[i+10].Time, "broken")
			}
			if _, err := w.run(t.Context(), p, w.defaults("first"), w1, wordy{refuses: "broken"}); err != nil {
				t.Fatal(err)
			}
			cp := w.ledger()[w1]
			if rows := cp.Counters.Published + cp.Counters.Invalid; rows < 100 || cp.Counters.Invalid != int64(bad) {
				t.Fatalf("%d dead letters among %d rows", cp.Counters.Invalid, rows)
			}
			if n := len(w.alarms()); n != want {
				t.Errorf("%d dead letters of about 100 rows: %d alerts, want %d", bad, n, want)
			}
		})
	}
}

func TestASummaryTellsApartWhatThisRunHasAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		if _, err := w.run(t.Context(), p, w.defaults("first"), w1, plain{}); err != nil {
			t.Fatal(err)
		}
		before := w.ledger()[w1].Counters
		for _, again := range []bool{false, true} {
			s := w.defaults(fmt.Sprint("again ", again))
			s.takeOver = true
			sum, err := w.backfill(t.Context(), p, s)
			if err != nil {
				t.Fatal(err)
			}
			want := sum.Counters.Less(before)
			if again {
				want = conv.Counters{}
			}
			if sum.Here != want || sum.Counters.Published != 24 {
				t.Errorf("again %v: this run has added %+v of %+v, want %+v", again, sum.Here, sum.Counters, want)
			}
		}
	})
}
