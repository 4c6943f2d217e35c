package simulator

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wide is the error body with all that a refusal may tell.
type wide struct {
	refusal
	MessageWithParams string
	MessageParams     map[string]string
	Limit             *limit
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	const details, agents = "analytics:conversationDetail:view", "analytics:agentConversationDetail:view"
	for _, test := range []struct {
		missing []string
		method  string
		path    string
		status  int
		code    string
		names   string
	}{
		{[]string{"analytics:report:run"}, "POST", pathQuery + "#report", 403, "missing.permissions", "[analytics:report:run]"},
		{[]string{"analytics:report:run"}, "GET", pathReports + "x", 404, "", ""},
		{[]string{"analytics:report:view"}, "GET", pathReports + "x", 403, "missing.permissions", "[analytics:report:view]"},
		{[]string{"analytics:report:view"}, "GET", baselinePath(day), 403, "missing.permissions", "[analytics:report:view]"},
		{[]string{"analytics:report:delete"}, "DELETE", pathReports + "x", 403, "missing.permissions", "[analytics:report:delete]"},
		{[]string{details}, "POST", pathJobs, 202, "", ""},
		{[]string{details}, "GET", pathJobs + "/availability", 403, "missing.permissions", "[" + details + "]"},
		{[]string{agents}, "GET", pathJobs + "/availability", 200, "", ""},
		{[]string{details, agents}, "POST", pathJobs, 403, "missing.any.permissions", "[" + details + ", " + agents + "]"},
		{[]string{details, agents}, "POST", pathQuery, 403, "missing.any.permissions", "[" + details + ", " + agents + "]"},
		{[]string{details, agents}, "GET", pathJobs + "/x/results", 403, "missing.any.permissions", "[" + details + ", " + agents + "]"},
		{[]string{details, agents}, "DELETE", pathJobs + "/x", 403, "missing.any.permissions", "[" + details + ", " + agents + "]"},
	} {
		c := start(t, Config{Rows: 10, Faults: Faults{MissingPermissions: test.missing}})
		text, path := "", test.path
		if test.method == "POST" {
			text = marshal(t, ask(day))
		}
		if plain, report := strings.CutSuffix(path, "#report"); report {
			path, text = plain, marshal(t, body(day))
		}
		answer := c.want(test.status, test.method, path, text)
		if test.status != 403 {
			if n := c.sim.Stats().Faults[faultPermissions]; n != 0 {
				t.Errorf("%v: counted %d", test, n)
			}
			continue
		}
		var e wide
		c.decode(answer, &e)
		if e.Code != test.code || !strings.HasSuffix(e.Message, ": "+test.names) || e.MessageParams["permissions"] != test.names || !strings.HasSuffix(e.MessageWithParams, ": {permissions}") {
			t.Errorf("%v: %+v", test, e)
		}
		if n := c.sim.Stats().Faults[faultPermissions]; n != 1 {
			t.Errorf("%v: counted %d", test, n)
		}
		fits(t, "ErrorBody", answer)
	}
}

func TestAMissingLicenceForbidsEverythingButTheToken(t *testing.T) {
	c := start(t, Config{Rows: 10, Faults: Faults{MissingLicence: true}})
	for _, path := range []string{pathJobs + "/availability", baselinePath(day)} {
		var e wide
		c.decode(c.want(403, "GET", path, ""), &e)
		if e.Code != "not.authorized" || !strings.Contains(e.Message, "license") {
			t.Errorf("%+v", e)
		}
	}
	if n := c.sim.Stats().Faults[faultLicence]; n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestTheScopeStandsInTheTokenAnswer(t *testing.T) {
	for _, scope := range []string{"", "analytics analytics:readonly"} {
		c := start(t, Config{Faults: Faults{Scope: scope}})
		var grant map[string]any
		_, _, text := c.grant()
		c.decode(text, &grant)
		if got, there := grant["scope"]; there != (scope != "") || there && got != scope {
			t.Errorf("%q: %v", scope, grant)
		}
	}
}

func TestNoSlidingMinuteHasMoreRequestsThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{RequestsPerMinute: 10}})
		c.login() // the first of them
		get := func() (int, string) {
			status, header, _ := c.send("GET", baselinePath(day), "")
			return status, header.Get("Retry-After")
		}
		time.Sleep(30 * time.Second)
		for range 9 {
			if status, _ := get(); status != 200 {
				t.Fatalf("status %d", status)
			}
		}
		if status, after := get(); status != 429 || after != "30" {
			t.Errorf("status %d, Retry-After %q", status, after)
		}
		time.Sleep(30*time.Second - time.Millisecond)
		if status, after := get(); status != 429 || after != "1" {
			t.Errorf("status %d, Retry-After %q", status, after)
		}
		time.Sleep(time.Millisecond)
		if status, _ := get(); status != 200 {
			t.Errorf("status %d when the first one is a minute ago", status)
		}
		if status, after := get(); status != 429 || after != "30" {
			t.Errorf("status %d, Retry-After %q", status, after)
		}
		st := c.sim.Stats()
		if st.Faults[faultPerMinute] != 3 || st.Busiest != 13 {
			t.Errorf("counted %v, busiest %d", st.Faults, st.Busiest)
		}
	})
}

func TestTheBusiestMinuteSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10})
		c.login()
		time.Sleep(10 * time.Minute)
		for range 3 { // a minute from the last of these on has more than any whole one
			time.Sleep(25 * time.Second)
			c.want(200, "GET", baselinePath(day), "")
			c.want(200, "GET", baselinePath(day), "")
		}
		if n := c.sim.Stats().Busiest; n != 6 {
			t.Errorf("busiest %d", n)
		}
	})
}

func TestALimitTellsHowLongToWaitInOneOfThreeWays(t *testing.T) {
	for _, way := range []string{"", limitRetryAfter, limitMessage, limitHeaders} {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Rows: 10, Faults: Faults{RequestsPerMinute: 1, LimitAnswer: way}})
			c.login()
			time.Sleep(18 * time.Second)
			status, header, text := c.send("GET", baselinePath(day), "")
			var e wide
			c.decode(text, &e)
			sentence := strings.Contains(e.Message, "Retry the request in [42] seconds") && e.Code == "too.many.requests.retry.after"
			if status != 429 || e.Limit == nil || *e.Limit != (limit{"client.credentials.token.rate.per.minute", "platform.api", 1}) {
				t.Errorf("%q: status %d, %s", way, status, text)
			}
			after, reset := header.Get("Retry-After") == "42", header.Get("inin-ratelimit-reset") == "42"
			if sentence != (way != limitHeaders) || after != (way == limitRetryAfter || way == "") || reset != (way == limitHeaders) {
				t.Errorf("%q: %v %s", way, header, text)
			}
			if reset && (header.Get("inin-ratelimit-count") != "1" || header.Get("inin-ratelimit-allowed") != "1") {
				t.Errorf("%v", header)
			}
		})
	}
}

func TestNoMoreJobsAreInFlightThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobsInFlight: 2, JobTime: time.Minute, RetryAfter: 5,
			Script: Script{Unknown: []Unknown{{Job: 4, Word: "REHYDRATING"}}}}})
		first := c.job(ask(day))
		c.submit(body(day))
		for _, post := range [][2]string{{pathJobs, marshal(t, ask(day))}, {pathQuery, marshal(t, body(day))}} {
			status, header, text := c.send("POST", post[0], post[1])
			var e wide
			c.decode(text, &e)
			if status != 429 || header.Get("Retry-After") != "5" || e.Limit == nil || e.Limit.Key != "details.jobs.concurrent.access.max" || e.Limit.Value != 2 {
				t.Errorf("status %d, %v, %s", status, header, text)
			}
		}
		c.want(204, "DELETE", pathJobs+"/"+first, "")
		c.job(ask(day)) // a cancelled one is out of the way
		time.Sleep(time.Minute)
		c.job(ask(day)) // and so are those that ended
		time.Sleep(time.Minute)
		c.job(ask(day)) // the one before never ends, whatever it calls that
		if status, _, _ := c.send("POST", pathJobs, marshal(t, ask(day))); status != 429 {
			t.Errorf("status %d", status)
		}
		if st := c.sim.Stats(); len(st.Jobs) != 5 || st.Faults[faultInFlight] != 3 {
			t.Errorf("%d jobs, counted %v", len(st.Jobs), st.Faults)
		}
	})
}

func TestTheClockMayBeWrong(t *testing.T) {
	for _, skew := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			c := start(t, Config{Rows: 10, Faults: Faults{ClockSkew: skew, Watermark: Watermark{Lag: time.Hour}}})
			c.login()
			_, header, _ := c.send("GET", pathJobs+"/availability", "")
			if date, err := time.Parse(time.RFC1123, header.Get("Date")); err != nil || !date.Equal(now.Add(skew).Truncate(time.Second)) {
				t.Errorf("Date %q: %v", header.Get("Date"), err)
			}
			if got := c.available(); got != now.Add(skew-time.Hour).UnixMilli() {
				t.Errorf("available until %s", strconv.FormatInt(got, 10))
			}
			if a := c.state(c.job(ask(day))); ms(a.SubmissionDate) != now.Add(skew).UnixMilli() {
				t.Errorf("%+v", a)
			}
			if n := c.sim.Stats().Faults[faultSkew]; n != 5 {
				t.Errorf("counted %d", n)
			}
		})
	}
}
