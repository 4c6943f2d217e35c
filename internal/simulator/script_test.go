package simulator

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestR82_APartialJobHasHalfItsRows(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Script: Script{Partial: []int{2}}}})
	c.submit(body(day))
	id := c.submit(body(day))
	if a := c.status(id); a.Status != "partial" || *a.Count != 500 {
		t.Errorf("%+v", a)
	}
	if n := len(c.read(id)[0].Data); n != 500 {
		t.Errorf("%d rows", n)
	}
	if n := len(c.rows(body(day))); n != 1000 || c.sim.Stats().Faults[faultPartial] != 1 {
		t.Errorf("job 3 has %d rows, counted %v", n, c.sim.Stats().Faults)
	}
}

func TestR51_AFailedJobHasNoResults(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Script: Script{Failed: []int{1}}}})
	id := c.submit(body(day))
	if a := c.status(id); a.Status != "failed" || a.Error != "Internal Server Error" || a.Count != nil {
		t.Errorf("%+v", a)
	}
	c.want(409, "GET", pathReports+id+"/results", "")
	if n := c.sim.Stats().Faults[faultFailed]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestAJobIsGoneBehindTheScriptedPage(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{PageRows: 100, Script: Script{Gone: []Gone{{Job: 1, Pages: 2}}}}})
	id := c.submit(body(day))
	var p page
	c.decode(c.want(200, "GET", resultsPath(id, nil), ""), &p)
	c.decode(c.want(200, "GET", resultsPath(id, p.NextPageToken), ""), &p)
	c.want(404, "GET", resultsPath(id, p.NextPageToken), "")
	c.want(404, "GET", pathReports+id, "")
	if n := c.sim.Stats().Faults[faultGone]; n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestAPartialJobOfTheDialectJobsIsFulfilledWithHalfItsRows(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Script: Script{Partial: []int{1, 3, 4}}}})
	id := c.job(ask(day))
	if a := c.state(id); a.State != "FULFILLED" {
		t.Errorf("%+v", a)
	}
	want := c.truths(day, everyOne)
	var got []string
	for _, p := range c.walk(id, 300) {
		for _, raw := range p.Conversations {
			got = append(got, string(raw))
		}
	}
	if !slices.Equal(want[:500], got) {
		t.Errorf("%d conversations", len(got))
	}
	if n := len(c.bodies(ask(day))); n != 1000 {
		t.Errorf("job 2 has %d", n)
	}
	if n := len(c.bodies(ask(day, "segmentFilters", one(matches("mediaType", "email"))))); n == 0 || n > 100 || c.sim.Stats().Faults[faultPartial] != 2 {
		t.Errorf("job 3 has %d; counted %v", n, c.sim.Stats().Faults)
	}
	if n := len(c.bodies(ask(day, "limit", 9))); n != 4 {
		t.Errorf("job 4 has %d of 9", n)
	}
}

func TestAFailedJobOfTheDialectJobsSaysWhy(t *testing.T) {
	c := start(t, Config{Rows: 10, Faults: Faults{Script: Script{Failed: []int{1}}}})
	id := c.job(ask(day))
	if a := c.state(id); a.State != "FAILED" || a.ErrorMessage != "Internal Server Error" {
		t.Errorf("%+v", a)
	}
	c.want(400, "GET", detailsPath(id, "", 0), "")
}

// words is what the job says of itself, in either dialect.
func (c *client) words(reports, jobs string) [2]string {
	return [2]string{c.status(reports).Status, c.state(jobs).State}
}

