package avro

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// calls is a small nested contract of every strictness.
func calls(t testing.TB) *Contract {
	return contractOf(t,
		`{"name":"id","type":"string","required":true}`,
		`{"name":"flow","type":["null",{"type":"record","name":"Flow","fields":[
			{"name":"name","type":["null","string"],"source":"meta.name"},
			{"name":"version","type":"int","default":1}]}],"default":null}`,
		`{"name":"legs","type":{"type":"array","items":{"type":"record","name":"Leg","fields":[
			{"name":"leg_id","type":"string","source":"id","required":true},
			{"name":"codes","type":{"type":"array","items":"long"},"default":[]},
			{"name":"stats","type":["null",{"type":"array","items":["null","double"]}]},
			{"name":"tags","type":["null",{"type":"map","values":"string"}]}]}},"default":[]}`)
}

func TestNestedValuesBecomeAvro(t *testing.T) {
	some, none := []byte{2}, []byte{0}
	for row, want := range map[string][]byte{
		`{"id":"a"}`:                       join(avroText("a"), none, avroLong(0)),
		`{"id":"a","flow":null,"legs":[]}`: join(avroText("a"), none, avroLong(0)),
		`{"id":"a","flow":{}}`:             join(avroText("a"), some, none, avroLong(1), avroLong(0)),
		`{"id":"a","flow":{"meta.name":"main","version":7}}`:        join(avroText("a"), some, some, avroText("main"), avroLong(7), avroLong(0)),
		`{"id":"a","flow":{"meta":{"name":"main"},"version":null}}`: join(avroText("a"), some, some, avroText("main"), avroLong(1), avroLong(0)),
		`{"id":"a","legs":[{"id":"x"},{"id":"y","codes":[1,"2",3.0],"stats":[null,0.5],"tags":{"k":"v"}}]}`: join(
			avroText("a"), none,
			avroLong(2),
			avroText("x"), avroLong(0), none, none,
			avroText("y"), avroLong(3), avroLong(1), avroLong(2), avroLong(3), avroLong(0),
			some, avroLong(2), none, some, avroDouble(0.5), avroLong(0),
			some, avroLong(1), avroText("k"), avroText("v"), avroLong(0),
			avroLong(0)),
	} {
		if diff := cmp.Diff(want, encodeBody(t, calls(t), row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestOfEqualNestedKeysTheLastStandsWithAllItHolds(t *testing.T) {
	for row, same := range map[string]string{
		`{"id":"a","legs":[{"id":"x"}],"legs":[{"id":"y"}]}`:                          `{"id":"a","legs":[{"id":"y"}]}`,
		`{"id":"a","legs":[{"no":"id"}],"legs":[]}`:                                   `{"id":"a","legs":[]}`,
		`{"id":"a","legs":"x","l\u0065gs":[{"id":"y","id":"z"}]}`:                     `{"id":"a","legs":[{"id":"z"}]}`,
		`{"id":"a","flow":{"version":5},"flow":{"meta":{"name":"m"}}}`:                `{"id":"a","flow":{"meta":{"name":"m"}}}`,
		`{"id":"a","legs":[{"id":"x","tags":{"k":[],"j":"1","\u006b":"2","k":"3"}}]}`: `{"id":"a","legs":[{"id":"x","tags":{"k":"3","j":"1"}}]}`,
	} {
		c := calls(t)
		if diff := cmp.Diff(encodeBody(t, c, same), encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
		if factsOf(t, c, row) != factsOf(t, c, same) {
			t.Errorf("%s and %s have different facts", row, same)
		}
	}
}

func TestMapsAreWrittenByKeyWhateverTheirOrder(t *testing.T) {
	c := contractOf(t, `{"name":"m","type":["null",{"type":"map","values":["null","string"]}]}`)
	want := join([]byte{2}, avroLong(4),
		avroText(""), []byte{2}, avroText("none"), avroText("a.b"), []byte{2}, avroText("2"), avroText("b"), []byte{0},
		avroText("é"), []byte{2}, avroText("3"), avroLong(0))
	for _, row := range []string{
		`{"m":{"":"none","a.b":"2","b":null,"é":3.0}}`,
		`{"m":{"\u00e9":3,"b":null,"":"none","a.b":"2"}}`,
		`{"m":{"b":{"no":"string"},"a.b":2,"é":"x","":"none","é":"3"}}`,
	} {
		if diff := cmp.Diff(want, encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

// The rows with a value that does not fit stand before rows with what becomes of it.
func TestWhatDoesNotFitMakesTheNearestNullableFieldAroundItNull(t *testing.T) {
	for row, same := range map[string]string{
		`{"id":"a","flow":"main"}`:                                          `{"id":"a"}`,
		`{"id":"a","flow":[{}]}`:                                            `{"id":"a"}`,
		`{"id":"a","flow":{"meta":{"name":[]},"version":2}}`:                `{"id":"a","flow":{"version":2}}`,
		`{"id":"a","flow":{"meta":5,"version":2}}`:                          `{"id":"a","flow":{"version":2}}`,
		`{"id":"a","flow":{"meta":{"name":"m"},"version":"two"}}`:           `{"id":"a"}`,
		`{"id":"a","legs":[{"id":"x","stats":{"0":1}}]}`:                    `{"id":"a","legs":[{"id":"x"}]}`,
		`{"id":"a","legs":[{"id":"x","tags":[]},{"id":"y","tags":"none"}]}`: `{"id":"a","legs":[{"id":"x"},{"id":"y"}]}`,
	} {
		c := calls(t)
		if diff := cmp.Diff(encodeBody(t, c, same), encodeBody(t, c, row)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
		if factsOf(t, c, row) != factsOf(t, c, same) {
			t.Errorf("%s and %s have different facts", row, same)
		}
	}
}

// An element is null where it can be, and rejects the row where it cannot: no collection is
// given up for it, though the collection, or something around it, could be null.
func TestNoCollectionIsGivenUpForOneElement(t *testing.T) {
	record := `{"type":"record","name":"R","fields":[{"name":"n","type":"long","default":0},{"name":"s","type":["null","string"]}]}`
	missing := func(path, expected string) *conv.Reject {
		return &conv.Reject{Reason: conv.ReasonMissing, Path: path, Expected: expected, Found: "null"}
	}
	wrong := func(path, expected, found string) *conv.Reject {
		return &conv.Reject{Reason: conv.ReasonType, Path: path, Expected: expected, Found: found}
	}
	for _, test := range []struct {
		field, value string
		same         string // what the value is published as
		reject       *conv.Reject
	}{
		{`{"type":"map","values":"string"}`, `{"a":"1","b":null}`, "", missing(`f["b"]`, "string")},
		{`{"type":"map","values":"string"}`, `{"a":"1","b":[]}`, "", wrong(`f["b"]`, "string", "array")},
		{`{"type":"map","values":["null","string"]}`, `{"a":"1","b":{}}`, `{"a":"1","b":null}`, nil},
		{`{"type":"array","items":"long"}`, `[1,2,null]`, "", missing("f[2]", "long")},
		{`{"type":"array","items":"long"}`, `[1,"two"]`, "", wrong("f[1]", "long", "string")},
		{`{"type":"array","items":["long","null"]}`, `[1,"two",{},3]`, `[1,null,null,3]`, nil},
		{`{"type":"array","items":` + record + `}`, `[{"n":1},null]`, "", missing("f[1]", "object")},
		{`{"type":"array","items":` + record + `}`, `[{"n":1},5]`, "", wrong("f[1]", "object", "number")},
		{`{"type":"array","items":` + record + `}`, `[{"n":1},{"n":"x"}]`, "", wrong("f[1].n", "long", "string")},
		{`{"type":"array","items":` + record + `}`, `[{"n":null,"s":{}}]`, `[{"n":0,"s":null}]`, nil},
		{`{"type":"array","items":["null",` + record + `]}`, `[{"n":1},{"n":"x"},5,null]`, `[{"n":1},null,null,null]`, nil},
		{`{"type":"map","values":` + record + `}`, `{"k":{"n":[]}}`, "", wrong(`f["k"].n`, "long", "array")},
		{`{"type":"array","items":{"type":"array","items":"long"}}`, `[[1],[2,null]]`, "", missing("f[1][1]", "long")},
		{`{"type":"array","items":["null",{"type":"array","items":"long"}]}`, `[[1],[2,"x"]]`, "", wrong("f[1][1]", "long", "string")},
		{`{"type":"array","items":["null",{"type":"array","items":"long"}]}`, `[[1],{"2":3}]`, `[[1],null]`, nil},
		{`{"type":"array","items":{"type":"map","values":["null","long"]}}`, `[{"a":"x"},{}]`, `[{"a":null},{}]`, nil},
		{`{"type":"record","name":"S","fields":[{"name":"l","type":["null",{"type":"array","items":"long"}]}]}`, `{"l":[1,false]}`, "", wrong("f.l[1]", "long", "boolean")},
	} {
		c := contractOf(t, `{"name":"f","type":["null",`+test.field+`],"default":null}`)
		row := `{"f":` + test.value + `}`
		agreesWithGoavro(t, c, codecOf(t, c), row)
		if diff := cmp.Diff(test.reject, factsOf(t, c, row).Reject); diff != "" {
			t.Errorf("%s by %s: %s", row, test.field, diff)
		}
		if test.reject != nil {
			continue
		}
		same := `{"f":` + test.same + `}`
		if diff := cmp.Diff(encodeBody(t, c, same), encodeBody(t, c, row)); diff != "" || factsOf(t, c, same) != factsOf(t, c, row) {
			t.Errorf("%s by %s is not published as %s: %s", row, test.field, same, diff)
		}
	}
}

func TestR14R70_ANestedValueThatBreaksTheContractIsNamedByItsJSONPath(t *testing.T) {
	reject := func(reason, path, expected, found string) *conv.Reject {
		return &conv.Reject{Reason: reason, Path: path, Expected: expected, Found: found}
	}
	for row, want := range map[string]*conv.Reject{
		`{"id":"a","legs":{}}`:                                      reject(conv.ReasonType, "legs", "array", "object"),
		`{"id":"a","legs":[{"id":"x"},null]}`:                       reject(conv.ReasonMissing, "legs[1]", "object", "null"),
		`{"id":"a","legs":[{"id":"x"},[]]}`:                         reject(conv.ReasonType, "legs[1]", "object", "array"),
		`{"id":"a","legs":[{"id":"x"},{}]}`:                         reject(conv.ReasonMissing, "legs[1].id", "string", "nothing"),
		`{"id":"a","legs":[{"id":null}]}`:                           reject(conv.ReasonMissing, "legs[0].id", "string", "null"),
		`{"id":"a","legs":[{"id":{}}]}`:                             reject(conv.ReasonType, "legs[0].id", "string", "object"),
		`{"id":"a","legs":[{"id":"x","codes":[1,2,"three",null]}]}`: reject(conv.ReasonType, "legs[0].codes[2]", "long", "string"),
		`{"id":"a","legs":[{"id":"x","codes":[null]}]}`:             reject(conv.ReasonMissing, "legs[0].codes[0]", "long", "null"),
		`{"legs":[{}]}`:                                             reject(conv.ReasonMissing, "id", "string", "nothing"),
	} {
		out, facts := calls(t).Encode([]byte("kept"), 1, rowOf(t, row), nil)
		if diff := cmp.Diff(want, facts.Reject); diff != "" || string(out) != "kept" {
			t.Errorf("%s: dst %q, %s", row, out, diff)
		}
	}
}

func TestTheWholePathOfTheDesignIsNamed(t *testing.T) {
	strict := strings.Replace(jobs(t).Schema(),
		`{"name":"value","type":["null","long"],"default":null,"optional":true,`, `{"name":"value","type":"long","required":true,`, 1)
	c, err := Parse([]byte(strict))
	if err != nil {
		t.Fatal(err)
	}
	metrics := strings.Repeat(`{"value":1},`, 5) + `{"value":"many"}`
	row := `{"conversationId":"c","conversationStart":0,"participants":[{},{},{"sessions":[{"metrics":[` + metrics + `]}]}]}`
	want := &conv.Reject{Reason: conv.ReasonType, Path: "participants[2].sessions[0].metrics[5].value", Expected: "long", Found: "string"}
	if diff := cmp.Diff(want, factsOf(t, c, row).Reject); diff != "" {
		t.Error(diff)
	}
}

// A required field is a promise about every object that holds it, so that no nullable thing
// around it hides that it is missing, nor does another field that does not fit.
func TestARequiredNestedFieldRejectsTheRowWhateverStandsAroundIt(t *testing.T) {
	c := contractOf(t, `{"name":"a","type":["null",{"type":"array","items":["null",{"type":"record","name":"R","fields":[
		{"name":"n","type":"long","default":0},
		{"name":"m","type":["null",{"type":"map","values":"long"}],"required":true}]}]}]}`)
	for row, want := range map[string]*conv.Reject{
		`{"a":[{"n":1,"m":{}},null,{"n":"x","m":{}},5]}`: nil,
		`{"a":[null,{"n":"x"}]}`:                         {Reason: conv.ReasonMissing, Path: "a[1].m", Expected: "object", Found: "nothing"},
		`{"a":[{"m":{"k \"1\"":"x"}}]}`:                  {Reason: conv.ReasonType, Path: `a[0].m["k \"1\""]`, Expected: "long", Found: "string"},
		`{"a":[{"m":{"k":1}},{"m":{"` + strings.Repeat("é", 50) + `":true}}]}`: {
			Reason: conv.ReasonType, Path: `a[1].m["` + strings.Repeat("é", 32) + `…"]`, Expected: "long", Found: "boolean"},
		`{"a":[{"m":{"x` + strings.Repeat("é", 50) + `":true}}]}`: {
			Reason: conv.ReasonType, Path: `a[0].m["x` + strings.Repeat("é", 31) + `…"]`, Expected: "long", Found: "boolean"},
	} {
		if diff := cmp.Diff(want, factsOf(t, c, row).Reject); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestDefaultsStandInForWhatAnObjectLacks(t *testing.T) {
	for typ, want := range map[string][]byte{
		`{"type":"array","items":"string"},"default":[ ]`:                                                                     avroLong(0),
		`[{"type":"array","items":"string"},"null"],"default":[]`:                                                             join([]byte{0}, avroLong(0)),
		`{"type":"map","values":"string"},"default":{}`:                                                                       avroLong(0),
		`[{"type":"map","values":"string"},"null"],"default":{}`:                                                              join([]byte{0}, avroLong(0)),
		`["null",{"type":"map","values":"string"}],"default":null`:                                                            {0},
		`["null",{"type":"array","items":"string"}]`:                                                                          {0},
		`{"type":"array","items":["long","null"]},"default":[5,-1]`:                                                           join(avroLong(2), []byte{0}, avroLong(5), []byte{0}, avroLong(-1), avroLong(0)),
		`[{"type":"map","values":"string"},"null"],"default":{"b":"\u00e9","a":""}`:                                           join([]byte{0}, avroLong(2), avroText("a"), avroText(""), avroText("b"), avroText("é"), avroLong(0)),
		`[` + ofG + `,"null"],"default":{"g":[{"h":"y"},{}]}`:                                                                 join([]byte{0}, avroLong(2), []byte{0}, avroText("y"), []byte{0}, avroText("x"), avroLong(0)),
		`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0000\u0001\u00f4"`:                     {4, 1, 0xf4},
		`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u00ff"`:                                 {2, 0xff},
		`{"type":"fixed","name":"F","size":3,"logicalType":"decimal","precision":4,"scale":2},"default":"\u00ff\u00ff\u0000"`: {0xff, 0xff, 0},
		`[{"type":"enum","name":"E","symbols":["A","B"]},"long","null"],"default":"B"`:                                        {0, 2},
		`[{"type":"array","items":"string"},"null"]`:                                                                          {2},
	} {
		c := contractOf(t, `{"name":"r","required":true,"type":{"type":"record","name":"R","fields":[{"name":"f","type":`+typ+`}]}}`)
		if diff := cmp.Diff(want, encodeBody(t, c, `{"r":{}}`)); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
}

func TestANestedRowIsRejectedOnlyOnceItIsDone(t *testing.T) {
	c := calls(t)
	// After a reject the encoder is used again: nothing of the broken row may be left in it.
	for range 3 {
		for _, row := range []string{`{"legs":[{"id":"x","codes":[[]]},{"tags":{"k":{}}}]}`, `{"id":"a","flow":{"version":[]}}`} {
			c.Encode(nil, 1, rowOf(t, row), nil)
		}
		agreesWithGoavro(t, c, codecOf(t, c), `{"id":"b","flow":{"version":3},"legs":[{"id":"y","tags":{"k":"v"}}]}`)
	}
}

func TestManyAndDeepElementsAreEncoded(t *testing.T) {
	c := calls(t)
	codes := strings.Repeat("5,", 99_999) + "5"
	got := encodeBody(t, c, `{"id":"a","legs":[{"id":"x","codes":[`+codes+`]}]}`)
	want := join(avroText("a"), []byte{0}, avroLong(1), avroText("x"), avroLong(100_000),
		[]byte(strings.Repeat("\x0a", 100_000)), avroLong(0), []byte{0, 0}, avroLong(0))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.300s", diff)
	}
	deep := strings.Repeat(`[`, 3000) + strings.Repeat(`]`, 3000)
	agreesWithGoavro(t, c, codecOf(t, c), `{"id":"a","x":`+deep+`,"legs":[{"id":"x","stats":[`+deep+`,1],"tags":`+deep+`}]}`)
}
