package soak

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

func (st *stage) reader(t *testing.T) *producer.Reader {
	t.Helper()
	r, err := producer.NewReader(st.kafka("checker", st.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ledger is all that the ledger says.
func (st *stage) ledger(t *testing.T) *producer.Ledger {
	t.Helper()
	r := st.reader(t)
	defer r.Close()
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

// checkLedger fails unless every window balances, and the ledger counts what is true, and what
// is in Kafka of each window.
func (st *stage) checkLedger(t *testing.T, sum pipeline.Summary, revisions int64) {
	t.Helper()
	windows := st.ledger(t).Windows
	var total conv.Counters
	for w, cp := range windows {
		total = total.Add(cp.Counters)
		if !cp.Counters.Balanced() {
			t.Errorf("window %s does not balance: %+v", w, cp.Counters)
		}
		if cp.State != conv.Settled && cp.State != conv.Narrowed {
			t.Errorf("window %s is %s: %s", w, cp.State, cp.LastError)
		}
	}
	if total != sum.Counters {
		t.Errorf("the ledger counts %+v, the summary %+v", total, sum.Counters)
	}
	if rows := int64(len(st.truth())); total.Published != rows+revisions || total.Revisions != revisions {
		t.Errorf("%+v, want %d rows and %d revisions of them published", total, rows, revisions)
	}
	rows, speech := st.recordsByWindow(t, "rows"), st.recordsByWindow(t, "speech")
	for w, cp := range windows {
		if rows[w] != cp.Counters.Published || speech[w] != cp.Routes["speech"].Published {
			t.Errorf("window %s has published %d rows, %d of them speech, and the ledger counts %+v and %+v", w, rows[w], speech[w], cp.Counters, cp.Routes)
		}
		delete(rows, w)
		delete(speech, w)
	}
	if len(rows)+len(speech) > 0 {
		t.Errorf("rows are of windows that the ledger does not know: %v, %v", rows, speech)
	}
}

// checkCounts fails if Kafka ever seemed to hold more rows than there are: then some were counted
// twice, and others could have been missing without a word.
func (st *stage) checkCounts(t *testing.T) {
	t.Helper()
	st.events(t, "reconcile", func(e *conv.Event) {
		if more, _ := e.Detail["difference"].(float64); more > 0 {
			t.Errorf("window %s: %v", e.Window, e.Detail["finding"])
		}
	})
}

// recordsByWindow counts the records of a topic by the window that they say has brought them.
func (st *stage) recordsByWindow(t *testing.T, topic string) map[conv.Window]int64 {
	t.Helper()
	n := map[conv.Window]int64{}
	st.records(t, topic, func(k *kgo.Record) error {
		n[broughtBy(t, k)]++
		return nil
	})
	return n
}

func broughtBy(t *testing.T, k *kgo.Record) conv.Window {
	t.Helper()
	_, w, err := producer.ParseWindowHeader(producer.Header(k, producer.WindowHeader))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// letters are all dead letters.
func (st *stage) letters(t *testing.T, ledger *producer.Ledger) (letters []conv.Letter) {
	t.Helper()
	r := st.reader(t)
	defer r.Close()
	for l, err := range r.Letters(context.Background(), ledger) {
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

// account is a number of letters, by window and route.
type account struct {
	window conv.Window
	route  string
}

// checkLetters fails unless each row without a key is a dead letter, once under each of the
// windows whose common edge it may lie on, and waits; every other letter is of contracts that were
// too strict, is there once, and is redriven; and the ledger counts both.
func (st *stage) checkLetters(t *testing.T) {
	t.Helper()
	ledger := st.ledger(t)
	keyless, times := map[conv.Digest]bool{}, map[string]int{}
	waiting, redriven := map[account]int64{}, map[account]int64{}
	for _, l := range st.letters(t, ledger) {
		times[fmt.Sprintf("%s %x of %s", l.Route, l.Digest, l.Root)]++
		at := account{l.Window, l.Route}
		if l.Redriven {
			redriven[at]++
		} else {
			waiting[at]++
		}
		if l.Reason == conv.ReasonNoKey {
			keyless[l.Digest] = true
		} else if !st.strict(l.Route) {
			t.Errorf("letter %s of %s: %s %s, and no contract was stricter than the rows", l.ID, l.Window, l.Reason, l.Path)
		}
		if l.Redriven == (l.Reason == conv.ReasonNoKey) {
			t.Errorf("letter %s of %s: %s %s, and that it is redriven is %v", l.ID, l.Window, l.Reason, l.Path, l.Redriven)
		}
	}
	for letter, n := range times {
		if n != 1 {
			t.Errorf("dead letter %s was written %d times", letter, n)
		}
	}
	want := 0
	if st.dialect == genesys.DialectReports && st.platform.Rows > 0 {
		want = st.platform.Faults.Keyless
	}
	if len(keyless) != want {
		t.Errorf("%d rows without a key are dead letters, want %d", len(keyless), want)
	}
	countedWaiting, countedRedriven := map[account]int64{}, map[account]int64{}
	for w, cp := range ledger.Windows {
		speech := cp.Routes["speech"]
		put(countedWaiting, account{w, ""}, cp.Counters.Invalid)
		put(countedWaiting, account{w, "speech"}, speech.Invalid)
		put(countedRedriven, account{w, ""}, cp.Counters.Redriven)
		put(countedRedriven, account{w, "speech"}, speech.Redriven)
	}
	for name, both := range map[string][2]map[account]int64{"wait": {waiting, countedWaiting}, "are redriven": {redriven, countedRedriven}} {
		if diff := cmp.Diff(both[0], both[1], cmp.AllowUnexported(account{})); diff != "" {
			t.Errorf("letters that %s (-topic +ledger):\n%.3000s", name, diff)
		}
	}
}

func put(counted map[account]int64, at account, n int64) {
	if n != 0 {
		counted[at] = n
	}
}

// strict says whether the contract of a route was stricter at some time than the rows are.
func (st *stage) strict(route string) bool {
	at := st.terms[0]
	if route == "" {
		return at.primary != demand{}
	}
	return at.speech != demand{}
}

// checkLineage fails unless every record that says so is of a letter that is redriven, and is
// what that letter says, and no other record of its topic is of the same letter.
func (st *stage) checkLineage(t *testing.T) {
	t.Helper()
	letters := map[string]conv.Letter{}
	for _, l := range st.letters(t, st.ledger(t)) {
		letters[l.ID.String()] = l
	}
	for _, topic := range []string{"rows", "speech"} {
		named := map[string]bool{}
		st.records(t, topic, func(k *kgo.Record) error {
			id := string(producer.Header(k, producer.RedrivenHeader))
			if id == "" {
				return nil
			}
			l, known := letters[id]
			switch {
			case !known || !l.Redriven || topic == "rows" && l.Route != "":
				t.Errorf("a record of %s was redriven from letter %s, of which the ledger says otherwise: %+v", topic, id, l)
			case named[id]:
				t.Errorf("two records of %s were redriven from letter %s", topic, id)
			case !bytes.Equal(k.Key, l.Key) || broughtBy(t, k) != l.Window || !sameRow(t, k, l.Mark):
				t.Errorf("a record of %s is not what its letter %s says", topic, id)
			}
			named[id] = true
			return nil
		})
	}
}

// sameRow says whether a record tells of the row that a letter tells of, as its job saw it. What
// its contract made of it may be another content.
func sameRow(t *testing.T, k *kgo.Record, letter *conv.Mark) bool {
	t.Helper()
	mark, err := conv.ParseMark(producer.Header(k, conv.MarkHeader))
	if err != nil {
		t.Fatal(err)
	}
	mark.Fingerprint = letter.Fingerprint
	return mark == *letter && k.Timestamp.UnixMilli() == letter.Time
}

// problems is what the ledger says of the windows that are not settled.
func (st *stage) problems(t *testing.T) string {
	var b strings.Builder
	for w, cp := range st.ledger(t).Windows {
		if cp.State != conv.Settled {
			fmt.Fprintf(&b, "%s %s attempt %d: %s\n", w, cp.State, cp.Attempt, cp.LastError)
		}
	}
	return b.String()
}
