package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// filter is one of the filters of a query of the dialect jobs: predicates and clauses of
// predicates, of which all or any must hold, for one and the same thing that it looks at.
type filter struct {
	things     func(*conversation) []thing
	any        bool
	predicates []predicate
	clauses    []clauseOf
}

type clauseOf struct {
	any        bool
	predicates []predicate
}

// predicate is a condition on a dimension or a metric.
type predicate struct {
	name     string
	operator string
	value    string
	bounds   *bounds
}

type bounds struct{ GT, GTE, LT, LTE *json.Number }

// thing is what a filter looks at: it has texts under the names of dimensions and metrics.
// A name that it has nothing under does not exist for it.
type thing func(name string) []string

// holds says whether the conversation fulfils every filter.
func (q *detailQuery) holds(c *conversation) bool {
	for i := range q.filters {
		if !slices.ContainsFunc(q.filters[i].things(c), q.filters[i].holds) {
			return false
		}
	}
	return true
}

func (f *filter) holds(t thing) bool {
	found := 0
	for i := range f.predicates {
		if f.predicates[i].holds(t) {
			found++
		}
	}
	for i := range f.clauses {
		if f.clauses[i].holds(t) {
			found++
		}
	}
	if f.any {
		return found > 0
	}
	return found == len(f.predicates)+len(f.clauses)
}

func (c *clauseOf) holds(t thing) bool {
	holds := func(p predicate) bool { return p.holds(t) }
	if c.any {
		return slices.ContainsFunc(c.predicates, holds)
	}
	return !slices.ContainsFunc(c.predicates, func(p predicate) bool { return !holds(p) })
}

func (p *predicate) holds(t thing) bool {
	values := t(p.name)
	switch {
	case p.operator == "exists":
		return len(values) > 0
	case p.operator == "notExists":
		return len(values) == 0
	case p.bounds != nil:
		return slices.ContainsFunc(values, p.bounds.hold)
	}
	return slices.Contains(values, p.value)
}

func (b *bounds) hold(value string) bool {
	x, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return false
	}
	within := func(bound *json.Number, beyond func(limit float64) bool) bool {
		if bound == nil {
			return true
		}
		limit, err := bound.Float64()
		return err == nil && beyond(limit)
	}
	return within(b.GT, func(l float64) bool { return x > l }) && within(b.GTE, func(l float64) bool { return x >= l }) &&
		within(b.LT, func(l float64) bool { return x < l }) && within(b.LTE, func(l float64) bool { return x <= l })
}

// grammar is what a kind of filter may name and what it looks at.
type grammar struct {
	kind       string
	dimensions []string
	metrics    []string
	things     func(*conversation) []thing
}

// sentPredicate and sentFilter are the JSON of a filter.
type sentPredicate struct {
	Type, Dimension, Metric, Property, PropertyType, Operator string

	Value *string
	Range *bounds
}

type sentFilter struct {
	Type       string
	Predicates []sentPredicate
	Clauses    []struct {
		Type       string
		Predicates []sentPredicate
	}
}

// readFilters returns the reader of one of the five arrays of filters.
func readFilters(g grammar) func(*detailQuery, json.RawMessage) error {
	return func(q *detailQuery, m json.RawMessage) error {
		var sent []sentFilter
		if err := json.Unmarshal(m, &sent); err != nil {
			return errors.New("is no list of filters")
		}
		for i := range sent {
			f, err := g.filter(&sent[i])
			if err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
			q.filters = append(q.filters, f)
		}
		return nil
	}
}

func (g *grammar) filter(sent *sentFilter) (filter, error) {
	f := filter{things: g.things, any: sent.Type == "or"}
	if err := oneOf(sent.Type, "FilterType", []string{"and", "or"}); err != nil {
		return f, err
	}
	if len(sent.Predicates)+len(sent.Clauses) == 0 {
		return f, errors.New("has neither predicates nor clauses")
	}
	var err error
	if f.predicates, err = g.predicates(sent.Predicates); err != nil {
		return f, err
	}
	for i, c := range sent.Clauses {
		if err := oneOf(c.Type, "ClauseType", []string{"and", "or"}); err != nil {
			return f, err
		}
		of := clauseOf{any: c.Type == "or"}
		if of.predicates, err = g.predicates(c.Predicates); err != nil {
			return f, err
		}
		if len(of.predicates) == 0 {
			return f, fmt.Errorf("clauses[%d] has no predicates", i)
		}
		f.clauses = append(f.clauses, of)
	}
	return f, nil
}

func (g *grammar) predicates(sent []sentPredicate) ([]predicate, error) {
	var all []predicate
	for i := range sent {
		p, err := g.predicate(&sent[i])
		if err != nil {
			return nil, fmt.Errorf("predicates[%d]: %w", i, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// predicate checks one condition. Its type may be left out: what it names tells it.
func (g *grammar) predicate(sent *sentPredicate) (predicate, error) {
	p := predicate{operator: sent.Operator, bounds: sent.Range}
	if p.operator == "" {
		p.operator = "matches"
	}
	if err := oneOf(p.operator, "Operator", []string{"matches", "exists", "notExists"}); err != nil {
		return p, err
	}
	kind := sent.Type
	for name, value := range map[string]string{"dimension": sent.Dimension, "metric": sent.Metric, "property": sent.Property} {
		if kind == "" && value != "" {
			kind = name
		}
	}
	if err := oneOf(kind, "PredicateType", []string{"dimension", "property", "metric"}); err != nil {
		return p, err
	}
	if err := g.name(&p, kind, sent); err != nil {
		return p, err
	}
	if sent.Value != nil {
		p.value = *sent.Value
	}
	if p.operator == "matches" && sent.Value == nil && sent.Range == nil {
		return p, fmt.Errorf("%s needs a value or a range", p.name)
	}
	if words := dimensionWords[p.name]; p.operator == "matches" && sent.Value != nil && kind == "dimension" && words != nil {
		return p, oneOf(p.value, p.name, words)
	}
	return p, nil
}

func (g *grammar) name(p *predicate, kind string, sent *sentPredicate) error {
	switch kind {
	case "dimension":
		p.name = sent.Dimension
		return oneOf(p.name, g.kind+"Dimension", g.dimensions)
	case "metric":
		p.name = sent.Metric
		return oneOf(p.name, g.kind+"Metric", g.metrics)
	default:
		p.name = "property:" + strings.ToLower(sent.Property)
		return oneOf(sent.PropertyType, "PropertyType", []string{"bool", "integer", "real", "date", "string", "uuid"})
	}
}
