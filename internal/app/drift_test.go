package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// told is an event of drift as it is read back from Kafka.
func told(t *testing.T, at int64, w conv.Window, d conv.Deviation, count int64) *conv.Event {
	t.Helper()
	text, err := json.Marshal(conv.Event{Kind: "drift", Time: at, Window: &w, Detail: map[string]any{
		"kind": d.Kind, "field": d.Field, "expected": d.Expected, "found": d.Found, "count": count,
	}})
	if err != nil {
		t.Fatal(err)
	}
	var e conv.Event
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func missing(field string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftMissing, Field: field, Expected: "string", Found: "nothing"}
}

func unknown(field, found string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftUnknown, Field: field, Expected: "no such key", Found: found}
}

func retyped(field, expected, found string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftRetyped, Field: field, Expected: expected, Found: found}
}

func TestR104_DriftIsCountedByFieldAndKindOverWindows(t *testing.T) {
	tally := newDriftTally(conv.Window{})
	for _, e := range []*conv.Event{
		told(t, 2000, tuesday, missing("b"), 3), // windows are read in any order
		told(t, 1000, monday, missing("b"), 4),
		told(t, 1000, monday, unknown("a", "string"), 1),
		told(t, 3000, tuesday, unknown("a", "number"), 2),
		told(t, 1000, monday, missing("a"), 7),
		{Kind: "drift", Time: 1, Window: &monday},                                         // of another version
		{Kind: "drift", Time: 1, Detail: map[string]any{"kind": "missing", "field": "b"}}, // of no window
	} {
		tally.event(e)
	}
	r := tally.report()
	want := []*driftEntry{
		{Kind: "missing", Field: "a", Expected: "string", Found: "nothing", Rows: 7, Windows: 1, First: monday, Last: monday, Seen: "1970-01-01T00:00:01.000Z"},
		{Kind: "missing", Field: "b", Expected: "string", Found: "nothing", Rows: 7, Windows: 2, First: monday, Last: tuesday, Seen: "1970-01-01T00:00:01.000Z", Still: true},
		{Kind: "unknown", Field: "a", Expected: "no such key", Found: "number", Rows: 3, Windows: 2, First: monday, Last: tuesday, Seen: "1970-01-01T00:00:01.000Z", Still: true},
	}
	for _, e := range r.Drift {
		e.told, e.seen, e.last = nil, 0, 0
	}
	if diff := cmp.Diff(want, r.Drift, cmp.AllowUnexported(driftEntry{})); diff != "" || r.Windows != 2 || *r.Newest != tuesday {
		t.Errorf("%d windows, the newest %s; %s", r.Windows, r.Newest, diff)
	}
}

func TestDriftIsOverWhenTheNewestWindowHasItNoMore(t *testing.T) {
	read := func(w conv.Window, state conv.State, drift ...conv.Drift) *conv.Checkpoint {
		return &conv.Checkpoint{Window: w, State: state, Drift: drift}
	}
	wednesday := conv.Window{From: tuesday.To, To: tuesday.To + 86_400_000}
	for name, c := range map[string]struct {
		ledger []*conv.Checkpoint
		still  bool
	}{
		"the ledger knows no more":         {nil, true},
		"the newest has it":                {[]*conv.Checkpoint{read(tuesday, conv.Settled, conv.Drift{Deviation: missing("a"), Count: 3})}, true},
		"a later job had it no more":       {[]*conv.Checkpoint{read(tuesday, conv.Settled, conv.Drift{Deviation: missing("a")})}, false},
		"a newer window has it not":        {[]*conv.Checkpoint{read(wednesday, conv.Reconciled), read(tuesday, conv.Settled)}, false},
		"a newer window is not read":       {[]*conv.Checkpoint{read(wednesday, conv.Planned)}, true},
		"a newer window is read just now":  {[]*conv.Checkpoint{read(wednesday, conv.Paging)}, true},
		"a narrowed window is no newer":    {[]*conv.Checkpoint{read(conv.Window{From: tuesday.From, To: wednesday.To}, conv.Narrowed)}, true},
		"an older window says nothing now": {[]*conv.Checkpoint{read(monday, conv.Settled)}, true},
	} {
		tally := newDriftTally(conv.Window{})
		tally.event(told(t, 1, tuesday, missing("a"), 3))
		for _, cp := range c.ledger {
			tally.checkpoint(cp)
		}
		if r := tally.report(); r.Drift[0].Still != c.still {
			t.Errorf("%s: still %v", name, r.Drift[0].Still)
		}
	}
}

