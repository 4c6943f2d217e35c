package sdk

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refused is what the platform says where it refuses.
type refused struct {
	status  int
	code    string
	says    string // part of the message
	field   string // of the body that was sent, "" for none
	headers map[string]string
	params  map[string]string
	limit   *limit
}

var oneJob = &limit{"details.jobs.concurrent.access.max", "analytics.data.extraction", 1}

var refusals = map[string]refused{
	"wrong token":           {status: 401, code: "bad.credentials"},
	"no interval":           {status: 400, code: "invalid.value", says: "interval", field: "interval"},
	"dates that are none":   {status: 400, code: "invalid.date", says: "ISO-8601", field: "interval"},
	"an order that is none": {status: 400, code: "invalid.value", says: "asc, desc, unordered", field: "order"},
	"query too long":        {status: 400, code: "bad.request", says: "does not exceed 31 days", field: "interval"},
	"unknown job":           {status: 404, code: "not.found"},
	"too many": {
		status: 429, code: "too.many.requests.retry.after", says: "in [1] seconds",
		headers: map[string]string{"retry-after": "1"}, limit: oneJob,
	},
	"too many, unhelpfully": {
		status: 429, code: "too.many.requests",
		headers: map[string]string{"retry-after": "", "inin-ratelimit-count": "1", "inin-ratelimit-allowed": "1"}, limit: oneJob,
	},
	"agent availability": {
		status: 403, code: "missing.permissions", says: "analytics:conversationDetail:view",
		params: map[string]string{"permissions": "[analytics:conversationDetail:view]"},
	},
	"nobody job": {
		status: 403, code: "missing.any.permissions", says: "at least one",
		params: map[string]string{"permissions": "[analytics:conversationDetail:view, analytics:agentConversationDetail:view]"},
	},
}

func checkRefusals(t *testing.T, vendor vendorSDK, got map[string]refusal) {
	t.Helper()
	if r := got["wrong secret"]; r.Status != 401 { // its body is the token endpoint's own
		t.Errorf("wrong secret: status %d, want 401", r.Status)
	}
	if r, asked := got["agent job"]; !asked || r.Status != 0 {
		t.Errorf("a job of a client that may not ask for the watermark: %+v, want it taken", r)
	}
	for name, want := range refusals {
		r, asked := got[name]
		if name == "too many" && vendor.waits {
			continue // the SDK waited and tells nobody
		}
		if !asked {
			t.Errorf("%s: the SDK tells of no such refusal", name)
			continue
		}
		t.Run(name, func(t *testing.T) { want.check(t, r) })
	}
}

func (want refused) check(t *testing.T, got refusal) {
	b := got.Body
	if got.Status != want.status || b.Status != want.status || b.Code != want.code || !strings.Contains(b.Message, want.says) {
		t.Errorf("status %d, body %+v; want %d, code %s, a message with %q", got.Status, b, want.status, want.code, want.says)
	}
	if b.Message == "" || b.ContextID == "" || b.ContextID != got.Headers["inin-correlation-id"] {
		t.Errorf("message %q, contextId %q, correlation id %q; want the first and one id", b.Message, b.ContextID, got.Headers["inin-correlation-id"])
	}
	if want.field != "" && (len(b.Details) != 1 || b.Details[0].FieldName != want.field) {
		t.Errorf("details %+v, want field %s", b.Details, want.field)
	}
	for _, name := range slices.Sorted(maps.Keys(want.headers)) {
		if got.Headers[name] != want.headers[name] {
			t.Errorf("header %s: %q, want %q", name, got.Headers[name], want.headers[name])
		}
	}
	if !maps.Equal(b.MessageParams, want.params) {
		t.Errorf("messageParams %v, want %v", b.MessageParams, want.params)
	}
	if (b.Limit == nil) != (want.limit == nil) || b.Limit != nil && *b.Limit != *want.limit {
		t.Errorf("limit %+v, want %+v", b.Limit, want.limit)
	}
}

// checkEnums wants the simulator to take those words that the SDK knows, and no other.
func checkEnums(t *testing.T, vendor vendorSDK, got []enum) {
	t.Helper()
	if want := 16; vendor.typed && len(got) != want { // order, orderBy, and what the five filters have
		t.Errorf("%d enums, want %d", len(got), want)
	}
	for _, e := range got {
		_, list, lists := strings.Cut(e.Refused.Body.Message, "Allowable values are: ")
		if e.Refused.Status != 400 || !lists {
			t.Errorf("%s: another word gets %+v, want a refusal that lists the words", e.Name, e.Refused)
			continue
		}
		taken, known := strings.Split(list, ", "), slices.Sorted(slices.Values(e.Words))
		slices.Sort(taken)
		if diff := cmp.Diff(known, taken); diff != "" {
			t.Errorf("%s (- SDK, + simulator):\n%s", e.Name, diff)
		}
	}
}
