package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// wordy is a contract that goes by the words of a row's content: it refuses rows that hold one
// of them, and a word such as missing:field is drift.
type wordy struct {
	before  string // what stands before the row in its value
	refuses string // "" for nothing
}

func (c wordy) Encode(dst []byte, _ uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	if drift != nil {
		for _, word := range words(row) {
			if kind, field, ok := strings.Cut(word, ":"); ok {
				*drift = append(*drift, conv.Deviation{Kind: conv.DriftKind(kind), Field: field, Expected: "this", Found: "that"})
			}
		}
	}
	facts := conv.Facts{Fingerprint: conv.Hash64(row.Raw)}
	if c.refuses != "" && slices.Contains(words(row), c.refuses) {
		facts.Reject = &conv.Reject{Reason: conv.ReasonType, Path: "content", Expected: "another word", Found: "string"}
		return dst, facts
	}
	return append(append(dst, c.before...), row.Raw...), facts
}

// words are those of a row's content.
func words(row *conv.Row) []string {
	var v struct{ Content string }
	_ = json.Unmarshal(row.Raw, &v)
	return strings.Fields(v.Content)
}

// voices is a selector of rows of voice, which cannot say it of some, and has no key for some.
type voices struct{}

func (voices) Select(row *conv.Row) (bool, error) {
	if slices.Contains(words(row), "unsure") {
		return false, errors.New("filter: < has no meaning between string and number")
	}
	return slices.Contains(words(row), "voice"), nil
}

func (voices) Key(dst []byte, row *conv.Row) ([]byte, error) {
	if slices.Contains(words(row), "keyless") {
		return dst, errors.New("key: it is an object")
	}
	return append(append(dst, "key of "...), row.ConversationID...), nil
}

// everything is a selector of all rows, by conversation.
type everything struct{}

func (everything) Select(*conv.Row) (bool, error) { return true, nil }
func (everything) Key(dst []byte, row *conv.Row) ([]byte, error) {
	return append(dst, row.ConversationID...), nil
}

// routed is a setup with two derived routes.
func (w *world) routed(run string) setup {
	w.routes = []producer.RouteTopic{{Name: "voice", Topic: "voices", OwnKey: true}, {Name: "copy", Topic: "copies"}}
	s := w.defaults(run)
	s.config.Routes = []pipeline.Route{
		{Name: "voice", Contract: wordy{before: "voice ", refuses: "broken"}, Selector: voices{}},
		{Name: "copy", Contract: wordy{before: "copy "}, Selector: everything{}},
	}
	return s
}

// mixedPlatform has rows of all that a route may make of one, and of some drift.
func mixedPlatform(n, pageRows int) *platform {
	p := newPlatform(n, pageRows)
	contents := []string{"voice", "chat missing:queue", "voice broken", "voice missing:queue unknown:mood", "unsure", "voice keyless", "chat"}
	for i := range p.rows {
		r := &p.rows[i]
		*r = makeRow(string(r.ConversationID), r.Time, contents[i%len(contents)])
		r.Zoned = i != 3
	}
	return p
}

// wantRoutes fails unless the derived topics are what the filters and contracts make of the
// platform's rows, each once, and the ledger counts so.
func (w *world) wantRoutes(p *platform) (ok bool) {
	w.t.Helper()
	copies, voice, letters := map[string]int{}, map[string]int{}, map[string]int{}
	counters := conv.RouteCounters{}
	for i := range p.rows {
		row := &p.rows[i]
		id, said := string(row.ConversationID), words(row)
		copies[id+": copy "+string(row.Raw)] = 1
		switch {
		case slices.Contains(said, "unsure"):
			letters[id+" voice route_failed "+string(row.Raw)] = 1
		case !slices.Contains(said, "voice"):
			counters.Filtered++
		case slices.Contains(said, "broken"):
			letters[id+" voice wrong_type "+string(row.Raw)] = 1
		case slices.Contains(said, "keyless"):
			letters[id+" voice route_failed "+string(row.Raw)] = 1
		default:
			counters.Published++
			voice["key of "+id+": voice "+string(row.Raw)] = 1
		}
	}
	counters.Invalid = int64(len(letters))
	headers := w.headersOf("rows")
	ok = true
	for topic, want := range map[string]map[string]int{"copies": copies, "voices": voice} {
		got := map[string]int{}
		for _, r := range w.kafkaRecords(topic) {
			got[string(r.Key)+": "+string(r.Value)]++
			_, raw, _ := strings.Cut(string(r.Value), " ")
			if have := headerText(r); have != headers[raw] {
				w.t.Errorf("topic %s: a record has the headers %q, and its row %q", topic, have, headers[raw])
				ok = false
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Errorf("topic %s:\n%s", topic, diff)
			ok = false
		}
	}
	got := map[string]int{}
	for _, r := range w.kafkaRecords("dlq") {
		got[fmt.Sprintf("%s %s %s %s", r.Key, producer.Header(r, producer.RouteHeader), producer.Header(r, producer.ReasonHeader), r.Value)]++
	}
	if diff := cmp.Diff(letters, got); diff != "" {
		w.t.Errorf("dead letters:\n%s", diff)
		ok = false
	}
	var total, all conv.RouteCounters
	for window, cp := range w.ledger() {
		for name, c := range cp.Routes {
			if c.Total() != cp.Counters.Published {
				w.t.Errorf("window %s: route %s counts %+v, and %d rows are published", window, name, c, cp.Counters.Published)
				ok = false
			}
		}
		total, all = total.Add(cp.Routes["voice"]), all.Add(cp.Routes["copy"])
	}
	if total != counters || all != (conv.RouteCounters{Published: int64(len(p.rows))}) {
		w.t.Errorf("the ledger counts %+v of voice and %+v of copy, want %+v and all %d rows", total, all, counters, len(p.rows))
		ok = false
	}
	return ok
}

// headersOf are the headers of every record of a topic by its value.
func (w *world) headersOf(topic string) map[string]string {
	byValue := map[string]string{}
	for _, r := range w.kafkaRecords(topic) {
		byValue[string(r.Value)] = headerText(r)
	}
	return byValue
}

func headerText(r *kgo.Record) string {
	text := fmt.Sprint(r.Timestamp.UnixMilli())
	for _, h := range r.Headers {
		text += fmt.Sprintf(" %s=%x", h.Key, h.Value)
	}
	return text
}

// kafkaRecords are the committed records of a topic.
func (w *world) kafkaRecords(topic string) (all []*kgo.Record) {
	w.t.Helper()
	r, err := producer.NewReader(w.kafka("checker", nil))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	err = r.Records(context.Background(), topic, nil, func(k *kgo.Record) error {
		all = append(all, k)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func TestR14_ADerivedTopicHoldsWhatItsRouteTakesOfTheRowsAndTheRestIsAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		if _, err := w.run(t.Context(), p, w.routed("first"), interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		w.want(p)
		w.wantRoutes(p)
	})
}

func TestARowThatThePrimaryRouteRefusesReachesNoTopicAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		s := w.routed("first")
		s.config.Reconcile = false
		if _, err := w.run(t.Context(), p, s, interval, wordy{refuses: "chat"}); err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"rows", "voices", "copies"} {
			for _, r := range w.kafkaRecords(topic) {
				if strings.Contains(string(r.Value), "chat") {
					t.Errorf("topic %s holds %s", topic, r.Value)
				}
			}
		}
		if n := len(w.kafkaRecords("copies")); n != 30 {
			t.Errorf("%d rows were copied, want the 30 that are not of chat", n)
		}
	})
}

