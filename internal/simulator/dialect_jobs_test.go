package simulator

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestAJobGoesFromQueuedOverPendingToFulfilledAndExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Minute, TokenLife: 100 * 24 * time.Hour}})
		submitted := time.Now()
		id := c.job(ask(day))
		for _, step := range []struct {
			after time.Duration
			state string
			paged int
			dates bool
		}{
			{0, "QUEUED", 400, false}, {20 * time.Second, "PENDING", 400, false}, {40 * time.Second, "FULFILLED", 200, true},
			{7*24*time.Hour - time.Minute, "EXPIRED", 400, true},
		} {
			time.Sleep(step.after)
			a := c.state(id)
			if a.State != step.state || a.ErrorMessage != "" || a.SubmissionDate == "" || (a.CompletionDate != "") != step.dates {
				t.Errorf("after %v: %+v, want %s", step.after, a, step.state)
			}
			if step.dates && ms(a.ExpirationDate) != submitted.Add(7*24*time.Hour).UnixMilli() {
				t.Errorf("expires %s", a.ExpirationDate)
			}
			c.want(step.paged, "GET", detailsPath(id, "", 0), "")
		}
		time.Sleep(7 * 24 * time.Hour)
		c.want(404, "GET", pathJobs+"/"+id, "")
	})
}

func TestADeletedJobIsCancelled(t *testing.T) {
	c := start(t, Config{Rows: 10})
	id := c.job(ask(day))
	if text := c.want(204, "DELETE", pathJobs+"/"+id, ""); len(text) != 0 {
		t.Errorf("a body: %s", text)
	}
	if a := c.state(id); a.State != "CANCELLED" {
		t.Errorf("%+v", a)
	}
	c.want(400, "GET", detailsPath(id, "", 0), "")
	for _, path := range []string{pathJobs + "/x", pathJobs + "/x/results", pathReports + id} {
		c.want(404, "GET", path, "")
	}
	c.want(404, "DELETE", pathJobs+"/x", "")
}

func TestAJobBringsEveryConversationThatHasPartInItsInterval(t *testing.T) {
	c := start(t, Config{Rows: 2000, Window: conv.Window{From: day.From, To: day.From + 4*24*hour}, Seed: 2})
	whole := conv.Window{From: day.From, To: day.From + 4*24*hour}
	for _, w := range []conv.Window{
		whole, {From: day.From + 6*hour, To: day.From + 7*hour}, {From: day.From + 70*hour, To: day.From + 71*hour},
		{From: day.From - hour, To: day.From}, {From: whole.To + hour, To: whole.To + 2*hour}, {From: whole.To + longest + 1, To: whole.To + longest + 2},
	} {
		want := c.truths(whole, overlapping(c, w))
		if diff := cmp.Diff(want, c.bodies(ask(w))); diff != "" {
			t.Errorf("%s: %s", w, diff)
		}
		if w.From == day.From+70*hour && len(want) < 20 {
			t.Errorf("only %d conversations in an hour", len(want))
		}
	}
}

func TestWithStartOfDayIntervalMatchingWhatStartedOnAnEarlierDayIsLeftOut(t *testing.T) {
	whole := conv.Window{From: day.From, To: day.From + 3*24*hour}
	c := start(t, Config{Rows: 2000, Window: whole})
	w := conv.Window{From: day.From + 30*hour, To: day.From + 36*hour}
	overlaps := overlapping(c, w)
	want := c.truths(whole, func(t Conversation) bool { return overlaps(t) && t.Start >= day.To })
	got := c.bodies(ask(w, "startOfDayIntervalMatching", true))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all := c.bodies(ask(w)); len(all) <= len(got) || slices.Contains(got, all[0]) {
		t.Errorf("%d conversations with, %d without", len(got), len(all))
	}
	if before := c.truths(conv.Window{From: day.To, To: w.From}, overlaps); len(before) == 0 || !slices.Contains(got, before[0]) {
		t.Error("none that started earlier on that day came")
	}
}

func TestCursorsMustComeBackVerbatim(t *testing.T) {
	c := start(t, Config{Rows: 300})
	id, other := c.job(ask(day)), c.job(ask(day))
	pages := c.walk(id, 100)
	if len(pages) < 3 || len(pages[0].Conversations) != 100 {
		t.Fatalf("%d pages, %d on the first", len(pages), len(pages[0].Conversations))
	}
	cursor := pages[0].Cursor
	for _, letter := range "+/=&%" {
		if !strings.ContainsRune(cursor, letter) {
			t.Errorf("cursor %q lacks %c", cursor, letter)
		}
	}
	if diff := cmp.Diff(pages[1], c.details(id, cursor, 100)); diff != "" {
		t.Errorf("the same cursor gives another page: %s", diff)
	}
	for i := range cursor {
		altered := cursor[:i] + string(cursor[i]^1) + cursor[i+1:]
		c.want(400, "GET", detailsPath(id, altered, 100), "")
	}
	for _, altered := range []string{"x", cursor[:len(cursor)-1], strings.ReplaceAll(cursor, "%2B", "+"), strings.ReplaceAll(cursor, "+", " ")} {
		c.want(400, "GET", detailsPath(id, altered, 100), "")
	}
	c.want(400, "GET", detailsPath(other, cursor, 100), "")
}

