package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryOperationCanBeRefused(t *testing.T) {
	for kind, status := range map[string]int{faultTooMany: 429, faultUnavailable: 503, faultExpired: 401, faultCut: cut} {
		for _, op := range operations {
			if op == Token {
				continue // it is the way in: TestATokenRequestCanBeRefused
			}
			rates := Rates{op: 1}
			var f Faults
			switch kind {
			case faultTooMany:
				f.TooMany = rates
			case faultUnavailable:
				f.Unavailable = rates
			case faultExpired:
				f.Expired = rates
			case faultCut:
				f.Cut = rates
			}
			c := start(t, Config{Rows: 10})
			id := c.submit(body(day))
			c.sim.injector.faults = f // a job must be there to be asked for
			c.login()
			if got := c.operate(op, id); got != status {
				t.Errorf("%s of %s: status %d", kind, op, got)
			}
			if n := c.sim.Stats().Faults[kind]; n != 1 {
				t.Errorf("%s of %s: counted %d times", kind, op, n)
			}
		}
	}
}

// operate sends one request of the operation and returns its status.
func (c *client) operate(op Operation, id string) int {
	c.t.Helper()
	method, path, text := "GET", pathReports+id, ""
	switch op {
	case Submit:
		method, path, text = "POST", pathQuery, marshal(c.t, body(day))
	case Results:
		path += "/results"
	case Abort:
		method = "DELETE"
	case Baseline:
		path = baselinePath(day)
	case Availability:
		path = pathJobs + "/availability"
	case Query:
		method, path, text = "POST", pathQuery, `{"interval":"2024-01-01T00:00:00Z/2024-01-02T00:00:00Z"}`
	}
	status, _, _ := c.send(method, path, text)
	return status
}

func TestATooManyAnswersWithAndWithoutRetryAfter(t *testing.T) {
	c := start(t, Config{Rows: 10, Faults: Faults{TooMany: Rates{Baseline: 0.9}, RetryAfter: 7}})
	c.login()
	with, without := 0, 0
	for range 50 {
		status, header, text := c.send("GET", baselinePath(day), "")
		if status != 429 {
			continue
		}
		var e refusal
		c.decode(text, &e)
		switch header.Get("Retry-After") {
		case "7":
			with++
			if e.Code != "too.many.requests.retry.after" || !strings.Contains(e.Message, "[7]") {
				t.Errorf("%+v", e)
			}
		case "":
			without++
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("%d with, %d without", with, without)
	}
}

func TestAnExpiredTokenStaysExpired(t *testing.T) {
	c := start(t, Config{Rows: 10, Faults: Faults{Expired: Rates{Status: 1}}})
	id := c.submit(body(day))
	c.want(401, "GET", pathReports+id, "")
	c.want(401, "GET", baselinePath(day), "")
	c.login()
	c.want(200, "GET", pathReports+id, "") // the fresh token is good for one request at least
}

func TestNoOperationFailsMoreThanFiveTimesInARow(t *testing.T) {
	for _, f := range []Faults{{Unavailable: Rates{Results: 1}}, {TooMany: Rates{Results: 0.5}, Cut: Rates{Results: 0.4}}} {
		in, streak, longest := newInjector(1, f), 0, 0
		for range 10_000 {
			if kind, _ := in.next(Results); kind == "" {
				streak = 0
			} else if streak++; streak > longest {
				longest = streak
			}
		}
		if longest != 5 {
			t.Errorf("%+v: %d in a row", f, longest)
		}
	}
}

func TestFaultsOfAnOperationDoNotDependOnOthers(t *testing.T) {
	f := Faults{TooMany: Rates{Results: 0.3, Status: 0.3}, Cut: Rates{Results: 0.3}}
	alone, mixed := newInjector(4, f), newInjector(4, f)
	for i := range 1000 {
		want, _ := alone.next(Results)
		for range i % 3 {
			mixed.next(Status)
		}
		if got, _ := mixed.next(Results); got != want {
			t.Fatalf("request %d: %q alone, %q between others", i, want, got)
		}
	}
}

// A cut must look like one to a client of net/http: an answer that does not end.
func TestR72_ACutAnswerEndsInAnError(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{PageRows: 100}})
	id := c.submit(body(day))
	c.sim.injector.faults.Cut = Rates{Results: 1, Baseline: 1, Abort: 1}
	server := httptest.NewServer(c.sim)
	defer server.Close()
	get := func(method, path string) ([]byte, error) {
		r, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		a, err := server.Client().Do(r)
		if err != nil {
			return nil, err
		}
		defer a.Body.Close()
		return io.ReadAll(a.Body)
	}
	for _, path := range []string{pathReports + id + "/results", baselinePath(day)} {
		begun := false
		for range maxStreak {
			text, err := get("GET", path)
			if err == nil {
				t.Fatalf("a cut answer was read to its end: %d bytes", len(text))
			}
			begun = begun || len(text) > 0
		}
		if !begun {
			t.Errorf("no cut lies inside an answer to %s", path)
		}
	}
	text, err := get("GET", pathReports+id+"/results")
	if err != nil || !json.Valid(text) {
		t.Errorf("behind %d cuts: %v, %d bytes", maxStreak, err, len(text))
	}
	if _, err := get("DELETE", pathReports+id); err == nil {
		t.Error("a cut DELETE was answered")
	}
	if st := c.sim.Stats(); st.Requests[Results]["cut"] != maxStreak || st.Requests[Abort]["cut"] == 0 {
		t.Errorf("counted %v", st.Requests)
	}
	c.want(404, "GET", pathReports+id, "") // what was asked for is done
}

func TestR2_FaultsChangeNoRow(t *testing.T) {
	f := DefaultFaults()
	f.Script, f.JobTime, f.Oversize, f.Future, f.Keyless = Script{}, 0, 0, 0, 0
	c := start(t, Config{Rows: 3000, Faults: f})
	retried := func(method, path, body string, into any) {
		for range 100 {
			status, _, text := c.send(method, path, body)
			switch {
			case status == 401:
				var grant struct {
					AccessToken string `json:"access_token"`
				}
				if _, _, text := c.grant(); json.Unmarshal(text, &grant) == nil {
					c.token = grant.AccessToken
				}
			case status == 200 && json.Unmarshal(text, into) == nil:
				return
			}
		}
		t.Fatalf("%s %s never got through", method, path)
	}
	var job struct{ QueryID string }
	retried("POST", pathQuery, marshal(t, body(day)), &job)
	var rows []Row
	var token *string
	for {
		var p page
		retried("GET", resultsPath(job.QueryID, token), "", &p)
		if token != nil {
			p.Data = p.Data[1:]
		}
		for _, raw := range p.Data {
			rows = append(rows, decodeRow(t, raw))
		}
		if token = p.NextPageToken; token == nil {
			break
		}
	}
	if diff := cmp.Diff(slices.Collect(c.sim.Truth(day)), rows); diff != "" {
		t.Error(diff)
	}
}

// A token request carries no token, so it cannot be told that one is over.
func TestATokenRequestCanBeRefused(t *testing.T) {
	for status, f := range map[int]Faults{429: {TooMany: Rates{Token: 1}}, 503: {Unavailable: Rates{Token: 1}}, cut: {Cut: Rates{Token: 1}}} {
		c := start(t, Config{Faults: f})
		for range maxStreak {
			if got, _, _ := c.grant(); got != status {
				t.Errorf("status %d, want %d", got, status)
			}
		}
		if got, _, _ := c.grant(); got != 200 {
			t.Errorf("status %d behind %d refusals", got, maxStreak)
		}
	}
}
