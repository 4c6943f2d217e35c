package genesys

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/extractor"
	"convstream/internal/conv"
)

const secret = "s3cr3t-0f-the-client"

// platform is a stand-in that answers in memory. The token endpoint counts and numbers its
// tokens; everything else is answer's, in order.
type platform struct {
	token  func(n int) *http.Response // nil issues token-n for a day
	answer []func(r *http.Request) *http.Response

	mu       sync.Mutex
	tokens   int
	requests []*http.Request
	bodies   []string
}

func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/oauth/token" {
		p.tokens++
		if id, pass, ok := r.BasicAuth(); !ok || id != "client" || pass != secret {
			return reply(401, `{"error":"invalid_client"}`), nil
		}
		if p.token != nil {
			return p.token(p.tokens), nil
		}
		return issue(p.tokens, 86400), nil
	}
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	p.requests, p.bodies = append(p.requests, r), append(p.bodies, body)
	if len(p.requests) > len(p.answer) {
		return nil, fmt.Errorf("unexpected request %s %s", r.Method, r.URL.Path)
	}
	resp := p.answer[len(p.requests)-1](r)
	resp.Request = r
	return resp, nil
}

func issue(n, seconds int) *http.Response {
	return reply(200, fmt.Sprintf(`{"access_token":"token-%d","token_type":"bearer","expires_in":%d}`, n, seconds))
}

// reply is an answer; header lines are "Name: value".
func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

func always(status int, body string, header ...string) func(*http.Request) *http.Response {
	return func(*http.Request) *http.Response { return reply(status, body, header...) }
}

func guideConfig() Config {
	return Config{
		Dialect: "reports", BaseURL: "https://api.mypurecloud.de", TokenURL: "https://login.mypurecloud.de/oauth/token", ClientID: "client", ClientSecret: secret, Limit: 1_000_000,
		Select: []string{"interaction.id", "interaction.type", "conversation.id", "timestamp",
			"attributes.custom.customer_segment", "attributes.custom.case_priority", "metrics.queuetime.ms", "metrics.handledtime.ms"},
	}
}

func newClient(t *testing.T, p *platform, filters ...Filter) *Client {
	t.Helper()
	c := guideConfig()
	c.Filter, c.HTTP = filters, &http.Client{Transport: p}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// day is the guide's window.
var day = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01

var job = conv.Job{ID: "a1b2c3d4-e5f6-7890-abcd-ef1234567890"}

func TestR17R19R20R21R23R31R37R109_SubmitSendsEightMembersInOrder(t *testing.T) {
	p := &platform{answer: []func(*http.Request) *http.Response{
		always(202, `{"queryId":"q-1","status":"pending"}`, "Date: Tue, 02 Jan 2024 00:00:05 GMT"),
	}}
	got, err := newClient(t, p).Submit(context.Background(), day)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != "q-1" || got.PlatformTime != 1704153605000 {
		t.Errorf("job is %+v, want q-1 at the platform's time", got)
	}
	const body = `{"interval":"PT0S","start":"2023-12-31T23:59:59.999Z","end":"2024-01-01T23:59:59.999Z","view":"default/conversations",` +
		`"select":["interaction.id","interaction.type","conversation.id","timestamp","attributes.custom.customer_segment",` +
		`"attributes.custom.case_priority","metrics.queuetime.ms","metrics.handledtime.ms"],` +
		`"filter":{"type":"and","clauses":[]},"group":[],"limit":1000000}`
	if diff := cmp.Diff(body, p.bodies[0]); diff != "" {
		t.Errorf("body:\n%s", diff)
	}
	r := p.requests[0]
	if got := r.Method + " " + r.URL.String(); got != "POST https://api.mypurecloud.de/api/v2/analytics/conversations/details/query" {
		t.Errorf("request is %s", got)
	}
	for name, want := range map[string]string{"Authorization": "Bearer token-1", "Accept": "application/json", "Content-Type": "application/json"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestR22_PayloadDoesNotDependOnTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, &platform{})
		before := client.Payload(day)
		time.Sleep(time.Hour)
		if !bytes.Equal(before, client.Payload(day)) {
			t.Error("the same window gave another payload an hour later")
		}
	})
}

func TestR38_AnswerWithoutQueryIDIsNoJob(t *testing.T) {
	for _, body := range []string{`{"status":"pending"}`, `{"queryId":""}`, `<html>login</html>`, ``} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(200, body)}}
		_, err := newClient(t, p).Submit(context.Background(), day)
		var api *extractor.APIError
		if !errors.As(err, &api) || api.Temporary() {
			t.Errorf("%q: %v, want a refusal that is not repeated", body, err)
		}
	}
}

