package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	hamba "github.com/hamba/avro/v2"

	"convstream/internal/conv"
)

// reports is the default contract.
func reports(t testing.TB) *Contract {
	t.Helper()
	c, err := Default("reports")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// contractOf parses a contract of the given fields, each one JSON object.
func contractOf(t testing.TB, fields ...string) *Contract {
	t.Helper()
	c, err := Parse(schemaOf(fields...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func schemaOf(fields ...string) []byte {
	return fmt.Appendf(nil, `{"type":"record","name":"Row","fields":[%s]}`, strings.Join(fields, ","))
}

func TestR24_DefaultSourcesAreTheGuidesColumns(t *testing.T) {
	want := []string{
		"interaction.id",
		"interaction.type",
		"conversation.id",
		"timestamp",
		"attributes.custom.customer_segment",
		"attributes.custom.case_priority",
		"metrics.queuetime.ms",
		"metrics.handledtime.ms",
	}
	if diff := cmp.Diff(want, reports(t).Sources()); diff != "" {
		t.Error(diff)
	}
}

func TestR26_EachSourceIsListedOnceHoweverManyFieldsReadIt(t *testing.T) {
	c := contractOf(t,
		`{"name":"b","type":["null","string"],"source":"x.b"}`,
		`{"name":"a","type":["null","string"],"source":"x.a"}`,
		`{"name":"b_ms","type":["null","long"],"source":"x.b"}`)
	if diff := cmp.Diff([]string{"x.b", "x.a"}, c.Sources()); diff != "" {
		t.Error(diff)
	}
}

func TestR100_DefaultContractIsTheRecordOfTheDesign(t *testing.T) {
	var schema struct {
		Name, Namespace string
		Fields          []struct {
			Name     string
			Type     any
			Required bool
			Identity bool
		}
	}
	if err := json.Unmarshal([]byte(reports(t).Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schema.Namespace + "." + schema.Name; got != "genesys.analytics.Conversation" {
		t.Errorf("record is %s", got)
	}
	nullable := func(typ string) any { return []any{"null", typ} }
	want := map[string]any{
		"interaction_id":                     "string",
		"interaction_type":                   "string",
		"conversation_id":                    "string",
		"timestamp":                          map[string]any{"type": "long", "logicalType": "timestamp-millis"},
		"attributes_custom_customer_segment": nullable("string"),
		"attributes_custom_case_priority":    nullable("string"),
		"metrics_queuetime_ms":               nullable("long"),
		"metrics_handledtime_ms":             nullable("long"),
	}
	got := map[string]any{}
	for i, f := range schema.Fields {
		got[f.Name] = f.Type
		if f.Required != (i < 4) || f.Identity != (f.Name == "interaction_id") {
			t.Errorf("field %s: required %v, identity %v", f.Name, f.Required, f.Identity)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownDialectHasNoDefaultContract(t *testing.T) {
	_, err := Default("surveys")
	if err == nil || !strings.Contains(err.Error(), `"surveys"`) {
		t.Errorf("got %v; want an error that names the dialect", err)
	}
}

func TestSchemaKeepsTheContractsPropertiesOnOneLine(t *testing.T) {
	schema := reports(t).Schema()
	if strings.Contains(schema, "\n") || !strings.Contains(schema, `"source":"metrics.queuetime.ms"`) {
		t.Error(schema)
	}
}

func TestBadContractIsRefusedByFieldAndReason(t *testing.T) {
	for name, test := range map[string]struct {
		field string
		want  []string
	}{
		"empty source":             {`{"name":"f","type":["null","string"],"source":""}`, []string{`"f"`, "source"}},
		"wildcard":                 {`{"name":"f","type":["null","string"],"source":"attributes.custom.*"}`, []string{`"f"`, "wildcard"}},
		"index":                    {`{"name":"f","type":["null","string"],"source":"attributes.custom.tags[0]"}`, []string{`"f"`, `"attributes.custom.tags[0]" holds the index of an array`, `ends with "tags"`}},
		"index on the way":         {`{"name":"f","type":["null","string"],"source":"a[1][20].b"}`, []string{`"f"`, "index of an array", `ends with "a"`}},
		"empty segment":            {`{"name":"f","type":["null","string"],"source":"a..b"}`, []string{`"f"`, "a..b", "segment"}},
		"too deep":                 {`{"name":"f","type":["null","string"],"source":"a.b.c.d.e.f.g.h.i"}`, []string{`"f"`, "9 segments", "8"}},
		"misspelt property":        {`{"name":"f","type":"string","source":"a","requird":true}`, []string{`"f"`, "requird"}},
		"nearest property":         {`{"name":"f","type":"string","source":"a","requird":true}`, []string{`did you mean "required"?`}},
		"other property":           {`{"name":"f","type":"string","source":"a","sqlType":"TEXT"}`, []string{`"sqlType" is no property of a field; those are name`}},
		"logical type beside":      {`{"name":"f","type":"long","logicalType":"timestamp-millis","source":"a"}`, []string{`"f"`, `write "type": {"type": "long", "logicalType": "timestamp-millis"}`}},
		"decimal beside":           {`{"name":"f","type":["bytes","null"],"logicalType":"decimal","precision":9,"scale":2,"source":"a"}`, []string{`write "type": [{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "null"]`}},
		"items beside":             {`{"name":"f","type":["null","array"],"items":"string","source":"a"}`, []string{`write "type": ["null", {"type": "array", "items": "string"}]`}},
		"values beside":            {`{"name":"f","type":{"type":"map"},"values":"long","source":"a"}`, []string{`write "type": {"type": "map", "values": "long"}`}},
		"symbols beside":           {`{"name":"f","type":"enum","symbols":["A"],"source":"a"}`, []string{`write "type": {"type": "enum", "name": "…", "symbols": ["A"]}`}},
		"items without a type":     {`{"name":"f","items":"string","source":"a"}`, []string{`write "type": {"type": …, "items": "string"}`}},
		"no type":                  {`{"name":"f","source":"a"}`, []string{`"f"`, "type"}},
		"other logical type":       {`{"name":"f","type":{"type":"string","logicalType":"duration"},"source":"a"}`, []string{`"f"`, "duration", "uuid"}},
		"logical type of another":  {`{"name":"f","type":{"type":"int","logicalType":"timestamp-millis"},"source":"a"}`, []string{`"f"`, "int", "timestamp-millis"}},
		"ambiguous texts":          {`{"name":"f","type":["null","string",{"type":"int","logicalType":"date"}],"source":"a"}`, []string{`"f"`, "string and date alike, as string"}},
		"ambiguous numbers":        {`{"name":"f","type":["null","long","double"],"source":"a"}`, []string{`"f"`, "long and double alike, as number"}},
		"ambiguous objects":        {`{"name":"f","type":["null",{"type":"map","values":"int"},{"type":"record","name":"R","fields":[{"name":"n","type":"int","default":0}]}],"source":"a"}`, []string{`"f"`, "map and record alike"}},
		"null alone":               {`{"name":"f","type":["null"],"source":"a"}`, []string{`"f"`, "no type beside null"}},
		"union in a union":         {`{"name":"f","type":["null",["string"]],"source":"a"}`, []string{`"f"`, `["string"]`, "not supported"}},
		"union without null":       {`{"name":"f","type":["long","string"],"source":"a"}`, []string{`"f"`, "required", "default"}},
		"bytes":                    {`{"name":"f","type":["null","bytes"],"source":"a"}`, []string{`"f"`, "bytes", "decimal", "string"}},
		"fixed":                    {`{"name":"f","type":{"type":"fixed","name":"F","size":4},"source":"a"}`, []string{`"f"`, "fixed", "decimal"}},
		"decimal without scale":    {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4},"source":"a"}`, []string{`"f"`, `"scale"`, "0 to 4"}},
		"decimal of no digits":     {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":0,"scale":0},"source":"a"}`, []string{`"f"`, `"precision" is 0`, "1 to 100"}},
		"decimal too wide":         {`{"name":"f","type":{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":5,"scale":0},"source":"a"}`, []string{`"f"`, `"size" is 2`, "from 3"}},
		"number for a decimal":     {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":0.5}`, []string{`"f"`, "0.5", "string of its bytes"}},
		"empty decimal":            {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":""}`, []string{`"f"`, `""`, "string of its bytes"}},
		"no bytes of a decimal":    {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":"\u0001\u0100"}`, []string{`"f"`, "string of its bytes"}},
		"digits of a decimal":      {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":"\u0027\u0010"}`, []string{`"f"`, "more than 4 digits"}},
		"digits below zero":        {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":"\u00d8\u00f0"}`, []string{`"f"`, "more than 4 digits"}},
		"width of a decimal":       {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"source":"a","default":"\u0001\u0000\u0000\u0000"}`, []string{`"f"`, "more than 4 digits"}},
		"size of a fixed":          {`{"name":"f","type":{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":4,"scale":2},"source":"a","default":"\u0000\u0001"}`, []string{`"f"`, "2 bytes", "has 4"}},
		"enum without symbols":     {`{"name":"f","type":{"type":"enum","name":"E","symbols":[]},"source":"a","default":"A"}`, []string{`"f"`, "no symbols"}},
		"bad symbol":               {`{"name":"f","type":{"type":"enum","name":"E","symbols":["in bound"]},"source":"a","default":"A"}`, []string{`"f"`, `"in bound"`, "string"}},
		"symbol twice":             {`{"name":"f","type":{"type":"enum","name":"E","symbols":["A","A"]},"source":"a","default":"A"}`, []string{`"f"`, `"A"`, "twice"}},
		"enum's default":           {`{"name":"f","type":{"type":"enum","name":"E","symbols":["A"],"default":"B"},"source":"a","default":"A"}`, []string{`"f"`, `the enum's default "B" is none of its symbols A`}},
		"default of an enum":       {`{"name":"f","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"},"source":"a","default":"B"}`, []string{`"f"`, `default "B" is none of the symbols A`}},
		"default of a uuid":        {`{"name":"f","type":{"type":"string","logicalType":"uuid"},"source":"a","default":"x"}`, []string{`"f"`, `"x"`, "uuid"}},
		"default of a time":        {`{"name":"f","type":{"type":"int","logicalType":"time-millis"},"source":"a","default":86400000}`, []string{`"f"`, "86400000", "time-millis"}},
		"text for an instant":      {`{"name":"f","type":{"type":"long","logicalType":"timestamp-micros"},"source":"a","default":"2024-01-01T00:00:00Z"}`, []string{`"f"`, "timestamp-micros; give microseconds since 1970"}},
		"text for millis":          {`{"name":"f","type":{"type":"long","logicalType":"local-timestamp-millis"},"source":"a","default":"2024-01-01T00:00:00"}`, []string{"give milliseconds since 1970"}},
		"text for a date":          {`{"name":"f","type":{"type":"int","logicalType":"date"},"source":"a","default":"2024-01-01"}`, []string{"give days since 1970"}},
		"text for a time":          {`{"name":"f","type":{"type":"int","logicalType":"time-millis"},"source":"a","default":"08:15"}`, []string{"give milliseconds since midnight"}},
		"text":                     {`{"name":"f","type":["null","text"],"source":"a"}`, []string{`"f"`, `type "text" is not known here; did you mean "string"? Else use string, long`}},
		"integer":                  {`{"name":"f","type":"integer","source":"a"}`, []string{`did you mean "long"?`}},
		"number":                   {`{"name":"f","type":"number","source":"a"}`, []string{`did you mean "double"?`}},
		"bool":                     {`{"name":"f","type":"bool","source":"a"}`, []string{`did you mean "boolean"?`}},
		"float64":                  {`{"name":"f","type":"float64","source":"a"}`, []string{`did you mean "double"?`}},
		"datetime":                 {`{"name":"f","type":"DateTime","source":"a"}`, []string{`did you mean {"type": "long", "logicalType": "timestamp-millis"}?`}},
		"logical type as a type":   {`{"name":"f","type":"time-micros","source":"a"}`, []string{`did you mean {"type": "long", "logicalType": "time-micros"}?`}},
		"date as a type":           {`{"name":"f","type":"date","source":"a"}`, []string{`did you mean {"type": "int", "logicalType": "date"}?`}},
		"misspelt type":            {`{"name":"f","type":"strng","source":"a"}`, []string{`did you mean "string"?`}},
		"misspelt name of a type":  {`{"name":"e","type":{"type":"enum","name":"a.Media","symbols":["X"]},"default":"X"},{"name":"f","type":"a.media","source":"a"}`, []string{`did you mean "a.Media"?`}},
		"far from any type":        {`{"name":"f","type":"Conversation","source":"a"}`, []string{`is not known here; use string`}},
		"no named type":            {`{"name":"f","type":["null","Leg"],"source":"a"}`, []string{`"f"`, `"Leg"`, "defined before"}},
		"no boolean":               {`{"name":"f","type":"string","source":"a","required":"yes"}`, []string{`"f"`, `"required" is "yes"`, "boolean"}},
		"optional and required":    {`{"name":"f","type":"string","source":"a","required":true,"optional":true}`, []string{`"f"`, `"optional"`, "leave out"}},
		"neither null nor default": {`{"name":"f","type":"string","source":"a"}`, []string{`"f"`, "required", "default"}},
		"optional identity":        {`{"name":"f","type":["null","string"],"source":"a","identity":true}`, []string{`"f"`, "identity", "required"}},
		"default of another type":  {`{"name":"f","type":"long","source":"a","default":"7"}`, []string{`"f"`, `"7"`, "long"}},
		"default out of range":     {`{"name":"f","type":"int","source":"a","default":3000000000}`, []string{`"f"`, "3000000000 is out of range of type int"}},
		"default beyond long":      {`{"name":"f","type":"long","source":"a","default":99999999999999999999}`, []string{"99999999999999999999 is out of range of type long"}},
		"default beyond double":    {`{"name":"f","type":"double","source":"a","default":1e400}`, []string{"1e400 is out of range of type double"}},
		"default with a fraction":  {`{"name":"f","type":"long","source":"a","default":1.5}`, []string{"default 1.5 is no long"}},
		"null for a long":          {`{"name":"f","type":"long","source":"a","default":null}`, []string{`default null is no long; make the type ["null", "long"]`}},
		"null for a date":          {`{"name":"f","type":{"type":"int","logicalType":"date"},"source":"a","default":null}`, []string{`default null is no date; make the type ["null", {…}]`}},
		"null for a record":        {`{"name":"f","type":{"type":"record","name":"R","fields":[{"name":"n","type":"int","default":0}]},"source":"a","default":null}`, []string{`default null is no object; make the type ["null", {…}]`}},
		"null for a union":         {`{"name":"f","type":["long","string"],"source":"a","default":null}`, []string{`default null is no long or string; make "null" the first type of the union`}},
		"default of second branch": {`{"name":"f","type":["null","string"],"source":"a","default":"x"}`, []string{`"f"`, `"x"`, "first branch"}},
		"null before string":       {`{"name":"f","type":["string","null"],"source":"a","default":null}`, []string{`"f"`, "null does not belong to the union's first branch, string; put null first"}},
		"null between the others":  {`{"name":"f","type":["string","null","long"],"source":"a","default":null}`, []string{"first branch, string; put null first"}},
		"bad name":                 {`{"name":"f-g","type":["null","string"],"source":"a"}`, []string{"f-g"}},
		"no name":                  {`{"type":["null","string"],"source":"*"}`, []string{"#1", `no "name"`}},
		"two fields of one name":   {`{"name":"f","type":["null","string"],"source":"a"},{"name":"f","type":["null","string"],"source":"b"}`, []string{`"f"`, "same name"}},
		"no object":                {`"f"`, []string{"#1", "no object"}},
		"privacy is true":          {`{"name":"f","type":["null","string"],"source":"a","privacy":true}`, []string{`"f"`, `"privacy" is true; use "hash", "mask" or "drop"`}},
		"privacy is null":          {`{"name":"f","type":["null","string"],"source":"a","privacy":null}`, []string{`"privacy" is null; use`}},
		"privacy is a number":      {`{"name":"f","type":["null","string"],"source":"a","privacy":5}`, []string{`"privacy" is 5; use`}},
		"key twice":                {`{"name":"f","type":["null","string"],"source":"a","source":"b"}`, []string{`"source"`, "twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(schemaOf(test.field))
			if err == nil {
				t.Fatal("the contract was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %q", err, want)
				}
			}
		})
	}
}

func TestAKeyThatHoldsBracketsIsStillASource(t *testing.T) {
	for _, source := range []string{"tags[first]", "tags[0]x", "[", "a[].b"} {
		if _, err := Parse(schemaOf(fmt.Sprintf(`{"name":"f","type":["null","string"],"source":%q}`, source))); err != nil {
			t.Error(err)
		}
	}
}

func TestAllBadFieldsAreNamedAtOnce(t *testing.T) {
	_, err := Parse(schemaOf(`{"name":"one","type":"string"}`, `{"name":"two","type":"bytes","source":"b"}`))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Fatalf("%v, want two errors", err)
	}
	for i, name := range []string{`"one"`, `"two"`} {
		if one := joined.Unwrap()[i].Error(); !strings.HasPrefix(one, "parse contract: line 1, column ") || !strings.Contains(one, name) {
			t.Errorf("%q does not say what was done, where, and that it is about %s", one, name)
		}
	}
}

func TestWhatIsNoRecordIsNoContract(t *testing.T) {
	for _, schema := range []string{``, `{`, `"string"`, `[]`, `{"type":"enum","name":"e","symbols":["A"]}`,
		`{"type":"record","name":"r","fields":[]}`, `{"type":"record","fields":[{"name":"f","type":["null","string"],"source":"a"}]}`} {
		if _, err := Parse([]byte(schema)); err == nil {
			t.Errorf("%s was taken as a contract", schema)
		}
	}
}

// readByOthers parses a contract with a library that the contract's own parser does not use.
func readByOthers(t testing.TB, c *Contract) {
	t.Helper()
	if _, err := hamba.ParseWithCache(c.Schema(), "", &hamba.SchemaCache{}); err != nil {
		t.Errorf("%s: %v", c.Schema(), err)
	}
}

// What is taken as a contract is valid Avro to other readers too.
func FuzzAContractIsReadByOthersToo(f *testing.F) {
	for _, c := range []*Contract{reports(f), calls(f), everyNesting(f), marked(f), speech(f, "reports")} {
		f.Add([]byte(c.Schema()))
	}
	made := &contractMaker{rng: rand.New(rand.NewPCG(2026, 7))}
	for range 20 {
		f.Add([]byte(made.contract(f).Schema()))
	}
	f.Add(schemaOf(`{"name":"f","type":["long","null"],"source":"a.b","default":5}`))
	f.Add(schemaOf(`{"name":"f","type":{"type":"long","logicalType":"timestamp-millis"},"source":"a","default":0}`))
	f.Add(schemaOf(`{"name":"f","type":["null",{"type":"record","name":"a.B","fields":[{"name":"g","type":["null",{"type":"enum","name":"E","symbols":["X"]},"long"]}]}]},{"name":"h","type":["null","a.E"]}`))
	f.Fuzz(func(t *testing.T, avsc []byte) {
		c, err := Parse(avsc)
		if err != nil {
			return
		}
		if !strings.Contains(c.Schema(), `"default":{`) { // hamba refuses some of records that Avro allows
			readByOthers(t, c)
		}
		var drift []conv.Deviation
		_, facts := c.Encode(nil, 1, rowOf(t, `{}`), &drift)
		for i := range c.root.fields {
			if f := &c.root.fields[i]; f.required && facts.Reject == nil {
				t.Errorf("an empty row passed the required field %s", f.name)
			}
		}
		NewRedactor(c).Redact(nil, rowOf(t, `{"a":[{}],"f":"x"}`))
	})
}
