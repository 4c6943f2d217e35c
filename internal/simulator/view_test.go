package simulator

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// hits is what the synchronous query counts of the day.
func (c *client) hits() int {
	c.t.Helper()
	var a queryAnswer
	c.decode(c.want(200, "POST", pathQuery, marshal(c.t, ask(conv.Window{From: day.From, To: day.To - 1}))), &a)
	return a.TotalHits
}

func (c *client) counted() int {
	c.t.Helper()
	var n count
	c.decode(c.want(200, "GET", baselinePath(day), ""), &n)
	return n.Count
}

func (c *client) available() int64 {
	c.t.Helper()
	var a struct{ DataAvailabilityDate string }
	c.decode(c.want(200, "GET", pathJobs+"/availability", ""), &a)
	return ms(a.DataAvailabilityDate)
}

func TestWithoutAWatermarkEverythingIsAvailable(t *testing.T) {
	c := start(t, Config{Rows: 10, Window: conv.Window{From: ms("2100-01-01T00:00:00Z"), To: ms("2100-01-02T00:00:00Z")}})
	if got := c.available(); got != ms("2100-01-02T00:00:00Z") {
		t.Errorf("available until %s", conv.FormatInstant(got))
	}
	if got := start(t, Config{}).available(); got < day.To || time.UnixMilli(got).After(time.Now()) {
		t.Errorf("available until %s", conv.FormatInstant(got))
	}
}

func TestAJobPastTheWatermarkIsCutSilently(t *testing.T) {
	mark := day.From + 10*hour + 123
	plain := start(t, Config{Rows: 1000})
	c := start(t, Config{Rows: 1000, Faults: Faults{Watermark: Watermark{At: time.UnixMilli(mark)}}})
	before := conv.Window{From: day.From, To: mark}
	if c.available() != mark {
		t.Errorf("available until %s", conv.FormatInstant(c.available()))
	}
	id := c.job(ask(day))
	if a := c.state(id); a.State != "FULFILLED" {
		t.Errorf("%+v", a)
	}
	if p := c.details(id, "", 0); ms(p.DataAvailabilityDate) != mark {
		t.Errorf("the page says %s", p.DataAvailabilityDate)
	}
	want := plain.truths(before, everyOne)
	if diff := cmp.Diff(want, c.bodies(ask(day))); diff != "" || len(want) < 300 || len(want) > 600 {
		t.Errorf("%d conversations: %s", len(want), diff)
	}
	if diff := cmp.Diff(want, c.truths(day, everyOne)); diff != "" {
		t.Errorf("the truth: %s", diff)
	}
	rows := c.rows(body(day))
	if diff := cmp.Diff(slices.Collect(plain.sim.Truth(before)), rows); diff != "" {
		t.Error(diff)
	}
	if a := c.status(c.submit(body(day))); a.Status != "completed" || *a.Count != len(rows) {
		t.Errorf("%+v", a)
	}
	if c.hits() != 1000 || c.counted() != 1000 {
		t.Errorf("the live counts are %d and %d", c.hits(), c.counted())
	}
	c.job(ask(before))
	if n := c.sim.Stats().Faults[faultWatermark]; n != 4 {
		t.Errorf("counted %d", n)
	}
}

func TestAWatermarkThatLagsMovesOnAndAJobDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UnixMilli()
		w := conv.Window{From: now, To: now + 24*hour}
		c := start(t, Config{Rows: 1000, Window: w, Faults: Faults{Watermark: Watermark{Lag: 6 * time.Hour}, TokenLife: 100 * time.Hour}})
		time.Sleep(10 * time.Hour)
		id := c.job(ask(w))
		if c.available() != now+4*hour {
			t.Errorf("available until %s", conv.FormatInstant(c.available()))
		}
		first := c.truths(w, everyOne)
		if len(first) != c.sim.CountConversations(w) || len(first) < 100 {
			t.Errorf("%d conversations, counted %d", len(first), c.sim.CountConversations(w))
		}
		time.Sleep(24 * time.Hour)
		p := c.details(id, "", 0)
		if len(p.Conversations) != len(first) || ms(p.DataAvailabilityDate) != now+4*hour {
			t.Errorf("%d conversations, available until %s", len(p.Conversations), p.DataAvailabilityDate)
		}
		if n := len(c.bodies(ask(w))); n != 1000 {
			t.Errorf("then %d conversations", n)
		}
	})
}

