package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convstream/internal/simulator"
)

// redriven is what dlq redrive --json prints.
type redriven struct {
	Letters, Before, Redriven, Superseded int64
	Invalid, Impossible                   map[string]int64
	DryRun                                bool `json:"dry_run"`
}

// letterLine is what dlq list --json prints of a letter, and its last line.
type letterLine struct {
	Letter   string
	Window   string
	Route    string
	Reason   string
	Path     string
	Redriven any // of a letter whether, of the summary how many
	Value    *string

	Letters, Waiting int64
	Reasons          []struct {
		Route, Reason              string
		Letters, Redriven, Waiting int64
	}
}

// unfitWorld has a platform of which a tenth of the rows break convstream's own contract: they have no type.
func unfitWorld(t *testing.T, rows int) *world {
	return newWorld(t, scene{Platform: simulator.Config{Rows: rows, Faults: simulator.Faults{
		PageRows: 90, Invalid: simulator.Invalid{Share: 0.1, Kinds: []simulator.Poison{simulator.Missing}},
	}}})
}

// mend configures a contract that does without the type.
func (w *world) mend() {
	w.t.Helper()
	own := w.run(nil, "schema", "show").must(w.t, 0).stdout
	var contract map[string]any
	if err := json.Unmarshal([]byte(own), &contract); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range contract["fields"].([]any) {
		if field := f.(map[string]any); field["name"] == "interaction_type" {
			field["type"], field["default"] = []string{"null", "string"}, nil
			delete(field, "required")
		}
	}
	mended, err := json.Marshal(contract)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(filepath.Join(w.dir, "mended.avsc"), string(mended))
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(w.config, string(text)+"contract: {file: mended.avsc}\n")
}

func (w *world) redrive(code int, args ...string) (r redriven) {
	w.t.Helper()
	said := w.run(nil, append([]string{"dlq", "redrive", "--json"}, args...)...).must(w.t, code)
	if err := json.Unmarshal([]byte(said.stdout), &r); err != nil {
		w.t.Fatalf("%v: %s", err, said.stdout)
	}
	return r
}

func (w *world) letters(args ...string) (letters []letterLine, summary letterLine) {
	w.t.Helper()
	for line := range strings.Lines(w.run(nil, append([]string{"dlq", "list", "--json"}, args...)...).must(w.t, 0).stdout) {
		var l letterLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			w.t.Fatal(err)
		}
		letters = append(letters, l)
	}
	last := len(letters) - 1
	return letters[:last], letters[last]
}

func TestR71_DeadLettersAreRedrivenOnceTheirContractIsMended(t *testing.T) {
	t.Parallel()
	const rows, unfit = 2000, 200
	w := unfitWorld(t, rows)
	before := w.backfill("--json").must(t, 0).figures(t)
	n := before.Invalid // two windows bring a row on the edge between them, and each has a letter of it
	if before.Published != rows-unfit || n < unfit || n > unfit+3 {
		t.Fatalf("the figures are %+v", before)
	}

	letters, summary := w.letters()
	if int64(len(letters)) != n || summary.Letters != n || summary.Waiting != n || len(summary.Reasons) != 1 || summary.Reasons[0].Reason != "missing_field" {
		t.Errorf("dlq list prints %d letters, and sums them up as %+v", len(letters), summary)
	}
	if l := letters[0]; l.Path != "interaction.type" || l.Route != "conversations" || l.Redriven != false || l.Value != nil {
		t.Errorf("the first letter is %+v", l)
	}

	// Under the contract that refused them all of them stay.
	if r := w.redrive(3); r.Letters != n || r.Redriven+r.Superseded != 0 || r.Invalid["missing_field"] != n {
		t.Errorf("without a mended contract: %+v", r)
	}
	w.mend()
	if r := w.redrive(0, "--dry-run"); r.Redriven != unfit || r.Redriven+r.Superseded != n || !r.DryRun {
		t.Errorf("the dry run says %+v", r)
	}
	if _, summary := w.letters(); summary.Waiting != n {
		t.Errorf("after a dry run %+v", summary)
	}
	fifty := w.redrive(0, "--limit", "50")
	if fifty.Letters != 50 || fifty.Redriven+fifty.Superseded != 50 {
		t.Errorf("of fifty: %+v", fifty)
	}
	window := letters[n-1].Window
	var inWindow int64
	for _, l := range letters {
		if l.Window == window {
			inWindow++
		}
	}
	one := w.redrive(0, "--window", window)
	if one.Letters != inWindow || one.Before+one.Redriven+one.Superseded != inWindow || one.Redriven == 0 {
		t.Errorf("of window %s, which has %d letters: %+v", window, inWindow, one)
	}
	rest := w.redrive(0)
	if rest.Letters != n || rest.Before != 50+inWindow-one.Before || fifty.Redriven+one.Redriven+rest.Redriven != unfit {
		t.Errorf("of the rest: %+v, after %+v and %+v", rest, fifty, one)
	}
	if r := w.redrive(0); r.Before != n || r.Redriven+r.Superseded != 0 {
		t.Errorf("once more: %+v", r)
	}

	after := w.backfill("--json").must(t, 0).figures(t)
	if after.Published != rows || after.Invalid != 0 || after.Fetched != before.Fetched || after.Fetched != after.Published+after.Duplicates {
		t.Errorf("the figures are %+v, before the redrive %+v", after, before)
	}
	if _, summary := w.letters(); summary.Letters != n || summary.Waiting != 0 {
		t.Errorf("afterwards %+v", summary)
	}
	if said := w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0).stdout; !strings.Contains(said, fmt.Sprintf("%d dead letters, 0 waiting;", n)) {
		t.Errorf("verify says %s", said)
	}
	for _, command := range []string{"verify", "reconcile"} {
		said := w.run(nil, append([]string{command, "--json"}, interval...)...).must(t, 0)
		if command == "verify" && !strings.Contains(said.stdout, fmt.Sprintf(`"distinct":%d,"missing":0,"doubled":0,"foreign":0,"dead_letters":%d,"balanced":true`, rows, n)) {
			t.Errorf("verify says %s", said.stdout)
		}
	}
}

