package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
)

// aborts answers one call after another.
type aborts struct {
	answers []error
	at      []time.Time
}

func (a *aborts) Cancel(ctx context.Context, job conv.Job) error {
	if ctx.Err() != nil || job.ID != "job-1" {
		return errors.New("nobody is called")
	}
	a.at = append(a.at, time.Now())
	return a.answers[len(a.at)-1]
}

func TestADoctorTriesOnceMoreToAbortItsJobAndNamesTheOneThatStays(t *testing.T) {
	busy := &extractor.APIError{Op: extractor.OpCancel, Status: 429, RetryAfter: 3 * time.Second, HasRetryAfter: true}
	later := &extractor.APIError{Op: extractor.OpCancel, Status: 429, RetryAfter: time.Minute, HasRetryAfter: true}
	cut, wrong := errors.New("connection reset"), &extractor.APIError{Op: extractor.OpCancel, Status: 403, Hint: "permission"}
	for name, c := range map[string]struct {
		answers []error
		wait    time.Duration // between two calls
		want    string
	}{
		"at once":                   {[]error{nil}, 0, "ok  abort  the job is aborted"},
		"behind a busy platform":    {[]error{busy, nil}, 3 * time.Second, "ok  abort  the job is aborted"},
		"behind a lost connection":  {[]error{cut, nil}, time.Second, "ok  abort  the job is aborted"},
		"never":                     {[]error{cut, cut}, time.Second, "failed  abort  job job-1 stays at the platform: connection reset"},
		"not while it is busy":      {[]error{busy, busy}, 3 * time.Second, "warning  abort  the platform is busy (job job-1 stays at the platform"},
		"not before patience ends":  {[]error{later}, 0, "warning  abort  the platform is busy (job job-1 stays at the platform"},
		"not without a permission":  {[]error{wrong}, 0, "warning  abort  job job-1 stays at the platform"},
		"of a job that is gone now": {[]error{cut, &extractor.APIError{Op: extractor.OpCancel, Status: 404}}, time.Second, "ok  abort  the job had ended"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			a, began := &aborts{answers: c.answers}, time.Now()
			(&doctor{out: &out}).abort(t.Context(), a, conv.Job{ID: "job-1"})
			if got := strings.Join(strings.Fields(out.String()), " "); !strings.HasPrefix(got, strings.Join(strings.Fields(c.want), " ")) {
				t.Errorf("%s: it says %q, want %q", name, got, c.want)
			}
			if len(a.at) != len(c.answers) {
				t.Fatalf("%s: it calls %d times, want %d", name, len(a.at), len(c.answers))
			}
			if took := time.Since(began); took != c.wait {
				t.Errorf("%s: it takes %s, want %s", name, took, c.wait)
			}
		})
	}
}

func TestADoctorThatIsInterruptedWhileItSubmitsAbortsTheJob(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	aborted := false
	platform := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /oauth/token":
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"access_token":"t","token_type":"bearer","expires_in":3600}`)
		case "POST /api/v2/analytics/conversations/details/query":
			interrupt()
			_, _ = io.WriteString(rw, `{"queryId":"job-1"}`)
		case "DELETE /api/v2/analytics/report-queries/job-1":
			aborted = true
		default:
			t.Errorf("it asks for %s %s", r.Method, r.URL.Path)
		}
	}))
	defer platform.Close()
	source, err := genesys.New(genesys.Config{
		Dialect: "reports", BaseURL: platform.URL, TokenURL: platform.URL + "/oauth/token", ClientID: "me", ClientSecret: "s",
		Select: []string{"conversation.id"}, Limit: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	(&doctor{out: &out}).job(ctx, source, monday)
	if !aborted || !strings.Contains(out.String(), "the job is aborted") || strings.Contains(out.String(), "failed") {
		t.Errorf("aborted: %t; it says\n%s", aborted, out.String())
	}
	(&doctor{out: &out}).job(ctx, source, monday) // an interrupted one asks for nothing
}