func TestLateOnesAreNowhereUntilTheyArrive(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Late: 40, LateAfter: 2, PageRows: 100}})
	plain := start(t, Config{Rows: 1000})
	seen := func(n int) {
		t.Helper()
		if rows, bodies := c.sim.Count(day), c.sim.CountConversations(day); rows != n || bodies != n {
			t.Errorf("the truth has %d and %d, want %d", rows, bodies, n)
		}
		if c.hits() != n || c.counted() != n {
			t.Errorf("counts %d and %d, want %d", c.hits(), c.counted(), n)
		}
	}
	seen(960)
	id := c.submit(body(day))
	early := c.bodies(ask(day)) // the second job
	if len(early) != 960 || *c.status(id).Count != 960 {
		t.Errorf("%d conversations, %d rows", len(early), *c.status(id).Count)
	}
	seen(1000)
	all := plain.truths(day, everyOne)
	if diff := cmp.Diff(all, c.bodies(ask(day))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(slices.Collect(plain.sim.Truth(day)), c.rows(body(day))); diff != "" {
		t.Error(diff)
	}
	for _, body := range early {
		if !slices.Contains(all, body) {
			t.Fatal("an early one is another one")
		}
	}
	var rows []Row
	for _, p := range c.read(id) { // a job sees for ever what it saw
		for _, raw := range p.Data {
			rows = append(rows, decodeRow(t, raw))
		}
	}
	if rows = slices.CompactFunc(rows, func(a, b Row) bool { return a.InteractionID == b.InteractionID }); len(rows) != 960 {
		t.Errorf("the first job has %d rows", len(rows))
	}
	if n := c.sim.Stats().Faults[faultLate]; n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestRemovedOnesAreGoneFromJobsAndCounts(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Removed: 25, Late: 10, Keyless: 3}})
	if c.sim.CountConversations(day) != 990 || c.counted() != 993 || c.hits() != 990 {
		t.Errorf("before: %d, %d, %d", c.sim.CountConversations(day), c.counted(), c.hits())
	}
	before := c.truths(day, everyOne)
	c.job(ask(day))
	after := c.truths(day, everyOne)
	if len(after) != 975 || c.counted() != 978 || c.hits() != 975 || c.sim.Count(day) != 975 {
		t.Errorf("after: %d, %d, %d, %d", len(after), c.counted(), c.hits(), c.sim.Count(day))
	}
	lost := 0
	for _, body := range before {
		if !slices.Contains(after, body) {
			lost++
		}
	}
	if lost != 25 {
		t.Errorf("%d conversations were lost", lost)
	}
	if diff := cmp.Diff(after, c.bodies(ask(day))); diff != "" {
		t.Error(diff)
	}
	if n := len(c.rows(body(day))); n != 978 {
		t.Errorf("%d rows", n)
	}
	var n count
	c.decode(c.want(200, "GET", "/_sim/truth/count?poison=1", ""), &n)
	if n.Count != 978 || c.sim.Stats().Faults[faultRemoved] != 2 {
		t.Errorf("count %d, faults %v", n.Count, c.sim.Stats().Faults)
	}
}

func TestRevisedConversationsGetAnEndAndAWrapUp(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Revise: 30}})
	before, after := c.bodies(ask(day)), c.bodies(ask(day))
	if diff := cmp.Diff(after, c.truths(day, everyOne)); diff != "" || len(before) != len(after) {
		t.Errorf("%d conversations, then %d: %s", len(before), len(after), diff)
	}
	changed := 0
	for i := range before {
		if before[i] == after[i] {
			continue
		}
		changed++
		a, b := parsed(t, before[i]), parsed(t, after[i])
		if a.ConversationID != b.ConversationID || a.ConversationEnd != "" || b.ConversationEnd == "" {
			t.Errorf("from %.200s\nto %.200s", before[i], after[i])
		}
		if wrapped(a) || !wrapped(b) {
			t.Errorf("wrapped up: %v, then %v", wrapped(a), wrapped(b))
		}
		if diff := cmp.Diff(a.Participants[0].Attributes, b.Participants[0].Attributes); diff != "" {
			t.Errorf("the attributes changed: %s", diff)
		}
	}
	if changed != 30 || c.sim.Stats().Faults[faultRevise] != 1 {
		t.Errorf("%d changed; counted %v", changed, c.sim.Stats().Faults)
	}
}

