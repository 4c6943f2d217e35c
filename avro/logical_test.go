package avro

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// values are what JSON values become as a type: Avro bytes, nil for one that does not fit.
type values map[string][]byte

func (v values) check(t *testing.T, typ string) {
	t.Helper()
	required := contractOf(t, `{"name":"f","type":`+typ+`,"source":"a","required":true}`)
	nullable := contractOf(t, `{"name":"f","type":["null",`+typ+`],"source":"a"}`)
	for value, want := range v {
		row := `{"a":` + value + `}`
		out, facts := required.Encode(nil, 1, rowOf(t, row), nil)
		if want == nil {
			if facts.Reject == nil || facts.Reject.Reason != conv.ReasonType {
				t.Errorf("%s as required %s: %x, %+v; want a reject", value, typ, out, facts.Reject)
			}
			want = []byte{0}
		} else {
			if facts.Reject != nil || !cmp.Equal(out[5:], want) {
				t.Errorf("%s as %s: %x, %+v; want %x", value, typ, out, facts.Reject, want)
			}
			want = join([]byte{2}, want)
		}
		if diff := cmp.Diff(want, encodeBody(t, nullable, row)); diff != "" {
			t.Errorf("%s as nullable %s: %s", value, typ, diff)
		}
		agreesWithGoavro(t, required, codecOf(t, required), row)
	}
}

// sized8 is Avro bytes: a length and as many bytes.
func sized8(b ...byte) []byte { return append([]byte{byte(2 * len(b))}, b...) }

func TestADecimalIsExactOrDoesNotFit(t *testing.T) {
	values{
		`0`: sized8(0), `0.00`: sized8(0), `-0`: sized8(0), `1.28`: sized8(0, 128), `-1.28`: sized8(0x80), `1.27`: sized8(127), `-1.29`: sized8(0xff, 0x7f),
		`2.56`: sized8(1, 0), `-2.56`: sized8(0xff, 0), `"1.5"`: sized8(0, 150), `1.5e1`: sized8(0x05, 0xdc), `999.99`: sized8(1, 0x86, 0x9f), `-999.99`: sized8(0xfe, 0x79, 0x61),
		`1000`: nil, `1e3`: nil, `0.001`: nil, `1.005`: nil, `1e99`: nil, `1e-99`: nil, `"1,5"`: nil, `""`: nil, `true`: nil, `{}`: nil, `"NaN"`: nil,
	}.check(t, `{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`)
	values{
		`0`: {0, 0, 0, 0}, `-1`: {255, 255, 255, 255}, `99999`: {0, 1, 0x86, 0x9f}, `-1.28e2`: {255, 255, 255, 0x80}, `"7.0"`: {0, 0, 0, 7}, `0.5`: nil, `100000`: nil,
	}.check(t, `{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":5,"scale":0}`)
	ones := "11111111111111111111111111111111111111"
	values{
		ones:       sized8(0x08, 0x5b, 0xec, 0x12, 0xb4, 0xb9, 0xa4, 0x0d, 0x8f, 0x48, 0x3c, 0xb1, 0xc7, 0x1c, 0x71, 0xc7),
		ones + "1": nil,
	}.check(t, `{"type":"bytes","logicalType":"decimal","precision":38,"scale":0}`)
}

func TestAnEnumIsOneOfItsSymbols(t *testing.T) {
	values{
		`"VOICE"`: avroLong(0), `"c\u0068at"`: avroLong(1), `"true"`: avroLong(2), `"voice"`: nil, `""`: nil, `0`: nil, `true`: nil, `[]`: nil,
	}.check(t, `{"type":"enum","name":"E","symbols":["VOICE","chat","true"]}`)
	values{
		`"VOICE"`: avroLong(0), `"fax"`: avroLong(1), `""`: avroLong(1), `5`: nil, `true`: nil, `{}`: nil,
	}.check(t, `{"type":"enum","name":"E","symbols":["VOICE","OTHER"],"default":"OTHER"}`)
}

