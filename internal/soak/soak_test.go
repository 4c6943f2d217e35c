package soak

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

var (
	runs  = flag.Int("runs", 300, "how many seeded runs")
	first = flag.Uint64("seed", 1, "the first seed; a failure names its own")
)

func TestR2_TheSameTruthYieldsTheSameRowsWhateverHappens(t *testing.T) {
	n := *runs
	if testing.Short() {
		n = min(n, 20)
	}
	for i := range uint64(n) {
		seed := *first + i
		ok := t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soak(t, draw(seed)) })
		})
		if !ok {
			t.Fatalf("again with: go test ./internal/soak -seed %d -runs 1", seed)
		}
	}
}

func soak(t *testing.T, s scenario) {
	st := open(t, s)
	defer st.close()
	n := 0
	for ; n < len(s.crashes); n++ {
		if _, err := st.process(t, n, &s.crashes[n]); err == nil {
			break // it had done its work before
		}
	}
	// An embedded broker may refuse a batch to a busy machine; whoever runs it starts it again.
	var sum pipeline.Summary
	var err error
	for range 4 {
		if sum, err = st.process(t, n, nil); err == nil && len(sum.Incomplete)+len(sum.Unverified) == 0 {
			break
		}
		n++
	}
	if err != nil || len(sum.Incomplete)+len(sum.Unverified) > 0 {
		t.Fatalf("%s: after %d processes: incomplete %v, unverified %v, %v\n%s", s.dialect, n, sum.Incomplete, sum.Unverified, err, st.problems(t))
	}
	if diff := cmp.Diff(st.truth(), st.published(t)); diff != "" {
		t.Errorf("%s: rows that are not in Kafka once, as they are:\n%.3000s", s.dialect, diff)
	}
	st.checkLedger(t, sum)
	st.checkSpeech(t)
	st.checkDrift(t)
}

// truth lists every row by what tells it apart and what it says, with how often it has to be
// there.
func (st *stage) truth() map[string]int {
	rows := map[string]int{}
	if st.dialect == genesys.DialectJobs {
		for c := range st.sim.Conversations(st.platform.Window) {
			end := "-"
			if c.Ended {
				end = conv.FormatInstant(c.End)
			}
			rows[fmt.Sprintf("%s %s %s %d", c.ID, conv.FormatInstant(c.Start), end, strings.Count(string(c.Body), `"sessionId"`))]++
		}
		return rows
	}
	for r := range st.sim.Truth(st.openEnd()) {
		queue := fmt.Sprint(r.Queue)
		if r.Queue < 0 {
			queue = "-"
		}
		rows[fmt.Sprintf("%s %s %s %s %q %s", r.InteractionID, r.ConversationID, conv.FormatInstant(r.Time), r.Type, r.Segment, queue)]++
	}
	return rows
}

// openEnd is the platform's whole time, but for its last millisecond where the platform leaves
// the end of a query out: that is brought by the window that follows.
func (st *stage) openEnd() conv.Window {
	w := st.platform.Window
	if edges := st.platform.Faults.Edges; edges == "end_out" || edges == "both_out" {
		w.To--
	}
	return w
}

// published lists every record of the row topic in the same words.
func (st *stage) published(t *testing.T) map[string]int {
	t.Helper()
	codec, err := goavro.NewCodec(st.contract.Schema())
	if err != nil {
		t.Fatal(err)
	}
	r := st.reader(t)
	defer r.Close()
	rows := map[string]int{}
	err = r.Records(context.Background(), "rows", nil, func(k *kgo.Record) error {
		native, _, err := codec.NativeFromBinary(k.Value[5:])
		if err != nil {
			return err
		}
		if st.dialect == genesys.DialectJobs {
			rows[conversationWords(native.(map[string]any))]++
		} else {
			rows[rowWords(native.(map[string]any))]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (st *stage) reader(t *testing.T) *producer.Reader {
	t.Helper()
	r, err := producer.NewReader(st.kafka("checker", st.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkLedger fails unless every window balances, and the ledger counts what is true.
func (st *stage) checkLedger(t *testing.T, sum pipeline.Summary) {
	t.Helper()
	r := st.reader(t)
	defer r.Close()
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var total conv.Counters
	for w, cp := range ledger.Windows {
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
	if total.Published != int64(len(st.truth())) || total.Revisions != 0 {
		t.Errorf("%+v, want %d rows published", total, len(st.truth()))
	}
	st.checkDeadLetters(t, r, total.Invalid)
}

// checkDeadLetters fails unless each row without a key is a dead letter, once under each of the
// windows whose common edge it may lie on.
func (st *stage) checkDeadLetters(t *testing.T, r *producer.Reader, counted int64) {
	t.Helper()
	want := 0
	if st.dialect == genesys.DialectReports && st.platform.Rows > 0 {
		want = st.platform.Faults.Keyless
	}
	times := map[string]int{} // by the row's digest and its root window
	rows := map[string]bool{}
	err := r.Records(context.Background(), "dlq", nil, func(k *kgo.Record) error {
		digest, root := string(producer.Header(k, producer.DigestHeader)), producer.Header(k, producer.RootHeader)
		if root == nil {
			root = producer.Header(k, producer.WindowHeader)
		}
		times[digest+" "+string(root)]++
		rows[digest] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != want || int64(len(times)) != counted {
		t.Errorf("%d rows are dead letters, want %d; %d by window, and the ledger counts %d", len(rows), want, len(times), counted)
	}
	for letter, n := range times {
		if n != 1 {
			t.Errorf("dead letter %s was written %d times", letter, n)
		}
	}
}

// problems is what the ledger says of the windows that are not settled.
func (st *stage) problems(t *testing.T) string {
	r := st.reader(t)
	defer r.Close()
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for w, cp := range ledger.Windows {
		if cp.State != conv.Settled {
			fmt.Fprintf(&b, "%s %s attempt %d: %s\n", w, cp.State, cp.Attempt, cp.LastError)
		}
	}
	return b.String()
}
