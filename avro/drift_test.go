package avro

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"convstream/internal/conv"
)

// driftOf lists the drift of a row, sorted by field.
func driftOf(t testing.TB, c *Contract, raw string) []conv.Deviation {
	t.Helper()
	var drift []conv.Deviation
	c.Encode(nil, 1, rowOf(t, raw), &drift)
	return drift
}

var byField = cmpopts.SortSlices(func(a, b conv.Deviation) bool {
	return a.Field+" "+string(a.Kind) < b.Field+" "+string(b.Kind)
})

func missing(field, expected string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftMissing, Field: field, Expected: expected, Found: "nothing"}
}

func unknownKey(field, found string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftUnknown, Field: field, Expected: "no such key", Found: found}
}

func retyped(field, expected, found string) conv.Deviation {
	return conv.Deviation{Kind: conv.DriftRetyped, Field: field, Expected: expected, Found: found}
}

// attributes are two custom attributes as a flow sets them, and one that not every flow has.
func attributes(t testing.TB) *Contract {
	return contractOf(t,
		`{"name":"priority","type":["null","string"],"source":"attributes.custom.case_priority"}`,
		`{"name":"score","type":["null","long"],"source":"attributes.custom.score"}`,
		`{"name":"vip","type":["null","boolean"],"source":"attributes.custom.vip","optional":true}`)
}

func TestR81_AnAbsentContractedKeyIsDriftUnderItsPath(t *testing.T) {
	priority, score := missing("attributes.custom.case_priority", "string"), missing("attributes.custom.score", "long")
	for raw, want := range map[string][]conv.Deviation{
		`{"attributes.custom":{"case_priority":"high","score":5,"vip":true}}`: nil,
		`{"attributes.custom":{"score":5}}`:                                   {priority},
		`{"attributes":{"custom.case_priority":"high"}}`:                      {score},
		`{"attributes.custom":{}}`:                                            {priority, score},
		`{"attributes.custom":null}`:                                          {priority, score},
		`{}`:                                                                  {priority, score},
	} {
		if diff := cmp.Diff(want, driftOf(t, attributes(t), raw), byField, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
	}
}

func TestR98_AnExplicitNullIsNoDrift(t *testing.T) {
	if drift := driftOf(t, attributes(t), `{"attributes.custom":{"case_priority":null,"score":null,"vip":null}}`); len(drift) > 0 {
		t.Error(drift)
	}
}

func TestR96_WhatIsNoObjectIsAChangedTypeOfEachFieldBelowIt(t *testing.T) {
	want := []conv.Deviation{
		retyped("attributes.custom.case_priority", "object", "string"),
		retyped("attributes.custom.score", "object", "string"),
		retyped("attributes.custom.vip", "object", "string"),
	}
	if diff := cmp.Diff(want, driftOf(t, attributes(t), `{"attributes.custom":"gone"}`)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]byte{0, 0, 0}, encodeBody(t, attributes(t), `{"attributes.custom":"gone"}`)); diff != "" {
		t.Error(diff)
	}
}

func TestR97_AChangedTypeIsDriftWhetherItIsCoercedNulledOrRejected(t *testing.T) {
	instant := `{"type":"long","logicalType":"timestamp-millis"}`
	for _, test := range []struct{ typ, value, expected, found string }{
		{`"long"`, `"5"`, "long", "string"},
		{`"long"`, `"five"`, "long", "string"},
		{`"long"`, `{}`, "long", "object"},
		{`"long"`, `5.5`, "long", "number"},
		{`"string"`, `5`, "string", "number"},
		{`"string"`, `true`, "string", "boolean"},
		{`"boolean"`, `"true"`, "boolean", "string"},
		{`"boolean"`, `0`, "boolean", "number"},
		{instant, `1704096932100`, "timestamp-millis", "number"},
		{instant, `"soon"`, "timestamp-millis", "string"},
		{`{"type":"array","items":"long"}`, `5`, "array", "number"},
		{`{"type":"array","items":"long"}`, `[1,"2","3"]`, "long", "string"},
		{`{"type":"array","items":"long"}`, `[[]]`, "long", "array"},
		{`{"type":"map","values":"string"}`, `{"a":"b","c":5}`, "string", "number"},
		{`{"type":"map","values":"string"}`, `[]`, "object", "array"},
	} {
		for _, strictness := range []string{`["null",` + test.typ + `]`, test.typ + `,"required":true`} {
			c := contractOf(t, `{"name":"f","source":"a.b","type":`+strictness+`}`)
			want := []conv.Deviation{retyped("a.b", test.expected, test.found)}
			if diff := cmp.Diff(want, driftOf(t, c, `{"a":{"b":`+test.value+`}}`)); diff != "" {
				t.Errorf("%s as %s: %s", test.value, strictness, diff)
			}
		}
	}
}

