package rules

import (
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// circles finds a schema that holds one value against itself without end: through references,
// or through keywords such as allOf, that stay with the value. A reference that leads back from
// within a member or an element is none, as values come to an end.
type circles struct {
	anchored map[string][]*jsonschema.Schema // where a $dynamicRef may lead, by its anchor
	open     map[*jsonschema.Schema]bool     // true while it is on the way, false behind it
}

// circleIn returns the first schema that leads back to itself, nil where none does. It takes a
// dynamic reference to lead to each schema with its anchor.
func circleIn(root *jsonschema.Schema) *jsonschema.Schema {
	c := circles{anchored: map[string][]*jsonschema.Schema{}, open: map[*jsonschema.Schema]bool{}}
	all := everySchema(root)
	for _, s := range all {
		if s.DynamicAnchor != "" {
			c.anchored[s.DynamicAnchor] = append(c.anchored[s.DynamicAnchor], s)
		}
	}
	for _, s := range all {
		if found := c.from(s); found != nil {
			return found
		}
	}
	return nil
}

func (c *circles) from(s *jsonschema.Schema) *jsonschema.Schema {
	if onTheWay, known := c.open[s]; known {
		if onTheWay {
			return s
		}
		return nil
	}
	c.open[s] = true
	next := ofTheValue(s)
	if s.DynamicRef != nil && s.DynamicRef.Anchor != "" {
		next = append(next, c.anchored[s.DynamicRef.Anchor]...)
	}
	for _, inner := range next {
		if found := c.from(inner); found != nil {
			return found
		}
	}
	c.open[s] = false
	return nil
}

// everySchema lists what a schema leads to, and itself first.
func everySchema(root *jsonschema.Schema) []*jsonschema.Schema {
	all, known := []*jsonschema.Schema{root}, map[*jsonschema.Schema]bool{root: true}
	for i := 0; i < len(all); i++ {
		for _, s := range append(ofTheValue(all[i]), ofItsParts(all[i])...) {
			if !known[s] {
				known[s] = true
				all = append(all, s)
			}
		}
	}
	return all
}

// ofTheValue lists the schemas that hold a value itself against what they say.
func ofTheValue(s *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Concat([]*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}, s.AllOf, s.AnyOf, s.OneOf, byKey(s.DependentSchemas))
	if s.DynamicRef != nil {
		list = append(list, s.DynamicRef.Ref)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Dependencies)) {
		list = append(list, schemasIn(s.Dependencies[key])...)
	}
	return present(list)
}

// ofItsParts lists the schemas of a value's members, their names, and its elements.
func ofItsParts(s *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Concat(
		[]*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema},
		byKey(s.Properties), s.PrefixItems, schemasIn(s.AdditionalProperties), schemasIn(s.Items), schemasIn(s.AdditionalItems),
	)
	list = slices.AppendSeq(list, maps.Values(s.PatternProperties))
	return present(list)
}

func byKey(schemas map[string]*jsonschema.Schema) (list []*jsonschema.Schema) {
	for _, key := range slices.Sorted(maps.Keys(schemas)) {
		list = append(list, schemas[key])
	}
	return list
}

// schemasIn takes keywords that hold schemas or something else.
func schemasIn(keyword any) []*jsonschema.Schema {
	switch v := keyword.(type) {
	case *jsonschema.Schema:
		return []*jsonschema.Schema{v}
	case []*jsonschema.Schema:
		return v
	}
	return nil
}

func present(schemas []*jsonschema.Schema) []*jsonschema.Schema {
	return slices.DeleteFunc(schemas, func(s *jsonschema.Schema) bool { return s == nil })
}
