package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/producer"
)

// redriven is what dlq redrive --json prints.
type redriven struct {
	Letters    int64            `json:"letters"`
	Before     int64            `json:"before"`
	Redriven   int64            `json:"redriven"`
	Superseded int64            `json:"superseded"`
	Filtered   int64            `json:"filtered"`
	Invalid    map[string]int64 `json:"invalid"`
	Impossible map[string]int64 `json:"impossible"`
}

// A tenth of a million rows break their contract. They are dead letters with a reason, and once the contract is mended they
// are redriven, by a process that is killed twice on its way.
func TestRealATenthOfAMillionRowsAreRedrivenUnderAMendedContract(t *testing.T) {
	rows := million(t)
	unfit := rows / 10
	env, dice := withRegistry(t), random(t)
	f := faults()
	f.Invalid = simulator.Invalid{Share: 0.1, Kinds: []simulator.Poison{simulator.Missing}} // their type is missing
	w := newWorldOf(t, env, newPlatform(t, rows, f), settings{speech: true, window: "step: 6h"})
	w.backfill(t, convstream).killWhen(t, w.platform.passing(dice.Int64N(resultBytes(rows))))
	first := w.backfill(t, convstream)
	first.wantExit(t, 0)
	var s summary
	first.answer(t, &s)
	letters := s.Invalid // two windows bring a row on the edge between them, and each has a letter of it
	if s.Published != int64(rows-unfit) || letters < int64(unfit) || letters > int64(unfit)+3 {
		t.Fatalf("the backfill says %+v, want %d rows and %d dead letters", s, rows-unfit, unfit)
	}
	w.wantLettersOf(t, unfit, int(letters))
	w.verify(t, 0)

	w.mendContract(t)
	w.redriveKilled(t, letters/10)
	w.forget(t)
	w.redriveKilled(t, letters/2)
	last := start(t, convstream, w.config, "dlq redrive", "--json")
	last.wantExit(t, 0)
	var r redriven
	last.answer(t, &r)
	t.Logf("the last redrive says %+v", r)
	if r.Letters != letters || r.Before == 0 || r.Redriven == 0 || r.Before+r.Redriven+r.Superseded+r.Filtered != letters {
		t.Errorf("the last redrive says %+v, want all %d letters done with, some of them by those that were killed", r, letters)
	}
	w.wantEachOnce(t, rows, unfit)
	w.wantNoneWaiting(t, letters)
	if got, want := w.verify(t, 0), (audit{Distinct: int64(rows), DeadLetters: letters, Balanced: true}); got != want {
		t.Errorf("verify finds %+v, want %+v", got, want)
	}
	w.reconcile(t, 0)
	again := w.backfill(t, convstream)
	again.wantExit(t, 0)
	again.answer(t, &s)
	if s.Published != int64(rows) || s.Invalid != 0 {
		t.Errorf("afterwards the backfill says %+v, want %d rows and no dead letter that waits", s, rows)
	}
}

// wantLettersOf fails the test unless the letters are of so many rows, and each tells what is wrong with its row.
func (w *world) wantLettersOf(t *testing.T, rows, letters int) {
	t.Helper()
	digests, n := map[string]bool{}, 0
	eachRecord(t, w.env, w.topics.DeadLetters, func(r *kgo.Record) {
		n++
		digests[string(producer.Header(r, producer.DigestHeader))] = true
		reason, path := string(producer.Header(r, producer.ReasonHeader)), string(producer.Header(r, producer.PathHeader))
		if reason != conv.ReasonMissing || path != "interaction.type" {
			t.Fatalf("the letter at offset %d says %q of %q", r.Offset, reason, path)
		}
	})
	if n != letters || len(digests) != rows {
		t.Errorf("%d letters of %d rows, want %d of %d", n, len(digests), letters, rows)
	}
}

// mendContract configures a contract that does without the type, and small batches, so that a redrive has many.
func (w *world) mendContract(t *testing.T) {
	t.Helper()
	p := start(t, convstream, w.config, "schema show")
	p.wantExit(t, 0)
	var contract map[string]any
	if err := json.Unmarshal(p.stdout.Bytes(), &contract); err != nil {
		t.Fatal(err)
	}
	for _, f := range contract["fields"].([]any) {
		if field := f.(map[string]any); field["name"] == "interaction_type" {
			field["type"], field["default"] = []string{"null", "string"}, nil
			delete(field, "required")
		}
	}
	text, err := json.Marshal(contract)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.dir, "mended.avsc")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.settings.more = fmt.Sprintf("contract: {file: %q}\ncommit: {bytes: 64KiB}", file)
	w.config = w.writeConfig(t, "mended.yaml", w.env)
}

// redriveKilled kills a redrive once so many letters are done with, and more are not.
func (w *world) redriveKilled(t *testing.T, at int64) {
	t.Helper()
	p := start(t, convstream, w.config, "dlq redrive", "--take-over")
	done := func(l *producer.Ledger) int64 { return int64(l.Redriven.Len()) }
	l := w.awaitLedger(t, "redriven letters", func(l *producer.Ledger) bool { return done(l) >= at })
	select {
	case <-p.ended:
		t.Fatalf("the redrive ended before it could be killed: %s", p.verdict())
	default:
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	t.Logf("killed with %d letters done with", done(l))
}

// wantEachOnce fails the test unless the row topic holds every fit row of the platform once, and so many unfit ones, once
// each and each of a letter of its own.
func (w *world) wantEachOnce(t *testing.T, rows, unfit int) {
	t.Helper()
	type moment struct { // of a conversation: a few rows may share one
		conversation string
		time         int64
	}
	missing, fit := make(map[moment]int, rows), 0
	for row := range w.platform.Truth(w.span) { // which has fit rows only
		missing[moment{row.ConversationID.String(), row.Time}]++
		fit++
	}
	if fit != rows-unfit {
		t.Fatalf("the platform has %d fit rows, want %d", fit, rows-unfit)
	}
	letters, seen := map[string]bool{}, make(map[conv.Key]bool, rows)
	var strange int
	eachRecord(t, w.env, w.topics.Rows, func(r *kgo.Record) {
		mark, err := conv.ParseMark(producer.Header(r, conv.MarkHeader))
		key := conv.RowKey("acme", r.Key, mark)
		from := string(producer.Header(r, producer.RedrivenHeader))
		if err != nil || seen[key] || letters[from] {
			strange++
		}
		seen[key] = true
		if from != "" {
			letters[from] = true
			return
		}
		at := moment{string(r.Key), r.Timestamp.UnixMilli()}
		if missing[at]--; missing[at] == 0 {
			delete(missing, at)
		}
	})
	if len(missing) != 0 || strange != 0 || len(letters) != unfit || len(seen) != rows {
		t.Errorf("%d moments have too few rows or too many, %d rows are there again, %d of %d were redriven; want %d of %d",
			len(missing), strange, len(letters), len(seen), unfit, rows)
	}
}

// wantNoneWaiting fails the test unless dlq list says that every letter was redriven.
func (w *world) wantNoneWaiting(t *testing.T, letters int64) {
	t.Helper()
	p := start(t, convstream, w.config, "dlq list", "--json", "-n", "1")
	p.wantExit(t, 0)
	var s struct{ Letters, Redriven, Waiting int64 }
	p.answer(t, &s)
	if s.Letters != letters || s.Redriven != letters || s.Waiting != 0 || strings.Count(p.stdout.String(), "\n") != 2 {
		t.Errorf("dlq list sums up %+v, want %d letters, all of them redriven", s, letters)
	}
}
