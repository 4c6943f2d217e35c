package app

import (
	"strings"
	"testing"

	"convstream/avro"
	"convstream/extractor"
	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// rejecting is a contract whose fields reject rows in every way.
const rejecting = `{"type": "record", "name": "Row", "fields": [
  {"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "source": "timestamp", "required": true},
  {"name": "kind", "type": "string", "source": "interaction.type", "required": true},
  {"name": "ms", "type": "long", "default": 0},
  {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
  {"name": "notes", "type": {"type": "array", "items": ["null", "string"]}, "default": []},
  {"name": "people", "type": {"type": "array", "items": {"type": "record", "name": "Person", "fields": [
    {"name": "purpose", "type": "string", "required": true},
    {"name": "rank", "type": "long", "default": 1},
    {"name": "team", "type": ["null", "string"], "default": null}
  ]}}, "default": []},
  {"name": "guests", "type": {"type": "array", "items": ["null", {"type": "record", "name": "Guest", "fields": [
    {"name": "rank", "type": "long", "default": 1}
  ]}]}, "default": []}
]}`

// The contract that is proposed takes the row that the present one makes a dead letter, and
// where none is proposed the reason is a dead letter all the same.
func TestR104_AFieldThatRejectsRowsIsProposedToBeNull(t *testing.T) {
	const row = `"interaction.id": "i", "timestamp": "2024-01-01T00:00:00Z", "interaction.type": "voice"`
	for _, c := range []struct {
		d           conv.Deviation
		row, change string // what the row has beside or instead; the change behind the words about dead letters
	}{
		{retyped("interaction.type", "string", "object"), `"interaction.type": {"a": "b"}`, ": let it be null, add field kind_as_map"},
		{retyped("ms", "long", "array"), `"ms": [1]`, ": let it be null, add field ms_as_array"},
		{retyped("people.purpose", "string", "array"), `"people": [{"purpose": ["a"]}]`, ": let it be null, add field purpose_as_array"},
		{retyped("people.rank", "long", "object"), `"people": [{"purpose": "x", "rank": {}}]`, ": let it be null, add field rank_as_map"},
		{retyped("people", "array", "string"), `"people": "x"`, ": let it be null, add field people_as_string"},
		{retyped("interaction.id", "string", "object"), `"interaction.id": {}`, ", and it is part of the row's own id"},
		{retyped("timestamp", "timestamp-millis", "object"), `"timestamp": {}`, ", as convstream itself needs it"},
		{retyped("tags", "string", "object"), `"tags": [{}]`, "; let its elements be null by hand"},
	} {
		full := `{` + row + `, ` + c.row + `}` // of equal keys the last stands
		if f := encoded(t, rejecting, full); f.Reject == nil {
			t.Fatalf("%s is no dead letter", full)
		}
		list := entries(c.d)
		p, err := propose(rejecting, present(t, rejecting, "BACKWARD"), neededSources("reports"), list)
		if err != nil {
			t.Fatal(err)
		}
		proposed := strings.HasPrefix(c.change, ":")
		want := deadLetters + c.change
		if !proposed {
			want = "none: " + want
		}
		if list[0].Change != want || (p != nil) != proposed {
			t.Errorf("%s: %q, want %q; the proposal is %v", c.d.Field, list[0].Change, want, p)
		}
		if p == nil {
			var out strings.Builder
			if err := printDrift(&out, config.Config{}, driftOptions{}, driftReport{Drift: list}); err != nil || strings.Contains(out.String(), "needs no change") {
				t.Errorf("%v, and it prints %s", err, out.String())
			}
			continue
		}
		if f := encoded(t, p.after, full); f.Reject != nil {
			t.Errorf("%s: under the proposed contract it is a dead letter still: %+v\n%s", full, f.Reject, p.after)
		}
		if again, err := propose(p.after, present(t, p.after, "BACKWARD"), neededSources("reports"), entries(c.d)); err != nil || again != nil {
			t.Errorf("%s: once more it proposes %+v, %v", c.d.Field, again, err)
		}
		if len(p.Incompatible) > 0 {
			t.Errorf("%s: %v", c.d.Field, p.Incompatible)
		}
	}
}

// coercing is a contract whose fields reject rows, and take some values of another type.
const coercing = `{"type": "record", "name": "Row", "fields": [
  {"name": "media", "type": {"type": "enum", "name": "Media", "symbols": ["voice", "other"], "default": "other"}, "required": true},
  {"name": "second", "type": "Media", "default": "other"},
  {"name": "third", "type": ["null", "Media"], "default": null},
  {"name": "all", "type": {"type": "array", "items": "Media"}, "default": []},
  {"name": "either", "type": ["long", "Media"], "default": 0},
  {"name": "strict", "type": {"type": "enum", "name": "Strict", "symbols": ["voice"]}, "required": true},
  {"name": "ms", "type": "long", "default": 0},
  {"name": "vip", "type": "boolean", "default": false},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
  {"name": "text", "type": ["long", "string"], "default": 0},
  {"name": "inner", "type": "string", "source": "a.b", "default": ""}
]}`

// What drift says of rows is what becomes of them: where a value of the type that was found is
// published, the text does not call all such rows dead letters.
func TestR104_WhatARetypedFieldTakesIsNotCalledADeadLetter(t *testing.T) {
	const other = `none: published as "other"; add the symbol, or make it a string, if you need it`
	const both = coerced + deadLetters + ": let it be null"
	for _, c := range []struct {
		d            conv.Deviation
		taken, fails string // rows' members that are published, and that are not; "" for none
		change       string // its beginning
	}{
		{retyped("media", "enum", "unknown symbol"), `"media": "chat"`, "", other},
		{retyped("second", "enum", "unknown symbol"), `"second": "chat"`, "", other},
		{retyped("third", "enum", "unknown symbol"), `"third": "chat"`, "", other},
		{retyped("all", "enum", "unknown symbol"), `"all": ["voice", "chat"]`, "", other},
		{retyped("either", "long or enum", "string"), `"either": "chat"`, "", other},
		{retyped("media", "enum", "number"), "", `"media": 5`, deadLetters},
		{retyped("strict", "enum", "unknown symbol"), "", `"strict": "chat"`, deadLetters},
		{retyped("ms", "long", "string"), `"ms": "5"`, `"ms": "five"`, both},
		{retyped("vip", "boolean", "string"), `"vip": "true"`, `"vip": "yes"`, both},
		{retyped("vip", "boolean", "number"), "", `"vip": 1`, deadLetters},
		{retyped("at", "timestamp-millis", "number"), `"at": 5`, `"at": 5.5`, both},
		{retyped("text", "long or string", "boolean"), `"text": true`, "", "none: it is published as text"},
		{retyped("a.b", "object", "number"), "", `"a": 5`, deadLetters + ": let it be null"},
	} {
		const row = `{"media": "voice", "strict": "voice", `
		if c.taken != "" {
			if f := encoded(t, coercing, row+c.taken+"}"); f.Reject != nil {
				t.Fatalf("%s is a dead letter: %+v", c.taken, f.Reject)
			}
		}
		if c.fails != "" {
			if f := encoded(t, coercing, row+c.fails+"}"); f.Reject == nil {
				t.Fatalf("%s is no dead letter", c.fails)
			}
		}
		list := entries(c.d)
		p, err := propose(coercing, present(t, coercing, "BACKWARD"), nil, list)
		if err != nil || !strings.HasPrefix(list[0].Change, c.change) || (p == nil) != strings.HasPrefix(c.change, "none: ") {
			t.Errorf("%s %s: %v, %q, want %q; the proposal is %+v", c.d.Field, c.d.Found, err, list[0].Change, c.change, p)
		}
	}
}

func TestAFieldThatRejectsNoRowIsNotMadeNull(t *testing.T) {
	for _, d := range []conv.Deviation{
		retyped("people.team", "string", "object"), retyped("guests.rank", "long", "array"), retyped("ms", "long", "number"),
		retyped("interaction.type", "string", "number"), retyped("notes", "string", "object"), retyped("people.team", "object", "string"),
	} {
		list := entries(d)
		if _, err := propose(rejecting, present(t, rejecting, "BACKWARD"), neededSources("reports"), list); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(list[0].Change, "null,") || strings.Contains(list[0].Change, "dead letters") {
			t.Errorf("%s: %q", d.Field, list[0].Change)
		}
	}
}

func TestDriftOfADerivedRouteIsNotProposedForThePrimaryContract(t *testing.T) {
	list := entries(retyped("ms", "long", "number"))
	list[0].Route = "speech"
	p, err := propose(rejecting, present(t, rejecting, "BACKWARD"), nil, list)
	if err != nil || p != nil || list[0].Change != "none: it is the contract of route speech" {
		t.Errorf("%v, %v, %q", err, p, list[0].Change)
	}
	var out strings.Builder
	if err := printDrift(&out, config.Config{}, driftOptions{}, driftReport{Drift: list}); err != nil || !strings.Contains(out.String(), "ms (route speech)") {
		t.Errorf("%v, and it prints %s", err, out.String())
	}
}

// encoded is what a contract says of a row.
func encoded(t *testing.T, contract, row string) conv.Facts {
	t.Helper()
	c, err := avro.Parse([]byte(contract))
	if err != nil {
		t.Fatal(err)
	}
	r, err := extractor.NewSplitter(extractor.Envelope{}, extractor.Keys{}).Row([]byte(row))
	if err != nil {
		t.Fatal(err)
	}
	_, facts := c.Encode(nil, 1, &r, nil)
	return facts
}