func TestRoutesAndDriftAreExactWhereverTheConnectionIsCut(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(24, 5)
		c := &cutter{under: w.net.DialContext, at: at, after: after}
		s := w.routed("first")
		s.dial = c.dial
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			if !c.struck() || !opening(err) {
				t.Error(err)
			}
			s = w.routed("second")
			s.takeOver = true
			if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
				t.Error(err)
			}
		}
		if !w.want(p) || !w.wantRoutes(p) || !w.wantDrifts(p) {
			t.Errorf("cut at write %d, after delivery %v", at, after)
		}
		return c.struck()
	})
}

func TestRoutesAndDriftAreExactWhereverTheProcessIsKilled(t *testing.T) {
	sweep(t, func(t *testing.T, at int, after bool) bool {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(24, 5)
		ctx, kill := context.WithCancelCause(t.Context())
		c := &cutter{under: w.net.DialContext, at: at, after: after, kill: func() { kill(errKilled) }}
		s := w.routed("first")
		s.dial = c.dial
		if _, err := w.run(ctx, p, s, interval, wordy{}); !c.struck() && err != nil {
			t.Error(err)
		}
		s = w.routed("second")
		s.takeOver = true
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			t.Error(err)
		}
		if !w.want(p) || !w.wantRoutes(p) || !w.wantDrifts(p) {
			t.Errorf("killed at write %d, after delivery %v", at, after)
		}
		return c.struck()
	})
}

func TestARouteThatIsAddedLaterCountsFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		if _, err := w.run(t.Context(), p, w.defaults("first"), w1, wordy{}); err != nil {
			t.Fatal(err)
		}
		s := w.routed("second")
		s.takeOver = true
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		counted := map[bool]int64{}
		for window, cp := range w.ledger() {
			counted[window == w1] += cp.Routes["copy"].Published
		}
		if n := int64(len(w.kafkaRecords("copies"))); counted[true] != 0 || counted[false] != n || n != 31 {
			t.Errorf("copied are %d rows, counted in the first window %d, and in the others %d; want 31 in the others", n, counted[true], counted[false])
		}
	})
}

func TestTheHistoryIsReadBackFromPrimaryRowsAndLettersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		if _, err := w.run(t.Context(), p, w.routed("first"), interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		kafka, err := producer.Open(t.Context(), w.kafka("checker", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer kafka.Close()
		rows := map[conv.Key]int{}
		for _, cp := range w.ledger() {
			written := map[string]bool{}
			for _, r := range cp.Ranges {
				written[r.Topic+" "+r.Route] = true
			}
			if want := map[string]bool{"copies copy": true, "dlq ": true, "rows ": true, "voices voice": true}; !maps.Equal(written, want) {
				t.Errorf("window %s has ranges in %v, want %v", cp.Window, written, want)
			}
			for s, err := range kafka.History(t.Context(), cp.Ranges) {
				if err != nil {
					t.Fatal(err)
				}
				if s.Dead {
					t.Errorf("a dead letter of a derived route is remembered: %+v", s)
				}
				rows[s.Key]++
			}
		}
		if len(rows) != len(p.rows) {
			t.Errorf("%d keys are remembered, want one for each of %d rows", len(rows), len(p.rows))
		}
	})
}
