package simulator

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestFiltersOfJobsLetThroughWhatTheySay(t *testing.T) {
	c := start(t, Config{Rows: 600})
	first := parsed(t, c.truths(day, everyOne)[0])
	queue, division := queueIDs[2], divisionIDs[1]
	anySession := func(holds func(session) bool) func(conversation) bool {
		return func(c conversation) bool { return c.sessions(holds) }
	}
	inQueue := func(s session) bool {
		return slices.ContainsFunc(s.Segments, func(g segment) bool { return g.QueueID == queue })
	}
	for name, test := range map[string]struct {
		kind    string
		filters []any
		holds   func(conversation) bool
	}{
		"media type": {"segmentFilters", one(matches("mediaType", "voice")), anySession(func(s session) bool { return s.MediaType == "voice" })},
		"direction":  {"segmentFilters", one(matches("direction", "outbound")), anySession(func(s session) bool { return s.Direction == "outbound" })},
		"queue":      {"segmentFilters", one(matches("queueId", queue)), anySession(inQueue)},
		"two filters": {"segmentFilters", append(one(matches("queueId", queue)), one(matches("mediaType", "email"))...),
			anySession(func(s session) bool { return inQueue(s) && s.MediaType == "email" })},
		"or": {"segmentFilters", []any{map[string]any{"type": "or", "predicates": []any{matches("mediaType", "chat"), matches("mediaType", "email")}}},
			anySession(func(s session) bool { return s.MediaType == "chat" || s.MediaType == "email" })},
		"one segment for all": {"segmentFilters", []any{map[string]any{"type": "and", "predicates": []any{matches("purpose", "customer"), matches("segmentType", "hold")}}},
			func(conversation) bool { return false }},
		"clauses": {"segmentFilters", []any{map[string]any{"type": "and",
			"predicates": []any{matches("purpose", "agent")},
			"clauses":    []any{map[string]any{"type": "or", "predicates": []any{matches("segmentType", "hold"), matches("mediaType", "email")}}}}},
			func(c conversation) bool {
				return slices.ContainsFunc(c.Participants, func(p participant) bool {
					return p.Purpose == "agent" && slices.ContainsFunc(p.Sessions, func(s session) bool {
						return s.MediaType == "email" || slices.ContainsFunc(s.Segments, func(g segment) bool { return g.SegmentType == "hold" })
					})
				})
			}},
		"division":     {"conversationFilters", one(matches("divisionId", division)), func(c conversation) bool { return slices.Contains(c.DivisionIDs, division) }},
		"originating":  {"conversationFilters", one(map[string]any{"dimension": "originatingDirection", "value": "outbound"}), func(c conversation) bool { return c.OriginatingDirection == "outbound" }},
		"ended":        {"conversationFilters", one(map[string]any{"type": "dimension", "dimension": "conversationEnd", "operator": "exists"}), func(c conversation) bool { return c.ConversationEnd != "" }},
		"going on":     {"conversationFilters", one(map[string]any{"type": "dimension", "dimension": "conversationEnd", "operator": "notExists"}), func(c conversation) bool { return c.ConversationEnd == "" }},
		"started":      {"conversationFilters", one(map[string]any{"type": "dimension", "dimension": "conversationStart", "operator": "exists"}), func(conversation) bool { return true }},
		"id":           {"conversationFilters", one(matches("conversationId", first.ConversationID)), func(c conversation) bool { return c.ConversationID == first.ConversationID }},
		"mos":          {"conversationFilters", one(map[string]any{"dimension": "mediaStatsMinConversationMos", "range": map[string]any{"gte": 4, "lt": 4.5}}), func(c conversation) bool { return c.MediaStatsMinMos >= 4 && c.MediaStatsMinMos < 4.5 }},
		"metric":       {"conversationFilters", one(map[string]any{"type": "metric", "metric": "tIvr", "operator": "exists"}), anySession(func(s session) bool { return s.Flow != nil })},
		"evaluated":    {"evaluationFilters", one(matches("formId", formIDs[0])), func(c conversation) bool { return len(c.Evaluations) > 0 && c.Evaluations[0].FormID == formIDs[0] }},
		"not surveyed": {"surveyFilters", one(map[string]any{"dimension": "surveyId", "operator": "notExists"}), func(c conversation) bool { return len(c.Surveys) == 0 }},
		"resolved":     {"resolutionFilters", one(map[string]any{"metric": "nNextContactAvoided", "operator": "exists"}), func(c conversation) bool { return len(c.Resolutions) > 0 }},
		"phone":        {"segmentFilters", one(map[string]any{"dimension": "edgeId", "operator": "exists"}), anySession(func(s session) bool { return s.EdgeID != "" })},
		"routed":       {"segmentFilters", one(matches("usedRouting", "Standard")), anySession(func(s session) bool { return s.UsedRouting == "Standard" })},
		"flow's end": {"segmentFilters", one(matches("flowOutcome", "SUCCESS")), anySession(func(s session) bool {
			return s.Flow != nil && slices.ContainsFunc(s.Flow.Outcomes, func(o outcome) bool { return o.Outcome == "SUCCESS" })
		})},
		"recorded screen": {"segmentFilters", one(matches("screenRecording", "true")), func(c conversation) bool {
			return slices.ContainsFunc(c.Participants, func(p participant) bool { return p.ScreenRecording != nil && *p.ScreenRecording })
		}},
		"unknown to it": {"segmentFilters", one(map[string]any{"dimension": "groupId", "operator": "exists"}), func(conversation) bool { return false }},
	} {
		want := c.truths(day, func(t2 Conversation) bool { return test.holds(parsed(t, string(t2.Body))) })
		got := c.bodies(ask(day, test.kind, test.filters))
		if !slices.Equal(want, got) {
			t.Errorf("%s: %d conversations, want %d", name, len(got), len(want))
		}
		var hits queryAnswer
		c.decode(c.want(200, "POST", pathQuery, marshal(t, ask(conv.Window{From: day.From, To: day.To - 1}, test.kind, test.filters))), &hits)
		if hits.TotalHits != len(want) {
			t.Errorf("%s: the query has %d, want %d", name, hits.TotalHits, len(want))
		}
		if len(want) == 0 && name != "one segment for all" && name != "unknown to it" {
			t.Errorf("%s: nothing holds it", name)
		}
	}
}

