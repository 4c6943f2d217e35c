package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// sampleRow is the row that the specification's guide shows.
const sampleRow = `{
	"interaction.id": "voice-12345",
	"interaction.type": "voice",
	"conversation.id": "conv-67890",
	"timestamp": "2024-01-01T08:15:32.100Z",
	"attributes.custom": {"customer_segment": "enterprise", "case_priority": "high"},
	"metrics.queuetime.ms": 12500,
	"metrics.handledtime.ms": 340000
}`

// Parts of Avro bodies, spelled as the Avro specification defines them.
func avroLong(n int64) []byte { return binary.AppendVarint(nil, n) }
func avroText(s string) []byte {
	return append(avroLong(int64(len(s))), s...)
}
func avroDouble(f float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))
}
func avroFloat(f float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(f))
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// encodeBody encodes a row that has to keep the contract, and returns the Avro body.
func encodeBody(t testing.TB, c *Contract, row string) []byte {
	t.Helper()
	out, facts := c.Encode(nil, 1, rowOf(t, row), nil)
	if facts.Reject != nil {
		t.Fatalf("row %s was rejected: %+v", row, *facts.Reject)
	}
	return out[5:]
}

func TestR5_TheGuidesRowBecomesConfluentFramedAvro(t *testing.T) {
	want := join(
		[]byte("kept"),
		[]byte{0, 0x01, 0x02, 0x03, 0x04}, // magic byte, schema id
		avroText("voice-12345"), avroText("voice"), avroText("conv-67890"), avroLong(1704096932100),
		[]byte{2}, avroText("enterprise"), []byte{2}, avroText("high"), // branch 1 is the byte 2
		[]byte{2}, avroLong(12500), []byte{2}, avroLong(340000),
	)
	got, facts := reports(t).Encode([]byte("kept"), 0x01020304, rowOf(t, sampleRow), nil)
	if diff := cmp.Diff(want, got); diff != "" || facts.Reject != nil {
		t.Errorf("%v %s", facts.Reject, diff)
	}
}

