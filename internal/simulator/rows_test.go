package simulator

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	read := func(seed uint64) (pages []string) {
		c := start(t, Config{Rows: 700, Seed: seed, Faults: Faults{PageRows: 100, Keyless: 3}})
		for _, w := range []conv.Window{day, {From: day.From, To: day.From + 5*hour}} {
			for _, p := range c.read(c.submit(body(w))) {
				pages = append(pages, marshal(t, p))
			}
		}
		return pages
	}
	first := read(1)
	if diff := cmp.Diff(first, read(1)); diff != "" {
		t.Error(diff)
	}
	if slices.Equal(first, read(2)) {
		t.Error("another seed gives the same bytes")
	}
}

func TestPagesWithoutRepeatsAreTheTruth(t *testing.T) {
	for _, rows := range []int{0, 1, 99, 100, 101, 1234} {
		c := start(t, Config{Rows: rows, Seed: 7, Faults: Faults{PageRows: 100}})
		got := c.rows(body(day))
		if diff := cmp.Diff(slices.Collect(c.sim.Truth(day)), got); diff != "" {
			t.Errorf("%d rows: %s", rows, diff)
		}
		if len(got) != rows || c.sim.Count(day) != rows {
			t.Errorf("%d rows: read %d, counted %d", rows, len(got), c.sim.Count(day))
		}
	}
}

func TestTheLastRowOfAPageComesAgainOnTheNext(t *testing.T) {
	c := start(t, Config{Rows: 2000, Faults: Faults{PageRows: 100}})
	pages := c.read(c.submit(body(day)))
	if len(pages) != 20 {
		t.Fatalf("%d pages", len(pages))
	}
	respelt := 0
	for i := 1; i < len(pages); i++ {
		last, first := pages[i-1].Data[len(pages[i-1].Data)-1], pages[i].Data[0]
		if diff := cmp.Diff(decodeRow(t, last), decodeRow(t, first)); diff != "" {
			t.Errorf("page %d: %s", i, diff)
		}
		if string(last) != string(first) {
			respelt++
		}
	}
	if respelt == 0 {
		t.Error("no repeat is spelt otherwise than the first time")
	}

	c = start(t, Config{Rows: 2000, Faults: Faults{PageRows: 100, NoBoundaryRepeats: true}})
	for i, p := range c.read(c.submit(body(day))) {
		if len(p.Data) != 100 {
			t.Errorf("without repeats page %d has %d rows", i, len(p.Data))
		}
	}
}

func TestAWindowIsAskedForAgainInTheSameMeaning(t *testing.T) {
	c := start(t, Config{Rows: 500})
	if diff := cmp.Diff(c.rows(body(day)), c.rows(body(day))); diff != "" {
		t.Error(diff)
	}
}

func TestR112_ARowOnAnEdgeComesBackInBothWindows(t *testing.T) {
	c := start(t, Config{Rows: 5000, Seed: 3})
	edge := day.From + 6*hour
	left := c.rows(body(conv.Window{From: day.From, To: edge + 1})) // end is the edge itself
	right := c.rows(body(conv.Window{From: edge, To: day.To}))
	onEdge := 0
	for _, r := range left {
		if r.Time == edge {
			onEdge++
			if !slices.Contains(right, r) {
				t.Errorf("row %s on the edge is in the left window only", r.InteractionID)
			}
		}
	}
	if onEdge == 0 {
		t.Fatal("no row lies on the edge")
	}
	if got := len(left) + len(right) - onEdge; got != 5000 {
		t.Errorf("%d rows in both windows together", got)
	}
}

func TestR108_TheTruthOfAWindowIsHalfOpen(t *testing.T) {
	c := start(t, Config{Rows: 2000})
	w := conv.Window{From: day.From + 3*hour, To: day.From + 6*hour}
	var want []Row
	for r := range c.sim.Truth(day) {
		if w.From <= r.Time && r.Time < w.To {
			want = append(want, r)
		}
	}
	if diff := cmp.Diff(want, slices.Collect(c.sim.Truth(w))); diff != "" || c.sim.Count(w) != len(want) {
		t.Errorf("counted %d: %s", c.sim.Count(w), diff)
	}
}

func TestTheHoursTogetherAreTheDay(t *testing.T) {
	c := start(t, Config{Rows: 3000, Seed: 5, Faults: Faults{PageRows: 50}})
	var hours []Row
	for from := day.From; from < day.To; from += hour {
		hours = append(hours, c.rows(body(conv.Window{From: from, To: from + hour}))...)
	}
	if diff := cmp.Diff(c.rows(body(day)), hours); diff != "" {
		t.Error(diff)
	}
}

func TestEveryHoursEdgeHasRowsOnItAndAMillisecondBefore(t *testing.T) {
	for _, rows := range []int{2000, 100_000} {
		c := start(t, Config{Rows: rows, Seed: 11})
		for edge := day.From; edge <= day.To; edge += hour {
			if n := c.sim.Count(conv.Window{From: edge, To: edge + 1}); n == 0 && edge < day.To {
				t.Errorf("%d rows: none at %s", rows, conv.FormatInstant(edge))
			}
			if n := c.sim.Count(conv.Window{From: edge - 1, To: edge}); n == 0 && edge > day.From {
				t.Errorf("%d rows: none at %s", rows, conv.FormatInstant(edge-1))
			}
		}
	}
}

