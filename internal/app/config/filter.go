package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	yamlnode "go.yaml.in/yaml/v3"

	"convstream/extractor/genesys"
)

// memberError is what is wrong with one entry of a list, or with one member of it. Its place
// goes on behind the list's key: "[0].path".
type memberError struct {
	place string
	error
}

func (e *memberError) Unwrap() error { return e.error }

// assignFilter takes a YAML list of conditions, or the text of one, which may be JSON.
func assignFilter(dst *[]genesys.Filter, v any) error {
	const form = "give it a list such as [{path: media_type, operator: eq, value: voice}]"
	if text, ok := v.(string); ok {
		v = []any{} // what an empty text stands for
		if err := yamlnode.Unmarshal([]byte(text), &v); err != nil {
			return errors.New("is no YAML; " + form)
		}
	}
	items, ok := v.([]any)
	if !ok {
		return errors.New("is no list; " + form)
	}
	var errs []error
	filters := make([]genesys.Filter, len(items))
	for i, item := range items {
		errs = append(errs, assignCondition(&filters[i], fmt.Sprintf("[%d]", i), item)...)
	}
	if len(filters) > 0 {
		*dst = filters
	}
	return errors.Join(errs...)
}

// assignCondition takes one condition, which stands at the place.
func assignCondition(f *genesys.Filter, place string, item any) (errs []error) {
	const members = "a condition has path, operator and value"
	given, ok := item.(map[string]any)
	if !ok {
		return []error{&memberError{place, errors.New("is no condition; " + members)}}
	}
	check := func(member string, err error) {
		if err != nil {
			errs = append(errs, &memberError{place + "." + member, err})
		}
	}
	for _, member := range []string{"path", "operator", "value"} {
		v := given[member]
		switch {
		case v == nil:
			check(member, errors.New("missing; "+members))
		case member == "path":
			check(member, assignText(&f.Path, v))
		case member == "operator":
			check(member, assignText(&f.Operator, v))
		default:
			check(member, assignValue(&f.Value, v))
		}
	}
	for _, member := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains([]string{"path", "operator", "value"}, member) {
			check(member, errors.New("unknown key; "+members))
		}
	}
	return errs
}

func assignValue(dst *any, v any) error {
	switch v.(type) {
	case string, bool, int, int64, uint64, float64:
		*dst = v
		return nil
	}
	return errors.New("is no text, number, true or false; give it one, and put a date in quotes")
}

// filters has the dialect check the conditions: it alone knows its paths, and which operators
// they take.
func (l *loader) filters() {
	s := &l.config.Source
	if l.wrong["source.filter"] || l.wrong["source.dialect"] {
		return
	}
	_, err := genesys.New(genesys.Config{
		Dialect: s.Dialect, Filter: s.Filter,
		BaseURL: "https://localhost", TokenURL: "https://localhost", ClientID: "x", ClientSecret: "x",
		Select: []string{"conversation.id"}, Limit: 1, PageSize: 1,
	})
	for _, problem := range problemsOf(err) {
		key, what, _ := strings.Cut(problem.Error(), " is ")
		l.problem(key, "%s", what)
	}
}

// problemsOf takes apart what errors.Join has put together.
func problemsOf(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, problemsOf(e)...)
	}
	return all
}