func TestAnUnknownSymbolIsDrift(t *testing.T) {
	for _, fallback := range []string{"", `,"default":"B"`} {
		c := contractOf(t, `{"name":"f","type":["null",{"type":"enum","name":"E","symbols":["A","B"]`+fallback+`}]}`)
		if diff := cmp.Diff([]conv.Deviation{retyped("f", "enum", "unknown symbol")}, driftOf(t, c, `{"f":"C"}`)); diff != "" {
			t.Error(diff)
		}
	}
	c := contractOf(t, `{"name":"f","type":{"type":"enum","name":"E","symbols":["A"]},"required":true}`)
	want := &conv.Reject{Reason: conv.ReasonType, Path: "f", Expected: "enum", Found: "unknown symbol"}
	if diff := cmp.Diff(want, factsOf(t, c, `{"f":"C"}`).Reject); diff != "" {
		t.Error(diff)
	}
}

func TestAUUIDIsPublishedAsItIsSpelled(t *testing.T) {
	lower, upper := "5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11", "5D8F2C1E-7A34-4B0A-9A53-0C6F0E1B9D11"
	values{
		`"` + lower + `"`: avroText(lower), `"` + upper + `"`: avroText(upper),
		`"5d8f2c1e7a344b0a9a530c6f0e1b9d11"`: nil, `"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d1"`: nil, `"5d8f2c1g-7a34-4b0a-9a53-0c6f0e1b9d11"`: nil,
		`"5d8f2c1e-7a34-4b0a-9a53_0c6f0e1b9d11"`: nil, `"{d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d1}"`: nil, `""`: nil, `5`: nil,
	}.check(t, `{"type":"string","logicalType":"uuid"}`)
}

func TestTimesAreReadInTheTypesOwnUnit(t *testing.T) {
	const instant = 1704096932100 // 2024-01-01T08:15:32.100Z
	values{
		`"2024-01-01T10:15:32.100987+02:00"`: avroLong(instant*1000 + 987), `"2024-01-01T08:15:32.1009879Z"`: avroLong(instant*1000 + 987),
		`"1969-12-31T23:59:59.9999999Z"`: avroLong(-1), `1704096932100987`: avroLong(instant*1000 + 987), `"2024-01-01"`: nil, `0.5`: nil, `"0"`: nil,
		`9223372036854775808`: nil,
	}.check(t, `{"type":"long","logicalType":"timestamp-micros"}`)
	values{
		`"2024-01-01T08:15:32.1009"`: avroLong(instant), `"20240101T081532,1"`: avroLong(instant), `"2024-W01-1 08:15:32.1"`: avroLong(instant), `5`: avroLong(5),
		`"2024-01-01T08:15:32.100Z"`: nil, `"2024-01-01T08:15:32.100+00:00"`: nil,
	}.check(t, `{"type":"long","logicalType":"local-timestamp-millis"}`)
	values{
		`"2024-01-01T08:15:32.1009"`: avroLong(instant*1000 + 900), `"2024-01-01T08:15:32Z"`: nil,
	}.check(t, `{"type":"long","logicalType":"local-timestamp-micros"}`)
	values{
		`"1970-01-01"`: avroLong(0), `"1969-12-31"`: avroLong(-1), `"20240229"`: avroLong(19782), `"2024-W09-4"`: avroLong(19782), `"2024060"`: avroLong(19782),
		`19782`: avroLong(19782), `2147483647`: avroLong(math.MaxInt32), `2147483648`: nil, `"2024-02-30"`: nil, `"2024-02-29T00:00:00Z"`: nil, `"19782"`: nil, `1.5`: nil,
	}.check(t, `{"type":"int","logicalType":"date"}`)
	values{
		`"08:15:32.1009"`: avroLong(29732100), `"00:00"`: avroLong(0), `"235959.999"`: avroLong(86399999), `"23:59:60"`: avroLong(86399000), `86399999`: avroLong(86399999),
		`"24:00"`: nil, `"08:15:32Z"`: nil, `86400000`: nil, `-1`: nil, `"8:15"`: nil,
	}.check(t, `{"type":"int","logicalType":"time-millis"}`)
	values{
		`"08:15:32.1009"`: avroLong(29732100900), `"23:59:59.9999999"`: avroLong(86399999999), `86399999999`: avroLong(86399999999), `86400000000`: nil, `-1`: nil,
	}.check(t, `{"type":"long","logicalType":"time-micros"}`)
}