func TestTheSynchronousQueryCountsWholeDaysOfStarts(t *testing.T) {
	days := func(from, to int64) conv.Window {
		return conv.Window{From: day.From + from*24*hour, To: day.From + to*24*hour}
	}
	c := start(t, Config{Rows: 1000, Window: days(0, 4)})
	for _, test := range []struct{ asked, counted conv.Window }{
		{conv.Window{From: days(1, 2).From, To: days(1, 2).To - 1}, days(1, 2)},
		{conv.Window{From: days(1, 2).From + 5*hour, To: days(1, 2).From + 5*hour + 1}, days(1, 2)},
		{conv.Window{From: days(1, 2).From + 5*hour, To: days(2, 3).From + hour}, days(1, 3)},
		{days(1, 2), days(1, 3)}, // its end touches the next day
		{days(10, 11), days(10, 11)},
	} {
		var a queryAnswer
		c.decode(c.want(200, "POST", pathQuery, marshal(t, ask(test.asked))), &a)
		want := c.sim.CountConversations(test.counted)
		if a.TotalHits != want || len(a.Conversations) != min(25, want) {
			t.Errorf("%s: %d hits, %d conversations, want %d", test.asked, a.TotalHits, len(a.Conversations), want)
		}
	}
}

func TestTheSynchronousQueryIsPagedAndHasNoAttributes(t *testing.T) {
	c := start(t, Config{Rows: 230})
	bodies := c.truths(day, everyOne)
	var got []conversation
	for number := 1; number <= 4; number++ {
		var a queryAnswer
		c.decode(c.want(200, "POST", pathQuery, marshal(t, ask(conv.Window{From: day.From, To: day.To - 1},
			"paging", map[string]any{"pageSize": 100, "pageNumber": number}))), &a)
		if a.TotalHits != 230 || len(a.Conversations) != []int{100, 100, 30, 0}[number-1] {
			t.Errorf("page %d: %d of %d", number, len(a.Conversations), a.TotalHits)
		}
		for _, raw := range a.Conversations {
			got = append(got, parsed(t, string(raw)))
		}
	}
	for i, body := range bodies {
		want := parsed(t, body)
		if len(want.Participants[0].Attributes) > 0 && i%50 == 0 && got[i].Participants[0].Attributes != nil {
			t.Errorf("conversation %d has attributes", i)
		}
		if diff := cmp.Diff(want.withoutAttributes(), &got[i], cmp.AllowUnexported(segment{})); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestTheSynchronousQueryIsRefused(t *testing.T) {
	c := start(t, Config{Rows: 10})
	for message, body := range map[string]map[string]any{
		"You must specify a search interval as part of your query that does not exceed 31 days.": ask(conv.Window{From: day.From, To: day.From + 31*24*hour + 1}),
		"interval: is required": {},
		"paging: needs pageSize and pageNumber, both whole numbers":                                       ask(day, "paging", map[string]any{"pageSize": 5}),
		"paging: pageSize 101 is not 1 to 100, or pageNumber 1 below 1":                                   ask(day, "paging", map[string]any{"pageSize": 101, "pageNumber": 1}),
		"paging: pageSize 1 is not 1 to 100, or pageNumber 0 below 1":                                     ask(day, "paging", map[string]any{"pageSize": 1, "pageNumber": 0}),
		"Value [up] is not valid for field type [QueryOrder]. Allowable values are: asc, desc, unordered": ask(day, "order", "up"),
	} {
		var e refusal
		c.decode(c.want(400, "POST", pathQuery, marshal(t, body)), &e)
		if e.Message != message {
			t.Errorf("%q, want %q", e.Message, message)
		}
	}
	c.want(200, "POST", pathQuery, marshal(t, ask(conv.Window{From: day.From, To: day.From + 31*24*hour})))
	if st := c.sim.Stats(); st.Requests[Query]["400"] != 6 || len(st.Requests[Submit]) != 0 {
		t.Errorf("%v", st.Requests)
	}
}

func TestNumbersOfARangeAreCompared(t *testing.T) {
	c := start(t, Config{Rows: 300})
	for _, test := range []struct {
		bounds map[string]any
		holds  func(int64) bool
	}{
		{map[string]any{"gt": 10_000}, func(n int64) bool { return n > 10_000 }},
		{map[string]any{"lte": 30_000, "gte": 9000}, func(n int64) bool { return n >= 9000 && n <= 30_000 }},
	} {
		want := c.truths(day, func(x Conversation) bool {
			b := parsed(t, string(x.Body))
			for _, text := range b.metric("tAcw") {
				if n, err := strconv.ParseInt(text, 10, 64); err == nil && test.holds(n) {
					return true
				}
			}
			return false
		})
		got := c.bodies(ask(day, "conversationFilters", one(map[string]any{"metric": "tAcw", "range": test.bounds})))
		if len(want) == 0 || !slices.Equal(want, got) {
			t.Errorf("%v: %d conversations, want %d", test.bounds, len(got), len(want))
		}
	}
}
