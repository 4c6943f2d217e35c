package simulator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

func TestR97_WhatDriftsIsPublishedAsTheTruthSays(t *testing.T) {
	p := newPublisher(t, Reports)
	for name, drift := range map[string][]Drift{
		"removed":        {{Field: "attributes.custom.case_priority", Change: removed}},
		"nulled":         {{Field: "attributes.custom.customer_segment", Change: nulled}},
		"to number":      {{Field: "attributes.custom.case_priority", Change: toNumber}},
		"to object":      {{Field: "attributes.custom.case_priority", Change: toObject}},
		"metric to text": {{Field: "metrics.queuetime.ms", Change: toString}, {Field: "metrics.handledtime.ms", Change: toObject}},
		"metric gone":    {{Field: "metrics.queuetime", Change: removed}, {Field: "metrics.handledtime.ms", Change: nulled}},
		"unknown":        {{Field: "attributes.custom.loyalty", Change: added}, {Field: "metrics.new.ms", Change: added, Value: map[string]any{"a": []any{1}}}},
		"whole gone":     {{Field: "attributes.custom", Change: removed}, {Field: "metrics", Change: removed}},
		"whole null":     {{Field: "attributes.custom", Change: nulled}},
		"whole text":     {{Field: "attributes.custom", Change: toString}, {Field: "metrics", Change: toNumber}},
		"whole object":   {{Field: "attributes.custom", Change: toObject}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range drift {
				drift[i].From = noon
			}
			c := start(t, Config{Rows: 600, Faults: Faults{Drift: drift, PageRows: 90, Zoneless: true}})
			var got []Row
			for _, raw := range c.raw(Reports) {
				published, reject := p.publish(raw)
				if reject != nil {
					t.Fatalf("%s: %+v", raw, reject)
				}
				got = append(got, p.column(published))
			}
			truth := slices.Collect(c.sim.Truth(day))
			if diff := cmp.Diff(truth, got); diff != "" {
				t.Error(diff)
			}
			as := start(t, Config{Rows: 600})
			before := slices.Collect(as.sim.Truth(day))
			changed := 0
			for i := range truth {
				if truth[i] != before[i] {
					changed++
				}
				if truth[i].Time < noon.UnixMilli() && truth[i] != before[i] {
					t.Fatalf("row %d of the morning is %+v, was %+v", i, truth[i], before[i])
				}
			}
			lossless := name == "unknown" || name == "whole object"
			if (changed == 0) != lossless {
				t.Errorf("%d rows changed", changed)
			}
			if n := c.sim.Stats().Faults["drift"]; n < 250 {
				t.Errorf("%d rows of pages drifted", n)
			}
		})
	}
}

func TestR97_WhatDriftsInConversationsIsPublishedAsTheTruthSays(t *testing.T) {
	p := newPublisher(t, Jobs)
	for name, drift := range map[string][]Drift{
		"removed":        {{Field: "participants.sessions.direction", Change: removed}, {Field: "participants.attributes.case_priority", Change: removed}},
		"nulled":         {{Field: "participants.sessions.segments", Change: nulled}, {Field: "participants.attributes.case_priority", Change: nulled}},
		"to number":      {{Field: "originatingDirection", Change: toNumber}, {Field: "conversationEnd", Change: toNumber}, {Field: "customerParticipation", Change: toNumber}},
		"to object":      {{Field: "divisionIds", Change: toObject}, {Field: "participants.attributes.case_priority", Change: toObject}},
		"to text":        {{Field: "participants.sessions.metrics.value", Change: toString}, {Field: "customerParticipation", Change: toString}, {Field: "divisionIds", Change: toString}},
		"attribute text": {{Field: "participants.attributes.case_priority", Change: toNumber}},
		"unknown": {
			{Field: "participants.sessions.brandNew", Change: added, Value: map[string]any{"x": 1}},
			{Field: "newest", Change: added},
			{Field: "participants.attributes.loyalty", Change: added},
		},
		"whole gone": {{Field: "participants", Change: removed}},
		"whole text": {{Field: "participants.attributes", Change: toString}, {Field: "participants.sessions", Change: toNumber}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range drift {
				drift[i].From = noon
			}
			c := start(t, Config{Rows: 160, Faults: Faults{Drift: drift}})
			truth := slices.Collect(c.sim.Conversations(day))
			raws := c.raw(Jobs)
			if len(raws) != len(truth) {
				t.Fatalf("%d conversations, want %d", len(raws), len(truth))
			}
			for i, raw := range raws {
				published, reject := p.publish(raw)
				if reject != nil {
					t.Fatalf("%s: %+v", raw, reject)
				}
				p.wantAgreement(truth[i].Body, published)
			}
			changed := 0
			i := 0
			for before := range start(t, Config{Rows: 160}).sim.Conversations(day) {
				body := encodeTree(decodeTree(before.Body))
				if string(encodeTree(decodeTree(truth[i].Body))) != string(body) {
					changed++
				}
				if before.Start < noon.UnixMilli() && string(truth[i].Body) != string(before.Body) {
					t.Fatalf("conversation %d of the morning is another one", i)
				}
				i++
			}
			if changed == 0 {
				t.Error("nothing changed")
			}
		})
	}
}