func TestR52_AnEndlessJobRunsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Minute, TokenLife: 1000 * time.Hour, Script: Script{Endless: []int{1, 2}}}})
		reports, jobs := c.submit(body(day)), c.job(ask(day))
		time.Sleep(167 * time.Hour)
		if w := c.words(reports, jobs); w != [2]string{"running", "PENDING"} {
			t.Errorf("%v", w)
		}
		if n := c.sim.Stats().Faults[faultEndless]; n != 2 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestR54_AStalledJobStaysFallsOrSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Minute, Script: Script{Stalled: []Stalled{
			{Job: 1, For: time.Hour}, {Job: 2, For: time.Hour, Progress: "fall"}, {Job: 3, For: time.Hour, Progress: "missing"}, {Job: 4, For: time.Hour},
		}}}})
		stays, falls, silent, job := c.submit(body(day)), c.submit(body(day)), c.submit(body(day)), c.job(ask(day))
		time.Sleep(31 * time.Minute)
		for id, want := range map[string]float64{stays: 0.95, falls: 0.475} {
			if a := c.status(id); a.Status != "running" || a.Progress == nil || math.Abs(*a.Progress-want) > 1e-9 {
				t.Errorf("%+v", a)
			}
		}
		if a := c.status(silent); a.Status != "running" || a.Progress != nil {
			t.Errorf("%+v", a)
		}
		if a := c.state(job); a.State != "PENDING" {
			t.Errorf("%+v", a)
		}
		time.Sleep(30 * time.Minute)
		for _, id := range []string{stays, falls, silent} {
			if a := c.status(id); a.Status != "completed" || *a.Progress != 1 {
				t.Errorf("%+v", a)
			}
		}
		if a := c.state(job); a.State != "FULFILLED" || c.sim.Stats().Faults[faultStalled] != 4 {
			t.Errorf("%+v, counted %v", a, c.sim.Stats().Faults)
		}
	})
}

func TestAJobMaySayAWordThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Minute, Script: Script{Unknown: []Unknown{
			{Job: 1, Word: "archiving", For: time.Minute}, {Job: 2, Word: "ARCHIVING", For: time.Minute}, {Job: 3, Word: "lost"},
		}}}})
		reports, jobs, ever := c.submit(body(day)), c.job(ask(day)), c.submit(body(day))
		for _, step := range [][3]string{{"running", "PENDING", "running"}, {"archiving", "ARCHIVING", "lost"}, {"completed", "FULFILLED", "lost"}} {
			time.Sleep(45 * time.Second)
			if w := c.words(reports, jobs); w != [2]string(step[:2]) || c.status(ever).Status != step[2] {
				t.Errorf("%v and %s, want %v", w, c.status(ever).Status, step)
			}
		}
		if n := c.sim.Stats().Faults[faultUnknown]; n != 3 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestAJobMayVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{JobTime: time.Hour, Script: Script{Vanished: []Vanished{
			{Job: 1, After: time.Minute}, {Job: 2, After: time.Minute}, {Job: 3},
		}}}})
		reports, jobs, never := c.submit(body(day)), c.job(ask(day)), c.job(ask(day))
		c.want(404, "GET", pathJobs+"/"+never, "")
		c.words(reports, jobs)
		time.Sleep(time.Minute)
		c.want(404, "GET", pathReports+reports, "")
		c.want(404, "GET", pathJobs+"/"+jobs, "")
		c.want(404, "DELETE", pathJobs+"/"+jobs, "")
		if n := c.sim.Stats().Faults[faultVanished]; n != 4 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestAResultMayExpireBetweenItsPages(t *testing.T) {
	c := start(t, Config{Rows: 500, Faults: Faults{PageRows: 100, Script: Script{Expires: []Expires{{Job: 1, Pages: 2}, {Job: 2, Pages: 1}}}}})
	reports, jobs := c.submit(body(day)), c.job(ask(day))
	var p page
	c.decode(c.want(200, "GET", resultsPath(reports, nil), ""), &p)
	c.decode(c.want(200, "GET", resultsPath(reports, p.NextPageToken), ""), &p)
	c.want(410, "GET", resultsPath(reports, p.NextPageToken), "")
	c.want(410, "GET", pathReports+reports, "")

	first := c.details(jobs, "", 0)
	c.want(400, "GET", detailsPath(jobs, first.Cursor, 0), "")
	if a := c.state(jobs); a.State != "EXPIRED" {
		t.Errorf("%+v", a)
	}
	if n := c.sim.Stats().Faults[faultExpires]; n != 4 {
		t.Errorf("counted %d", n)
	}
}

