package simulator

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

type refusal struct {
	Message, Code, ContextID string
	Status                   int
	Details                  []errorDetail
}

func TestR19_ASubmitBodyHasExactlyTheEightMembers(t *testing.T) {
	c := start(t, Config{Rows: 10})
	refused := func(member string, change func(map[string]any)) {
		t.Helper()
		b := body(day)
		change(b)
		var e refusal
		c.decode(c.want(400, "POST", pathQuery, marshal(t, b)), &e)
		if len(e.Details) != 1 || e.Details[0].FieldName != member || !strings.HasPrefix(e.Message, member+": ") {
			t.Errorf("%s: refused with %+v", member, e)
		}
		if e.Status != 400 || e.ContextID == "" {
			t.Errorf("%s: status %d, contextId %q", member, e.Status, e.ContextID)
		}
	}
	for member := range body(day) {
		refused(member, func(b map[string]any) { delete(b, member) })
		for _, wrong := range []any{nil, true, -1, "x", []any{1}, map[string]any{"x": 1}} {
			refused(member, func(b map[string]any) { b[member] = wrong })
		}
	}
	refused("order", func(b map[string]any) { b["order"] = "asc" })
	for _, wrong := range []any{"2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000+00:00", "2024-01-01T00:00:00.000", "2024-13-01T00:00:00.000Z"} {
		refused("start", func(b map[string]any) { b["start"] = wrong })
	}
	refused("end", func(b map[string]any) { b["end"] = "2023-12-31T23:59:59.999Z" })
	for _, wrong := range []any{0, 10_000_001, 5.5, "5"} {
		refused("limit", func(b map[string]any) { b["limit"] = wrong })
	}
	refused("select", func(b map[string]any) { b["select"] = []string{"timestamp", "attributes.custom.*"} })
	refused("select", func(b map[string]any) { b["select"] = []string{} })
	for _, clause := range []map[string]any{
		{"type": "dimension", "path": "interaction.type", "operator": "eq", "value": "voice"},
		{"type": "field", "path": "routing.queue", "operator": "eq", "value": "voice"},
		{"type": "field", "path": "interaction.type", "operator": "matches", "value": "voice"},
		{"type": "field", "path": "interaction.type", "operator": "eq", "value": 5},
		{"type": "field", "path": "interaction.type", "operator": "gte", "value": "voice"},
		{"type": "field", "path": "metrics.handledtime.ms", "operator": "gte", "value": "0"},
		{"type": "field", "path": "interaction.type", "operator": "eq", "value": "voice", "not": true},
	} {
		refused("filter", func(b map[string]any) { b["filter"] = map[string]any{"type": "and", "clauses": []any{clause}} })
	}
	if jobs := c.sim.Stats().Jobs; len(jobs) != 0 {
		t.Errorf("a refused body made a job: %v", jobs)
	}
	for _, text := range []string{"[]", "null", "{", "{} {}"} {
		c.want(400, "POST", pathQuery, text)
	}
	c.want(413, "POST", pathQuery, strings.Repeat(" ", maxBody+1)+"{}")
}

func TestASubmitMustBeJSON(t *testing.T) {
	c := start(t, Config{Rows: 10})
	c.login()
	r := httptest.NewRequest("POST", pathQuery, strings.NewReader(marshal(t, body(day))))
	r.Header.Set("Authorization", "Bearer "+c.token)
	w := httptest.NewRecorder()
	c.sim.ServeHTTP(w, r)
	if w.Code != 415 {
		t.Errorf("status %d without Content-Type", w.Code)
	}
}

func TestR62_PageTokensMustComeBackVerbatim(t *testing.T) {
	c := start(t, Config{Rows: 300, Faults: Faults{PageRows: 100}})
	id, other := c.submit(body(day)), c.submit(body(day))
	pages := c.read(id)
	token := *pages[0].NextPageToken
	for _, letter := range "+/=&%" {
		if !strings.ContainsRune(token, letter) {
			t.Errorf("token %q lacks %c", token, letter)
		}
	}
	var again page
	c.decode(c.want(200, "GET", resultsPath(id, &token), ""), &again)
	if diff := cmp.Diff(pages[1], again); diff != "" {
		t.Errorf("the same token gives another page: %s", diff)
	}
	for i := range token {
		altered := token[:i] + string(token[i]^1) + token[i+1:]
		c.want(400, "GET", resultsPath(id, &altered), "")
	}
	for _, altered := range []string{"", "x", token[:len(token)-1], token + "%", strings.ReplaceAll(token, "%2B", "+"), strings.ReplaceAll(token, "+", " ")} {
		c.want(400, "GET", resultsPath(id, &altered), "")
	}
	c.want(400, "GET", resultsPath(other, &token), "")
}

func TestAJobThatNobodyKnowsIsNotFound(t *testing.T) {
	c := start(t, Config{Rows: 10})
	c.want(404, "GET", pathReports+"x", "")
	c.want(404, "GET", pathReports+"x/results", "")
	c.want(404, "DELETE", pathReports+"x", "")
	id := c.submit(body(day))
	c.want(204, "DELETE", pathReports+id, "")
	c.want(404, "GET", pathReports+id, "")
	c.want(404, "GET", pathReports+id+"/results", "")
}

func TestAJobGoesFromPendingOverRunningToCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Minute}})
		id := c.submit(body(day))
		for _, step := range []struct {
			after  time.Duration
			status string
			paged  int
		}{{0, "pending", 409}, {20 * time.Second, "running", 409}, {35 * time.Second, "running", 409}, {5 * time.Second, "completed", 200}} {
			time.Sleep(step.after)
			a := c.status(id)
			if a.Status != step.status || a.ID != id || a.ResultsURI != pathReports+id+"/results" || a.Error != "" {
				t.Errorf("after %v: %+v, want %s", step.after, a, step.status)
			}
			if (a.Count != nil) != (step.status == "completed") || (*a.Progress == 1) != (step.status == "completed") {
				t.Errorf("after %v: count %v, progress %v", step.after, a.Count, a.Progress)
			}
			c.want(step.paged, "GET", pathReports+id+"/results", "")
		}
	})
}

func TestR59_AJobIsForgottenAfterSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{TokenLife: 30 * 24 * time.Hour}})
		id := c.submit(body(day))
		time.Sleep(7*24*time.Hour - time.Millisecond)
		c.status(id)
		time.Sleep(time.Millisecond)
		c.want(404, "GET", pathReports+id, "")
	})
}

func TestALimitEndsTheResult(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{PageRows: 100}})
	b := body(day)
	for _, limit := range []int{1, 99, 100, 101, 250, 1000, 1001} {
		b["limit"] = limit
		want := slices.Collect(c.sim.Truth(day))[:min(limit, 1000)]
		if diff := cmp.Diff(want, c.rows(b)); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
		if n := *c.status(c.submit(b)).Count; n != len(want) {
			t.Errorf("limit %d: count %d", limit, n)
		}
	}
}

func TestR30_AFilterLetsThroughWhatHoldsEveryClause(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{PageRows: 100}})
	b := body(day)
	b["filter"] = map[string]any{"type": "and", "clauses": []any{
		map[string]any{"type": "field", "path": "interaction.type", "operator": "eq", "value": "voice"},
		map[string]any{"type": "field", "path": "metrics.handledtime.ms", "operator": "gte", "value": 1_000_000},
	}}
	var want []Row
	for r := range c.sim.Truth(day) {
		if r.Type == "voice" && r.Handled >= 1_000_000 {
			want = append(want, r)
		}
	}
	if len(want) == 0 {
		t.Fatal("no row holds the filter")
	}
	if diff := cmp.Diff(want, c.rows(b)); diff != "" {
		t.Error(diff)
	}
	if n := *c.status(c.submit(b)).Count; n != len(want) {
		t.Errorf("count %d, want %d", n, len(want))
	}
	b["limit"] = 10
	if diff := cmp.Diff(want[:10], c.rows(b)); diff != "" {
		t.Errorf("with a limit: %s", diff)
	}
}

func TestOnlySelectedColumnsComeBack(t *testing.T) {
	c := start(t, Config{Rows: 200})
	b := body(day)
	b["select"] = []string{"interaction.id", "timestamp", "attributes.custom.not_there"}
	var want []Row
	for r := range c.sim.Truth(day) {
		want = append(want, Row{InteractionID: r.InteractionID, Time: r.Time, Queue: -1, Handled: -1})
	}
	if diff := cmp.Diff(want, c.rows(b)); diff != "" {
		t.Error(diff)
	}
}

func TestR88_TheBaselineCountsTheClosedInterval(t *testing.T) {
	c := start(t, Config{Rows: 3000})
	for _, w := range []conv.Window{day, {From: day.From, To: day.From + hour + 1}, {From: day.From - hour, To: day.From}, {From: day.From + 1, To: day.From + 2}} {
		want := 0
		for r := range c.sim.Truth(day) {
			if w.From <= r.Time && r.Time <= w.To-1 {
				want++
			}
		}
		var got count
		c.decode(c.want(200, "GET", baselinePath(w), ""), &got)
		if got.Count != want {
			t.Errorf("%s: %d, want %d", w, got.Count, want)
		}
	}
	c.want(400, "GET", pathQuery, "")
	c.want(400, "GET", pathQuery+"?start=2024-01-02T00:00:00.000Z&end=2024-01-01T00:00:00.000Z", "")
}

func baselinePath(w conv.Window) string {
	return pathQuery + "?start=" + conv.FormatInstant(w.From) + "&end=" + conv.FormatInstant(w.To-1)
}

func TestEveryCallNeedsAToken(t *testing.T) {
	c := start(t, Config{Rows: 10})
	for _, call := range [][2]string{{"POST", pathQuery}, {"GET", pathQuery}, {"GET", pathReports + "x"}, {"GET", pathReports + "x/results"}, {"DELETE", pathReports + "x"}} {
		if status, _, _ := c.send(call[0], call[1], ""); status != 401 {
			t.Errorf("%v: status %d without a token", call, status)
		}
	}
}
