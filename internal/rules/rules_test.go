package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"convstream/internal/conv"
)

func load(t testing.TB, schema string) (*Rules, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(file, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func rules(t testing.TB, schema string) *Rules {
	t.Helper()
	r, err := load(t, schema)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func row(text string) *conv.Row { return &conv.Row{Raw: []byte(text)} }

const example = `{
  "properties": {
    "priority": {"enum": ["low", "high"]},
    "metrics.queuetime.ms": {"type": ["integer", "null"], "minimum": 0},
    "big": {"maximum": 9007199254740993},
    "at": {"format": "date-time"},
    "participants": {"items": {"$ref": "#/$defs/participant"}},
    "any": {"anyOf": [{"type": "string"}, {"required": ["x"]}]},
    "odd key": {"not": {"type": "null"}},
    "none": false,
    "names": {"propertyNames": {"maxLength": 3}},
    "closed": {"additionalProperties": false}
  },
  "required": ["conversation.id"],
  "$defs": {"participant": {"required": ["purpose"], "properties": {"purpose": {"type": "string"}}}}
}`

func TestR70_ARowIsHeldAgainstTheUsersOwnSchema(t *testing.T) {
	r := rules(t, example)
	for name, c := range map[string]struct {
		row                   string
		path, expected, found string // expected and found of what is wrong; "" where nothing is
	}{
		"kept":                    {row: `{"conversation.id":"c","priority":"high","metrics.queuetime.ms":null,"big":9007199254740993}`},
		"no member of an enum":    {`{"conversation.id":"c","priority":"secret"}`, "priority", "enum, at #/properties/priority", "string"},
		"a key with dots":         {`{"conversation.id":"c","metrics.queuetime.ms":"12"}`, "metrics.queuetime.ms", "type null or integer, at #/properties/metrics.queuetime.ms", "string"},
		"too small":               {`{"conversation.id":"c","metrics.queuetime.ms":-1}`, "metrics.queuetime.ms", "minimum, at #/properties/metrics.queuetime.ms", "number"},
		"more than a double has":  {`{"conversation.id":"c","big":9007199254740994}`, "big", "maximum, at #/properties/big", "number"},
		"a format":                {`{"conversation.id":"c","at":"yesterday"}`, "at", "format, at #/properties/at", "string"},
		"a missing key":           {`{}`, "conversation.id", "required, at #", "nothing"},
		"a missing key inside":    {`{"conversation.id":"c","participants":[{"purpose":"agent"},{}]}`, "participants[1].purpose", "required, at #/$defs/participant", "nothing"},
		"the first of several":    {`{"conversation.id":"c","participants":[{"purpose":1},{"purpose":1}],"priority":1}`, "participants[0].purpose", "type string, at #/$defs/participant/properties/purpose", "number"},
		"none of several":         {`{"conversation.id":"c","any":{}}`, "any", "anyOf, at #/properties/any", "object"},
		"what must not be":        {`{"conversation.id":"c","odd key":null}`, `["odd key"]`, "not, at #/properties/odd%20key", "null"},
		"a key that must not be":  {`{"conversation.id":"c","none":[]}`, "none", "no value, at #/properties/none", "array"},
		"a name of a key":         {`{"conversation.id":"c","names":{"personal":true}}`, "names", "propertyNames, at #/properties/names/propertyNames", "object"},
		"a key that is not known": {`{"conversation.id":"c","closed":{"personal":true}}`, "closed", "additionalProperties, at #/properties/closed", "object"},
		"the last of equal keys":  {row: `{"conversation.id":"c","priority":"secret","priority":"low"}`},
		"no object":               {row: `[1]`},
		"no JSON":                 {`{"conversation.id`, "$", "a JSON value", "something else"},
		"a number without end":    {`{"conversation.id":"c","a":[1,{"b":1e1001}],"x":1e99999999999}`, "a[1].b", "a number of at most 1000 digits, with an exponent up to ±1000", "number"},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.Check(row(c.row))
			if c.expected == "" {
				if got != nil {
					t.Errorf("rejected: %+v", *got)
				}
				return
			}
			want := conv.Reject{Reason: conv.ReasonJSONSchema, Path: c.path, Expected: c.expected, Found: c.found}
			if got == nil || *got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestR71_AReasonHoldsNoValueOfTheRow(t *testing.T) {
	r := rules(t, `{"additionalProperties": {"enum": ["x"], "type": "string"}, "properties": {"k": {"const": 1}, "p": {"pattern": "^a"}, "u": {"uniqueItems": true}, "f": {"format": "ipv4"}}}`)
	for _, text := range []string{
		`{"a":"s3cret"}`, `{"k":"s3cret"}`, `{"p":"s3cret"}`, `{"u":["s3cret","s3cret"]}`, `{"f":"s3cret"}`, `{"m":{"s3cret":"s3cret"}}`,
	} {
		got := r.Check(row(text))
		if got == nil || strings.Contains(fmt.Sprintf("%+v", *got), "s3cret") {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestAReasonFitsARecordHeader(t *testing.T) {
	deep := strings.Repeat(`{"`+strings.Repeat("ä", 500)+`":`, 200) + "1" + strings.Repeat("}", 200)
	r := rules(t, `{"$defs":{"`+strings.Repeat("x", 5000)+`":{"type":"object","additionalProperties":{"$ref":"#/$defs/`+strings.Repeat("x", 5000)+`"}}},"$ref":"#/$defs/`+strings.Repeat("x", 5000)+`"}`)
	got := r.Check(row(deep))
	if got == nil || len(got.Path) > longestPath+3 || len(got.Expected) > 203 {
		t.Errorf("got %+v", got)
	}
}

func TestEqualRowsHaveEqualReasonsAlsoSideBySide(t *testing.T) {
	r := rules(t, `{"additionalProperties": {"type": "string"}}`)
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, `,"k%02d":%d`, i, i)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := r.Check(row("{" + text.String()[1:] + "}")); got == nil || got.Path != "k00" {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestLoadSaysFileLineAndPlaceOfWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		want   []string
	}{
		"no JSON":                {"{\n\n  \"type\": strin\n}", []string{":3: it is no JSON"}},
		"cut":                    {"{\n\"type\":", []string{":2: it is no JSON"}},
		"two documents":          {"{} {}", []string{":1: it is no JSON"}},
		"an unknown type":        {"{\n\"properties\": {\n\"a\": {\n\"type\": \"strin\"}}}", []string{":4: #/properties/a/type: ", "string"}},
		"inside an array":        {"{\"allOf\": [\n{},\n{\"minimum\": \"1\"}]}", []string{":3: #/allOf/1/minimum: ", "number"}},
		"a pattern":              {"{\n\"pattern\": \"(?=a)\"}", []string{":2: #/pattern", "(?=a)"}},
		"another file":           {`{"$ref": "/etc/passwd"}`, []string{":1: ", "etc/passwd", "$defs"}},
		"a file beside it":       {`{"$ref": "other.json#/a"}`, []string{"refers to other.json", "$defs"}},
		"the network":            {`{"$ref": "http://127.0.0.1:1/a.json"}`, []string{"http://127.0.0.1:1/a.json", "$defs"}},
		"another meta schema":    {`{"$schema": "http://127.0.0.1:1/meta"}`, []string{"http://127.0.0.1:1/meta"}},
		"a reference to nothing": {`{"$ref": "#/$defs/a"}`, []string{"#/$defs/a", "not found"}},
		"a number without end":   {"{\n\"maximum\": 1e99999999999}", []string{":2: #/maximum: it is beyond a limit; use a number of at most 1000 digits"}},
		"no schema":              {`[]`, []string{":1: #"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.schema)
			if err == nil {
				t.Fatal("it was loaded")
			}
			for _, want := range append(c.want, "rules.json") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := Load("no/such/file.json"); err == nil || !strings.Contains(err.Error(), "no/such/file.json") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReferencesInsideTheFileAndToTheDraftsAreFollowed(t *testing.T) {
	for _, schema := range []string{
		`{"$id": "https://acme.example/row.json", "$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}`,
		`{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "object"}}, "allOf": [{"$ref": "#/definitions/a"}]}`,
		`{"$defs": {"a": {"$anchor": "there", "type": "object"}}, "$ref": "#there"}`,
		`{"type": "object", "properties": {"schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}}`,
	} {
		r := rules(t, schema)
		if good, bad := r.Check(row(`{}`)), r.Check(row(`1`)); good != nil || bad == nil {
			t.Errorf("%s: %+v, %+v", schema, good, bad)
		}
	}
}

func FuzzRulesNeverPanic(f *testing.F) {
	f.Add(example, `{"conversation.id":"c","participants":[{}],"big":1e400}`)
	f.Add(`{"uniqueItems":true,"multipleOf":0.1,"items":{"$dynamicRef":"#x"},"$dynamicAnchor":"x"}`, `[1,[2],[[1e999]],1e-999,0.30000000000000001]`)
	f.Add(`{"$id":"http://a/b","$defs":{"c":{"$id":"http://a/b"}}}`, `null`)
	f.Add(`{"$ref":"#"}`, `{}`)
	f.Add(`{"unevaluatedProperties":false,"dependentSchemas":{"a":false},"if":{},"then":{"contains":{"const":1}}}`, `{"a":[1,2]}`)
	f.Fuzz(func(t *testing.T, schema, text string) {
		r, err := parse([]byte(schema))
		if err != nil {
			return
		}
		first, second := r.Check(row(text)), r.Check(row(text))
		if (first == nil) != (second == nil) || first != nil && *first != *second {
			t.Errorf("one row has two verdicts: %+v, %+v", first, second)
		}
	})
}
