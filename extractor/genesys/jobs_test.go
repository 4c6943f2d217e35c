package genesys

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/extractor"
	"convstream/internal/conv"
)

func jobsConfig() Config {
	return Config{
		Dialect: DialectJobs, BaseURL: "https://api.mypurecloud.de", TokenURL: "https://login.mypurecloud.de/oauth/token",
		ClientID: "client", ClientSecret: secret, PageSize: 1000,
	}
}

// newJobsClient asks p in dialect jobs.
func newJobsClient(t *testing.T, p *platform, filters ...Filter) *Client {
	t.Helper()
	c := jobsConfig()
	c.Filter, c.HTTP = filters, &http.Client{Transport: p}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// hour is a window that is no whole day.
var hour = conv.Window{From: day.From + 3_600_000, To: day.From + 7_200_000}

// What the reports dialect is configured with beside does not apply, and changes nothing.
func TestR21R22_JobsAreSubmittedWithTheWindowAsOneInterval(t *testing.T) {
	for _, status := range []int{200, 201, 202} {
		p := &platform{answer: answers{always(status, `{"jobId":"j-1"}`, "Date: Tue, 02 Jan 2024 00:00:05 GMT")}}
		c := jobsConfig()
		c.HTTP, c.Limit, c.Overlap, c.Select = &http.Client{Transport: p}, -1, time.Microsecond, []string{"*"}
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Submit(t.Context(), day)
		if err != nil || got.ID != "j-1" || got.PlatformTime != 1704153605000 {
			t.Fatalf("%d: job %+v, %v", status, got, err)
		}
		const body = `{"interval":"2024-01-01T00:00:00.000Z/2024-01-02T00:00:00.000Z","order":"asc","orderBy":"conversationStart","startOfDayIntervalMatching":false}`
		if diff := cmp.Diff(body, p.bodies[0]); diff != "" {
			t.Errorf("body:\n%s", diff)
		}
		if string(client.Payload(day)) != body {
			t.Errorf("payload is %s, and the body was %s", client.Payload(day), body)
		}
		r := p.requests[0]
		if got := r.Method + " " + r.URL.String(); got != "POST https://api.mypurecloud.de/api/v2/analytics/conversations/details/jobs" {
			t.Errorf("request is %s", got)
		}
	}
}

func TestR38_AnAnswerWithoutJobIDIsNoJob(t *testing.T) {
	for _, body := range []string{`{"queryId":"q","status":"pending"}`, `{"jobId":""}`, `{}`, `<html>`, `{"jobId":"` + strings.Repeat("j", maxJobID+1) + `"}`} {
		_, err := newJobsClient(t, &platform{answer: answers{always(202, body)}}).Submit(t.Context(), day)
		var api *extractor.APIError
		if !errors.As(err, &api) || api.Temporary() {
			t.Errorf("%.40q: %v, want a refusal that is not repeated", body, err)
		}
	}
}

func TestR47R48_StatesOfJobsAreReadAsTheyAreSpelt(t *testing.T) {
	for word, want := range map[string]conv.JobState{
		"QUEUED": conv.JobQueued, "PENDING": conv.JobRunning, "FULFILLED": conv.JobDone, "FAILED": conv.JobFailed,
		"CANCELLED": conv.JobLost, "EXPIRED": conv.JobLost,
		// The other dialect's words, and other spellings, are none of this one's.
		"pending": conv.JobUnknown, "completed": conv.JobUnknown, "partial": conv.JobUnknown, "fulfilled": conv.JobUnknown,
		"Fulfilled": conv.JobUnknown, "CANCELED": conv.JobUnknown, "": conv.JobUnknown,
	} {
		p := &platform{answer: answers{always(200, `{"state":"`+word+`","errorMessage":"why","submissionDate":"2024-01-01T00:00:00Z","expirationDate":5,"status":"completed"}`)}}
		got, err := newJobsClient(t, p).Status(t.Context(), job)
		if diff := cmp.Diff(conv.JobStatus{State: want, Word: word, Progress: -1, Error: "why", Count: -1}, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", word, err, diff)
		}
		if r := p.requests[0]; r.Method != "GET" || r.URL.Path != jobsPath+"/"+job.ID {
			t.Errorf("request is %s %s", r.Method, r.URL.Path)
		}
	}
	if _, err := newJobsClient(t, &platform{answer: answers{always(200, `{"status":"completed"}`)}}).Status(t.Context(), job); err == nil {
		t.Error("an answer without state was accepted")
	}
}

func TestR62_CursorsArePassedVerbatim(t *testing.T) {
	for _, cursor := range []string{"", "eyJwYWdlIjoyfQ", "a+b/c==&cursor=x%41#?", "tökén \n\x00"} {
		p := &platform{answer: answers{always(200, "page")}}
		body, err := newJobsClient(t, p).Page(t.Context(), conv.Job{ID: "a/b?c"}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(body); string(text) != "page" {
			t.Errorf("body is %q", text)
		}
		u := p.requests[0].URL
		if u.EscapedPath() != jobsPath+"/a%2Fb%3Fc/results" {
			t.Errorf("path is %s", u.EscapedPath())
		}
		q := u.Query()
		if q.Get("pageSize") != "1000" || q.Get("cursor") != cursor || q.Has("cursor") != (cursor != "") {
			t.Errorf("cursor %q arrived as %q", cursor, q)
		}
	}
}

func TestR57_CancelDeletesAJobOfEitherDialect(t *testing.T) {
	p := &platform{answer: answers{always(202, "")}}
	if err := newJobsClient(t, p).Cancel(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if r := p.requests[0]; r.Method != "DELETE" || r.URL.Path != jobsPath+"/"+job.ID {
		t.Errorf("request is %s %s", r.Method, r.URL.Path)
	}
}

// The synchronous query gives the count, and one row at most, which nobody looks at.
func TestR1R89_TheBaselineOfJobsIsTheCountOfTheSameQuestion(t *testing.T) {
	giant := `{"conversations":[{"conversationId":"` + strings.Repeat("x", 5<<20) + `"}],"totalHits":9}`
	for body, want := range map[string]int64{
		`{"totalHits":13}`: 13, `{"conversations":[{}],"totalHits":0}`: 0, giant: 9,
		`{"conversations":[{}]}`: -1, `{"totalHits":"13"}`: -1, `{"totalHits":-1}`: -1, `{"count":13}`: -1,
	} {
		p := &platform{answer: answers{always(200, body)}}
		client := newJobsClient(t, p, Filter{"media_type", "eq", "voice"}, Filter{"division", "eq", "d-1"})
		got, err := client.Baseline(t.Context(), day)
		if want < 0 != errors.Is(err, conv.ErrNoBaseline) || want >= 0 && (got != want || err != nil) {
			t.Errorf("%.60s: %d, %v", body, got, err)
		}
		const asked = `{"interval":"2024-01-01T00:00:00.000Z/2024-01-01T23:59:59.999Z",` +
			`"conversationFilters":[{"type":"and","predicates":[{"type":"dimension","dimension":"divisionId","operator":"matches","value":"d-1"}]}],` +
			`"segmentFilters":[{"type":"and","predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"voice"}]}],` +
			`"paging":{"pageSize":1,"pageNumber":1}}`
		if diff := cmp.Diff(asked, p.bodies[0]); diff != "" {
			t.Errorf("body:\n%s", diff)
		}
		if r := p.requests[0]; r.Method != "POST" || r.URL.Path != queryPath {
			t.Errorf("request is %s %s", r.Method, r.URL.Path)
		}
	}
}

func TestTheBaselineOfJobsCountsWholeDays(t *testing.T) {
	days := func(n int64) conv.Window { return conv.Window{From: day.From, To: day.From + n*86_400_000} }
	for w, ok := range map[conv.Window]bool{
		days(1): true, days(31): true, days(32): false, hour: false,
		{From: day.From, To: day.To - 1}: false, {From: day.From + 1, To: day.To + 1}: false,
	} {
		p := &platform{answer: answers{always(200, `{"totalHits":1}`)}}
		_, err := newJobsClient(t, p).Baseline(t.Context(), w)
		if ok && err != nil || !ok && (!errors.Is(err, conv.ErrNoBaseline) || len(p.requests) > 0) {
			t.Errorf("%s: %v after %d requests", w, err, len(p.requests))
		}
	}
}

func TestTheWatermarkIsReadOrRefused(t *testing.T) {
	for body, want := range map[string]int64{
		`{"dataAvailabilityDate":"2024-01-01T08:15:32.100Z"}`: 1704096932100, `{"dataAvailabilityDate":"2024-01-01T08:15:32Z"}`: 1704096932000,
		`{}`: -1, `{"dataAvailabilityDate":null}`: -1, `{"dataAvailabilityDate":"soon"}`: -1, `{"dataAvailabilityDate":17}`: -1,
	} {
		p := &platform{answer: answers{always(200, body)}}
		got, err := newJobsClient(t, p).Availability(t.Context())
		if want < 0 != (err != nil) || want >= 0 && got != want {
			t.Errorf("%s: %d, %v", body, got, err)
		}
		if errors.Is(err, conv.ErrNoWatermark) {
			t.Errorf("%s: a platform that has a watermark is said to have none", body)
		}
		if r := p.requests[0]; r.Method != "GET" || r.URL.Path != jobsPath+"/availability" {
			t.Errorf("request is %s %s", r.Method, r.URL.Path)
		}
	}
	if _, err := newClient(t, &platform{}).Availability(t.Context()); !errors.Is(err, conv.ErrNoWatermark) {
		t.Errorf("reports: %v", err)
	}
}

func TestPagesOfJobsAreSplitIntoConversations(t *testing.T) {
	client := newJobsClient(t, &platform{})
	page := `{"conversations":[{"conversationId":"c-1","conversationStart":"2024-01-01T08:15:32.100Z","conversationEnd":"2024-01-01T08:16:32.100Z"},
		{"conversationId":"c-2","conversationStart":"2024-01-01T08:15:32Z"}],"cursor":"next","dataAvailabilityDate":"2024-01-02T00:00:00.000Z"}`
	var rows []conv.Row
	var last conv.Chunk
	err := extractor.NewSplitter(client.Envelope(), client.Keys()).Split(strings.NewReader(page), conv.Position{}, func(c conv.Chunk) error {
		rows, last = append(rows, c.Rows...), c
		return nil
	})
	if err != nil || len(rows) != 2 || last.Next != "next" || last.Page.Available != 1704153600000 {
		t.Fatalf("%d rows, last %+v, %v", len(rows), last, err)
	}
	if r := rows[0]; string(r.ConversationID) != "c-1" || r.Time != 1704096932100 || !r.HasEnd || r.End != 1704096992100 {
		t.Errorf("first row is %+v", r)
	}
	if r := rows[1]; string(r.ConversationID) != "c-2" || !r.HasTime || r.HasEnd {
		t.Errorf("second row is %+v", r)
	}
}

// Nothing of one dialect is ever asked in the other, whatever comes back.
func TestTheConfigurationChoosesTheDialect(t *testing.T) {
	reports, jobs := newClient(t, &platform{}), newJobsClient(t, &platform{})
	if reports.QueryHash() == jobs.QueryHash() {
		t.Error("both dialects' queries have one hash")
	}
	if _, err := newJobsClient(t, &platform{answer: answers{always(200, `{"queryId":"q","status":"pending"}`)}}).Submit(t.Context(), day); err == nil {
		t.Error("an answer of the other dialect was taken")
	}
	if _, err := newClient(t, &platform{answer: answers{always(202, `{"jobId":"j"}`)}}).Submit(t.Context(), day); err == nil {
		t.Error("an answer of the other dialect was taken")
	}
	if jobs.QueryHash() != newJobsClient(t, &platform{}).QueryHash() || jobs.QueryHash() == newJobsClient(t, &platform{}, Filter{"queue", "eq", "q"}).QueryHash() {
		t.Error("the hash does not change with the filter alone")
	}
}