func TestAValueOfTheContractsOwnTypeIsNoDrift(t *testing.T) {
	for typ, value := range map[string]string{
		`"string"`: `""`, `"long"`: `5.0`, `"double"`: `5`, `"boolean"`: `false`,
		`{"type":"long","logicalType":"timestamp-millis"}`:                                           `"2024-01-01T00:00:00+01:00"`,
		`{"type":"int","logicalType":"date"}`:                                                        `"2024-01-01"`,
		`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`:                           `1.50`,
		`{"type":"enum","name":"E","symbols":["A"]}`:                                                 `"A"`,
		`{"type":"array","items":["null","long"]}`:                                                   `[1,null]`,
		`{"type":"map","values":["string","null"]}`:                                                  `{"any":"x","key":null}`,
		`{"type":"record","name":"R","fields":[{"name":"n","type":["null","int"],"optional":true}]}`: `{}`,
	} {
		c := contractOf(t, `{"name":"f","type":`+typ+`,"required":true}`)
		if drift := driftOf(t, c, `{"f":`+value+`}`); len(drift) > 0 {
			t.Errorf("%s as %s: %v", value, typ, drift)
		}
	}
}

func TestR102_UnknownKeysAreDriftAtAnyDepthWhereARecordIsRead(t *testing.T) {
	c := marked(t)
	raw := `{"id":"1","attributes.custom":{"case_priority":"x","phone":"1","new":[{"deep":1}]},"attributes":{"other":{"a":1}},"person.born":"2000-01-01",
		"numbers":[],"notes":{"any":"x"},"x.strict":"s","x":null,"legs":[
			{"from.ani":"1","from.dnis":"2","purpose":"p","inner":{"name":"n","title":7}},
			{"from":{"ani":"1","dnis":"2"},"purpose":"p","inner":"s"}],"":{}}`
	want := []conv.Deviation{
		unknownKey("", "object"),
		unknownKey("attributes.custom.new", "array"),
		unknownKey("attributes.other", "object"),
		unknownKey("legs.from.dnis", "string"),
		unknownKey("legs.inner.title", "number"),
	}
	if diff := cmp.Diff(want, driftOf(t, c, raw), byField); diff != "" {
		t.Error(diff)
	}
}

func TestAKeyThatIsReplacedLaterIsNoDrift(t *testing.T) {
	c := attributes(t)
	full := `{"case_priority":"high","score":5,"vip":true}`
	for raw, want := range map[string][]conv.Deviation{
		`{"attributes.custom":{"new":1},"attributes.custom":` + full + `}`:            nil,
		`{"attributes":{"custom":{"new":1},"custom":` + full + `}}`:                   nil,
		`{"attributes":{"custom":{"new":1}},"attributes":{"custom":` + full + `}}`:    nil,
		`{"new":1,"attributes":{"custom":` + full + `},"new":"x"}`:                    {unknownKey("new", "string")},
		`{"attributes.custom":5,"attributes":{"custom":` + full + `}}`:                nil,
		`{"attributes":{"new":1},"attributes.custom":` + full + `,"attributes":null}`: nil,
	} {
		if diff := cmp.Diff(want, driftOf(t, c, raw), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
	}
}

func TestARowShowsEachDeviationOnce(t *testing.T) {
	c := contractOf(t,
		`{"name":"legs","type":["null",{"type":"array","items":{"type":"record","name":"Leg","fields":[
			{"name":"id","type":["null","string"]},{"name":"n","type":["null","long"]},{"name":"n_text","type":["null","string"],"source":"n"},
			{"name":"flow","type":["null",{"type":"record","name":"Flow","fields":[{"name":"name","type":["null","string"]}]}]}]}}]}`)
	raw := `{"legs":[{"n":"5","new":1},{"n":{},"new":2},{"id":"x","flow":null},{"id":5,"n":5,"flow":{}},{"id":true,"flow":{"name":"x","new":3}}]}`
	want := []conv.Deviation{
		missing("legs.flow", "object"),
		missing("legs.flow.name", "string"),
		unknownKey("legs.flow.new", "number"),
		missing("legs.id", "string"),
		retyped("legs.id", "string", "number"),
		missing("legs.n", "long"),
		retyped("legs.n", "long", "string"),
		unknownKey("legs.new", "number"),
	}
	for range 2 { // and the next row shows them again
		if diff := cmp.Diff(want, driftOf(t, c, raw), byField); diff != "" {
			t.Error(diff)
		}
	}
}

func TestARejectedRowHasItsDriftAsWell(t *testing.T) {
	c := contractOf(t, `{"name":"id","type":"string","required":true}`, `{"name":"n","type":"long","required":true}`, `{"name":"s","type":["null","string"]}`)
	want := []conv.Deviation{unknownKey("x", "null"), retyped("n", "long", "string"), missing("s", "string")}
	if diff := cmp.Diff(want, driftOf(t, c, `{"n":"many","x":null}`)); diff != "" {
		t.Error(diff)
	}
	if drift := driftOf(t, c, `["n"]`); drift != nil {
		t.Errorf("a row that is no object has %v", drift)
	}
}

func TestWhatIsDroppedIsNoDrift(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","long"],"source":"a.f","privacy":"drop"}`)
	for _, raw := range []string{`{}`, `{"a":{"f":"x"}}`, `{"a.f":{}}`, `{"a":5}`} {
		if drift := driftOf(t, c, raw); drift != nil {
			t.Errorf("%s: %v", raw, drift)
		}
	}
}

func TestR68_EachTimestampWithoutAZoneIsDriftOfItsField(t *testing.T) {
	instant := `{"type":"long","logicalType":"timestamp-micros"}`
	c := contractOf(t, `{"name":"a","type":["null",`+instant+`]}`, `{"name":"b","type":["null",{"type":"array","items":`+instant+`}]}`,
		`{"name":"l","type":["null",{"type":"long","logicalType":"local-timestamp-millis"}]}`)
	raw := `{"a":"2024-01-01T00:00:00","b":["2024-01-01T00:00:00Z","2024-01-01T00:00:00","20240101T00"],"l":"2024-01-01T00:00:00"}`
	zone := func(field string) conv.Deviation {
		return conv.Deviation{Kind: conv.DriftZone, Field: field, Expected: "Z or an offset", Found: "neither"}
	}
	if diff := cmp.Diff([]conv.Deviation{zone("a"), zone("b")}, driftOf(t, c, raw)); diff != "" {
		t.Error(diff)
	}
}

func TestALongKeyIsCutInWholeCharacters(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"optional":true}`)
	long := "x" + strings.Repeat("é", 50)
	want := []conv.Deviation{unknownKey("x"+strings.Repeat("é", 31)+"…", "number")}
	if diff := cmp.Diff(want, driftOf(t, c, `{"`+long+`a":1,"`+long+`b":2}`)); diff != "" {
		t.Error(diff)
	}
}

// Rows with ever new keys must not fill the memory, and still show each key once.
func TestNewKeysInEveryRowNeedNoMemory(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"optional":true}`)
	var drift []conv.Deviation
	e := c.encoders.New().(*encoder)
	c.encoders.New = func() any { return e }
	for i := range 50 {
		drift = drift[:0]
		var members []string
		for j := range 90 {
			members = append(members, fmt.Sprintf(`"k%d":1,"k%d":2`, 90*i+j, 90*i+j))
		}
		c.Encode(nil, 1, rowOf(t, "{"+strings.Join(members, ",")+"}"), &drift)
		if len(drift) != 90 {
			t.Fatalf("row %d shows %d deviations", i, len(drift))
		}
		if len(e.sightings) > mostSightings || len(e.strange) > mostSightings {
			t.Fatalf("%d keys are remembered", len(e.sightings))
		}
	}
}