func TestPagesOfAnySizeAreTheSameConversations(t *testing.T) {
	c := start(t, Config{Rows: 250})
	id := c.job(ask(day))
	want := c.truths(day, everyOne)
	for _, size := range []int{1, 7, 250, 251, 0} {
		var got []string
		for i, p := range c.walk(id, size) {
			if size > 0 && len(p.Conversations) != size && p.Cursor != "" || p.DataAvailabilityDate == "" {
				t.Errorf("size %d: page %d has %d, watermark %q", size, i, len(p.Conversations), p.DataAvailabilityDate)
			}
			for _, raw := range p.Conversations {
				got = append(got, string(raw))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("size %d: %s", size, diff)
		}
	}
	for _, size := range []string{"0", "-1", "x"} {
		c.want(400, "GET", pathJobs+"/"+id+"/results?pageSize="+size, "")
	}
	capped := start(t, Config{Rows: 250, Faults: Faults{PageRows: 30}})
	if p := capped.details(capped.job(ask(day)), "", 100); len(p.Conversations) != 30 {
		t.Errorf("%d conversations where pages have 30", len(p.Conversations))
	}
}

func TestAnEmptyPageHasNullConversationsOrNone(t *testing.T) {
	c := start(t, Config{Rows: 0})
	null, absent := 0, 0
	for range 20 {
		var members map[string]json.RawMessage
		c.decode(c.want(200, "GET", detailsPath(c.job(ask(day)), "", 0), ""), &members)
		switch value, there := members["conversations"]; {
		case !there:
			absent++
		case string(value) == "null":
			null++
		}
		if _, there := members["cursor"]; there || len(members["dataAvailabilityDate"]) == 0 {
			t.Errorf("%v", members)
		}
	}
	if null == 0 || absent == 0 || null+absent != 20 {
		t.Errorf("%d null, %d absent", null, absent)
	}
}

func TestAJobsOrderAndLimit(t *testing.T) {
	c := start(t, Config{Rows: 200})
	truth := c.truths(day, everyOne)
	backwards := slices.Clone(truth)
	slices.Reverse(backwards)
	if diff := cmp.Diff(backwards, c.bodies(ask(day, "order", "desc", "orderBy", "segmentStart"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(backwards[:9], c.bodies(ask(day, "order", "desc", "limit", 9))); diff != "" {
		t.Error(diff)
	}
	ends := func(order string) (at []string) {
		for _, b := range c.bodies(ask(day, "orderBy", "conversationEnd", "order", order)) {
			at = append(at, parsed(t, b).ConversationEnd)
		}
		return at
	}
	up := ends("asc")
	closed := slices.Index(up, "")
	if len(up) != 200 || closed < 150 || !slices.IsSortedFunc(up[:closed], func(a, b string) int { return int(ms(a) - ms(b)) }) || strings.Join(up[closed:], "") != "" {
		t.Errorf("%d conversations; those that go on start at %d", len(up), closed)
	}
	down := ends("desc")
	slices.Reverse(down)
	if !slices.Equal(up, down) {
		t.Error("down is not up reversed")
	}
}

func TestAJobsBodyIsChecked(t *testing.T) {
	c := start(t, Config{Rows: 10})
	for _, test := range []struct {
		member string
		value  any
		word   string // in the message
	}{
		{"interval", nil, "is required"},
		{"interval", 5, "string"},
		{"interval", "2024-01-01T00:00:00Z", "ISO-8601"},
		{"interval", "2024-01-01T00:00:00Z/noon", "ISO-8601"},
		{"interval", "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z", "before it starts"},
		{"order", "up", "asc, desc, unordered"},
		{"orderBy", "wrapUp", "Value [wrapUp]"},
		{"limit", 0, "above 0"},
		{"limit", "5", "above 0"},
		{"startOfDayIntervalMatching", "yes", "bool"},
		{"segmentFilters", map[string]any{}, "list"},
		{"segmentFilters", one(matches("mediaType", "telegraph")), "Value [telegraph]"},
		{"segmentFilters", one(matches("direction", "up")), "inbound, outbound"},
		{"segmentFilters", one(matches("conversationStart", "x")), "Value [conversationStart]"},
		{"segmentFilters", one(map[string]any{"type": "dimension", "dimension": "queueId", "operator": "like", "value": "x"}), "Value [like]"},
		{"segmentFilters", one(map[string]any{"type": "shape", "dimension": "queueId", "value": "x"}), "Value [shape]"},
		{"segmentFilters", one(map[string]any{"type": "dimension", "dimension": "queueId"}), "value or a range"},
		{"segmentFilters", one(map[string]any{"type": "metric", "metric": "tAcw", "operator": "exists"}), "Value [tAcw]"},
		{"conversationFilters", one(matches("originatingDirection", "up")), "Value [up]"},
		{"conversationFilters", one(matches("mediaType", "voice")), "Value [mediaType]"},
		{"conversationFilters", []any{map[string]any{"predicates": []any{matches("divisionId", "x")}}}, "FilterType"},
		{"conversationFilters", []any{map[string]any{"type": "and"}}, "neither"},
		{"conversationFilters", []any{map[string]any{"type": "and", "clauses": []any{map[string]any{"type": "xor"}}}}, "Value [xor]"},
		{"conversationFilters", []any{map[string]any{"type": "and", "clauses": []any{map[string]any{"type": "or"}}}}, "no predicates"},
	} {
		b := ask(day, test.member, test.value)
		var e struct {
			refusal
			Errors []any
		}
		c.decode(c.want(400, "POST", pathJobs, marshal(t, b)), &e)
		if !strings.Contains(e.Message, test.word) || len(e.Details) != 1 || e.Details[0].FieldName != test.member {
			t.Errorf("%s %v: %+v", test.member, test.value, e)
		}
		if e.Status != 400 || e.Code == "" || e.ContextID == "" || e.Errors == nil {
			t.Errorf("%s %v: %+v", test.member, test.value, e)
		}
	}
	for _, text := range []string{"[]", "null", "{", ""} {
		if status, _, _ := c.send("POST", pathJobs, text); status != 400 && status != 415 {
			t.Errorf("%q: status %d", text, status)
		}
	}
	c.want(413, "POST", pathJobs, strings.Repeat(" ", maxBody+1)+"{}")
	if jobs := c.sim.Stats().Jobs; len(jobs) != 0 {
		t.Errorf("a refused body made a job: %v", jobs)
	}
	for _, interval := range []string{"2024-01-01T00:00:00Z/2024-01-02T00:00:00Z", "2024-01-01T02:00:00.000+02:00/2024-01-02T00:00:00", "2024-01-01T00:00:00.000Z/2024-01-02T00:00:00.000Z"} {
		if n := len(c.bodies(map[string]any{"interval": interval, "someday": []any{1}, "order": nil})); n != 10 {
			t.Errorf("%s: %d conversations", interval, n)
		}
	}
}

func TestAnswersOfTheDialectJobsFitTheModel(t *testing.T) {
	c := start(t, Config{Rows: 50, Faults: Faults{JobsInFlight: 1, JobTime: 0}})
	id := c.job(ask(day))
	for model, text := range map[string][]byte{
		"AsyncQueryStatus":                        c.want(200, "GET", pathJobs+"/"+id, ""),
		"AnalyticsConversationAsyncQueryResponse": c.want(200, "GET", detailsPath(id, "", 20), ""),
		"DataAvailabilityResponse":                c.want(200, "GET", pathJobs+"/availability", ""),
		"AnalyticsConversationQueryResponse":      c.want(200, "POST", pathQuery, marshal(t, ask(day))),
		"ErrorBody":                               c.want(400, "POST", pathJobs, "{}"),
	} {
		fits(t, model, text)
	}
}

func TestEveryCallOfTheDialectJobsNeedsAToken(t *testing.T) {
	c := start(t, Config{Rows: 10})
	for _, call := range [][2]string{
		{"POST", pathJobs}, {"GET", pathJobs + "/x"}, {"GET", pathJobs + "/x/results"}, {"DELETE", pathJobs + "/x"}, {"GET", pathJobs + "/availability"},
	} {
		w := httptest.NewRecorder()
		c.sim.ServeHTTP(w, httptest.NewRequest(call[0], call[1], strings.NewReader("{}")))
		if w.Code != 401 || w.Header().Get("ININ-Correlation-Id") == "" {
			t.Errorf("%v: status %d without a token, %v", call, w.Code, w.Header())
		}
	}
}

func TestStatsTellOfBothDialects(t *testing.T) {
	c := start(t, Config{Rows: 250})
	c.submit(body(day))
	c.walk(c.job(ask(day)), 100)
	c.want(200, "GET", pathJobs+"/availability", "")
	c.want(200, "POST", pathQuery, marshal(t, ask(day)))
	st := c.sim.Stats()
	if len(st.Jobs) != 2 || st.Jobs[0].Dialect != Reports || st.Jobs[1].Dialect != Jobs || st.Jobs[1].End != "2024-01-02T00:00:00.000Z" {
		t.Errorf("%+v", st.Jobs)
	}
	if diff := cmp.Diff([]int{1, 1, 1}, st.Jobs[1].Pages); diff != "" {
		t.Error(diff)
	}
	if st.Requests[Submit]["202"] != 1 || st.Requests[Submit]["200"] != 1 || st.Requests[Availability]["200"] != 1 || st.Requests[Query]["200"] != 1 {
		t.Errorf("%v", st.Requests)
	}
}
