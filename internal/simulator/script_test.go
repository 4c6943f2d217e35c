package simulator

import (
	"testing"
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
	c.want(409, "GET", pathJobs+id+"/results", "")
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
	c.want(404, "GET", pathJobs+id, "")
	if n := c.sim.Stats().Faults[faultGone]; n != 2 {
		t.Errorf("counted %d", n)
	}
}
