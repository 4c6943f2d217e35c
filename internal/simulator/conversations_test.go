package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// fits compares a JSON text with the platform's model: every member is known and of its
// type, every word of an enum is one of it.
func fits(t *testing.T, model string, text []byte) {
	t.Helper()
	models := readModels(t)
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatalf("%v in %.200q", err, text)
	}
	fit(t, models, model, model, tree)
}

func fit(t *testing.T, models models, path, kind string, value any) {
	t.Helper()
	ok := true
	switch inner, array := strings.CutPrefix(kind, "array<"); {
	case value == nil:
	case array:
		list, is := value.([]any)
		ok = is
		for _, element := range list {
			fit(t, models, path+"[]", strings.TrimSuffix(inner, ">"), element)
		}
	case strings.HasPrefix(kind, "map<"):
		_, ok = value.(map[string]any)
	case strings.HasPrefix(kind, "enum["):
		words := strings.Split(strings.TrimSuffix(strings.TrimPrefix(kind, "enum["), "]"), "|")
		word, is := value.(string)
		ok = is && slices.Contains(words, word)
	case kind == "date-time":
		text, is := value.(string)
		_, err := time.Parse("2006-01-02T15:04:05.999Z", text)
		ok = is && err == nil
	case kind == "string":
		_, ok = value.(string)
	case kind == "boolean":
		_, ok = value.(bool)
	case kind == "int32", kind == "int64":
		n, is := value.(float64)
		ok = is && n == float64(int64(n))
	case kind == "double":
		_, ok = value.(float64)
	default:
		members, known := models[kind]
		tree, is := value.(map[string]any)
		if ok = known && is; !ok {
			break
		}
		for name, v := range tree {
			if members[name] == "" {
				t.Errorf("%s: %s has no %s", path, kind, name)
				continue
			}
			fit(t, models, path+"."+name, members[name], v)
		}
	}
	if !ok {
		t.Errorf("%s: %v is no %s", path, value, kind)
	}
}

func TestConversationsFitTheModel(t *testing.T) {
	c := start(t, Config{Rows: 600, Seed: 4})
	var smallest, largest, sum int
	for conversation := range c.sim.Conversations(day) {
		n := len(conversation.Body)
		sum += n
		largest = max(largest, n)
		if smallest == 0 || n < smallest {
			smallest = n
		}
		if conversation.Start%7 == 0 {
			fits(t, "AnalyticsConversation", conversation.Body)
		}
		body := parsed(t, string(conversation.Body))
		if body.ConversationID != conversation.ID.String() || ms(body.ConversationStart) != conversation.Start {
			t.Fatalf("%+v says %s at %s", conversation, body.ConversationID, body.ConversationStart)
		}
		if (body.ConversationEnd != "") != conversation.Ended || conversation.Ended && ms(body.ConversationEnd) != conversation.End {
			t.Fatalf("%+v says it ends at %q", conversation, body.ConversationEnd)
		}
	}
	if mean := sum / 600; smallest < 1000 || largest > 10_000 || mean < 2000 || mean > 5000 {
		t.Errorf("%d to %d bytes, %d in the mean", smallest, largest, mean)
	}
}

func TestConversationsAreOfEveryKind(t *testing.T) {
	c := start(t, Config{Rows: 3000})
	kinds := map[string]int{}
	note := func(kind string, there bool) {
		if there {
			kinds[kind]++
		}
	}
	for conversation := range c.sim.Conversations(day) {
		b := parsed(t, string(conversation.Body))
		life := conversation.End - conversation.Start
		note("open", !conversation.Ended)
		note("instant", conversation.Ended && life == 0)
		note("minutes", conversation.Ended && life > 0 && life < hour)
		note("hours", conversation.Ended && life >= hour && life < 24*hour)
		note("days", conversation.Ended && life >= 24*hour && life <= longest)
		note("too long", conversation.Ended && life > longest)
		note("ends on an edge", conversation.Ended && conversation.End%hour == 0)
		note("evaluated", len(b.Evaluations) > 0)
		note("surveyed", len(b.Surveys) > 0)
		note("resolved", len(b.Resolutions) > 0)
		note("two divisions", len(b.DivisionIDs) == 2)
		note("flow", b.sessions(func(s session) bool { return s.Flow != nil }))
		note("stats", b.sessions(func(s session) bool { return s.MediaEndpointStats != nil }))
		for _, media := range []string{"voice", "chat", "email", "message", "callback"} {
			note(media, b.sessions(func(s session) bool { return s.MediaType == media }))
		}
		note("outbound", b.OriginatingDirection == "outbound")
		note("attributes", len(b.Participants[0].Attributes) > 0)
		note("whole seconds", strings.HasSuffix(b.ConversationStart, ":00Z"))
	}
	for _, kind := range []string{
		"open", "instant", "minutes", "hours", "days", "ends on an edge", "evaluated", "surveyed", "resolved", "two divisions", "flow", "stats",
		"voice", "chat", "email", "message", "callback", "outbound", "attributes", "whole seconds",
	} {
		if kinds[kind] == 0 {
			t.Errorf("no conversation is %s", kind)
		}
	}
	if kinds["too long"] > 0 || kinds["minutes"] < 2000 {
		t.Errorf("%v", kinds)
	}
}

func TestTheSameSeedGivesTheSameConversations(t *testing.T) {
	read := func(seed uint64) []string { return start(t, Config{Rows: 100, Seed: seed}).truths(day, everyOne) }
	first := read(1)
	if diff := cmp.Diff(first, read(1)); diff != "" {
		t.Error(diff)
	}
	if slices.Equal(first, read(2)) {
		t.Error("another seed gives the same")
	}
	seen := map[string]bool{}
	for _, body := range first {
		seen[parsed(t, body).ConversationID] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d ids for 100 conversations", len(seen))
	}
}

func TestTheTruthOfConversationsIsServedAsLines(t *testing.T) {
	c := start(t, Config{Rows: 300})
	noon := conv.Window{From: day.From + 12*hour, To: day.To}
	var want []Conversation
	for conversation := range c.sim.Conversations(noon) {
		want = append(want, conversation)
	}
	if len(want) == 0 || c.sim.CountConversations(noon) != len(want) {
		t.Fatalf("%d conversations, counted %d", len(want), c.sim.CountConversations(noon))
	}
	var got []Conversation
	for line := range bytes.Lines(c.want(200, "GET", "/_sim/truth?dialect=jobs&from=2024-01-01T12:00:00Z", "")) {
		var l struct {
			ConversationID string
			Start          int64  `json:"start_ms"`
			End            *int64 `json:"end_ms"`
			Conversation   json.RawMessage
		}
		c.decode(line, &l)
		one := Conversation{ID: parseID(t, l.ConversationID), Start: l.Start, Ended: l.End != nil, Body: l.Conversation}
		if l.End != nil {
			one.End = *l.End
		}
		got = append(got, one)
	}
	for i := range want {
		if !want[i].Ended {
			want[i].End = 0
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var n count
	c.decode(c.want(200, "GET", "/_sim/truth/count?dialect=jobs&from=2024-01-01T12:00:00Z", ""), &n)
	if n.Count != len(want) {
		t.Errorf("count %d, %d lines", n.Count, len(want))
	}
	c.want(400, "GET", "/_sim/truth?dialect=other", "")
}

func BenchmarkConversations(b *testing.B) {
	c := start(b, Config{Rows: 10_000})
	for b.Loop() {
		for range c.sim.Conversations(day) {
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "conversations/s")
}