func TestR65_BothSpellingsOfAPathAndAnyMixtureAreFound(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"source":"attributes.custom.case_priority"}`)
	want := join([]byte{2}, avroText("high"))
	for _, row := range []string{
		`{"attributes.custom.case_priority":"high"}`,
		`{"attributes.custom":{"case_priority":"high"}}`,
		`{"attributes":{"custom.case_priority":"high"}}`,
		`{"attributes":{"custom":{"case_priority":"high"}}}`,
		`{"\u0061ttributes":{"cust\u006fm\u002ecase_priority":"high"}}`,
		`{"attributes":{},"attributes.custom":{"case_priority":"high"}}`,
		`{"attributes":{"custom":5},"attributes.custom":{"case_priority":"high"}}`,
		`{"attributes.custom":null,"attributes":{"custom":{"case_priority":"\u0068igh"}}}`,
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestR66_SourcesAreReadAtAnyDepth(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","long"],"source":"routing.a.b.c.d.e.ms"}`)
	want := join([]byte{2}, avroLong(7))
	for _, row := range []string{
		`{"routing":{"a":{"b":{"c":{"d":{"e":{"ms":7}}}}}}}`,
		`{"routing":{"x":{"ms":1},"a.b":{"c":{"ms":2,"d.e":{"ms":7}}}}}`,
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestOfEqualKeysTheLastStandsWithAllItHolds(t *testing.T) {
	c := contractOf(t,
		`{"name":"b","type":["null","long"],"source":"a.b"}`,
		`{"name":"c","type":["null","long"],"source":"a.c"}`)
	null := []byte{0}
	one, two := join([]byte{2}, avroLong(1)), join([]byte{2}, avroLong(2))
	for row, want := range map[string][]byte{
		`{"a":{"b":2,"b":1,"c":2}}`:                 join(one, two),
		`{"a":{"b":1,"c":2},"a":{"b":2}}`:           join(two, null),
		`{"a":{"b":1,"c":2},"a":{}}`:                join(null, null),
		`{"a":{"b":1,"c":2},"a":null}`:              join(null, null),
		`{"a":{"b":1},"a.b":2}`:                     join(two, null),
		`{"a.b":2,"a":{"b":1}}`:                     join(one, null),
		`{"a.b":2,"a":{"b":1},"a":{"c":2}}`:         join(two, two),
		`{"a":5,"a":{"b":1}}`:                       join(one, null),
		`{"a":{"b":1},"\u0061":{"c":2}}`:            join(null, two),
		`{"a.b":1,"x":{"a.b":2},"y":[{"a.b":2}]}`:   join(one, null),
		`{"a.b":1,"a":{"x":{"b":2},"y":[{"b":2}]}}`: join(one, null),
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestR102_UnknownKeysChangeNothing(t *testing.T) {
	c := reports(t)
	plain, facts := c.Encode(nil, 1, rowOf(t, sampleRow), nil)
	noisy := `{"x":[1,{"timestamp":"no"}],"conversation":{"x":{"id":"no"}},"attributes":{"x":1,"custom":{"y":null}},"":{"":0},` + sampleRow[1:]
	got, noisyFacts := c.Encode(nil, 1, rowOf(t, noisy), nil)
	if diff := cmp.Diff(plain, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(facts, noisyFacts); diff != "" {
		t.Error(diff)
	}
}

func TestR80_R96_RowsWithoutCustomAttributesArePublishedWithNulls(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"default":null,"source":"attributes.custom.case_priority"}`)
	for _, row := range []string{
		`{}`,
		`{"attributes.custom":{}}`,
		`{"attributes.custom":null}`,
		`{"attributes.custom":"gone"}`,
		`{"attributes.custom":[{"case_priority":"high"}]}`,
		`{"attributes":7}`,
		`{"attributes.custom":{"case_priority":{"is":"high"}}}`,
		`{"attributes.custom":{"case_priority":["high"]}}`,
	} {
		if diff := cmp.Diff([]byte{0}, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestR98_AnExplicitNullIsPublishedAsNull(t *testing.T) {
	for _, typ := range []string{`["null","string"]`, `["string","null"],"default":"x"`} {
		c := contractOf(t, `{"name":"f","type":`+typ+`,"source":"a"}`)
		if got := encodeBody(t, c, `{"a":null}`); len(got) != 1 || got[0] != c.root.fields[0].null[0] {
			t.Errorf("%s: body %x", typ, got)
		}
	}
}

func TestR101_AnAbsentKeyGetsItsDefault(t *testing.T) {
	second := []byte{2}
	for field, want := range map[string][]byte{
		`"type":"string","default":"caf\u00e9 \"x\""`: avroText(`café "x"`),
		`"type":"long","default":-5.0`:                avroLong(-5),
		`"type":"int","default":7`:                    avroLong(7),
		`"type":"double","default":0.1`:               avroDouble(0.1),
		`"type":"float","default":0.5`:                avroFloat(0.5),
		`"type":"boolean","default":true`:             {1},
		`"type":"boolean","default":false`:            {0},
		`"type":{"type":"long","logicalType":"timestamp-millis"},"default":1704096932100`: avroLong(1704096932100),
		`"type":["null","string"],"default":null`:                                         {0},
		`"type":["null","string"]`:                                                        {0},
		`"type":["string","null"]`:                                                        second,
		`"type":["string","null"],"default":"x"`:                                          join([]byte{0}, avroText("x")),
		`"type":["long","null"],"default":9`:                                              join([]byte{0}, avroLong(9)),
	} {
		c := contractOf(t, `{"name":"f","source":"a.b",`+field+`}`)
		for _, row := range []string{`{}`, `{"a":{}}`, `{"a":null}`} {
			if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
				t.Errorf("%s, row %s: %s", field, row, diff)
			}
		}
	}
}

func TestAFieldThatCannotBeNullTakesItsDefaultForAnExplicitNull(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":"string","default":"x","source":"a"}`)
	if diff := cmp.Diff(avroText("x"), encodeBody(t, c, `{"a":null}`)); diff != "" {
		t.Error(diff)
	}
}

func TestR73_TimestampsBecomeEpochMilliseconds(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":{"type":"long","logicalType":"timestamp-millis"},"source":"timestamp","required":true}`)
	for _, spelling := range []string{
		`"2024-01-01T08:15:32.100Z"`, `"2024-01-01T10:15:32.100+02:00"`, `"2024-01-01T08:15:32.1009Z"`,
		`"2024-01-01T08\u003a15:32.1Z"`, `1704096932100`, `1704096932100.0`, `1.7040969321e12`,
	} {
		if diff := cmp.Diff(avroLong(1704096932100), encodeBody(t, c, `{"timestamp":`+spelling+`}`)); diff != "" {
			t.Errorf("%s: %s", spelling, diff)
		}
	}
}

func TestR97_ValuesAreCoercedOnlyWhereNothingIsLost(t *testing.T) {
	type cases map[string][]byte // JSON value: Avro bytes, nil for a value that does not fit
	for typ, values := range map[string]cases{
		`"string"`: {
			`"5.0"`: avroText("5.0"), `"a\u00e9\n"`: avroText("aé\n"), `""`: avroText(""),
			`5`: avroText("5"), `5.0`: avroText("5"), `-0.50`: avroText("-0.5"), `1E2`: avroText("100"),
			`12345678901234567890123`: avroText("1.2345678901234567890123e+22"),
			`true`:                    avroText("true"), `false`: avroText("false"), `{}`: nil, `[1]`: nil,
		},
		`"long"`: {
			`5`: avroLong(5), `5.0`: avroLong(5), `5e0`: avroLong(5), `"5"`: avroLong(5), `"5.0"`: avroLong(5),
			`-9223372036854775808`: avroLong(math.MinInt64), `9223372036854775807`: avroLong(math.MaxInt64),
			`9223372036854775808`: nil, `5.5`: nil, `1e400`: nil, `" 5"`: nil, `"05"`: nil, `"+5"`: nil, `""`: nil,
			`"five"`: nil, `true`: nil, `{}`: nil, `[]`: nil,
		},
		`"int"`: {
			`2147483647`: avroLong(math.MaxInt32), `-2147483648`: avroLong(math.MinInt32), `"7"`: avroLong(7),
			`2147483648`: nil, `-2147483649`: nil,
		},
		`"double"`: {
			`0.1`: avroDouble(0.1), `5`: avroDouble(5), `-0`: avroDouble(0), `1e308`: avroDouble(1e308), `"0.1"`: avroDouble(0.1),
			`1e309`: nil, `"Inf"`: nil, `"0x1p3"`: nil, `true`: nil,
		},
		`"float"`: {
			`0.5`: avroFloat(0.5), `0.1`: avroFloat(0.1), `1e39`: nil,
		},
		`"boolean"`: {
			`true`: {1}, `false`: {0}, `"true"`: {1}, `"false"`: {0}, `"True"`: nil, `1`: nil, `0`: nil, `""`: nil,
		},
		`{"type":"long","logicalType":"timestamp-millis"}`: {
			`0`: avroLong(0), `-1`: avroLong(-1), `"1970-01-01"`: nil, `"1704096932100"`: nil, `0.5`: nil, `"soon"`: nil, `true`: nil,
		},
	} {
		nullable := contractOf(t, `{"name":"f","type":["null",`+typ+`],"source":"a"}`)
		required := contractOf(t, `{"name":"f","type":`+typ+`,"source":"a","required":true}`)
		for value, want := range values {
			row := `{"a":` + value + `}`
			out, facts := required.Encode(nil, 1, rowOf(t, row), nil)
			if want == nil {
				if facts.Reject == nil || facts.Reject.Reason != conv.ReasonType || len(out) != 0 {
					t.Errorf("%s as required %s: %x, %+v; want a reject", value, typ, out, facts.Reject)
				}
				if got := encodeBody(t, nullable, row); len(got) != 1 || got[0] != 0 {
					t.Errorf("%s as nullable %s: %x; want null", value, typ, got)
				}
				continue
			}
			if facts.Reject != nil || !cmp.Equal(out[5:], want) {
				t.Errorf("%s as %s: %x, %+v; want %x", value, typ, out, facts.Reject, want)
			}
			if diff := cmp.Diff(join([]byte{2}, want), encodeBody(t, nullable, row)); diff != "" {
				t.Errorf("%s as nullable %s: %s", value, typ, diff)
			}
		}
	}
}

func TestR14R70_ARowThatBreaksTheContractIsRejectedWithReasonAndPath(t *testing.T) {
	c := contractOf(t,
		`{"name":"id","type":"string","source":"a.id","required":true,"identity":true}`,
		`{"name":"n","type":"long","source":"a.n","default":0}`,
		`{"name":"m","type":["null","long"],"source":"m","required":true}`)
	reject := func(reason, path, expected, found string) *conv.Reject {
		return &conv.Reject{Reason: reason, Path: path, Expected: expected, Found: found}
	}
	for row, want := range map[string]*conv.Reject{
		`{"a.id":"x","m":1}`:                nil,
		`{"a":{"n":1},"m":1}`:               reject(conv.ReasonMissing, "a.id", "string", "nothing"),
		`{"a":{"id":null},"m":1}`:           reject(conv.ReasonMissing, "a.id", "string", "null"),
		`{"a":null,"m":1}`:                  reject(conv.ReasonMissing, "a.id", "string", "nothing"),
		`{"a":"x","m":1}`:                   reject(conv.ReasonType, "a.id", "object", "string"),
		`{"a":[],"m":1}`:                    reject(conv.ReasonType, "a.id", "object", "array"),
		`{"a.id":{},"m":1}`:                 reject(conv.ReasonType, "a.id", "string", "object"),
		`{"a.id":"x","a.n":"secret","m":1}`: reject(conv.ReasonType, "a.n", "long", "string"),
		`{"a.id":"x","m":"secret"}`:         reject(conv.ReasonType, "m", "long", "string"),
		`{"a.id":"x","m":null}`:             reject(conv.ReasonMissing, "m", "long", "null"),
		`[{"a.id":"x"}]`:                    reject(conv.ReasonNotAnObject, "$", "object", "array"),
		`"a.id"`:                            reject(conv.ReasonNotAnObject, "$", "object", "string"),
		`null`:                              reject(conv.ReasonNotAnObject, "$", "object", "null"),
	} {
		out, facts := c.Encode([]byte("kept"), 1, rowOf(t, row), nil)
		if diff := cmp.Diff(want, facts.Reject); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
		if want != nil && string(out) != "kept" {
			t.Errorf("%s: dst became %q", row, out)
		}
	}
}

func TestARowWithoutTokensIsRejected(t *testing.T) {
	out, facts := reports(t).Encode(nil, 1, &conv.Row{Raw: []byte(`{"head":`), Length: 1 << 30}, nil)
	if len(out) != 0 || facts.Reject == nil || facts.Reject.Reason != conv.ReasonNotAnObject {
		t.Errorf("%x, %+v", out, facts.Reject)
	}
}

func TestOneContractEncodesManyRowsAtOnce(t *testing.T) {
	c := reports(t)
	var group sync.WaitGroup
	for i := range 8 {
		id := fmt.Sprintf("voice-%d", i)
		row := rowOf(t, strings.Replace(sampleRow, "voice-12345", id, 1))
		want, wantFacts := reports(t).Encode(nil, 1, row, nil)
		group.Go(func() {
			for range 200 {
				if got, facts := c.Encode(nil, 1, row, nil); !bytes.Equal(got, want) || facts != wantFacts {
					t.Errorf("row %s: %x, %+v", id, got, facts)
				}
			}
		})
	}
	group.Wait()
}