// Whatever the size of a row, it shows no more than it takes to see that something is wrong with it.
func TestARowShowsAHundredUnknownKeys(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","long"]}`, `{"name":"legs","type":["null",{"type":"array","items":{"type":"record","name":"Leg","fields":[
		{"name":"id","type":["null","string"],"optional":true}]}}]}`)
	keys := func(n int) (keys string) {
		for i := range n {
			keys += fmt.Sprintf(`,"k%d":1`, i)
		}
		return keys
	}
	for _, raw := range []string{
		`{"legs":[],"f":"x"` + keys(1000) + `}`,
		`{"legs":[{"id":"x"` + keys(60) + `}],"f":"x"` + keys(60) + `}`,
		`{"legs":[{"id":"x"` + keys(99) + `},{"id":"x"` + keys(101) + `}],"f":"x"}`,
	} {
		for range 2 { // and the next row as many
			kinds := map[conv.DriftKind]int{}
			for _, d := range driftOf(t, c, raw) {
				kinds[d.Kind]++
			}
			if diff := cmp.Diff(map[conv.DriftKind]int{conv.DriftUnknown: 100, conv.DriftRetyped: 1}, kinds); diff != "" {
				t.Errorf("%.80s: %s", raw, diff)
			}
		}
	}
	if n := len(driftOf(t, c, `{"legs":[{"id":"x"`+keys(100)+`},{"id":"x"`+keys(100)+`}],"f":1}`)); n != 100 {
		t.Errorf("the same hundred in two objects are %d", n)
	}
}

func TestR103_DriftOfRandomRowsIsThatOfTheDocumentation(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 6))
	made := &contractMaker{rng: rng}
	kinds := map[conv.DriftKind]int{}
	for range 150 {
		c := made.contract(t)
		codec, root := codecOf(t, c), shapeOf(t, c)
		for range 10 {
			raw := (&rowMaker{rng: rng, hostile: 8}).object(&root)
			agreesWithGoavro(t, c, codec, raw)
			for _, d := range driftOf(t, c, raw) {
				kinds[d.Kind]++
			}
		}
	}
	for _, kind := range []conv.DriftKind{conv.DriftMissing, conv.DriftUnknown, conv.DriftRetyped, conv.DriftZone} {
		if kinds[kind] < 20 {
			t.Errorf("only %d deviations were %s: the generator proves little", kinds[kind], kind)
		}
	}
}
