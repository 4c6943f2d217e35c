package e2e

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/producer"
	"convstream/testcontainers"
)

func TestRealPoisonRowsBecomeOneDeadLetterEachAndTheRestFlows(t *testing.T) {
	const rows = 20_000
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	f := faults()
	f.PageRows, f.Oversize, f.Future, f.Keyless = 100, 2, 3, 4 // pages so short that some end with poison
	w := newWorld(t, env, newPlatform(t, rows, f))
	w.backfill(t, convstream).killWhen(t, w.platform.passing(resultBytes(rows)/2)) // and some are read again
	last := w.backfill(t, convstream)
	last.wantExit(t, 0)
	var s summary
	last.answer(t, &s)
	if s.Published != rows || s.Invalid != 9 {
		t.Errorf("the backfill says %+v, want %d rows and 9 dead letters", s, rows)
	}
	if got, want := w.verify(t, 0), (audit{Distinct: rows, DeadLetters: 9, Balanced: true}); got != want {
		t.Errorf("verify finds %+v, want %+v", got, want)
	}
	w.wantDeadLetters(t, map[string]int{conv.ReasonTooLarge: 2, conv.ReasonTimestamp: 3, conv.ReasonNoKey: 4})
}

// wantDeadLetters fails the test unless the dead-letter topic holds so many of each reason, each of another row and with
// where it came from.
func (w *world) wantDeadLetters(t *testing.T, want map[string]int) {
	t.Helper()
	got, digests := map[string]int{}, map[string]bool{}
	for _, r := range w.env.Committed(t, w.topics.DeadLetters) {
		got[string(producer.Header(r, producer.ReasonHeader))]++
		digests[string(producer.Header(r, producer.DigestHeader))] = true
		for _, header := range []string{
			producer.PathHeader, producer.ExpectedHeader, producer.FoundHeader, producer.WindowHeader, producer.JobHeader,
			producer.PageHeader, producer.RowHeader, producer.LengthHeader,
		} {
			if len(producer.Header(r, header)) == 0 {
				t.Errorf("dead letter at offset %d lacks header %s", r.Offset, header)
			}
		}
	}
	sum := 0
	for _, n := range want {
		sum += n
	}
	if !maps.Equal(got, want) || len(digests) != sum {
		t.Errorf("dead letters by reason: %v of %d rows, want %v", got, len(digests), want)
	}
}

// The topic shrinks what it takes behind convstream's back: no row is at fault, and trying on would never end.
func TestRealAPermanentRefusalEndsTheRunWithOneSentence(t *testing.T) {
	const rows = 100_000
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	w := newWorld(t, env, newPlatform(t, rows, simulator.Faults{PageRows: 1000}))
	held, release := w.platform.holding(t, resultBytes(rows)/2)
	p := w.backfill(t, convstream)
	p.reach(t, held)
	w.awaitLedger(t, "rows", func(l *producer.Ledger) bool { return published(l) > 0 })
	w.alter(t, w.topics.Rows, "max.message.bytes", "100")
	release()
	p.wantExit(t, 1)
	p.wantVerdict(t, w.topics.Rows, "MESSAGE_TOO_LARGE")
	if n := p.recoveries(); n != 1 {
		t.Errorf("the ledger was asked %d times; the same checkpoint refused twice ends the run, so once is enough", n)
	}
}

// alter changes a topic's configuration.
func (w *world) alter(t *testing.T, topic, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	altered, err := kadm.NewClient(w.env.Client(t)).AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	if err != nil || altered[0].Err != nil {
		t.Fatalf("alter %s: %v, %+v", topic, err, altered)
	}
}