// Polls and their deadline count by our clock, and what the job can have seen by the
// platform's.
func TestR39R56_SubmitTimeIsOursAndPlatformTimeThePlatforms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for date, want := range map[string]int64{"": now.UnixMilli(), "Date: Sat, 01 Jan 2000 09:00:00 GMT": now.Add(9 * time.Hour).UnixMilli()} {
			p := &platform{answer: []func(*http.Request) *http.Response{always(200, `{"queryId":"q"}`, date)}}
			got, err := newClient(t, p).Submit(t.Context(), day)
			if err != nil || got.Submitted != now.UnixMilli() || got.PlatformTime != want {
				t.Errorf("%q: %+v, %v; want %d and %d", date, got, err, now.UnixMilli(), want)
			}
		}
	})
}

func TestR40R41R47_StatusReadsTheFiveWordsAndTheirFields(t *testing.T) {
	for _, c := range []struct {
		body string
		want conv.JobStatus
	}{
		{`{"status":"pending"}`, conv.JobStatus{State: conv.JobQueued, Word: "pending", Progress: -1, Count: -1}},
		{`{"id":"x","status":"running","progress":0.45,"resultsUri":"/elsewhere","createdTime":"2024-01-01T00:00:05.123Z"}`,
			conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: 0.45, Count: -1, Results: "/elsewhere"}},
		{`{"status":"running","resultsUri":"/api/v2/analytics/report-queries/` + job.ID + `/results"}`,
			conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: -1, Count: -1}},
		{`{"status":"running","resultsUri":"https://api.mypurecloud.de/api/v2/analytics/report-queries/` + job.ID + `/results"}`,
			conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: -1, Count: -1}},
		{`{"status":"running","resultsUri":["/a"]}`, conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: -1, Count: -1, Results: "what is no URL"}},
		{`{"status":"running","resultsUri":null}`, conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: -1, Count: -1}},
		{`{"status":"failed","error":"` + strings.Repeat("<", 100_000) + `"}`,
			conv.JobStatus{State: conv.JobFailed, Word: "failed", Progress: -1, Count: -1, Error: strings.Repeat("<", maxMessage)}},
		{`{"status":"completed","progress":"n/a","count":17}`, conv.JobStatus{State: conv.JobDone, Word: "completed", Progress: -1, Count: 17}},
		{`{"status":"partial","count":"17"}`, conv.JobStatus{State: conv.JobPartial, Word: "partial", Progress: -1, Count: -1}},
		{`{"status":"failed","error":"Internal Server Error"}`, conv.JobStatus{State: conv.JobFailed, Word: "failed", Progress: -1, Count: -1, Error: "Internal Server Error"}},
		{`{"status":"failed","error":{"code":7}}`, conv.JobStatus{State: conv.JobFailed, Word: "failed", Progress: -1, Count: -1, Error: `{"code":7}`}},
		{`{"status":"running","error":null,"progress":null}`, conv.JobStatus{State: conv.JobRunning, Word: "running", Progress: -1, Count: -1}},
		{`{"status":"FULFILLED"}`, conv.JobStatus{Word: "FULFILLED", Progress: -1, Count: -1}},
		{`{"status":"Completed"}`, conv.JobStatus{Word: "Completed", Progress: -1, Count: -1}}, // R48
	} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(200, c.body)}}
		got, err := newClient(t, p).Status(context.Background(), job)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, want %+v, %v", c.body, got, c.want, err)
		}
		r := p.requests[0]
		if got := r.Method + " " + r.URL.Path; got != "GET /api/v2/analytics/report-queries/"+job.ID || r.Header.Get("Accept") != "application/json" {
			t.Errorf("request is %s, Accept %q", got, r.Header.Get("Accept"))
		}
	}
	p := &platform{answer: []func(*http.Request) *http.Response{always(200, `{"progress":1}`)}}
	if _, err := newClient(t, p).Status(context.Background(), job); err == nil {
		t.Error("an answer without status was accepted")
	}
}

// It may be a presigned URL, and whoever reads the log must not be let in by it.
func TestR41_OfAnotherPlaceForTheResultsOnlySchemeHostAndPathAreKept(t *testing.T) {
	ours := "/api/v2/analytics/report-queries/" + job.ID + "/results"
	for uri, want := range map[string]string{
		`"https://me:hunter2@files.example:8443/a/b%2Fc?X-Signature=hunter2&x=1#hunter2"`: "https://files.example:8443/a/b%2Fc",
		`"https://hunter2@files.example"`:                                                 "https://files.example",
		`"/elsewhere?token=hunter2"`:                                                      "/elsewhere",
		`"//files.example/a?token=hunter2"`:                                               "//files.example/a",
		`"/elsewhere?#"`:                                                                  "/elsewhere",
		`"` + ours + `?pageToken=hunter2"`:                                                "",
		`"https://api.mypurecloud.de` + ours + `?pageToken=hunter2"`:                      "",
		`"https://x:` + strings.Repeat("hunter2", 100) + `@files.example/a"`:              "https://files.example/a",
		`"https://files.example/` + strings.Repeat("a", 1000) + `"`:                       "https://files.example/" + strings.Repeat("a", maxMessage-len("https://files.example/")),
		`"https://files.example/%zz?hunter2"`:                                             "what is no URL",
		`"data:hunter2"`:                                                                  "what is no URL",
		`"?hunter2"`:                                                                      "what is no URL",
		`{"url":"https://files.example/a?token=hunter2"}`:                                 "what is no URL",
		`""`: "", `null`: "",
	} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(200, `{"status":"running","resultsUri":`+uri+`}`)}}
		got, err := newClient(t, p).Status(t.Context(), job)
		if err != nil || got.Results != want {
			t.Errorf("%s gives %q, %v; want %q", uri, got.Results, err, want)
		}
	}
}

