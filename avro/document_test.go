package avro

import (
	"fmt"
	"strings"
	"testing"
)

func TestABadContractIsNamedByLineAndColumn(t *testing.T) {
	const contract = `{
  "type": "record",
  "name": "Row",
  "fields": [
    {"name": "id", "type": "string", "required": true},
    {"name": "legs", "type": ["null", {"type": "array", "items": {
      "type": "record",
      "name": "Leg",
      "fields": [
        {"name": "ani", "type": ["null", "string"], "default": null}
      ]
    }}], "default": null}
  ]
}
`
	if _, err := Parse([]byte(contract)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{`"null", "string"], "default": null}`, `"null", "strong"], "default": null}`, `line 10, column 42: field "legs.ani": type "strong"`},
		{`"default": null}` + "\n      ]", `"default": "x"}` + "\n      ]", `line 10, column 64: field "legs.ani": default "x"`},
		{`"default": null}` + "\n      ]", `"default": null, "privacy": "blur"}` + "\n      ]", `line 10, column 81: field "legs.ani": "privacy" is "blur"`},
		{`"required": true`, `"required": 1`, `line 5, column 50: field "id": "required" is 1`},
		{`"required": true`, `"requird": true`, `line 5, column 38: field "id": "requird"`},
		{`"name": "Leg"`, `"name": "Row"`, `line 8, column 15: field "legs": items: its type has the name "Row"`},
		{`"name": "Leg",`, ``, `line 6, column 66: field "legs": items: its type has no name`},
		{`"name": "ani"`, `"name": "a-i"`, `line 10, column 18: field "legs.a-i": "a-i" is no name`},
		{`"default": null}` + "\n      ]", `"default": null,}` + "\n      ]", `line 10, column 69: the file is no JSON: invalid character '}' looking for beginning of object key string; take out the comma before it`},
		{`"default": null}` + "\n      ]", `"default": null},` + "\n      ]", `line 11, column 7: the file is no JSON: invalid character ']' looking for beginning of value; take out the comma before it`},
		{`"name": "Row",`, `"name": "Row", "namspace": "acme",`, `line 3, column 18: "namspace" is no property of a type; did you mean "namespace"?`},
		{`"name": "Leg",`, `"name": "Leg", "privcy": "mask",`, `line 8, column 22: field "legs": "privcy" is no property of a type; did you mean "privacy"?`},
		{`"name": "Leg",`, `"name": "Leg", "name": "Leg",`, `line 8, column 22: the key "name" stands twice`},
		{`"type": "record",` + "\n  \"name\": \"Row\"", `"type": "enum",` + "\n  \"name\": \"Row\"", `line 1, column 1: the schema has to be a record`},
	} {
		_, err := Parse([]byte(strings.Replace(contract, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.new, err, test.want)
		}
	}
	for file, want := range map[string]string{
		"":                               "line 1, column 1: the file is empty",
		contract[:100]:                   "line 5, column 47: the file is no JSON",
		contract + "}":                   "line 15, column 1: the file is no JSON",
		"\xef\xbb\xbf" + contract:        "line 1, column 1: the file is no JSON",
		strings.Repeat("[", 20_000):      "the file is no JSON",
		`{"type":"record","name":"R"}`:   "line 1, column 1: its record has no fields",
		`{"type":"record","fields":[1]}`: "line 1, column 1: its type has no name",
	} {
		if _, err := Parse([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v\nwant %s", file, err, want)
		}
	}
}

// A contract whose named records use each other unfolds to many more fields than it writes.
func TestAContractThatUnfoldsWithoutBoundIsRefused(t *testing.T) {
	var fields []string
	inner := `"string"`
	for i := range 24 {
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":["null",{"type":"record","name":"R%d","fields":[{"name":"a","type":["null",%s]},{"name":"b","type":["null",%s]}]}]}`, i, i, inner, inner))
		inner = fmt.Sprintf(`"R%d"`, i)
	}
	if _, err := Parse(schemaOf(fields...)); err == nil || !strings.Contains(err.Error(), "more than 10000 fields") {
		t.Errorf("%.300v", err)
	}
}

// goavro panics for a second decimal without a scale.
func TestASchemaThatMakesGoavroPanicIsAnError(t *testing.T) {
	decimal := `{"type":"bytes","logicalType":"decimal","precision":4}`
	_, err := newCodec(`{"type":"record","name":"R","fields":[{"name":"a","type":` + decimal + `},{"name":"b","type":` + decimal + `}]}`)
	if err == nil {
		t.Error("it was taken")
	}
}
