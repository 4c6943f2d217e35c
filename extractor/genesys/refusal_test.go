package genesys

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"convstream/extractor"
)

func refused(t *testing.T, answer func(*http.Request) *http.Response) *extractor.APIError {
	t.Helper()
	_, err := newClient(t, &platform{answer: answers{answer}}).Status(context.Background(), job)
	var api *extractor.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v", err)
	}
	return api
}

func TestRefusalSaysWhatThePlatformSaid(t *testing.T) {
	got := refused(t, always(429, `{"message":"Rate limit exceeded the maximum. Retry the request in [42] seconds",
		"code":"too.many.requests.retry.after","status":429,"contextId":"ctx-1","details":[],"errors":[],
		"limit":{"key":"client.credentials.token.rate.per.minute","namespace":"platform.api"}}`, "ININ-Correlation-Id: header-1"))
	want := &extractor.APIError{
		Op: extractor.OpStatus, Status: 429, Code: "too.many.requests.retry.after",
		Message:     "Rate limit exceeded the maximum. Retry the request in [42] seconds [limit platform.api/client.credentials.token.rate.per.minute]",
		Correlation: "ctx-1", RetryAfter: 42 * time.Second, HasRetryAfter: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefusalThatIsNoJSONIsKeptInPart(t *testing.T) {
	got := refused(t, always(502, "<html>\n  Bad   gateway "+strings.Repeat("x", 100_000), "ININ-Correlation-Id: c-1"))
	if got.Status != 502 || got.Code != "Bad Gateway" || got.Correlation != "c-1" ||
		!strings.HasPrefix(got.Message, "<html> Bad gateway xxx") || len(got.Message) > maxMessage {
		t.Errorf("%+v", got)
	}
}

func TestRetryAfterIsReadInEachForm(t *testing.T) {
	for _, c := range []struct {
		body   string
		header []string
		want   time.Duration // -1: none
	}{
		{"", []string{"Retry-After: 60"}, time.Minute},
		{"", []string{"Retry-After: 0"}, 0},
		{"", []string{"Retry-After: Wed, 21 Oct 2015 07:28:30 GMT", "Date: Wed, 21 Oct 2015 07:28:00 GMT"}, 30 * time.Second},
		{"", []string{"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"}, 0}, // long ago
		{"", []string{"Retry-After: 2147483647"}, maxRetryAfter},
		{`{"message":"Retry the request in [42] seconds"}`, nil, 42 * time.Second},
		{`{"message":"Retry the request in [42] seconds"}`, []string{"Retry-After: 5"}, 5 * time.Second},
		{`{"message":"Retry the request in [42] seconds"}`, []string{"Retry-After: soon"}, 42 * time.Second},
		{"Retry the request in [99999999999999999999] seconds", nil, -1},
		{"", []string{"Retry-After: -5"}, -1},
		{"", nil, -1},
		{"", []string{"inin-ratelimit-reset: 33"}, 33 * time.Second},
		{"", []string{"inin-ratelimit-reset: 33", "inin-ratelimit-count: 181", "inin-ratelimit-allowed: 180"}, 33 * time.Second},
		{"", []string{"inin-ratelimit-reset: 33", "inin-ratelimit-count: 12", "inin-ratelimit-allowed: 180"}, -1}, // another limit was hit
		{"", []string{"inin-ratelimit-reset: 33", "Retry-After: 7"}, 7 * time.Second},
		{`{"message":"Retry the request in [42] seconds"}`, []string{"inin-ratelimit-reset: 33"}, 42 * time.Second},
		{"", []string{"inin-ratelimit-reset: 99999"}, maxRetryAfter},
		{"", []string{"inin-ratelimit-reset: soon"}, -1},
	} {
		got := refused(t, always(429, c.body, c.header...))
		if got.HasRetryAfter != (c.want >= 0) || got.HasRetryAfter && got.RetryAfter != c.want {
			t.Errorf("%q %v: %s, %v", c.body, c.header, got.RetryAfter, got.HasRetryAfter)
		}
	}
}

func TestR6R8_ForbiddenNamesPermissionAndLicence(t *testing.T) {
	forbidden := always(403, `{"code":"missing.permissions","message":"not allowed"}`)
	for want, ask := range map[string]func(*Client) error{
		"analytics:report:run":    func(c *Client) error { _, err := c.Submit(context.Background(), day); return err },
		"analytics:report:view":   func(c *Client) error { _, err := c.Status(context.Background(), job); return err },
		"analytics:report:view ":  func(c *Client) error { _, err := c.Page(context.Background(), job, ""); return err },
		"analytics:report:delete": func(c *Client) error { return c.Cancel(context.Background(), job) },
	} {
		err := ask(newClient(t, &platform{answer: answers{forbidden}}))
		var api *extractor.APIError
		if !errors.As(err, &api) || api.Temporary() || api.Gone() {
			t.Fatalf("%s: %v", want, err)
		}
		if text := err.Error(); !strings.Contains(text, strings.TrimSpace(want)) || !strings.Contains(text, "licence") {
			t.Errorf("%q does not name %s and the licence", text, want)
		}
	}
}

func TestOnlyAHitLimitsHeadersCount(t *testing.T) {
	headers := []string{"inin-ratelimit-reset: 33", "inin-ratelimit-count: 181", "inin-ratelimit-allowed: 180"}
	if got := refused(t, always(429, `{"message":"slow down"}`, headers...)); got.Message != "slow down [181 of 180 requests used]" {
		t.Errorf("message is %q", got.Message)
	}
	if got := refused(t, always(503, `{"message":"slow down"}`, headers...)); got.HasRetryAfter || got.Message != "slow down" {
		t.Errorf("%+v", got)
	}
}

// What the platform names is shown, wherever in its answer it stands, and once.
func TestR6R8_WhatThePlatformMissesIsShown(t *testing.T) {
	for said, want := range map[string]string{
		`{"message":"You must have at least one of the following permissions assigned: [analytics:conversationDetail:view]","code":"missing.any.permissions",
			"messageParams":{"permissions":"[analytics:conversationDetail:view]"}}`: "missing.any.permissions: You must have at least one of the following permissions assigned: [analytics:conversationDetail:view]: ",
		`{"message":"no","code":"missing.permissions","messageParams":{"permissions":"analytics:x:view","divisions":"d-7"}}`:            "no [divisions d-7; permissions analytics:x:view]",
		`{"message":"no","code":"missing.permissions","details":[{"errorCode":"missing","fieldName":"division","entityName":"Sales"}]}`: "no [division Sales missing]",
		`{"message":"no","errors":[{"message":"the division Sales is missing"},{"message":"no"}]}`:                                      "no [the division Sales is missing]",
		`{"message":"no","limit":{"key":"details.jobs.rate","namespace":"analytics","value":5}}`:                                        "no [limit analytics/details.jobs.rate 5]",
		`{"message":"no","messageParams":"odd","details":5,"errors":{},"limit":[]}`:                                                     "Forbidden: no: the OAuth",
		`{"message":"no","messageParams":{"n":7,"x":null,"y":{"a":1}}}`:                                                                 `no [n 7; y {"a":1}]`,
	} {
		if got := refused(t, always(403, said)).Error(); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestR6R8_ForbiddenJobsNameWhatEachCallNeeds(t *testing.T) {
	for _, c := range []struct {
		ask   func(*Client) error
		names []string
	}{
		{func(c *Client) error { _, err := c.Submit(context.Background(), day); return err }, []string{"analytics:conversationDetail:view or analytics:agentConversationDetail:view"}},
		{func(c *Client) error { _, err := c.Status(context.Background(), job); return err }, []string{"analytics:conversationDetail:view or"}},
		{func(c *Client) error { _, err := c.Page(context.Background(), job, ""); return err }, []string{"analytics:conversationDetail:view or"}},
		{func(c *Client) error { return c.Cancel(context.Background(), job) }, []string{"analytics:conversationDetail:view or"}},
		{func(c *Client) error { _, err := c.Baseline(context.Background(), day); return err }, []string{"analytics:conversationDetail:view or"}},
		{func(c *Client) error { _, err := c.Availability(context.Background()); return err }, []string{"analytics:conversationDetail:view (", "does not do"}},
	} {
		err := c.ask(newJobsClient(t, &platform{answer: answers{always(403, `{"code":"missing.any.permissions"}`)}}))
		for _, want := range append(c.names, "division", "licence", "switched off") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not name %q", err, want)
			}
		}
	}
}

func TestTheMessageOfARefusedIntervalIsShownVerbatim(t *testing.T) {
	const said = "You must specify a search interval as part of your query that does not exceed 31 days."
	p := &platform{answer: answers{always(400, `{"message":"`+said+`","code":"bad.request","status":400}`)}}
	_, err := newJobsClient(t, p).Submit(context.Background(), day)
	if err == nil || err.Error() != "HTTP 400 bad.request: "+said {
		t.Errorf("error is %v", err)
	}
}

func TestErrorsOnTheWayHoldNoURL(t *testing.T) {
	_, err := newClient(t, &platform{}).Page(context.Background(), job, "page-token")
	var api *extractor.APIError
	if err == nil || errors.As(err, &api) || strings.Contains(err.Error(), "page-token") {
		t.Errorf("got %v", err)
	}
}

func TestASecretIsBlottedOutAlsoWhereTheTextEnds(t *testing.T) {
	const token = "eyJhbG/iOiJSUzI1NiJ9.c29tZWJvZHk.c2lnbmF0dXJl"
	escaped := strings.ReplaceAll(token, "/", `\/`)
	for _, said := range []string{
		`{"message":"bad token ` + escaped + `","code":"` + escaped + `"}`,
		`{"contextId":"` + strings.ReplaceAll(token, "e", `\u0065`) + `"}`,
		`{"message":"bad token ` + escaped + strings.Repeat(" ", maxErrorBody) + `"}`,
		`{"message":"` + strings.Repeat(" ", maxErrorBody-40) + token + `"}`,
		"bad token " + token + "!",
		"bad token " + token[:20],
		strings.Repeat("x", 490) + token,
		`{"message":"` + strings.Repeat("x", 480) + token + `"}`,
		`{"message":"no","messageParams":{"token":"` + token + `"},"errors":[{"message":"` + strings.Repeat("x", 440) + token + `"}]}`,
		`{"message":"no","details":[{"fieldName":"` + escaped + `","errorCode":"` + token + `"}],"limit":{"key":"` + token + `","value":"` + token + `"}}`,
	} {
		p := &platform{answer: []func(*http.Request) *http.Response{always(400, said)}}
		c := newClient(t, p)
		c.tokens.token, c.tokens.renew = &oauth2.Token{AccessToken: token}, time.Time{}
		_, err := c.Status(t.Context(), job)
		if err == nil || strings.Contains(err.Error(), token[:6]) || strings.Contains(err.Error(), token[8:14]) {
			t.Errorf("%.40s…: error is %v", said, err)
		}
	}
}

func TestTheClientsBasicHeaderIsBlottedOut(t *testing.T) {
	const client = "Y2xpZW50OnMzY3IzdC0wZi10aGUtY2xpZW50" // client:secret in base64
	said := `{"error":"invalid_client","error_description":"` + strings.Repeat("x", maxMessage-30) + ` Basic ` + client + `"}`
	p := &platform{token: func(int) *http.Response { return reply(400, said) }}
	_, err := newClient(t, p).Status(t.Context(), job)
	if err == nil || strings.Contains(err.Error(), client[:8]) || len(err.Error()) > maxMessage+300 {
		t.Errorf("error is %v", err)
	}
}

// A refusal whose body does not come says enough by its status.
func TestARefusalWithoutItsBodyIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, stalled := io.Pipe()
		defer stalled.Close()
		p := &platform{answer: []func(*http.Request) *http.Response{func(*http.Request) *http.Response {
			return &http.Response{StatusCode: 503, Header: http.Header{}, Body: body}
		}}}
		_, err := newClient(t, p).Page(t.Context(), job, "")
		var api *extractor.APIError
		if !errors.As(err, &api) || !api.PushedBack() {
			t.Errorf("error is %v, want push-back", err)
		}
	})
}

func TestAJobIDThatIsNoneIsRefused(t *testing.T) {
	p := &platform{answer: []func(*http.Request) *http.Response{always(200, `{"queryId":"`+strings.Repeat("q", maxJobID+1)+`"}`)}}
	if got, err := newClient(t, p).Submit(t.Context(), day); err == nil {
		t.Errorf("took a job id of %d bytes", len(got.ID))
	}
}