func TestR61R62_PageTokenIsPassedVerbatim(t *testing.T) {
	for _, token := range []string{"", "eyJwYWdlIjoyfQ", "a+b/c==&pageToken=x%41#?", "tökén \n\x00", strings.Repeat("+", 3000)} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(200, "page")}}
		body, err := newClient(t, p).Page(context.Background(), conv.Job{ID: "a/b?c"}, token)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(body); string(text) != "page" {
			t.Errorf("body is %q", text)
		}
		u := p.requests[0].URL
		if u.EscapedPath() != "/api/v2/analytics/report-queries/a%2Fb%3Fc/results" {
			t.Errorf("path is %s", u.EscapedPath())
		}
		values := u.Query()
		if want := map[bool]int{true: 0, false: 1}[token == ""]; len(values) != want || values.Get("pageToken") != token {
			t.Errorf("token %q arrived as %q", token, values)
		}
	}
}

func TestR57_CancelDeletesTheJob(t *testing.T) {
	p := &platform{answer: []func(*http.Request) *http.Response{always(204, "")}}
	if err := newClient(t, p).Cancel(context.Background(), job); err != nil {
		t.Fatal(err)
	}
	if r := p.requests[0]; r.Method != "DELETE" || r.URL.Path != "/api/v2/analytics/report-queries/"+job.ID {
		t.Errorf("request is %s %s", r.Method, r.URL.Path)
	}
}

func TestR1R113_BaselineAsksForACountOfTheWindowItself(t *testing.T) {
	for body, want := range map[string]int64{
		`{"count":12}`: 12, `{"totalHits":13}`: 13, `{"count":0,"totalHits":5}`: 0, `{"count":null,"totalHits":5}`: 5,
		`{}`: -1, `{"count":"12"}`: -1, `{"count":-1}`: -1, `{"count":1.5}`: -1,
	} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(200, body)}}
		got, err := newClient(t, p).Baseline(context.Background(), day)
		if want < 0 != errors.Is(err, conv.ErrNoBaseline) || want >= 0 && got != want {
			t.Errorf("%s: %d, %v", body, got, err)
		}
		q := p.requests[0].URL.Query()
		if q.Get("start") != "2024-01-01T00:00:00.000Z" || q.Get("end") != "2024-01-01T23:59:59.999Z" || p.requests[0].Method != "GET" {
			t.Errorf("asked %s %v", p.requests[0].Method, q)
		}
	}
}

func TestGzippedPageIsReadDecoded(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(`{"data":[]}`))
	_ = w.Close()
	server := newLoopback(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token":"t","expires_in":60}`))
			return
		}
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("gzip is not accepted")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	c := guideConfig()
	c.BaseURL, c.TokenURL = server+"/", server+"/oauth/token"
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	body, err := client.Page(context.Background(), job, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); string(text) != `{"data":[]}` {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestRedirectIsRefusedAndGetsNoToken(t *testing.T) {
	p := &platform{answer: []func(*http.Request) *http.Response{always(302, "", "Location: https://elsewhere.example/")}}
	_, err := newClient(t, p).Status(context.Background(), job)
	var api *extractor.APIError
	if !errors.As(err, &api) || api.Status != 302 || api.Temporary() || len(p.requests) != 1 {
		t.Errorf("%d requests, %v", len(p.requests), err)
	}
}

func TestQueryHashChangesWithTheQueryAlone(t *testing.T) {
	hash := func(change func(*Config)) string {
		c := guideConfig()
		change(&c)
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		return client.QueryHash()
	}
	plain := hash(func(*Config) {})
	if plain != hash(func(c *Config) { c.BaseURL, c.ClientID = "https://api.mypurecloud.com", "other" }) {
		t.Error("it depends on who asks")
	}
	if plain == hash(func(c *Config) { c.Limit-- }) || plain == hash(func(c *Config) { c.Select = c.Select[:4] }) {
		t.Error("it does not depend on what is asked")
	}
	if !json.Valid([]byte(`"`+plain+`"`)) || len(plain) != 64 {
		t.Errorf("it is %q", plain)
	}
}