func TestDriftOutsideTheIntervalIsLeftOut(t *testing.T) {
	tally := newDriftTally(monday)
	tally.event(told(t, 1, tuesday, missing("a"), 3))
	tally.event(told(t, 1, monday, missing("b"), 3))
	tally.checkpoint(&conv.Checkpoint{Window: tuesday, State: conv.Settled})
	if r := tally.report(); len(r.Drift) != 1 || r.Drift[0].Field != "b" || !r.Drift[0].Still || *r.Newest != monday {
		t.Errorf("%+v", r)
	}
}

// unset is what drift says of a custom attribute that rows lack.
const unset = `none: a flow does not set it, or no longer does; "optional": true would silence this for good`

// docs/contract.md: "optional" is left out on custom attributes, so that a flow that no longer sets one is told of.
func TestACustomAttributeThatRowsLackIsNotProposedToBeOptional(t *testing.T) {
	const contract = `{"type": "record", "name": "Row", "fields": [
  {"name": "tier", "type": ["null", "string"], "default": null, "source": "attributes.custom.tier"},
  {"name": "told", "type": ["null", "string"], "default": null, "source": "attributes.custom.told", "optional": true},
  {"name": "attributes", "type": ["null", "string"], "default": null, "source": "metrics.attributes.ms"},
  {"name": "participants", "type": ["null", {"type": "array", "items": {"type": "record", "name": "P", "fields": [
    {"name": "vip", "type": ["null", "string"], "default": null, "source": "attributes.vip"}
  ]}}], "default": null}
]}`
	for field, want := range map[string]string{
		"attributes.custom.tier":      unset,
		"participants.attributes.vip": unset,
		"attributes.custom.told":      "none: it may be absent",
		"metrics.attributes.ms":       "mark it optional",
		"participants":                "mark it optional",
	} {
		list := entries(missing(field))
		p, err := propose(contract, present(t, contract, "BACKWARD"), nil, list)
		if err != nil || list[0].Change != want || (p == nil) != strings.HasPrefix(want, "none: ") {
			t.Errorf("%s: %v, %q, want %q; the proposal is %+v", field, err, list[0].Change, want, p)
		}
	}
}

// present is a route of a contract's text.
func present(t *testing.T, text, level string) routeContract {
	t.Helper()
	c, err := avro.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, err := avro.ParseLevel(level)
	if err != nil {
		t.Fatal(err)
	}
	return routeContract{name: primaryRoute, contract: c, level: l}
}

func entries(drift ...conv.Deviation) (list []*driftEntry) {
	for _, d := range drift {
		list = append(list, &driftEntry{Kind: d.Kind, Field: d.Field, Expected: d.Expected, Found: d.Found, Still: true})
	}
	return list
}

const driftContract = `{
  "type": "record",
  "name": "Row",
  "namespace": "n",
  "fields": [
    {"name": "conversation_id", "type": "string", "source": "conversation.id", "required": true},
    {"name": "priority",   "type": ["null", "string"], "default": null, "source": "attributes.custom.priority", "doc": "as \"it\" comes"},
    {"name": "ms", "type": ["null", "long"], "default": null},
    {
      "name": "people",
      "type": ["null", {"type": "array", "items": {"type": "record", "name": "Person", "fields": [
        {"name": "purpose", "type": ["null", "string"], "default": null, "optional": true},
        {"name": "phone", "type": ["null", "long"], "default": null, "optional": true, "source": "address.phone"}
      ]}}],
      "default": null
    },
    {"name": "first", "type": ["null", "Person"], "default": null}
  ]
}
`

