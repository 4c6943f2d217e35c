package producertest

import (
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"convstream/internal/conv"
	"convstream/producer"
)

// Run tests the promises against a broker.
func Run(t *testing.T, b Broker) {
	tests := map[string]func(*testing.T, Broker){
		"RowsAndCheckpointAreCommittedTogether":               rowsAndCheckpoint,
		"ARowCarriesItsMarkItsWindowAndItsEventTime":          rowHeaders,
		"HistoryIsReadBackFromTheRowTopic":                    historyReadBack,
		"RangesAreMergedOverBatchesAndKeptOverAttempts":       rangesMerged,
		"ASecondRunIsTurnedAwayWhileTheFirstLives":            secondTurnedAway,
		"AReleasedPipelineIsFreeAtOnce":                       released,
		"ATakeOverFencesTheFirstWhichDoesNotFightBack":        takeOver,
		"AZombieThatWakesAfterATakeOverPublishesNothing":      zombie,
		"AnOwnerThatWasFencedWithoutAClaimTakesItsPlace":      fencedByNobody,
		"AnOversizeDeadLetterIsPackedOrCut":                   oversizeDead,
		"TheSameDeadLetterIsRememberedUnderItsRootWindow":     deadHistory,
		"ARecreatedTopicIsRefused":                            recreatedTopic,
		"ATopicThatWouldForgetWindowsIsRefused":               ledgerNotCompacted,
		"ARowTopicThatIsCompactedIsRefusedWhereRowsShareKeys": compactedRows,
		"ARowTopicThatWouldDeleteOldRowsIsRefused":            shortRetention,
		"RecordsOfADerivedRouteAreCommittedWithTheirRows":     derivedRecords,
		"TheLimitsOfADerivedTopicAreItsOwn":                   routeLimits,
		"ADerivedTopicThatWouldLoseRowsIsRefused":             routeTopicMisfits,
		"DeadLettersAreReadBackAsTheyWereWritten":             lettersReadBack,
		"RedrivenLettersAreKnownToTheNextRun":                 redrivenKnown,
		"AMissingTopicIsNamedWhenItMayNotBeCreated":           missingTopic,
		"ARehearsalCreatesNoTopic":                            rehearsal,
	}
	for _, name := range sortedKeys(tests) {
		t.Run(name, func(t *testing.T) { tests[name](t, b) })
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func mustCommit(t testing.TB, p *producer.Producer, b *conv.Batch) {
	t.Helper()
	if err := p.Commit(t.Context(), b); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func rowsAndCheckpoint(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	first, second := batch(0, 10), batch(10, 25)
	mustCommit(t, p, first)
	mustCommit(t, p, second)
	p.Close()

	cfg.Run = "second"
	q := open(t, cfg)
	windows, err := q.Claim(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second.Checkpoint, windows[day]); diff != "" {
		t.Errorf("the ledger differs from what was committed (-committed +read):\n%s", diff)
	}
	if got := windows[day]; got.Run != "first" || got.Seq != first.Checkpoint.Seq+1 {
		t.Errorf("checkpoint of run %q seq %d, want run first, seq %d", got.Run, got.Seq, first.Checkpoint.Seq+1)
	}
	wantRows(t, cfg, 25)
	events := committed(t, cfg, cfg.Topics.Events)
	if n := len(events); n != 2 {
		t.Errorf("%d events, want a checkpoint event for each of 2 commits", n)
	}
}

func rowHeaders(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 1))
	r := committed(t, cfg, cfg.Topics.Rows)[0]
	mark, err := conv.ParseMark(producer.Header(r, conv.MarkHeader))
	if err != nil {
		t.Fatal(err)
	}
	want := conv.Mark{Identity: 1, Fingerprint: conv.Hash64([]byte("value of row-00000")), Time: day.From, Observation: 7}
	if mark != want {
		t.Errorf("mark %+v, want %+v", mark, want)
	}
	if got := r.Timestamp.UnixMilli(); got != day.From {
		t.Errorf("record timestamp %d, want the event time %d", got, day.From)
	}
	owner, w, err := producer.ParseWindowHeader(producer.Header(r, producer.WindowHeader))
	if err != nil || owner != cfg.Pipeline+"/acme" || w != day {
		t.Errorf("window header: owner %q window %s error %v", owner, w, err)
	}
}

func historyReadBack(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	first, second := batch(0, 40), batch(40, 50)
	mustCommit(t, p, first)
	mustCommit(t, p, second)
	seen := map[conv.Key]conv.Stored{}
	for s, err := range p.History(t.Context(), second.Checkpoint.Ranges) {
		if err != nil {
			t.Fatal(err)
		}
		seen[s.Key] = s
	}
	if len(seen) != 50 {
		t.Fatalf("history holds %d rows, want 50", len(seen))
	}
	rec := &second.Records[3]
	want := conv.Stored{
		Key: conv.RowKey("acme", second.Key(rec), rec.Mark), Time: rec.Time, Fingerprint: rec.Mark.Fingerprint, Observation: 7,
		Conversation: second.Key(rec),
	}
	if got := seen[want.Key]; !reflect.DeepEqual(got, want) {
		t.Errorf("history has %+v, want %+v", got, want)
	}
}

func rangesMerged(t *testing.T, b Broker) {
	cfg := b.config(t)
	cfg.Partitions = 1
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	mustCommit(t, p, batch(5, 8))
	again := batch(8, 10)
	again.Checkpoint.Attempt = 2
	mustCommit(t, p, again)

	records := committed(t, cfg, cfg.Topics.Rows)
	want := []conv.Range{
		{Topic: cfg.Topics.Rows, Attempt: 1, First: records[0].Offset, Last: records[7].Offset},
		{Topic: cfg.Topics.Rows, Attempt: 2, First: records[8].Offset, Last: records[9].Offset},
	}
	if diff := cmp.Diff(want, again.Checkpoint.Ranges); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

func oversizeDead(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	soft := []byte(strings.Repeat("a row that packs well ", 100_000))
	hard := noise(3 << 20)
	bt := batch(0, 1)
	bt.AddDead(conv.DeadLetter{Raw: soft, Length: int64(len(soft)), Digest: conv.Digest{1}, Reason: conv.ReasonTooLarge})
	bt.AddDead(conv.DeadLetter{Raw: hard, Length: int64(len(hard)), Digest: conv.Digest{2}, Reason: conv.ReasonTooLarge})
	mustCommit(t, p, bt)
	dead := committed(t, cfg, cfg.Topics.DeadLetters)
	if len(dead) != 2 {
		t.Fatalf("%d dead letters, want 2", len(dead))
	}
	if got := string(producer.Header(dead[0], producer.EncodingHeader)); got != "gzip" {
		t.Errorf("a row that packs well has encoding %q, want gzip", got)
	}
	if got := string(producer.Header(dead[1], producer.EncodingHeader)); got != "head" {
		t.Errorf("a row that does not pack has encoding %q, want head", got)
	}
	if got := string(producer.Header(dead[1], producer.LengthHeader)); got != "3145728" {
		t.Errorf("length header %q, want 3145728", got)
	}
	if !strings.HasPrefix(string(hard), string(dead[1].Value)) || len(dead[1].Value) == 0 {
		t.Error("the cut dead letter is not the row's head")
	}
}

// noise returns bytes that no compression makes smaller.
func noise(n int) []byte {
	b, x := make([]byte, n), uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

func deadHistory(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	bt := batch(0, 2)
	keyless, keyed := conv.Digest{0xab, 31: 0xcd}, conv.Digest{0xef}
	mark := conv.Mark{Identity: 1, Fingerprint: 2, Time: day.From + 5, Observation: 3}
	bt.AddDead(conv.DeadLetter{Raw: []byte(`{}`), Length: 2, Digest: keyless, Reason: conv.ReasonNoKey})
	bt.AddDead(conv.DeadLetter{Key: []byte("c-7"), Raw: []byte(`{"a":1}`), Length: 7, Digest: keyed, Reason: conv.ReasonMissing, Mark: &mark})
	mustCommit(t, p, bt)
	want := []conv.Stored{
		{Key: conv.DeadKey("acme", day, keyless), Time: day.From, Dead: true},
		{Key: conv.DeadKey("acme", day, keyed), Time: day.From, Dead: true, Conversation: []byte("c-7"), Letter: &mark},
	}
	for name, read := range map[string]iter.Seq2[conv.Stored, error]{
		"the history":  p.History(t.Context(), bt.Checkpoint.Ranges),
		"dead letters": p.Dead(t.Context(), bt.Checkpoint.Ranges),
	} {
		var dead []conv.Stored
		rows := 0
		for s, err := range read {
			switch {
			case err != nil:
				t.Fatal(err)
			case s.Dead:
				dead = append(dead, s)
			default:
				rows++
			}
		}
		if diff := cmp.Diff(want, dead); diff != "" {
			t.Errorf("dead letters in %s (-want +got):\n%s", name, diff)
		}
		if wantRows := map[string]int{"the history": 2}[name]; rows != wantRows {
			t.Errorf("%d rows in %s, want %d", rows, name, wantRows)
		}
	}
}

func recreatedTopic(t *testing.T, b Broker) {
	for name, pick := range map[string]func(producer.Topics) string{
		"rows":   func(t producer.Topics) string { return t.Rows },
		"ledger": func(t producer.Topics) string { return t.Checkpoints },
		"route":  func(t producer.Topics) string { return t.Routes[0].Topic },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := routed(b.config(t))
			p := claimed(t, cfg)
			mustCommit(t, p, batch(0, 3))
			if err := p.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			adm, topic := admin(t, cfg), pick(cfg.Topics)
			if _, err := adm.DeleteTopics(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			untilGone(t, adm, topic)
			cfg.Run = "second"
			q := open(t, cfg)
			_, err := q.Claim(t.Context(), true)
			var mismatch *producer.MismatchError
			if !errors.As(err, &mismatch) || mismatch.What != topic {
				t.Fatalf("claim over a recreated topic: %v, want a MismatchError that names it", err)
			}
		})
	}
}

// untilGone waits until a deleted topic is no longer listed.
func untilGone(t testing.TB, adm *kadm.Client, topic string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := adm.ListTopics(t.Context())
		if err == nil && !d.Has(topic) {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the topic is still there")
		}
	}
}

func createTopic(t testing.TB, cfg producer.Config, topic string, configs map[string]string) {
	t.Helper()
	set := map[string]*string{}
	for k, v := range configs {
		set[k] = &v
	}
	if _, err := admin(t, cfg).CreateTopic(t.Context(), 1, 1, set, topic); err != nil {
		t.Fatal(err)
	}
}

func wantOpenError(t *testing.T, cfg producer.Config, parts ...string) {
	t.Helper()
	p, err := producer.Open(t.Context(), cfg)
	if err == nil {
		p.Close()
		t.Fatal("opened, want an error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %q", err, part)
		}
	}
}

