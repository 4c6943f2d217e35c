package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/internal/simulator"
)

// configure adds to the configuration.
func (w *world) configure(yaml string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(w.config, string(text)+yaml+"\n")
}

// decoded lists the records of a topic as a consumer decodes them: record key, schema id, row.
func (w *world) decoded(topic string, each func(key string, id int, row map[string]any)) {
	w.t.Helper()
	for _, rec := range w.consume(topic) {
		id, body, err := new(sr.ConfluentHeader).DecodeID(rec.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		native, rest, err := w.codec(id).NativeFromBinary(body)
		if err != nil || len(rest) > 0 {
			w.t.Fatalf("%s: %v, %d bytes left", topic, err, len(rest))
		}
		each(string(rec.Key), id, native.(map[string]any))
	}
}

// chatContract wants a priority, which not every chat has.
const chatContract = `{"type": "record", "name": "Chat", "fields": [
	{"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
	{"name": "conversation", "type": "string", "source": "conversation.id", "required": true},
	{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "source": "timestamp", "required": true},
	{"name": "priority", "type": "string", "source": "attributes.custom.case_priority", "required": true}
]}`

func TestR14_EachTopicHoldsTheRowsOfItsRouteAndWhatTheRouteRefusesIsADeadLetterOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400}})
	w.write(filepath.Join(w.dir, "chat.avsc"), chatContract)
	w.configure(`routes: [{name: chat, topic: genesys.chat, contract: chat.avsc, filter: 'interaction.type == "chat"', key: interaction.id}]`)
	f := w.backfill("--json").must(t, 0).figures(t)
	if f.Published != 400 || f.Invalid != 0 {
		t.Errorf("%+v, want all 400 rows, and no dead letter of the primary route", f)
	}
	w.holdsTheTruth(t)

	wantVoice, gotVoice := map[string]int{}, map[string]int{}
	wantChat, gotChat := map[string]int{}, map[string]int{}
	wantLetters, gotLetters := map[string]int{}, map[string]int{}
	for _, row := range w.truth() {
		switch {
		case row.Type == "voice":
			wantVoice[row.Conversation+" "+row.Interaction+" "+row.Segment]++
		case row.Type == "chat" && row.Priority == "":
			wantLetters[row.Conversation+" chat missing_field attributes.custom.case_priority"]++
		case row.Type == "chat":
			wantChat[row.Interaction+" "+row.Interaction+" "+row.Conversation+" "+row.Priority+" "+time.UnixMilli(row.Time).UTC().String()]++
		}
	}
	w.decoded("genesys.speech", func(key string, _ int, row map[string]any) {
		segment := ""
		if union, ok := row["attributes_custom_customer_segment"].(map[string]any); ok {
			segment = union["string"].(string)
		}
		gotVoice[key+" "+row["interaction_id"].(string)+" "+segment]++
	})
	w.decoded("genesys.chat", func(key string, _ int, row map[string]any) {
		gotChat[key+" "+row["id"].(string)+" "+row["conversation"].(string)+" "+row["priority"].(string)+" "+row["at"].(time.Time).UTC().String()]++
	})
	for _, rec := range w.consume("genesys.dlq") {
		gotLetters[string(rec.Key)+" "+header(rec, "cs-route")+" "+header(rec, "cs-reason")+" "+header(rec, "cs-path")]++
	}
	for name, diff := range map[string]string{
		"speech": gocmp.Diff(wantVoice, gotVoice), "chat": gocmp.Diff(wantChat, gotChat), "dead letters": gocmp.Diff(wantLetters, gotLetters),
	} {
		if diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
	if len(wantVoice) < 50 || len(wantChat) < 20 || len(wantLetters) < 5 {
		t.Fatalf("%d voice rows, %d chats and %d without priority are too few to tell anything", len(wantVoice), len(wantChat), len(wantLetters))
	}

	var report struct {
		Balanced bool
		Routes   []map[string]any
	}
	out := w.run(nil, append([]string{"verify", "--json"}, interval...)...).must(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"route": "chat", "topic": "genesys.chat", "published": float64(len(wantChat)), "rows": float64(len(wantChat)),
		"filtered": float64(400 - len(wantChat) - len(wantLetters)), "dead_letters": float64(len(wantLetters)),
		"missing": 0.0, "doubled": 0.0, "foreign": 0.0, "before": 0.0}
	if diff := gocmp.Diff(want, report.Routes[0]); diff != "" || !report.Balanced {
		t.Errorf("verify, balanced %v (-want +got):\n%s", report.Balanced, diff)
	}
	line := w.run(nil, "tail", "-n", "1", "--topic", "genesys.chat").must(t, 0).stdout
	var chat map[string]any
	if err := json.Unmarshal([]byte(line), &chat); err != nil || chat["priority"] == nil {
		t.Errorf("tail of a derived topic prints %q", line)
	}
	if again := w.backfill("--json").must(t, 0).figures(t); !same(f, again) {
		t.Errorf("a second backfill prints %+v, the first %+v", again, f)
	}
}

func TestR107_AContractThatBreaksTheSpeechTopicEndsTheRunBeforeAnyRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 50}})
	w.run(nil, "schema", "register").must(t, 0)
	speech := w.run(nil, "schema", "show", "--route", "speech").must(t, 0).stdout
	w.write(filepath.Join(w.dir, "speech.avsc"), strings.Replace(speech, `"attributes_custom_case_priority"`, `"priority"`, 1))
	w.configure(`routes: [{name: speech, contract: speech.avsc}]`)
	w.backfill().must(t, 2).saysOnce(t, "route speech", "attributes_custom_case_priority") // the same command would be refused again
	topics, err := w.admin().ListTopics(t.Context())
	if err != nil || len(topics) != 0 || w.jobs() != 0 {
		t.Errorf("%d topics and %d jobs were made (%v), want none", len(topics), w.jobs(), err)
	}
}

func TestAPrivateValueLeavesInNoDeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 200, Faults: simulator.Faults{
		Invalid: simulator.Invalid{Share: 0.3, Kinds: []simulator.Poison{simulator.Missing}},
	}}})
	own := w.run(nil, "schema", "show").must(t, 0).stdout
	private := regexp.MustCompile(`"source": ?"attributes.custom.customer_segment"`).ReplaceAllString(own, `$0, "privacy": "mask"`)
	w.write(filepath.Join(w.dir, "private.avsc"), private)
	w.configure(`contract: {file: private.avsc}`)
	w.backfill().must(t, 0)
	segments := map[string]bool{}
	for _, row := range w.truth() {
		segments[row.Segment] = row.Segment != ""
	}
	redacted := 0
	for _, topic := range []string{"genesys.conversations", "genesys.dlq"} {
		for _, rec := range w.consume(topic) {
			for segment, private := range segments {
				if private && strings.Contains(string(rec.Value), segment) {
					t.Fatalf("topic %s holds the segment %s: %q", topic, segment, rec.Value)
				}
			}
			if header(rec, "cs-redacted") == "true" {
				redacted++
			}
		}
	}
	if redacted < 10 || len(segments) < 3 {
		t.Errorf("%d dead letters say that they are redacted, of rows with %d segments, which are too few to tell anything", redacted, len(segments))
	}
}
