package rules

import (
	"strings"
	"testing"

	"convstream/internal/conv"
)

func TestASchemaWhoseReferencesGoInACircleIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ schema, at string }{
		"itself":             {`{"$ref": "#"}`, ":1: #: "},
		"each other":         {"{\"allOf\": [{\"$ref\": \"#/$defs/a\"}], \"$defs\": {\n\"a\": {\"$ref\": \"#/$defs/b\"},\n\"b\": {\"$ref\": \"#/$defs/a\"}}}", ":2: #/$defs/a: "},
		"in a member":        {`{"properties": {"x": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}}`, "#/$defs/a: "},
		"under a pattern":    {`{"patternProperties": {"^x": {"$ref": "#/$defs/a b"}}, "$defs": {"a b": {"not": {"$ref": "#/$defs/a b"}}}}`, "#/$defs/a b: "},
		"of names":           {`{"propertyNames": {"if": {"$ref": "#/propertyNames"}}}`, "#/propertyNames: "},
		"of elements":        {`{"items": {"oneOf": [{"$ref": "#/items"}]}}`, "#/items: "},
		"beside a condition": {`{"dependentSchemas": {"a": {"$ref": "#"}}}`, ":1: #: "},
		"of an older draft":  {`{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": {"$ref": "#"}}}`, ":1: #: "},
		"dynamic":            {`{"$dynamicAnchor": "x", "$dynamicRef": "#x"}`, ":1: #: "},
		"dynamic by a scope": {`{"$dynamicAnchor": "x", "$ref": "inner", "$defs": {"inner": {"$id": "inner", "$dynamicRef": "#x", "$defs": {"x": {"$dynamicAnchor": "x"}}}}}`, ": "},
	} {
		_, err := load(t, c.schema)
		if err == nil || !strings.Contains(err.Error(), c.at) || !strings.Contains(err.Error(), "references lead from here back to here") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestASchemaMaySpeakOfItselfInMembersAndElements(t *testing.T) {
	for _, schema := range []string{
		`{"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}}`,
		`{"type": "object", "properties": {"a": {"items": {"$ref": "#"}}}}`,
		`{"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "object"}}}`,
		`{"$dynamicAnchor": "n", "type": "object", "properties": {"a": {"items": {"$dynamicRef": "#n"}}}}`,
	} {
		r := rules(t, schema)
		if good, bad := r.Check(row(`{"a":[]}`)), r.Check(row(`1`)); bad == nil || good != nil && !strings.Contains(schema, "string") {
			t.Errorf("%s: %+v, %+v", schema, good, bad)
		}
	}
}

// Load cannot see where this one leads.
func TestACircleThatARowComesUponIsNotToldAsItsFault(t *testing.T) {
	r := rules(t, `{"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true, "$ref": "inner#/$defs/x",
		"$defs": {"inner": {"$id": "inner", "$recursiveAnchor": true, "$defs": {"x": {"$recursiveRef": "#"}}}}}`)
	got := r.Check(row(`{"a":1}`))
	if got == nil || got.Reason != conv.ReasonJSONSchema || got.Path != "$" || !strings.HasPrefix(got.Expected, "a JSON Schema whose references come to an end") {
		t.Errorf("got %+v", got)
	}
}
