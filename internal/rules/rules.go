// Package rules holds the user's own JSON Schema against rows, beside what the contract asks.
package rules

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"convstream/internal/conv"
)

// Rules is a compiled JSON Schema. It is safe for concurrent use.
type Rules struct{ schema *jsonschema.Schema }

// Check says what a row breaks, nil where it keeps the rules. Of several places it names the
// first by their paths. Neither values of the row nor text of the schema's own values get into
// the result: it names the place in both.
//
// As in encoding/json the last of equal keys counts. Numbers are compared exactly, so that one
// beyond a thousand digits, or with an exponent beyond ±1000, is refused; so is a row that is
// nested deeper than 200 levels.
func (r *Rules) Check(row *conv.Row) *conv.Reject {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(row.Raw))
	if err != nil {
		return reject(nil, "a JSON value", "something else")
	}
	if at, limit := beyondLimits(value); limit != "" {
		return reject(at, limit, typeAt(value, at))
	}
	err = r.schema.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return reject(nil, "a row that the JSON Schema can be held against", "another one")
	}
	first := firstOf(invalid)
	if _, circle := first.ErrorKind.(*kind.RefCycle); circle { // Load lets none through that it can see
		return reject(nil, shorten("a JSON Schema whose references come to an end, and not one as at "+fragment(first), longestExpected), "a circle")
	}
	at, expected, found := first.InstanceLocation, expectation(first), typeAt(value, first.InstanceLocation)
	if missing := missingKeys(first.ErrorKind); len(missing) > 0 {
		at, found = append(at[:len(at):len(at)], missing[0]), "nothing"
	}
	return reject(at, expected, found)
}

func reject(at []string, expected, found string) *conv.Reject {
	return &conv.Reject{Reason: conv.ReasonJSONSchema, Path: path(at), Expected: expected, Found: found}
}

// firstOf walks to the first of the reasons that stand on their own. Of anyOf, oneOf and not
// the reason is that none, or too many, of their schemas hold.
func firstOf(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
	default:
		return e
	}
	first := e
	for i, cause := range e.Causes {
		if inner := firstOf(cause); i == 0 || before(inner, first) {
			first = inner
		}
	}
	return first
}

// before orders reasons, as the validator finds those of an object's members in any order.
func before(a, b *jsonschema.ValidationError) bool {
	for i := range min(len(a.InstanceLocation), len(b.InstanceLocation)) {
		if order := compareSteps(a.InstanceLocation[i], b.InstanceLocation[i]); order != 0 {
			return order < 0
		}
	}
	return cmp.Or(
		cmp.Compare(len(a.InstanceLocation), len(b.InstanceLocation)),
		cmp.Compare(a.SchemaURL, b.SchemaURL),
		cmp.Compare(keyword(a.ErrorKind), keyword(b.ErrorKind)),
	) < 0
}

// compareSteps orders indexes of an array, and keys that read like one, by their numbers, and
// puts other keys behind them by their bytes.
func compareSteps(a, b string) int {
	m, err := strconv.ParseUint(a, 10, 64)
	n, err2 := strconv.ParseUint(b, 10, 64)
	switch {
	case err == nil && err2 == nil:
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(a, b))
	case err == nil:
		return -1
	case err2 == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

// expectation is what the schema asks for, and where it does.
func expectation(e *jsonschema.ValidationError) string {
	word := keyword(e.ErrorKind)
	if t, ok := e.ErrorKind.(*kind.Type); ok {
		word += " " + strings.Join(t.Want, " or ")
	}
	return shorten(fmt.Sprintf("%s, at %s", word, fragment(e)), longestExpected)
}

const longestExpected = 200 // it becomes a record header

// fragment is the place in the schema that an error speaks of.
func fragment(e *jsonschema.ValidationError) string {
	_, pointer, _ := strings.Cut(e.SchemaURL, "#")
	return "#" + pointer
}

// keyword is the keyword of the schema that a value breaks.
func keyword(k jsonschema.ErrorKind) string {
	switch k.(type) {
	case *kind.Not:
		return "not"
	case *kind.FalseSchema:
		return "no value"
	case *kind.PropertyNames:
		return "propertyNames"
	}
	if path := k.KeywordPath(); len(path) > 0 {
		return path[0]
	}
	return "a value that can be checked"
}

// missingKeys are the keys that the schema asks for and an object lacks.
func missingKeys(k jsonschema.ErrorKind) []string {
	switch k := k.(type) {
	case *kind.Required:
		return k.Missing
	case *kind.DependentRequired:
		return k.Missing
	case *kind.Dependency:
		return k.Missing
	}
	return nil
}

// typeAt is the JSON type of the value at a place.
func typeAt(value any, at []string) string {
	for _, step := range at {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(v) {
				value = v[i]
			}
		}
	}
	switch value.(type) {
	case nil:
		return conv.Null.String()
	case bool:
		return conv.True.String()
	case json.Number:
		return conv.Number.String()
	case string:
		return conv.String.String()
	case []any:
		return conv.Array.String()
	}
	return conv.Object.String()
}