func TestConversationsMillisecondsAndInteractionsAreSharedInEveryWay(t *testing.T) {
	c := start(t, Config{Rows: 400})
	type key struct {
		conversation ID
		time         int64
	}
	byTime, byKey, byConversation := map[int64]int{}, map[key]int{}, map[ID]map[int64]bool{}
	ids := map[ID]bool{}
	for r := range c.sim.Truth(day) {
		ids[r.InteractionID] = true
		byTime[r.Time]++
		byKey[key{r.ConversationID, r.Time}]++
		if byConversation[r.ConversationID] == nil {
			byConversation[r.ConversationID] = map[int64]bool{}
		}
		byConversation[r.ConversationID][r.Time] = true
	}
	if len(ids) != 400 {
		t.Errorf("%d interaction ids for 400 rows", len(ids))
	}
	if len(byTime) > len(byKey)-20 {
		t.Error("no millisecond is shared by different conversations")
	}
	if len(byKey) > 380 {
		t.Error("no two interactions share conversation and time")
	}
	if n := len(byConversation); n > len(byKey)-20 {
		t.Error("no conversation has interactions at several times")
	}
}

func TestATimelineIsMonotoneAndInvertible(t *testing.T) {
	for _, span := range []conv.Window{day, {From: 0, To: 1}, {From: 12_345, To: 12_400}, {From: 5, To: 50}, {From: hour - 50, To: hour - 5}, {From: day.From + 17, To: day.From + 90*24*hour + 3}} {
		for _, rows := range []int{1, 2, 15, 16, 17, 999} {
			checkTimeline(t, 9, span, rows)
		}
	}
}

func FuzzATimelineIsMonotoneAndInvertible(f *testing.F) {
	f.Add(uint64(1), day.From, int64(24*hour), 100)
	f.Add(uint64(2), int64(0), int64(3), 50)
	f.Add(uint64(3), int64(hour-1), int64(2), 7)
	f.Fuzz(func(t *testing.T, seed uint64, from, length int64, rows int) {
		if from < 0 || from > 1<<42 || length < 1 || length > 1<<40 || rows < 1 || rows > 2000 {
			t.Skip()
		}
		checkTimeline(t, seed, conv.Window{From: from, To: from + length}, rows)
	})
}

// checkTimeline compares first with a walk over all rows.
func checkTimeline(t *testing.T, seed uint64, span conv.Window, rows int) {
	t.Helper()
	line := newTimeline(seed, span, rows)
	last := span.From
	for i := range rows {
		at := line.at(i)
		if at < last || !span.Contains(at) {
			t.Fatalf("span %v, %d rows: row %d at %d behind one at %d", span, rows, i, at, last)
		}
		if i == 0 || at > last {
			if got := line.first(at); got != i {
				t.Fatalf("span %v, %d rows: first(%d) = %d, want %d", span, rows, at, got, i)
			}
		}
		last = at
	}
	if got := line.first(last + 1); got != rows {
		t.Fatalf("span %v, %d rows: first behind the last row is %d", span, rows, got)
	}
}

func FuzzASpellingChangesNoMeaning(f *testing.F) {
	f.Add(uint64(0), 0)
	for bit := range 30 {
		f.Add(uint64(1)<<bit, bit)
		f.Add(^(uint64(1) << bit), 1000+bit)
	}
	w := newWorld(Config{Rows: 100_000, Window: day, Seed: 13}.withDefaults())
	f.Fuzz(func(t *testing.T, bits uint64, i int) {
		if i < 0 || i >= w.rows {
			t.Skip()
		}
		r := w.row(i, view{})
		raw := appendRow(nil, &r, ^columns(0), style(bits))
		if diff := cmp.Diff(r, decodeRow(t, raw)); diff != "" {
			t.Fatalf("%s\n%s", raw, diff)
		}
	})
}

func TestEverySpellingOccurs(t *testing.T) {
	c := start(t, Config{Rows: 3000})
	var all []byte
	for _, p := range c.read(c.submit(body(day))) {
		for _, raw := range p.Data {
			all = append(all, raw...)
		}
	}
	for _, want := range []string{
		`\u00e9`, `é`, `\/`, `small/`, `\ud83d\ude42`, "🙂", "\n\t", `": "`, `+02:00"`, `+05:30"`, `000Z"`, `.0,`,
		`"case_priority":null`, `"attributes":{`, `"attributes.custom":{`, `"attributes.custom.case_priority":`, `"attributes.custom":null`,
		`"metrics":{`, `"metrics.queuetime.ms":null`, `\"gold\"`, `{"timestamp"`, `{"interaction.id":"\u00`,
	} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("%q does not occur", want)
		}
	}
}

func BenchmarkTruth(b *testing.B) {
	c := start(b, Config{Rows: 100_000})
	for b.Loop() {
		for range c.sim.Truth(day) {
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkResultsPage(b *testing.B) {
	for name, faults := range map[string]Faults{"plain": {}, "poison": {Keyless: 500}} {
		b.Run(name, func(b *testing.B) {
			c := start(b, Config{Rows: 10_000_000, Faults: faults})
			w := conv.Window{From: day.From + 12*hour, To: day.From + 13*hour}
			id := c.submit(body(w))
			var size int64
			for b.Loop() {
				size = int64(len(c.want(200, "GET", resultsPath(id, nil), "")))
			}
			b.SetBytes(size)
			b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
