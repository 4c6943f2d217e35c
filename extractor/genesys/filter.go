package genesys

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Filter is one condition on the rows of a job. All of a Config's have to hold.
//
// The paths media_type, direction, division and queue mean the same in both dialects, are
// compared by eq and take a string; division and queue are ids. Dialect "reports" has
// media_type of these, and its own columns beside it.
type Filter struct {
	Path     string
	Operator string // "eq"; "gte" for columns of dialect "reports"
	Value    any    // a string, a bool or a number: it keeps its JSON type
}

// neutral are the paths that both dialects are asked for.
var neutral = []string{"media_type", "direction", "division", "queue"}

// columns are the known paths of dialect "reports", beside those below customAttribute.
var columns = []string{
	"interaction.id", "interaction.type", "conversation.id", "timestamp", "metrics.queuetime.ms", "metrics.handledtime.ms",
}

const customAttribute = "attributes.custom."

// clause is a condition as dialect "reports" has it.
type clause struct {
	Type     string          `json:"type"`
	Path     string          `json:"path"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// clauses renders the conditions for dialect "reports".
func clauses(filters []Filter) ([]clause, error) {
	list, errs := make([]clause, len(filters)), []error(nil)
	for i, f := range filters {
		at := fmt.Sprintf("source.filter[%d]", i)
		column, operators, err := f.column(at)
		errs = append(errs, err, f.checkOperator(at, operators))
		value, err := f.value(at)
		errs = append(errs, err)
		if f.Path == "media_type" {
			_, err := f.word(at)
			errs = append(errs, err)
		}
		list[i] = clause{Type: "field", Path: column, Operator: f.Operator, Value: value}
	}
	return list, errors.Join(errs...)
}

// column is the path in dialect "reports", and how it may be compared.
func (f Filter) column(at string) (column string, operators []string, err error) {
	name, custom := strings.CutPrefix(f.Path, customAttribute)
	switch {
	case f.Path == "media_type":
		return "interaction.type", []string{"eq"}, nil
	case slices.Contains(neutral, f.Path):
		return "", []string{"eq"}, fmt.Errorf(`%s.path is %q: dialect "reports" has no known column for it; remove it, or use dialect "jobs"`, at, f.Path)
	case slices.Contains(columns, f.Path), custom && name != "" && !strings.ContainsAny(name, "* "):
		return f.Path, []string{"eq", "gte"}, nil
	}
	return "", nil, fmt.Errorf("%s.path is %q: want media_type, %s, or %s and an attribute's name", at, f.Path, strings.Join(columns, ", "), customAttribute)
}

// dimensions are the neutral paths in dialect "jobs".
var dimensions = map[string]string{"media_type": "mediaType", "direction": "direction", "division": "divisionId", "queue": "queueId"}

// condition is a condition as dialect "jobs" has it.
type condition struct {
	Type       string      `json:"type"`
	Predicates []predicate `json:"predicates"`
}

type predicate struct {
	Type      string `json:"type"`
	Dimension string `json:"dimension"`
	Operator  string `json:"operator"`
	Value     string `json:"value"`
}

// conditions renders the conditions for dialect "jobs": those on conversations, and those on
// their segments.
func conditions(filters []Filter) (conversation, segment []condition, err error) {
	var errs []error
	for i, f := range filters {
		at := fmt.Sprintf("source.filter[%d]", i)
		dimension, known := dimensions[f.Path]
		if !known {
			errs = append(errs, fmt.Errorf(`%s.path is %q: dialect "jobs" has %s`, at, f.Path, strings.Join(slices.Sorted(maps.Keys(dimensions)), ", ")))
		}
		word, err := f.word(at)
		errs = append(errs, err, f.checkOperator(at, []string{"eq"}))
		c := condition{Type: "and", Predicates: []predicate{{Type: "dimension", Dimension: dimension, Operator: "matches", Value: word}}}
		if f.Path == "division" {
			conversation = append(conversation, c)
		} else {
			segment = append(segment, c)
		}
	}
	return conversation, segment, errors.Join(errs...)
}

// checkOperator finds an operator that is none of those, of which there are none for a path
// that is wrong itself.
func (f Filter) checkOperator(at string, operators []string) error {
	if operators == nil || slices.Contains(operators, f.Operator) {
		return nil
	}
	return fmt.Errorf("%s.operator is %q: want %s for %s", at, f.Operator, strings.Join(operators, " or "), f.Path)
}

// value is the value in JSON.
func (f Filter) value(at string) (json.RawMessage, error) {
	switch f.Value.(type) {
	case string, bool, int, int64, uint64, float64:
		if b, err := json.Marshal(f.Value); err == nil { // there are floats that JSON lacks
			return b, nil
		}
	}
	return nil, fmt.Errorf("%s.value is %v: want a string, a number, true or false", at, f.Value)
}

// word is a value that has to be a string.
func (f Filter) word(at string) (string, error) {
	word, ok := f.Value.(string)
	if !ok || word == "" {
		return "", fmt.Errorf("%s.value is %v: want a string for %s", at, f.Value, f.Path)
	}
	return word, nil
}