func TestTokensMayLeadInACircle(t *testing.T) {
	for _, loop := range []Loop{{Job: 1, From: 2, To: 2}, {Job: 1, From: 4, To: 2}, {Job: 1, From: 5, To: 3}} {
		c := start(t, Config{Rows: 500, Faults: Faults{PageRows: 100, Script: Script{Loops: []Loop{loop}}}})
		id := c.submit(body(day))
		var tokens []string
		for token := (*string)(nil); len(tokens) < 9; {
			var p page
			c.decode(c.want(200, "GET", resultsPath(id, token), ""), &p)
			if token = p.NextPageToken; token == nil {
				t.Fatalf("%+v: the last page was reached", loop)
			}
			tokens = append(tokens, *token)
		}
		checkCircle(t, loop, tokens)

		loop.Job = 2
		c.sim.cfg.Faults.Script.Loops = []Loop{loop}
		id = c.job(ask(day))
		tokens = nil
		for cursor := ""; len(tokens) < 9; {
			if cursor = c.details(id, cursor, 0).Cursor; cursor == "" {
				t.Fatalf("%+v: the last page was reached", loop)
			}
			tokens = append(tokens, cursor)
		}
		checkCircle(t, loop, tokens)
		if c.sim.Stats().Faults[faultLoops] == 0 {
			t.Error("not counted")
		}
	}
}

// checkCircle wants the tokens of the pages from 2 on, up to the one that leads back, and
// then those of the circle again.
func checkCircle(t *testing.T, loop Loop, tokens []string) {
	t.Helper()
	length := loop.From - loop.To + 1
	for i := range tokens {
		back := i + 2 - loop.To
		if same := back >= length && tokens[i] == tokens[i-length]; same != (back >= length) {
			t.Errorf("%+v: token %d of %q", loop, i, tokens)
		}
	}
	distinct := slices.Clone(tokens)
	slices.Sort(distinct)
	if n := len(slices.Compact(distinct)); n != loop.From-1 {
		t.Errorf("%+v: %d distinct tokens", loop, n)
	}
}

func TestEveryFewPagesOneIsEmptyAndHasAToken(t *testing.T) {
	for _, rows := range []int{0, 99, 100, 101, 500, 501} {
		c := start(t, Config{Rows: rows, Faults: Faults{PageRows: 100, EmptyPages: 2}})
		id := c.submit(body(day))
		empty := 0
		for _, p := range c.read(id) {
			if len(p.Data) == 0 && p.NextPageToken != nil {
				empty++
			}
		}
		if diff := cmp.Diff(slices.Collect(c.sim.Truth(day)), c.rows(body(day))); diff != "" {
			t.Errorf("%d rows: %s", rows, diff)
		}
		want := max(0, (rows-1)/100)
		if empty != want || len(c.sim.Stats().Jobs[0].Pages) != 1+2*want {
			t.Errorf("%d rows: %d empty pages, want %d; %v", rows, empty, want, c.sim.Stats().Jobs[0].Pages)
		}
		empty = 0
		var got []string
		for _, p := range c.walk(c.job(ask(day)), 0) {
			if len(p.Conversations) == 0 && p.Cursor != "" {
				empty++
			}
			for _, raw := range p.Conversations {
				got = append(got, string(raw))
			}
		}
		if !slices.Equal(got, c.truths(day, everyOne)) || empty != want {
			t.Errorf("%d conversations of %d, %d empty pages", len(got), rows, empty)
		}
		if n := c.sim.Stats().Faults[faultEmpty]; n != 3*want {
			t.Errorf("counted %d", n)
		}
	}
}
