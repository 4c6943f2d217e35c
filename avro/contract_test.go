package avro

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		"empty segment":            {`{"name":"f","type":["null","string"],"source":"a..b"}`, []string{`"f"`, "a..b", "segment"}},
		"too deep":                 {`{"name":"f","type":["null","string"],"source":"a.b.c.d.e.f.g.h.i"}`, []string{`"f"`, "9 segments", "8"}},
		"misspelt property":        {`{"name":"f","type":"string","source":"a","requird":true}`, []string{`"f"`, "requird"}},
		"no type":                  {`{"name":"f","source":"a"}`, []string{`"f"`, "type"}},
		"enum":                     {`{"name":"f","type":{"type":"enum","name":"e","symbols":["A"]},"source":"a"}`, []string{`"f"`, "enum", "not supported yet"}},
		"decimal":                  {`{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":4},"source":"a"}`, []string{`"f"`, "decimal", "not supported yet"}},
		"other logical type":       {`{"name":"f","type":{"type":"string","logicalType":"uuid"},"source":"a"}`, []string{`"f"`, "uuid", "not supported yet"}},
		"three branches":           {`{"name":"f","type":["null","string","long"],"source":"a"}`, []string{`"f"`, "union", "not supported yet"}},
		"union without null":       {`{"name":"f","type":["long","string"],"source":"a"}`, []string{`"f"`, "union", "not supported yet"}},
		"privacy":                  {`{"name":"f","type":["null","string"],"source":"a","privacy":"hash"}`, []string{`"f"`, "privacy", "not supported yet"}},
		"neither null nor default": {`{"name":"f","type":"string","source":"a"}`, []string{`"f"`, "required", "default"}},
		"optional identity":        {`{"name":"f","type":["null","string"],"source":"a","identity":true}`, []string{`"f"`, "identity", "required"}},
		"default of another type":  {`{"name":"f","type":"long","source":"a","default":"7"}`, []string{`"f"`, `"7"`, "long"}},
		"default out of range":     {`{"name":"f","type":"int","source":"a","default":3000000000}`, []string{`"f"`, "3000000000", "int"}},
		"default of second branch": {`{"name":"f","type":["null","string"],"source":"a","default":"x"}`, []string{`"f"`, `"x"`, "first branch"}},
		"null before string":       {`{"name":"f","type":["string","null"],"source":"a","default":null}`, []string{`"f"`, "null", "string"}},
		"bad name":                 {`{"name":"f-g","type":["null","string"],"source":"a"}`, []string{"f-g"}},
		"no name":                  {`{"type":["null","string"],"source":"*"}`, []string{"#1", "wildcard"}},
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

func TestAllBadFieldsAreNamedAtOnce(t *testing.T) {
	_, err := Parse(schemaOf(`{"name":"one","type":"string"}`, `{"name":"two","type":"bytes","source":"b"}`))
	if err == nil || !strings.Contains(err.Error(), `"one"`) || !strings.Contains(err.Error(), `"two"`) {
		t.Error(err)
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

func FuzzParseNeverPanics(f *testing.F) {
	f.Add([]byte(reports(f).Schema()))
	f.Add([]byte(calls(f).Schema()))
	f.Add(schemaOf(`{"name":"f","type":["long","null"],"source":"a.b","default":5}`))
	f.Add(schemaOf(`{"name":"f","type":{"type":"long","logicalType":"timestamp-millis"},"source":"a","default":0}`))
	f.Fuzz(func(t *testing.T, avsc []byte) {
		c, err := Parse(avsc)
		if err != nil {
			return
		}
		if _, facts := c.Encode(nil, 1, rowOf(t, `{}`), nil); facts.Reject == nil {
			for i := range c.root.fields {
				if c.root.fields[i].required {
					t.Errorf("an empty row passed the required field %s", c.root.fields[i].name)
				}
			}
		}
	})
}
