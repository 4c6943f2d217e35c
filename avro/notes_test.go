package avro

import (
	"fmt"
	"strings"
	"testing"
)

// Consumers read properties of types that neither Avro nor convstream knows.
func TestATypeKeepsTheNotesOfConsumers(t *testing.T) {
	for _, note := range []string{"avro.java.string", "java-class", "connect.name", "connect.version", "connect.parameters", "connect.default", "sqlType", "logicalMap",
		"adjust-to-utc", "element-id", "field-id", "value-id", "version", "unit", "title", "description", "tags", "id", "order-by", "pii", "date", "node"} {
		noted := fmt.Sprintf(`,%q:"x"`, note)
		avsc := fmt.Appendf(nil, `{"type":"record","name":"Row"%s,"fields":[{"name":"f","type":["null",{"type":"string"%s}]},
			{"name":"g","type":["null",{"type":"array","items":{"type":"enum","name":"E","symbols":["X"]%s}%s}]}]}`, noted, noted, noted, noted)
		c, err := Parse(avsc)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := strings.Count(c.Schema(), fmt.Sprintf(`%q:"x"`, note)); got != 4 {
			t.Errorf("%s: %d are registered, want 4: %s", note, got, c.Schema())
		}
	}
}

func TestAMisspeltPropertyOfATypeIsRefused(t *testing.T) {
	for _, c := range []struct{ typ, want string }{
		{`{"type":"string","privcy":"mask"}`, `"privcy" is no property of a type; did you mean "privacy"? That one belongs beside the field's name`},
		{`{"type":"string","Privacy":"mask"}`, `did you mean "privacy"?`},
		{`{"type":"string","PRIVACY":"mask"}`, `"PRIVACY" is no property of a type; did you mean "privacy"?`},
		{`{"type":"string","privacy":"mask"}`, `"privacy" is a property of a field, and stands in a type; move it out, beside the field's name`},
		{`{"type":"string","required":true}`, `"required" is a property of a field`},
		{`{"type":"array","items":"string","item":3}`, `"item" is no property of a type; did you mean "items"?`},
		{`{"type":"array","items":{"type":"string","idenity":true}}`, `items: "idenity" is no property of a type; did you mean "identity"?`},
		{`{"type":"map","values":"string","value":3}`, `did you mean "values"?`},
		{`{"type":"long","logical_type":"timestamp-millis"}`, `did you mean "logicalType"?`},
		{`{"type":"long","logicaltype":"timestamp-millis"}`, `did you mean "logicalType"?`},
		{`{"type":"enum","name":"E","symbols":["X"],"defualt":"X"}`, `did you mean "default"?`},
		{`{"type":"record","name":"R","namspace":"a","fields":[{"name":"g","type":"long","default":0}]}`, `did you mean "namespace"?`},
		{`{"type":"record","name":"R","dock":"a","fields":[{"name":"g","type":"long","default":0}]}`, `did you mean "doc"?`},
		{`{"type":"bytes","logicalType":"decimal","precission":9,"precision":9,"scale":2}`, `did you mean "precision"?`},
	} {
		if _, err := Parse(schemaOf(`{"name":"f","type":["null",` + c.typ + `]}`)); err == nil || !strings.Contains(err.Error(), `field "f": `) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.typ, err, c.want)
		}
	}
	const row = `{"type":"record","name":"Row","identity":true,"fields":[{"name":"f","type":"text"}]}`
	_, err := Parse([]byte(row))
	for _, want := range []string{`column 31: "identity" is a property of a field`, `field "f": type "text"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestWhatStandsBesideAFieldOrATypeIsAvroToo(t *testing.T) {
	field := func(more string) []byte {
		return schemaOf(`{"name":"f","type":["null","string"],"source":"a","default":null,` + more + `}`)
	}
	enum := func(more string) []byte {
		return schemaOf(`{"name":"f","type":["null",{"type":"enum","name":"E","symbols":["X"],` + more + `}],"source":"a","default":null}`)
	}
	for _, c := range []struct {
		avsc []byte
		want string // of the error, "" where there is none
	}{
		{field(`"order":"igntre"`), `"order" is "igntre"; use "ascending"`},
		{field(`"order":7`), `"order" is 7; use "ascending"`},
		{field(`"doc":7`), `"doc" is 7; give a string`},
		{field(`"aliases":"g"`), `"aliases" is "g"; give a list of names`},
		{field(`"aliases":["g h"]`), `the alias "g h" is no name`},
		{field(`"aliases":["a.g"]`), `the alias "a.g" is no name`},
		{field(`"aliases":[7]`), `the alias 7 is no name`},
		{enum(`"aliases":["a b"]`), `the alias "a b" is no name`},
		{enum(`"doc":[]`), `"doc" is []; give a string`},
		{field(`"order":"ignore","doc":"d","aliases":["g"]`), ""},
		{enum(`"doc":"d","aliases":["a.G","H"]`), ""},
	} {
		parsed, err := Parse(c.avsc)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.avsc, err)
		case c.want == "":
			readByOthers(t, parsed)
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %v, want one with %q", c.avsc, err, c.want)
		}
	}
}