func TestADriftEnds(t *testing.T) {
	c := start(t, Config{Rows: 300, Faults: Faults{Drift: []Drift{{Field: "attributes.custom.case_priority", Change: removed, To: noon}}}})
	early, late := 0, 0
	for r := range c.sim.Truth(day) {
		switch {
		case r.Priority == "":
		case r.Time < noon.UnixMilli():
			early++
		default:
			late++
		}
	}
	if early != 0 || late == 0 {
		t.Errorf("%d rows before noon have the field, %d behind", early, late)
	}
}

func TestInvalidRowsAreAShareOfAllAndTheTruthLeavesThemOut(t *testing.T) {
	const rows, late, gone = 300, 8, 12
	for _, d := range []Dialect{Reports, Jobs} {
		p := newPublisher(t, d)
		for _, kinds := range [][]Poison{nil, {Missing}, {Retyped, Keyless}} {
			c := start(t, Config{Rows: rows, Faults: Faults{
				Invalid: Invalid{Share: 0.1, Kinds: kinds}, PageRows: 90, LateAfter: 99, Late: late, RemovedAfter: 1, Removed: gone,
				Drift: []Drift{{Field: "attributes.custom", Change: removed}, {Field: "participants.sessions.ani", Change: removed}},
			}})
			if d == Jobs {
				c.job(ask(day))
			} else {
				c.submit(body(day))
			}
			found := map[string]int{}
			for _, raw := range c.raw(d) {
				_, reject := p.publish(raw)
				switch {
				case reject == nil:
					found["published"]++
				default:
					found[reject.Reason]++
				}
			}
			reasons := map[Poison]string{Missing: "missing_field", Retyped: "wrong_type", Keyless: "no_key"}
			sum := 0
			for kind, reason := range reasons {
				wanted := kinds == nil || slices.Contains(kinds, kind)
				if (found[reason] > 0) != wanted {
					t.Errorf("%s, %v: %d dead letters of %s", d, kinds, found[reason], reason)
				}
				sum += found[reason]
			}
			if invalid := rows/10 - sum; invalid < 0 || invalid > 8 || found["published"]+sum != rows-late-gone {
				t.Errorf("%s, %v: %v", d, kinds, found)
			}
			if n := c.sim.Count(day); n != found["published"] {
				t.Errorf("%s, %v: the truth counts %d, published are %d", d, kinds, n, found["published"])
			}
			n := 0
			if d == Jobs {
				for range c.sim.Conversations(day) {
					n++
				}
			} else {
				n = len(slices.Collect(c.sim.Truth(day)))
			}
			if n != found["published"] {
				t.Errorf("%s, %v: the truth has %d, published are %d", d, kinds, n, found["published"])
			}
			if struck := c.sim.Stats().Faults["invalid"]; struck < sum {
				t.Errorf("%s, %v: %d invalid rows are counted, %d came", d, kinds, struck, sum)
			}
			lines := strings.Count(string(c.want(200, "GET", "/_sim/truth?poison=1&dialect="+string(d), "")), `"poison":`)
			var all count
			c.decode(c.want(200, "GET", "/_sim/truth/count?poison=1&dialect="+string(d), ""), &all)
			if lines != sum || all.Count != rows-late-gone {
				t.Errorf("%s, %v: the truth tells of %d invalid ones and counts %d of all", d, kinds, lines, all.Count)
			}
		}
	}
}

func TestAShareOfInvalidRowsIsExact(t *testing.T) {
	c := start(t, Config{Rows: 1_000_000, Faults: Faults{Invalid: Invalid{Share: 0.1}}})
	if n := c.sim.Count(day); n != 900_000 {
		t.Errorf("%d of 1,000,000 rows are true", n)
	}
}

func TestDriftThatCannotBeIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"invalid: {share: 1.5}":                                                                          "invalid.share: 1.5",
		"invalid: {share: 0.5, kinds: [odd]}":                                                            `"odd"`,
		"drift: [{change: removed}]":                                                                     `"" is no field`,
		"drift: [{field: a.*, change: removed}]":                                                         `"a.*" is no field`,
		"drift: [{field: timestamp, change: removed}]":                                                   "timestamp",
		"drift: [{field: a, change: gone}]":                                                              `"gone"`,
		"drift: [{field: a, change: removed, value: 1}]":                                                 "value",
		"drift: [{field: attributes.custom, change: added}]":                                             "attributes.custom cannot be added",
		"drift: [{field: a, change: removed, from: 2024-01-01T00:00:00Z, to: 2024-01-01T00:00:00Z}]":     "ends 2024-01-01T00:00:00Z",
		"drift: [{field: a.b, change: removed}, {field: a, change: nulled, from: 2024-01-01T00:00:00Z}]": "a.b and a",
		"drift: [{field: a, change: removed, from: 2024-01-01T00:00:00Z}, {field: a, change: nulled, to: 2025-01-01T00:00:00Z}]": "a and a",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names %s", text, err, want)
		}
	}
	if _, err := load(t, "drift: [{field: a, change: removed, to: 2024-01-01T00:00:00Z}, {field: a, change: nulled, from: 2024-01-01T00:00:00Z}, {field: ab, change: nulled}]"); err != nil {
		t.Error(err)
	}
}