// A contract that comes to say more of a field does not make each of its rows a revision.
func TestAFieldThatGrowsFinerKeepsItsFingerprints(t *testing.T) {
	logical := func(base, name string) string { return `{"type":"` + base + `","logicalType":"` + name + `"}` }
	for _, test := range []struct{ before, after, value string }{
		{logical("long", "timestamp-millis"), logical("long", "timestamp-micros"), `"2024-01-01T08:15:32.1Z"`},
		{logical("long", "local-timestamp-millis"), logical("long", "local-timestamp-micros"), `"2024-01-01T08:15:32.1"`},
		{logical("int", "time-millis"), logical("long", "time-micros"), `"08:15:32.1"`},
		{`"double"`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, `1.25`},
		{`"string"`, `{"type":"enum","name":"E","symbols":["A"]}`, `"A"`},
		{`"string"`, logical("string", "uuid"), `"5d8f2c1e-7a34-4b0a-9a53-0c6f0e1b9d11"`},
		{`"string"`, `"string","long","boolean"`, `"5"`},
	} {
		row := `{"f":` + test.value + `}`
		before := contractOf(t, `{"name":"f","type":["null",`+test.before+`]}`)
		after := contractOf(t, `{"name":"f","type":["null",`+test.after+`]}`)
		if a, b := factsOf(t, before, row), factsOf(t, after, row); a != b {
			t.Errorf("%s from %s to %s: %+v became %+v", test.value, test.before, test.after, a, b)
		}
	}
	// Test vectors of what is new in an entry.
	for _, test := range []struct{ typ, value, entry string }{
		{logical("long", "timestamp-micros"), `"1970-01-01T00:00:01.000001Z"`, "t\x00\x00\x00\x081000.001"},
		{logical("long", "timestamp-micros"), `-1`, "t\x00\x00\x00\x06-0.001"},
		{logical("long", "local-timestamp-millis"), `"1970-01-01T00:00:01"`, "l\x00\x00\x00\x041000"},
		{logical("int", "date"), `"1970-01-11"`, "d\x00\x00\x00\x0210"},
		{logical("int", "time-millis"), `"00:00:01"`, "c\x00\x00\x00\x041000"},
		{`{"type":"enum","name":"E","symbols":["A","B"],"default":"B"}`, `"?"`, "s\x00\x00\x00\x01B"},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, `"-01.50"`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, `"-1.50"`, "n\x00\x00\x00\x04-1.5"},
	} {
		c := contractOf(t, `{"name":"f","type":["null",`+test.typ+`]}`)
		want := first8("")
		if test.entry != "" {
			want = first8("\x00\x00\x00\x01f" + test.entry)
		}
		if got := factsOf(t, c, `{"f":`+test.value+`}`).Fingerprint; got != want {
			t.Errorf("%s as %s: %016x, want %016x", test.value, test.typ, got, want)
		}
	}
}