func TestTheProposalTouchesNothingButWhatDrifts(t *testing.T) {
	list := entries(
		missing("people"), missing("attributes.custom.priority"), missing("ms"),
		unknown("attributes.custom.loyalty-tier", "string"), unknown("people.score", "number"), unknown("people.tags", "array"),
		unknown("first.flags", "object"), unknown("vip", "boolean"), unknown("9", "null"),
		retyped("ms", "long", "number"), retyped("people.address.phone", "long", "string"), retyped("attributes.custom.priority", "string", "number"),
		conv.Deviation{Kind: conv.DriftZone, Field: "conversation.id"},
	)
	p, err := propose(driftContract, present(t, driftContract, "BACKWARD"), nil, list)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`["null", "long"], "default": null},`, `["null", "double"], "default": null, "optional": true},`,
		`"source": "address.phone"}
      ]}}],
      "default": null
`, `"source": "address.phone"},
        {"name": "phone_as_string", "type": ["null", "string"], "default": null, "source": "address.phone", "optional": true},
        {"name": "score", "type": ["null", "double"], "default": null, "optional": true},
        {"name": "tags", "type": ["null", {"type": "array", "items": ["null", "string"]}], "default": null, "optional": true},
        {"name": "flags", "type": ["null", {"type": "map", "values": ["null", "string"]}], "default": null, "optional": true}
      ]}}],
      "default": null,
      "optional": true
`, `["null", "Person"], "default": null}`, `["null", "Person"], "default": null},
    {"name": "attributes_custom_loyalty_tier", "type": ["null", "string"], "default": null, "source": "attributes.custom.loyalty-tier"},
    {"name": "vip", "type": ["null", "boolean"], "default": null},
    {"name": "_9", "type": ["null", "string"], "default": null, "source": "9"}`,
	).Replace(driftContract)
	// The field beside the phone was put in last, and stands beside it.
	if diff := cmp.Diff(want, p.after); diff != "" {
		t.Error(diff)
	}
	if len(p.Incompatible) != 0 || p.Level != "BACKWARD" {
		t.Errorf("%+v", p)
	}
	var changes []string
	for _, e := range list {
		changes = append(changes, e.Change)
	}
	if diff := cmp.Diff([]string{
		"mark it optional", unset, "mark it optional", "add field attributes_custom_loyalty_tier", "add field score", "add field tags",
		"add field flags", "add field vip", "add field _9", "widen to double", "add field phone_as_string", "none: it is published as text", "none: it is taken as UTC",
	}, changes); diff != "" {
		t.Error(diff)
	}
	p.name = "contracts/rows.avsc"
	if d := p.diff(); !strings.HasPrefix(d, "--- contracts/rows.avsc\n+++ proposed.avsc\n@@ ") || strings.Count(d, "\n+") < 10 {
		t.Errorf("the diff is %s", d)
	}
}

// What the proposal brings makes the rows keep the contract: nothing drifts any more, or it is told how.
func TestAProposalHasNothingMoreToPropose(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		c, err := avro.Default(dialect)
		if err != nil {
			t.Fatal(err)
		}
		text, err := indented(c.Schema())
		if err != nil {
			t.Fatal(err)
		}
		field, number := "attributes.custom.case_priority", "metrics.queuetime.ms"
		if dialect == "jobs" {
			field, number = "participants.sessions.ani", "participants.sessions.metrics.value"
		}
		drift := entries(missing(number), unknown("participants.sessions.new", "object"), unknown("a.b", "string"), retyped(field, "string", "object"), retyped(number, "long", "string"))
		p, err := propose(text, present(t, text, "FULL"), nil, drift)
		if err != nil || len(p.Incompatible) > 0 {
			t.Fatalf("%s: %v, %+v", dialect, err, p)
		}
		again, err := propose(p.after, present(t, p.after, "FULL"), nil, drift)
		if err != nil || again != nil {
			t.Errorf("%s: once more it proposes %+v, %v", dialect, again, err)
		}
		for _, e := range drift {
			if !strings.HasPrefix(e.Change, "none: ") {
				t.Errorf("%s %s: %q", e.Kind, e.Field, e.Change)
			}
		}
	}
}

func TestAProposalThatBreaksTheLevelSaysSo(t *testing.T) {
	p, err := propose(driftContract, present(t, driftContract, "FORWARD"), nil, entries(retyped("ms", "long", "number")))
	if err != nil || len(p.Incompatible) != 1 || p.Incompatible[0].Path != "ms" {
		t.Fatalf("%v, %+v", err, p)
	}
	var out strings.Builder
	if err := printDrift(&out, config.Config{}, driftOptions{}, driftReport{Drift: entries(retyped("ms", "long", "number")), Proposal: p}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "It is not compatible with the present contract: FORWARD.\n  field \"ms\"") {
		t.Errorf("it prints %s", out.String())
	}
}

