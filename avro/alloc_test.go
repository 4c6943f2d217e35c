//go:build !race

package avro

import (
	"strings"
	"testing"

	"convstream/internal/conv"
)

// Under the race detector sync.Pool drops what it is given at random, so that a count of
// allocations says nothing.
func TestEncodeAllocatesNothingPerRow(t *testing.T) {
	c, row := reports(t), rowOf(t, sampleRow)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() { c.Encode(dst, 1, row, nil) }); n >= 1 {
		t.Errorf("%v allocations per row", n)
	}
}

// Drift costs nothing once it was seen: unknown keys, absent ones, changed types and texts
// that are hashed come with every row of an organisation.
func TestR81_DriftAllocatesNothingPerRow(t *testing.T) {
	long := strings.Repeat("long", 20)
	for name, test := range map[string]struct {
		contract *Contract
		raw      string
		least    int
	}{
		"sample":       {reports(t), sampleRow, 0},
		"conversation": {jobs(t), conversation(t), 0},
		"marked": {marked(t), `{"id":"1","new":1,"attributes":{"custom.phone":5,"other":{}},"` + long + `":1,"numbers":["1","2"],"notes":{"a":"b"},
			"legs":[{"from.ani":"1","from.dnis":2},{"inner":{"name":"x","new":true}},{"inner":5}]}`, 10},
	} {
		row := rowOf(t, test.raw)
		dst, drift := make([]byte, 0, 8192), make([]conv.Deviation, 0, 64)
		encode := func() {
			drift = drift[:0]
			test.contract.Encode(dst, 1, row, &drift)
		}
		encode()
		if len(drift) < test.least {
			t.Errorf("%s: %d deviations", name, len(drift))
		}
		if n := testing.AllocsPerRun(1000, encode); n >= 1 {
			t.Errorf("%s: %v allocations per row", name, n)
		}
	}
}

func TestEncodeAllocatesNothingPerConversation(t *testing.T) {
	c, row := jobs(t), rowOf(t, conversation(t))
	// Values that do not fit, and keys that come twice, are no reason to allocate either.
	odd := rowOf(t, `{"conversationId":"c","conversationStart":0,"divisionIds":{},"participants":[
		{"purpose":[],"attributes":{"b":"1","a":2,"b":true}},{"attributes":{"a":null,"b":{}}},{"sessions":[{"flow":5,"metrics":[{"value":"x"}]}]}]}`)
	dst := make([]byte, 0, 8192)
	for name, row := range map[string]*conv.Row{"conversation": row, "odd": odd} {
		if _, facts := c.Encode(dst, 1, row, nil); facts.Reject != nil {
			t.Fatalf("%s: %+v", name, *facts.Reject)
		}
		if n := testing.AllocsPerRun(1000, func() { c.Encode(dst, 1, row, nil) }); n >= 1 {
			t.Errorf("%s: %v allocations per row", name, n)
		}
	}
}

func TestAnEncoderKeepsNothingOfItsRows(t *testing.T) {
	c := jobs(t)
	metrics := strings.Repeat(`{"name":"tTalk","value":"x"},`, 1000)
	row := rowOf(t, `{"conversationId":"c","conversationStart":0,"participants":[{"attributes":{"a":"1","b":"2"},"sessions":[{"metrics":[`+metrics+`5]}]}]}`)
	for range 20 {
		c.Encode(nil, 1, row, nil)
	}
	e := c.encoders.Get().(*encoder)
	if e.row != nil || e.reject != nil {
		t.Errorf("row %v and reject %v are kept", e.row, e.reject)
	}
	if n := len(e.found) + len(e.members) + len(e.entries) + len(e.ends) + len(e.trail); n > 0 {
		t.Errorf("%d items are kept", n)
	}
	// What belongs to one element makes room for the next.
	if most := 4 * len(model(t)); cap(e.found) > most || cap(e.ends) > most || cap(e.trail) > most || cap(e.members) > most {
		t.Errorf("room for %d nodes, %d ends, %d steps, %d members", cap(e.found), cap(e.ends), cap(e.trail), cap(e.members))
	}
	for _, m := range e.members[:cap(e.members)] {
		if m.key != nil {
			t.Errorf("the key %q is kept", m.key)
		}
	}
	for _, s := range e.trail[:cap(e.trail)] {
		if s.key != nil {
			t.Errorf("the key %q is kept in the trail", s.key)
		}
	}
}

func TestCoercedTextsDoNotPileUp(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"source":"a"}`)
	row := rowOf(t, `{"a":5.0}`)
	for range 10_000 {
		c.Encode(nil, 1, row, nil)
	}
	if e := c.encoders.Get().(*encoder); cap(e.text) > 100 {
		t.Errorf("%d bytes are kept for a text of one byte", cap(e.text))
	}
}
