package app

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/producer"
)

var (
	monday  = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01
	tuesday = conv.Window{From: monday.To, To: monday.To + 86_400_000}
)

// contents by name, as fingerprints.
const (
	contentA uint64 = 0xA
	contentB uint64 = 0xB
	contentC uint64 = 0xC
)

// topic writes records by hand, the way the producer does.
type topic struct {
	t       *testing.T
	audit   *audit
	offsets int64
}

// newTopic audits monday and tuesday against a ledger that counts so many rows and dead
// letters of monday.
func newTopic(t *testing.T, published, invalid int64) *topic {
	t.Helper()
	cfg := config.Config{Pipeline: "p", Source: config.Source{Org: "acme"}}
	ledger := map[conv.Window]conv.Checkpoint{monday: {
		Window: monday, State: conv.Reconciled,
		Counters: conv.Counters{Fetched: published + invalid, Published: published, Invalid: invalid},
	}}
	return &topic{t: t, audit: newAudit(cfg, monday, ledger)}
}

// record is a row of a conversation as an observation, a job's submit time, found it.
func (p *topic) record(owner string, w conv.Window, conversation string, fingerprint uint64, observation uint32) *kgo.Record {
	mark := conv.Mark{Identity: 1, Fingerprint: fingerprint, Time: w.From + 5, Observation: observation}
	p.offsets++
	return &kgo.Record{
		Key: []byte(conversation), Offset: p.offsets, Partition: 2,
		Headers: []kgo.RecordHeader{
			{Key: conv.MarkHeader, Value: mark.Append(nil)},
			{Key: producer.WindowHeader, Value: []byte(owner + "/" + w.String())},
		},
	}
}

func (p *topic) take(r *kgo.Record) {
	p.t.Helper()
	if err := p.audit.row(r); err != nil {
		p.t.Fatal(err)
	}
}

// row adds a row of monday.
func (p *topic) row(conversation string, fingerprint uint64, observation uint32) {
	p.t.Helper()
	p.take(p.record("p/acme", monday, conversation, fingerprint, observation))
}

func (p *topic) deadLetter(owner string) {
	p.t.Helper()
	r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: producer.WindowHeader, Value: []byte(owner + "/" + monday.String())}}}
	if err := p.audit.deadLetter(r); err != nil {
		p.t.Fatal(err)
	}
}

// findings are the counts of a report.
type findings struct{ Distinct, Missing, Doubled, Foreign, DeadLetters int64 }