func TestR71_ADryRunTakesATopicThatTheRedriveWouldMakeForThere(t *testing.T) {
	t.Parallel()
	w := unfitWorld(t, 200)
	w.backfill().must(t, 0)
	w.mend()
	w.write(filepath.Join(w.dir, "chat.avsc"), chatContract)
	w.configure(`routes: [{name: chat, topic: genesys.chat, contract: chat.avsc, filter: 'interaction.type == "chat"', key: interaction.id}]`)
	rehearsed := w.redrive(0, "--dry-run")
	topics, err := w.admin().ListTopics(t.Context())
	if err != nil || topics.Has("genesys.chat") || !topics.Has("genesys.dlq") {
		t.Errorf("after a dry run there are %v, %v", topics.Names(), err)
	}
	r := w.redrive(0)
	if rehearsed.DryRun = false; fmt.Sprint(rehearsed) != fmt.Sprint(r) || r.Redriven != 20 {
		t.Errorf("the dry run says %+v, and the redrive %+v", rehearsed, r)
	}
}

func TestR71_LettersAreListedWithoutTheirRowsUnlessThatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := unfitWorld(t, 300)
	w.backfill().must(t, 0)
	raw := w.run(nil, "dlq", "list", "--raw", "-n", "1").must(t, 0).stdout
	var row map[string]any
	if err := json.Unmarshal([]byte(raw), &row); err != nil || strings.Count(raw, "\n") != 1 {
		t.Fatalf("--raw prints %q: %v", raw, err)
	}
	table := w.run(nil, "dlq", "list", "-n", "3").must(t, 0).stdout
	if strings.Contains(table, strings.TrimSpace(raw)) || strings.Count(table, "missing_field") != 4 || !strings.Contains(table, "the newest 3 of 30 letters") {
		t.Errorf("the table is\n%s", table)
	}
	if letters, _ := w.letters("--raw", "-n", "2"); len(letters) != 2 || letters[1].Value == nil || *letters[1].Value+"\n" != raw {
		t.Errorf("with --raw and --json: %+v", letters)
	}
	for _, none := range [][]string{
		{"--reason", "wrong_type"}, {"--route", "speech"}, {"--from", "2024-01-02", "--to", "2024-01-03"},
	} {
		if letters, summary := w.letters(none...); len(letters) != 0 || summary.Letters != 0 {
			t.Errorf("%q lists %d letters", none, len(letters))
		}
	}
	if letters, _ := w.letters("--window", "2024-01-01/2024-01-02"); len(letters) != 30 {
		t.Errorf("%d letters of the day's windows", len(letters))
	}
	for words, args := range map[string][]string{
		`there is no route "nope"; use one of conversations, speech`:                         {"--route", "nope"},
		"no window within 2024-01-02T00:00:00.000Z/2024-01-03T00:00:00.000Z":                 {"--window", "2024-01-02/2024-01-03"},
		"no window within 2024-01-01T01:00:00.000Z/2024-01-01T02:00:00.000Z; convstream che": {"--window", "2024-01-01T01:00:00Z/2024-01-01T02:00:00Z"},
	} {
		w.run(nil, append([]string{"dlq", "list"}, args...)...).must(t, 2).saysOnce(t, words)
		w.run(nil, append([]string{"dlq", "redrive"}, args...)...).must(t, 2).saysOnce(t, words)
	}
	var letter struct {
		Headers map[string]string
		Value   map[string]any
	}
	if tail := w.run(nil, "tail", "--topic", "genesys.dlq", "--headers", "-n", "1").must(t, 0).stdout; json.Unmarshal([]byte(tail), &letter) != nil ||
		letter.Headers["cs-reason"] != "missing_field" || letter.Value["conversation.id"] == nil {
		t.Errorf("tail --headers prints %s", tail)
	}
	if letters, _ := w.letters("--reason", "wrong_type,missing_field", "--route", "conversations", "--from", "2024-01-01", "--to", "2024-01-02"); len(letters) != 30 {
		t.Errorf("%d letters where each choice has all of them", len(letters))
	}
}

func TestDLQRefusesWhatNamesNoLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	for words, args := range map[string][]string{
		"needs a command":  {"dlq"},
		"--reason":         {"dlq", "list", "--reason", "bad"},
		"is no window":     {"dlq", "redrive", "--window", "2024-01-01"},
		"--window takes":   {"dlq", "list", "--window", "2024-01-01/2024-01-02", "--from", "2024-01-01", "--to", "2024-01-02"},
		"-n 0":             {"dlq", "list", "-n", "0"},
		"--limit 0":        {"dlq", "redrive", "--limit", "0"},
		"--to":             {"dlq", "list", "--from", "2024-01-01"},
		"unknown command ": {"dlq", "lists"},
	} {
		args = append([]string{}, args...)
		if len(args) < 3 {
			r := w.run(nil, args...)
			if r.code != 2 {
				t.Errorf("%q exits %d", args, r.code)
			}
			continue
		}
		w.run(nil, args...).must(t, 2).saysOnce(t, words)
	}
}
