package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestStatsTellWhatWasAsked(t *testing.T) {
	c := start(t, Config{Rows: 250, Faults: Faults{PageRows: 100}})
	id := c.submit(body(day))
	pages := c.read(id)
	c.want(200, "GET", resultsPath(id, pages[0].NextPageToken), "")
	c.want(404, "GET", pathReports+"x", "")
	var got Stats
	c.decode(c.want(200, "GET", "/_sim/stats", ""), &got)
	want := Stats{
		Requests: map[Operation]map[string]int{
			Token: {"200": 1}, Submit: {"200": 1}, Status: {"404": 1}, Results: {"200": 4}, Abort: {}, Baseline: {}, Availability: {}, Query: {},
		},
		Busiest: 7,
		Jobs:    []JobStats{{ID: id, Dialect: Reports, Start: "2024-01-01T00:00:00.000Z", End: "2024-01-01T23:59:59.999Z", Pages: []int{1, 2, 1}}},
		Faults:  map[string]int{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheTruthIsServedAsLines(t *testing.T) {
	c := start(t, Config{Rows: 2000, Faults: Faults{Keyless: 3, Future: 2}})
	noon := conv.Window{From: day.From + 12*hour, To: day.To}
	for _, test := range []struct {
		query  string
		window conv.Window
		poison int
	}{
		{"", day, 0}, {"?poison=1", day, 5}, {"?from=2024-01-01T12:00:00Z", noon, 0}, {"?from=2024-01-01T14:00:00%2B02:00&to=2024-01-02", noon, 0},
	} {
		var rows []Row
		poison := 0
		for line := range bytes.Lines(c.want(200, "GET", "/_sim/truth"+test.query, "")) {
			r, bad := decodeTruth(t, line)
			if bad {
				poison++
			} else {
				rows = append(rows, r)
			}
		}
		if diff := cmp.Diff(slices.Collect(c.sim.Truth(test.window)), rows); diff != "" || poison != test.poison {
			t.Errorf("%q: %d poison rows; %s", test.query, poison, diff)
		}
		var n count
		c.decode(c.want(200, "GET", "/_sim/truth/count"+test.query, ""), &n)
		if n.Count != len(rows)+poison {
			t.Errorf("%q: count %d, %d lines", test.query, n.Count, len(rows)+poison)
		}
	}
	c.want(400, "GET", "/_sim/truth?from=noon", "")
}

// decodeTruth turns a line into a row of a page, which decodeRow reads.
func decodeTruth(t *testing.T, line []byte) (Row, bool) {
	t.Helper()
	var flat map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&flat); err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(flat["timestamp_ms"].(json.Number).String(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	_, poison := flat["poison"]
	delete(flat, "poison")
	delete(flat, "timestamp_ms")
	r := decodeRow(t, []byte(marshal(t, flat)))
	r.Time = at
	return r, poison
}