func TestWhatNoContractCanNameIsNotProposed(t *testing.T) {
	list := entries(
		unknown("a*b", "string"), unknown("a..b", "string"), unknown(strings.Repeat("a.", 8)+"b", "string"), unknown(strings.Repeat("k", 64)+"…", "string"),
		unknown("ms", "number"), missing("no.more"), retyped("no.more", "string", "object"),
	)
	over := unknown("over", "string")
	list = append(list, &driftEntry{Kind: over.Kind, Field: over.Field, Found: over.Found})
	if p, err := propose(driftContract, present(t, driftContract, "BACKWARD"), nil, list); err != nil || p != nil {
		t.Errorf("%+v, %v", p, err)
	}
	for _, e := range list[:7] {
		if !strings.HasPrefix(e.Change, "none: ") {
			t.Errorf("%s: %q", e.Field, e.Change)
		}
	}
	if e := list[7]; e.Change != "" {
		t.Errorf("what is over is to become %q", e.Change)
	}
}

// A key with dots around a record is told of by the path of a field in it, which does not read it.
func TestAKeyWithDotsThatARecordSeemsToReadIsToBeAFieldOfTheRow(t *testing.T) {
	const contract = `{"type": "record", "name": "Row", "fields": [
  {"name": "plain", "type": ["null", "long"], "default": null, "source": "metrics2.queuetime.ms"},
  {"name": "metrics", "type": ["null", {"type": "record", "name": "M", "fields": [
    {"name": "handled", "type": ["null", "long"], "default": null, "source": "handledtime.ms"},
    {"name": "agent", "type": ["null", "string"], "default": null, "privacy": "mask"}
  ]}], "default": null},
  {"name": "people", "type": ["null", {"type": "array", "items": {"type": "record", "name": "P", "fields": [
    {"name": "purpose", "type": ["null", "string"], "default": null},
    {"name": "call", "type": ["null", {"type": "record", "name": "C", "fields": [{"name": "ani", "type": ["null", "string"], "default": null}]}], "default": null}
  ]}}], "default": null, "source": "participants"}
]}`
	for field, want := range map[string]string{
		"metrics2.queuetime.ms":  "none: the contract has it",
		"participants.purpose":   "none: the contract has it",
		"metrics.handledtime.ms": `none: field metrics.handled reads it inside an object "metrics"; where rows have it as one key, make it a field of the row with "source": "metrics.handledtime.ms"`,
		"metrics.agent":          `none: field metrics.agent reads it inside an object "metrics"; where rows have it as one key, make it a field of the row with "source": "metrics.agent" and its privacy`,
		"participants.call.ani":  `none: field people.call.ani reads it inside an object "call"; where rows have it as one key, make it a field of people with "source": "call.ani"`,
	} {
		list := entries(unknown(field, "number"))
		p, err := propose(contract, present(t, contract, "BACKWARD"), nil, list)
		if err != nil || p != nil || list[0].Change != want {
			t.Errorf("%s: %v, %+v\n%s\nwant %s", field, err, p, list[0].Change, want)
		}
	}
}

func TestAPrivateFieldsNeighbourIsPrivateToo(t *testing.T) {
	text := strings.Replace(driftContract, `"default": null, "source": "attributes.custom.priority"`, `"default": null, "privacy": "mask", "source": "attributes.custom.priority"`, 1)
	p, err := propose(text, present(t, text, "BACKWARD"), nil, entries(retyped("attributes.custom.priority", "string", "array")))
	if err != nil || !strings.Contains(p.after, `{"name": "priority_as_array", "type": ["null", {"type": "array", "items": ["null", "string"]}], "default": null, "source": "attributes.custom.priority", "privacy": "mask"},`) {
		t.Errorf("%v, %+v", err, p)
	}
}

func TestAProposalOverwritesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "next.avsc")
	if err := writeProposal(path, &driftProposal{after: "new"}); err != nil {
		t.Fatal(err)
	}
	if err := writeProposal(path, &driftProposal{after: "newer"}); err == nil || !strings.Contains(err.Error(), path+" exists") {
		t.Errorf("got %v", err)
	}
	if err := writeProposal(path+"2", nil); err == nil {
		t.Error("nothing was written, and nothing said")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); !slices.Equal(found, []string{path}) {
		t.Errorf("there are %v", found)
	}
}
