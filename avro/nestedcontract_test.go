package avro

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inside puts a field two records deep: its path is outer.inner.<name>.
func inside(field string) string {
	return `{"name":"outer","type":["null",{"type":"array","items":{"type":"record","name":"Outer","fields":[
		{"name":"inner","type":["null",{"type":"record","name":"Inner","fields":[` + field + `]}]}]}}]}`
}

// ofG is a record with an array of records.
const ofG = `{"type":"record","name":"G","fields":[{"name":"g","source":"a","type":{"type":"array","items":{"type":"record","name":"S","fields":[{"name":"h","type":["string","null"],"default":"x"}]}},"required":true}]}`

func TestABadNestedContractIsRefusedByPathAndReason(t *testing.T) {
	for name, test := range map[string]struct {
		field string
		want  []string
	}{
		"type":                     {`{"name":"f","type":"bytes"}`, []string{`"outer.inner.f"`, "bytes", "decimals alone"}},
		"no type":                  {`{"name":"f"}`, []string{`"outer.inner.f"`, `"type"`}},
		"enum":                     {`{"name":"f","type":["null",{"type":"enum","name":"E","symbols":[5]}]}`, []string{`"outer.inner.f"`, "symbol", "5"}},
		"recursive":                {`{"name":"f","type":["null","Outer"]}`, []string{`"outer.inner.f"`, `"Outer"`, "without an end"}},
		"recursive row":            {`{"name":"f","type":["null",{"type":"array","items":"Row"}]}`, []string{`"outer.inner.f"`, `"Row"`, "without an end"}},
		"items":                    {`{"name":"f","type":["null",{"type":"array","items":["int","long"]}]}`, []string{`"outer.inner.f"`, "items", "union"}},
		"no items":                 {`{"name":"f","type":["null",{"type":"array"}]}`, []string{`"outer.inner.f"`, `"items"`}},
		"no values":                {`{"name":"f","type":["null",{"type":"map"}]}`, []string{`"outer.inner.f"`, `"values"`}},
		"values":                   {`{"name":"f","type":["null",{"type":"map","values":"fixed"}]}`, []string{`"outer.inner.f"`, "values", "no name"}},
		"no fields":                {`{"name":"f","type":["null",{"type":"record","name":"R","fields":[]}]}`, []string{`"outer.inner.f"`, "no fields"}},
		"misspelt property":        {`{"name":"f","type":"string","requird":true}`, []string{`"outer.inner.f"`, "requird"}},
		"required inside the type": {`{"name":"f","type":["null",{"type":"array","items":"string","required":true}]}`, []string{`"outer.inner.f"`, `"required"`, "beside"}},
		"identity":                 {`{"name":"f","type":"string","required":true,"identity":true}`, []string{`"outer.inner.f"`, "identity", "own fields"}},
		"neither null nor default": {`{"name":"f","type":{"type":"array","items":"string"}}`, []string{`"outer.inner.f"`, "required", "default"}},
		"default of an array":      {`{"name":"f","type":{"type":"array","items":"long"},"default":[5,"x"]}`, []string{`"outer.inner.f"`, `default "x" is no long, at [1]`}},
		"object for an array":      {`{"name":"f","type":{"type":"array","items":"string"},"default":{}}`, []string{`"outer.inner.f"`, `default {} is no array`}},
		"default of a map":         {`{"name":"f","type":{"type":"map","values":["null","string"]},"default":{"a":null,"b":"x"}}`, []string{`"outer.inner.f"`, `default "x" does not belong`, `at ["b"]`}},
		"default of a record":      {`{"name":"f","type":` + ofG + `,"default":{"g":[{"h":5}]}}`, []string{`line 2, column`, `"outer.inner.f"`, `default 5 is no string, at g[0].h`}},
		"no field of the record":   {`{"name":"f","type":` + ofG + `,"default":{"g":[],"a":1}}`, []string{`"outer.inner.f"`, `a member "a"`, "by their sources"}},
		"field without a default":  {`{"name":"f","type":` + ofG + `,"default":{}}`, []string{`"outer.inner.f"`, `lacks the field "g"`, "add it"}},
		"null without a default":   {`{"name":"f","type":{"type":"record","name":"R","fields":[{"name":"g","type":["null","int"]}]},"default":{}}`, []string{`"outer.inner.f"`, `lacks the field "g"`}},
		"default of a broken one":  {`{"name":"f","type":{"type":"record","name":"R","fields":[{"name":"g","type":"bytes"}]},"default":{"g":1}}`, []string{`"outer.inner.f.g"`, "decimals alone"}},
		"default of second branch": {`{"name":"f","type":["null",{"type":"array","items":"string"}],"default":[]}`, []string{`"outer.inner.f"`, "[]", "first branch"}},
		"wildcard":                 {`{"name":"f","type":["null","string"],"source":"a.*"}`, []string{`"outer.inner.f"`, "wildcard"}},
		"no name":                  {`{"type":["null","string"],"source":""}`, []string{`"outer.inner.#1"`, `no "name"`}},
		"one name for two records": {`{"name":"f","type":["null",{"type":"record","name":"Outer","fields":[{"name":"g","type":"int","default":1}]}]}`, []string{`"outer.inner.f"`, `"Outer"`, "name of its own"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(schemaOf(inside(test.field)))
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

// What a default holds is checked once its type is known, and not called wrong for what is wrong there.
func TestADefaultOfABrokenTypeIsNotAnotherProblem(t *testing.T) {
	_, err := Parse(schemaOf(`{"name":"f","type":{"type":"record","name":"R","fields":[{"name":"g","type":"bytes"}]},"default":{"g":1}}`, `{"name":"h","type":"R","default":{}}`))
	if err == nil || strings.Count(err.Error(), "line ") != 1 {
		t.Errorf("%v, want one problem", err)
	}
}

func TestADefaultThatUnfoldsToTooMuchIsRefused(t *testing.T) {
	record := `{"type":"record","name":"R","fields":[{"name":"g","type":"string","default":"` + strings.Repeat("x", 1000) + `"}]}`
	for n, want := range map[int]bool{1000: true, 1100: false} {
		_, err := Parse(schemaOf(`{"name":"f","type":{"type":"array","items":` + record + `},"default":[{}` + strings.Repeat(",{}", n-1) + `]}`))
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "more than 1048576 bytes") {
			t.Errorf("%d records: %v", n, err)
		}
	}
}

func TestABadFieldOfTheModelIsNamedByItsPath(t *testing.T) {
	broken := strings.Replace(jobs(t).Schema(), `{"name":"value","type":["null","long"]`, `{"name":"value","type":["null","decimal"]`, 1)
	if _, err := Parse([]byte(broken)); err == nil || !strings.Contains(err.Error(), `"participants.sessions.metrics.value"`) {
		t.Error(err)
	}
}

func TestAllBadNestedFieldsAreNamedAtOnce(t *testing.T) {
	_, err := Parse(schemaOf(inside(`{"name":"one","type":"bytes"},{"name":"two","type":"string"}`), `{"name":"three","type":"fixed"}`))
	for _, want := range []string{`"outer.inner.one"`, `"outer.inner.two"`, `"three"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestAnIdentityIsNoObjectAndNoArray(t *testing.T) {
	_, err := Parse(schemaOf(`{"name":"f","type":{"type":"array","items":"string"},"required":true,"identity":true}`))
	if err == nil || !strings.Contains(err.Error(), "scalar") {
		t.Error(err)
	}
}

func TestTheDepthOfAContractIsBounded(t *testing.T) {
	nested := func(depth int) []byte {
		return schemaOf(`{"name":"f","type":["null",` + strings.Repeat(`{"type":"array","items":`, depth) + `"string"` + strings.Repeat("}", depth) + `]}`)
	}
	c, err := Parse(nested(maxDepth))
	if err != nil {
		t.Fatal(err)
	}
	agreesWithGoavro(t, c, codecOf(t, c), `{"f":`+strings.Repeat("[", maxDepth)+`"x"`+strings.Repeat("]", maxDepth)+`}`)
	for _, depth := range []int{maxDepth + 1, 5000} {
		if _, err := Parse(nested(depth)); err == nil || !strings.Contains(err.Error(), `"f"`) || !strings.Contains(err.Error(), "at most 32") {
			t.Errorf("depth %d: %.300v", depth, err)
		}
	}
}

func TestASourceLeftOutIsTheAvroName(t *testing.T) {
	c := contractOf(t, `{"name":"a","type":["null","string"]}`, `{"name":"b","type":["null","string"],"source":"x.b"}`)
	if diff := cmp.Diff([]string{"a", "x.b"}, c.Sources()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(join([]byte{2}, avroText("1"), []byte{0}), encodeBody(t, c, `{"a":"1","b":"2"}`)); diff != "" {
		t.Error(diff)
	}
}

func TestR26_SourcesOfNestedFieldsAreTheirWholePaths(t *testing.T) {
	want := []string{"id", "flow.meta.name", "flow.version", "legs.id", "legs.codes", "legs.stats", "legs.tags"}
	if diff := cmp.Diff(want, calls(t).Sources()); diff != "" {
		t.Error(diff)
	}
}

func TestRecordsOfOneNameInTwoNamespacesAreTwoTypes(t *testing.T) {
	record := func(field, name, inner string) string {
		return `{"name":"` + field + `","type":["null",{"type":"record",` + name + `,"fields":[` + inner + `]}]}`
	}
	leaf := `{"name":"n","type":["null","int"]}`
	x := `"name":"R","namespace":"x"`
	contractOf(t, record("a", x, leaf), record("b", `"name":"R"`, leaf), record("c", `"name":"y.R"`, record("d", `"name":"S"`, leaf)), record("e", `"name":"S"`, leaf))
	for _, twice := range []string{
		record("b", `"name":"x.R"`, leaf),
		record("b", `"name":"S","namespace":"x"`, record("c", `"name":"R"`, leaf)),
		record("b", `"name":"x.S"`, record("c", `"name":"R"`, leaf)),
		record("b", `"name":"Row"`, leaf),
	} {
		if _, err := Parse(schemaOf(record("a", x, leaf), twice)); err == nil || !strings.Contains(err.Error(), "name of its own") {
			t.Errorf("%s: %v", twice, err)
		}
	}
}