func ledgerNotCompacted(t *testing.T, b Broker) {
	cfg := b.config(t)
	createTopic(t, cfg, cfg.Topics.Checkpoints, map[string]string{"cleanup.policy": "delete"})
	wantOpenError(t, cfg, cfg.Topics.Checkpoints, "cleanup.policy", "compact")
}

func compactedRows(t *testing.T, b Broker) {
	cfg := b.config(t)
	cfg.KeyIsNotUnique = true
	createTopic(t, cfg, cfg.Topics.Rows, map[string]string{"cleanup.policy": "compact"})
	wantOpenError(t, cfg, cfg.Topics.Rows, "compacted", "cleanup.policy=delete")
}

func shortRetention(t *testing.T, b Broker) {
	cfg := b.config(t)
	createTopic(t, cfg, cfg.Topics.Rows, map[string]string{"retention.ms": "604800000"})
	p := open(t, cfg)
	err := p.CheckRetention(t.Context(), day.From)
	if err == nil || !strings.Contains(err.Error(), "record_timestamp: ingest") {
		t.Errorf("retention of a week for rows of 2024: %v, want the remedy", err)
	}
	cfg.IngestTime = true
	if err := open(t, cfg).CheckRetention(t.Context(), day.From); err != nil {
		t.Errorf("with ingest timestamps: %v, want none", err)
	}
}

func missingTopic(t *testing.T, b Broker) {
	cfg := b.config(t)
	cfg.CreateTopics = false
	wantOpenError(t, cfg, "does not exist", "create_topics")
	cfg.Rehearsal = true
	wantOpenError(t, cfg, "does not exist", "create_topics")
}

func rehearsal(t *testing.T, b Broker) {
	cfg := b.config(t)
	createTopic(t, cfg, cfg.Topics.Rows, map[string]string{"max.message.bytes": "4000000", "message.timestamp.after.max.ms": "60000"})
	cfg.Topics.Routes = []producer.RouteTopic{{Name: "derived", Topic: cfg.Pipeline + ".derived"}}
	cfg.Rehearsal = true
	for range 2 {
		p := open(t, cfg)
		primary, derived := p.Limits(""), p.Limits("derived")
		if primary.After != 60_000 || derived.After != 3_600_000 || derived.MaxBytes != primary.MaxBytes || derived.MaxBytes > 1<<20 || derived.MaxBytes < 1_000_000 {
			t.Errorf("limits %+v, and of a topic that is not there %+v", primary, derived)
		}
	}
	cfg.CreateTopics = false
	wantOpenError(t, cfg, cfg.Topics.DeadLetters, "does not exist") // no topic was made before
}