// finds ends the partition and wants a report of these counts, and the verdict's exit code.
func (p *topic) finds(want findings, code int) auditReport {
	p.t.Helper()
	p.audit.endPartition()
	r := p.audit.report(p.audit.ledger)
	if diff := cmp.Diff(want, findings{r.Distinct, r.Missing, r.Doubled, r.Foreign, r.DeadLetters}); diff != "" {
		p.t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got := exitCode(r.verdict()); got != code {
		p.t.Errorf("the verdict exits %d, want %d: %v", got, code, r.verdict())
	}
	return r
}

func TestATopicThatIsWhatTheLedgerSaysPasses(t *testing.T) {
	p := newTopic(t, 2, 1)
	p.row("a", contentA, 1)
	p.row("b", contentA, 1)
	p.deadLetter("p/acme")
	r := p.finds(findings{Distinct: 2, DeadLetters: 1}, ExitDone)
	if r.Windows != 1 || !r.Balanced || len(r.Off) > 0 || len(r.Incomplete) > 0 {
		t.Errorf("the report is %+v", r)
	}
}

func TestTheSameContentOfTheSameObservationIsADouble(t *testing.T) {
	p := newTopic(t, 2, 0)
	p.row("a", contentA, 1)
	p.row("a", contentA, 1)
	r := p.finds(findings{Distinct: 1, Doubled: 1}, ExitFailed)
	want := []double{{Conversation: "a", Time: "2024-01-01T00:00:00.005Z", Partition: 2, First: 1, Second: 2}}
	if diff := cmp.Diff(want, r.Doubles); diff != "" {
		t.Errorf("doubles (-want +got):\n%s", diff)
	}
}

func TestTheSameContentOfALaterObservationIsADouble(t *testing.T) {
	p := newTopic(t, 2, 0)
	p.row("a", contentA, 1)
	p.row("a", contentA, 2)
	p.finds(findings{Distinct: 1, Doubled: 1}, ExitFailed)
}

func TestContentOfAnOlderObservationIsADouble(t *testing.T) {
	p := newTopic(t, 2, 0)
	p.row("a", contentB, 2)
	p.row("a", contentA, 1) // it would put an old snapshot over the newer one
	p.finds(findings{Distinct: 1, Doubled: 1}, ExitFailed)
}

func TestR99_RevisionsThereAndBackAreNoDoubles(t *testing.T) {
	p := newTopic(t, 3, 0)
	p.row("a", contentA, 1)
	p.row("a", contentB, 2)
	p.row("a", contentA, 3)
	p.finds(findings{Distinct: 1}, ExitDone)
}

func TestSeveralContentsOfOneObservationAreNoDoubles(t *testing.T) {
	p := newTopic(t, 3, 0)
	p.row("a", contentA, 1)
	p.row("a", contentB, 1)
	p.row("a", contentC, 1)
	p.finds(findings{Distinct: 1}, ExitDone)
}

func TestEachOfSeveralContentsAgainIsADouble(t *testing.T) {
	p := newTopic(t, 7, 0)
	for range 2 {
		for _, content := range []uint64{contentA, contentB, contentC} {
			p.row("a", content, 1)
		}
	}
	p.row("a", contentB, 2) // a later job finds it unchanged
	p.finds(findings{Distinct: 1, Doubled: 4}, ExitFailed)
}

func TestRowsOfAllPartitionsAreCounted(t *testing.T) {
	p := newTopic(t, 3, 0)
	p.row("a", contentA, 1)
	p.row("b", contentA, 1)
	p.audit.endPartition()
	p.row("c", contentA, 1)
	p.finds(findings{Distinct: 3}, ExitDone)
}

func TestContentsOfAnObservationEndWithTheNext(t *testing.T) {
	p := newTopic(t, 4, 0)
	p.row("a", contentA, 1)
	p.row("a", contentB, 1)
	p.row("a", contentC, 2)
	p.row("a", contentB, 3) // again, after it was another: a revision
	p.finds(findings{Distinct: 1}, ExitDone)
}

func TestRowsThatDifferInIdentityOrConversationAreNoDoubles(t *testing.T) {
	p := newTopic(t, 3, 0)
	p.row("a", contentA, 1)
	p.row("b", contentA, 1)
	other := conv.Mark{Identity: 2, Fingerprint: contentA, Time: monday.From + 5, Observation: 1}
	r := p.record("p/acme", monday, "a", contentA, 1)
	r.Headers[0].Value = other.Append(nil)
	p.take(r)
	p.finds(findings{Distinct: 3}, ExitDone)
}

func TestARowThatTheTopicLacksIsMissing(t *testing.T) {
	p := newTopic(t, 3, 0)
	p.row("a", contentA, 1)
	r := p.finds(findings{Distinct: 1, Missing: 2}, ExitFailed)
	want := []offWindow{{Window: monday, Published: 3, Rows: 1}}
	if diff := cmp.Diff(want, r.Off); diff != "" {
		t.Errorf("windows off their count (-want +got):\n%s", diff)
	}
}

func TestARowThatTheLedgerDoesNotCountIsFound(t *testing.T) {
	p := newTopic(t, 1, 0)
	p.row("a", contentA, 1)
	p.row("b", contentA, 1)
	if r := p.finds(findings{Distinct: 2}, ExitFailed); len(r.Off) != 1 {
		t.Errorf("windows off their count: %+v", r.Off)
	}
}

func TestADeadLetterTooFewOrTooManyIsFound(t *testing.T) {
	for _, n := range []int{0, 2} {
		p := newTopic(t, 0, 1)
		for range n {
			p.deadLetter("p/acme")
		}
		p.deadLetter("q/acme")
		p.finds(findings{DeadLetters: int64(n)}, ExitFailed)
	}
}

func TestRecordsThatNoWindowHasWrittenAreForeign(t *testing.T) {
	for name, spoil := range map[string]func(*kgo.Record){
		"without headers": func(r *kgo.Record) { r.Headers = nil },
		"without a mark":  func(r *kgo.Record) { r.Headers = r.Headers[1:] },
		"a broken mark":   func(r *kgo.Record) { r.Headers[0].Value = []byte("mark") },
		"without a window": func(r *kgo.Record) {
			r.Headers = r.Headers[:1]
		},
		"a broken window":    func(r *kgo.Record) { r.Headers[1].Value = []byte("p/acme/yesterday") },
		"of no known window": func(r *kgo.Record) { r.Headers[1].Value = []byte("p/acme/" + tuesday.String()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newTopic(t, 0, 0)
			r := p.record("p/acme", monday, "a", contentA, 1)
			spoil(r)
			p.take(r)
			p.finds(findings{Foreign: 1}, ExitFailed)
		})
	}
}

func TestRowsOfOtherPipelinesPass(t *testing.T) {
	p := newTopic(t, 1, 0)
	p.row("a", contentA, 1)
	for _, owner := range []string{"q/acme", "p/other", "pp/acme"} {
		p.take(p.record(owner, monday, "a", contentA, 1))
		p.take(p.record(owner, tuesday, "a", contentA, 1))
		p.deadLetter(owner)
	}
	p.finds(findings{Distinct: 1}, ExitDone)
}

func TestARowOfTheIntervalIsADoubleWhicheverWindowBroughtIt(t *testing.T) {
	p := newTopic(t, 1, 0)
	p.audit.ledger[tuesday] = conv.Checkpoint{Window: tuesday, State: conv.Reconciled, Counters: conv.Counters{Fetched: 1, Published: 1}}
	p.row("a", contentA, 1)
	edge := p.record("p/acme", monday, "a", contentA, 1)
	edge.Headers[1].Value = []byte("p/acme/" + tuesday.String())
	p.take(edge)
	p.finds(findings{Distinct: 1, Doubled: 1}, ExitFailed)
}

func TestCountersThatDoNotBalanceAreFound(t *testing.T) {
	p := newTopic(t, 0, 0)
	p.audit.ledger[monday] = conv.Checkpoint{Window: monday, State: conv.Reconciled, Counters: conv.Counters{Fetched: 1}}
	if r := p.finds(findings{}, ExitFailed); r.Balanced {
		t.Errorf("the report is %+v", r)
	}
}

func TestR92_WindowsThatAreNotWholeExit3(t *testing.T) {
	for _, state := range []conv.State{conv.Planned, conv.Submitted, conv.Paging, conv.Incomplete} {
		p := newTopic(t, 0, 0)
		p.audit.ledger[monday] = conv.Checkpoint{Window: monday, State: state}
		if r := p.finds(findings{}, ExitIncomplete); len(r.Incomplete) != 1 {
			t.Errorf("%s: incomplete are %v", state, r.Incomplete)
		}
	}
	p := newTopic(t, 0, 0)
	p.audit.interval = conv.Window{From: monday.From, To: tuesday.To}
	if r := p.finds(findings{}, ExitIncomplete); len(r.Incomplete) != 1 || r.Incomplete[0] != tuesday {
		t.Errorf("incomplete are %v, want the day that the ledger does not know", r.Incomplete)
	}
}

func TestAReportNamesTheFirstDoublesAndCountsThemAll(t *testing.T) {
	p := newTopic(t, 50, 0)
	for range 50 {
		p.row("a", contentA, 1)
	}
	r := p.finds(findings{Distinct: 1, Doubled: 49}, ExitFailed)
	var text strings.Builder
	printAudit(&text, r)
	if got := strings.Count(text.String(), "doubled: conversation a"); got != shownDoubles {
		t.Errorf("it names %d doubles, want %d", got, shownDoubles)
	}
	if line, err := json.Marshal(r); err != nil || !strings.Contains(string(line), `"first_offset":1,"second_offset":2`) {
		t.Errorf("%v: the object is %s", err, line)
	}
}

func TestAnOpenWindowThatOthersHaveCoveredIsNoGap(t *testing.T) {
	p := newTopic(t, 0, 0)
	noon := monday.From + 12*3_600_000
	ledger := map[conv.Window]conv.Checkpoint{
		monday:                        {Window: monday, State: conv.Paging},
		{From: monday.From, To: noon}: {State: conv.Reconciled},
		{From: noon, To: monday.To}:   {State: conv.Reconciled},
	}
	p.audit.ledger = ledger
	if r := p.audit.report(ledger); len(r.Incomplete) != 0 {
		t.Errorf("incomplete: %v, want none", r.Incomplete)
	}
	delete(ledger, conv.Window{From: noon, To: monday.To})
	if r := p.audit.report(ledger); len(r.Incomplete) != 1 {
		t.Errorf("incomplete: %v, want the open window: half of it is covered", r.Incomplete)
	}
}

// A run that lives while verify reads is no reason for an alarm.
func TestAWindowThatIsBeingWrittenIsNotJudged(t *testing.T) {
	p := newTopic(t, 1, 0)
	p.take(p.record("p/acme", monday, "c", contentA, 1))
	p.take(p.record("p/acme", monday, "d", contentA, 1))
	p.take(p.record("p/acme", tuesday, "e", contentA, 1))
	after := map[conv.Window]conv.Checkpoint{monday: {Window: monday, Seq: 9}, tuesday: {Window: tuesday, Seq: 10}}
	p.audit.endPartition()
	if r := p.audit.report(after); r.Foreign != 0 || len(r.Off) != 0 || len(r.Incomplete) != 1 {
		t.Errorf("%+v, want nothing but an incomplete window", r)
	}
}