func wrapped(c conversation) bool {
	return c.sessions(func(s session) bool {
		return slices.ContainsFunc(s.Segments, func(g segment) bool { return g.SegmentType == "wrapup" && g.WrapUpCode != "" })
	})
}

func TestEdgesSayWhatComesBackOfAnIntervalsBounds(t *testing.T) {
	from, end := day.From+3*hour, day.From+6*hour
	for edges, want := range map[string]conv.Window{
		"": {From: from, To: end + 1}, "both_in": {From: from, To: end + 1}, "start_out": {From: from + 1, To: end + 1},
		"end_out": {From: from, To: end}, "both_out": {From: from + 1, To: end},
	} {
		c := start(t, Config{Rows: 5000, Seed: 3, Faults: Faults{Edges: edges}})
		asked := conv.Window{From: from, To: end + 1}
		rows := slices.Collect(c.sim.Truth(want))
		if diff := cmp.Diff(rows, c.rows(body(asked))); diff != "" {
			t.Errorf("%s: %s", edges, diff)
		}
		var n count
		c.decode(c.want(200, "GET", baselinePath(asked), ""), &n)
		if n.Count != len(rows) || c.sim.Count(asked) == len(rows) != (want == asked) {
			t.Errorf("%s: counts %d of %d rows", edges, n.Count, len(rows))
		}
		c.rows(body(conv.Window{From: from, To: from + 1})) // both bounds in one
		if got, on := c.sim.Stats().Faults[faultEdges], want != asked; (got == 2) != on || (got == 0) == on {
			t.Errorf("%s: counted %d", edges, got)
		}
	}
}

func TestTimesAreToldWithOffsetsAndWithoutZone(t *testing.T) {
	c := start(t, Config{Rows: 200, Faults: Faults{Offsets: true, Zoneless: true}})
	truth := c.truths(day, everyOne)
	forms := map[string]int{}
	for i, body := range c.bodies(ask(day)) {
		told, want := parsed(t, body), parsed(t, truth[i])
		if ms(told.ConversationStart) != ms(want.ConversationStart) || want.ConversationEnd != "" && ms(told.ConversationEnd) != ms(want.ConversationEnd) {
			t.Errorf("%s to %s, want %s to %s", told.ConversationStart, told.ConversationEnd, want.ConversationStart, want.ConversationEnd)
		}
		switch end := told.ConversationStart[len(told.ConversationStart)-6:]; {
		case end == "+02:00":
			forms["offset"]++
		case end[5] == 'Z':
			forms["utc"]++
		default:
			forms["zoneless"]++
		}
	}
	st := c.sim.Stats().Faults
	if forms["offset"] < 20 || forms["zoneless"] < 20 || forms["utc"] < 60 || st[faultOffsets] != forms["offset"] || st[faultZoneless] != forms["zoneless"] {
		t.Errorf("%v, counted %v", forms, st)
	}
	if diff := cmp.Diff(slices.Collect(c.sim.Truth(day)), c.rows(body(day))); diff != "" {
		t.Error(diff)
	}
	if n := c.sim.Stats().Faults[faultZoneless]; n <= st[faultZoneless] {
		t.Error("no row of reports is told without a zone")
	}
}

func TestAbsencesAreAsManyAsSaidAndApart(t *testing.T) {
	for _, test := range [][3]int{{1000, 30, 20}, {10, 10, 10}, {5, 0, 9}, {0, 3, 3}, {7, 7, 0}, {100, 1, 0}} {
		a := newAbsences(5, test[0], test[1], test[2])
		late := min(test[1], test[0])
		if len(a.late) != late || len(a.removed) != min(test[2], test[0]-late) {
			t.Errorf("%v: %d late, %d removed", test, len(a.late), len(a.removed))
		}
		all := slices.Concat(a.late, a.removed)
		slices.Sort(all)
		if len(slices.Compact(slices.Clone(all))) != len(all) || !slices.IsSorted(a.late) || !slices.IsSorted(a.removed) {
			t.Errorf("%v: %v", test, all)
		}
		hidden := 0
		for i := range test[0] {
			if a.hides(i, view{erased: true}) {
				hidden++
			}
		}
		if n := a.between(0, test[0], view{erased: true}); n != hidden || hidden != len(all) {
			t.Errorf("%v: %d hidden, counted %d", test, hidden, n)
		}
	}
}
