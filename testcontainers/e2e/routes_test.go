package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers/readers"
)

func TestRealTheSpeechTopicHoldsTheVoiceRowsThroughThreeKills(t *testing.T) {
	const rows = 20_000
	env, dice := withRegistry(t), random(t)
	f := faults()
	f.PageRows = 500
	w := newWorldOf(t, env, newPlatform(t, rows, f), settings{speech: true, window: "step: 6h", more: "commit: {interval: 100ms}"})
	for _, at := range moments(dice, kills, resultBytes(rows)) {
		w.killWriting(t, w.backfill(t, convstream), at)
	}
	w.backfill(t, convstream).wantExit(t, 0)
	w.wantOnce(t, rows)
	speech := newestContract(t, env, w.topics.Routes[0].Topic)
	want := map[string]seen{}
	for row := range w.platform.Truth(day) {
		if row.Type != "voice" {
			continue
		}
		whole := truthOf(row)
		part := map[string]any{}
		for _, name := range speech.Names() {
			value, known := whole.Value[name]
			if !known {
				t.Fatalf("the speech contract has field %s, which the truth has not", name)
			}
			part[name] = value
		}
		want[row.InteractionID.String()] = seen{whole.Key, whole.Timestamp, part}
	}
	w.wantRead(t, w.topics.Routes[0].Topic, "interaction_id", want, readers.All()...)
}

func TestRealTheSpeechTopicHoldsTheVoiceConversationsThroughThreeKills(t *testing.T) {
	const conversations = 1500
	env, dice := withRegistry(t), random(t)
	f := faults()
	f.PageRows = 25
	w := newWorldOf(t, env, newPlatform(t, conversations, f), settings{dialect: "jobs", speech: true, window: "step: 6h", more: "commit: {interval: 100ms}"})
	for _, at := range moments(dice, kills, detailBytes(conversations)) {
		w.killWriting(t, w.backfill(t, convstream), at)
	}
	w.backfill(t, convstream).wantExit(t, 0)
	w.wantOnce(t, conversations)
	speech := newestContract(t, env, w.topics.Routes[0].Topic)
	want := map[string]seen{}
	for c := range w.platform.Conversations(day) {
		if !hasVoice(t, c.Body) {
			continue
		}
		value, err := speech.Of(c.Body)
		if err != nil {
			t.Fatalf("conversation %s: %v", c.ID, err)
		}
		want[c.ID.String()] = seen{c.ID.String(), c.Start, value.(map[string]any)}
	}
	if n := len(want); n == 0 || n == conversations {
		t.Fatalf("%d of %d conversations have voice", n, conversations)
	}
	w.wantRead(t, w.topics.Routes[0].Topic, "conversationId", want, readers.All()...)
	// A conversation has the same record key in both topics, so both lie in one order.
	order := map[string][]string{}
	for _, topic := range []string{w.topics.Rows, w.topics.Routes[0].Topic} {
		eachRecord(t, env, topic, func(r *kgo.Record) {
			if _, voice := want[string(r.Key)]; voice && r.Partition == 0 {
				order[topic] = append(order[topic], string(r.Key))
			}
		})
	}
	if !slices.Equal(order[w.topics.Rows], order[w.topics.Routes[0].Topic]) {
		t.Error("the speech topic has another order than the topic of all conversations")
	}
}

func hasVoice(t *testing.T, conversation json.RawMessage) bool {
	t.Helper()
	var c struct {
		Participants []struct{ Sessions []struct{ MediaType string } }
	}
	if err := json.Unmarshal(conversation, &c); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Participants {
		for _, s := range p.Sessions {
			if s.MediaType == "voice" {
				return true
			}
		}
	}
	return false
}