func TestAUnionTakesTheBranchThatTheRowSpells(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["boolean","null","string","long",{"type":"array","items":"long"},{"type":"record","name":"R","fields":[{"name":"n","type":["null","long"],"optional":true}]}],"default":false}`)
	branch := func(i int64, value []byte) []byte { return join(avroLong(i), value) }
	for value, want := range map[string][]byte{
		`true`: branch(0, []byte{1}), `null`: branch(1, nil), `"5"`: branch(2, avroText("5")), `"true"`: branch(2, avroText("true")), `5`: branch(3, avroLong(5)),
		`[5]`: branch(4, join(avroLong(1), avroLong(5), avroLong(0))), `{"n":5}`: branch(5, join([]byte{2}, avroLong(5))), `{}`: branch(5, []byte{0}),
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, `{"f":`+value+`}`)); diff != "" {
			t.Errorf("%s: %s", value, diff)
		}
		if drift := driftOf(t, c, `{"f":`+value+`}`); drift != nil {
			t.Errorf("%s: %v", value, drift)
		}
	}
	if diff := cmp.Diff(branch(0, []byte{0}), encodeBody(t, c, `{}`)); diff != "" {
		t.Errorf("absent: %s", diff)
	}
	// What the branch of its own kind does not take is coerced to another, or does not fit.
	if diff := cmp.Diff(branch(2, avroText("5.5")), encodeBody(t, c, `{"f":5.5}`)); diff != "" {
		t.Errorf("5.5: %s", diff)
	}
	name := "boolean or string or long or array or object"
	if diff := cmp.Diff([]conv.Deviation{retyped("f", name, "number")}, driftOf(t, c, `{"f":5.5}`)); diff != "" {
		t.Error(diff)
	}
	strict := contractOf(t, `{"name":"f","type":["long","boolean"],"required":true}`)
	for value, want := range map[string][]byte{`"5"`: branch(0, avroLong(5)), `"true"`: branch(1, []byte{1}), `"x"`: nil, `{}`: nil} {
		out, facts := strict.Encode(nil, 1, rowOf(t, `{"f":`+value+`}`), nil)
		if want == nil {
			if facts.Reject == nil || facts.Reject.Expected != "long or boolean" {
				t.Errorf("%s: %x, %+v", value, out, facts.Reject)
			}
		} else if facts.Reject != nil || !cmp.Equal(out[5:], want) {
			t.Errorf("%s: %x, %+v; want %x", value, out, facts.Reject, want)
		}
	}
	agreesWithGoavro(t, c, codecOf(t, c), `{"f":[1,{}]}`)
}

func TestATypeIsNamedOnceAndUsedAgain(t *testing.T) {
	c := contractOf(t,
		`{"name":"a","type":["null",{"type":"record","name":"Leg","namespace":"x","fields":[
			{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A","B"]},"default":"A"},
			{"name":"again","type":["null","Kind"]},
			{"name":"price","type":["null",{"type":"fixed","name":"Price","size":2,"logicalType":"decimal","precision":3,"scale":1}],"source":"p.x"}]}]}`,
		`{"name":"b","type":{"type":"array","items":"x.Leg"},"required":true}`,
		`{"name":"c","type":["null",{"type":"map","values":"x.Kind"}]}`,
		`{"name":"d","type":["null","x.Price"]}`)
	if diff := cmp.Diff([]string{"a.kind", "a.again", "a.p.x", "b.kind", "b.again", "b.p.x", "c", "d"}, c.Sources()); diff != "" {
		t.Error(diff)
	}
	row := `{"a":{"kind":"B","again":"A"},"b":[{"kind":"B","p":{"x":-0.5}},{"new":1}],"c":{"k":"A"},"d":99.9}`
	agreesWithGoavro(t, c, codecOf(t, c), row)
	want := []conv.Deviation{missing("a.p.x", "decimal(3,1)"), missing("b.again", "enum"), missing("b.kind", "enum"), unknownKey("b.new", "number"), missing("b.p.x", "decimal(3,1)")}
	if diff := cmp.Diff(want, driftOf(t, c, row), byField); diff != "" {
		t.Error(diff)
	}
	// What does not fit rejects where it is strict, and not where the type was defined.
	if facts := factsOf(t, c, `{"a":{"kind":5},"b":[]}`); facts.Reject != nil {
		t.Errorf("in a nullable record: %+v", *facts.Reject)
	}
	if facts := factsOf(t, c, `{"b":[{"kind":5}]}`); facts.Reject == nil || facts.Reject.Path != "b[0].kind" {
		t.Errorf("in an array: %+v", facts.Reject)
	}
}
