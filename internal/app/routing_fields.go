package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/route"
)

// fieldTypes are the types of what a contract reads by the paths from the row on, with the objects
// around it. An array has the type of its items.
type fieldTypes struct {
	of     map[string]string
	arrays map[string]bool
}

// typesOf reads the types out of a contract.
func typesOf(c *avro.Contract) (*fieldTypes, error) {
	var schema any
	if err := json.Unmarshal([]byte(c.Schema()), &schema); err != nil {
		return nil, fmt.Errorf("read a contract: %w", err)
	}
	types := &fieldTypes{of: map[string]string{}, arrays: map[string]bool{}}
	types.add(schema, "", map[string]map[string]any{})
	delete(types.of, "")
	for _, source := range c.Sources() {
		for at, letter := range source {
			if letter == '.' && types.of[source[:at]] == "" {
				types.of[source[:at]] = "object"
			}
		}
	}
	return types, nil
}

// add notes the type of a path. named are the types that the schema has named so far.
func (f *fieldTypes) add(schema any, path string, named map[string]map[string]any) {
	switch s := schema.(type) {
	case string:
		if known, ok := named[lastName(s)]; ok {
			f.add(known, path, named)
			return
		}
		f.of[path] = s
	case []any:
		f.addUnion(s, path, named)
	case map[string]any:
		f.addType(s, path, named)
	}
}

func (f *fieldTypes) addUnion(branches []any, path string, named map[string]map[string]any) {
	branches = slices.DeleteFunc(slices.Clone(branches), func(b any) bool { return b == "null" })
	for _, b := range branches {
		f.add(b, path, named)
	}
	if len(branches) > 1 {
		f.of[path] = "union"
	}
}

func (f *fieldTypes) addType(s map[string]any, path string, named map[string]map[string]any) {
	if name, ok := s["name"].(string); ok {
		named[name] = s
	}
	switch s["type"] {
	case "record":
		f.of[path] = "object"
		fields, _ := s["fields"].([]any)
		for _, each := range fields {
			field, _ := each.(map[string]any)
			source, ok := field["source"].(string)
			if !ok {
				source, _ = field["name"].(string)
			}
			if path != "" {
				source = path + "." + source
			}
			f.add(field["type"], source, named)
		}
	case "array":
		f.arrays[path] = true
		f.add(s["items"], path, named)
	case "map":
		f.of[path] = "map"
	default:
		if logical, ok := s["logicalType"].(string); ok {
			f.of[path] = logical
		} else {
			f.add(s["type"], path, named)
		}
	}
}

// has says whether a row may hold something at a path as far as the contract goes: a map holds any key.
func (f *fieldTypes) has(path string) bool {
	if f.of[path] != "" {
		return true
	}
	for at, letter := range path {
		if letter == '.' && f.of[path[:at]] == "map" {
			return true
		}
	}
	return false
}

// isNumber says whether a type of fieldTypes is one that rows spell as numbers.
func isNumber(fieldType string) bool {
	return slices.Contains([]string{"int", "long", "float", "double", "decimal"}, fieldType)
}

// doubtsOf says what filters and keys read and compare that is allowed and probably not meant, in
// plain sentences that name the route.
func (r *routing) doubtsOf(cfg config.Config) (doubts []string, err error) {
	d := doubter{contracts: r.contracts}
	own, err := avro.Default(cfg.Source.Dialect)
	if err != nil {
		return nil, err
	}
	for _, c := range append(slices.Clone(r.contracts), routeContract{contract: own}) {
		types, err := typesOf(c.contract)
		if err != nil {
			return nil, err
		}
		d.types = append(d.types, types)
	}
	for _, derived := range cfg.Routes {
		filter, key, err := expressions(cfg, derived)
		if err != nil {
			return nil, err
		}
		for _, doubt := range append(d.doubts("filter", filter), d.doubts("key", key)...) {
			doubts = append(doubts, fmt.Sprintf("%s (%s): %s", derived.Place, derived.Name, doubt))
		}
	}
	return doubts, nil
}

// doubter looks at expressions with what is known of fields.
type doubter struct {
	contracts []routeContract
	types     []*fieldTypes // of the contracts in their order, then of what convstream knows of the platform
}

// doubts are those of an expression, a "filter" or a "key".
func (d *doubter) doubts(name string, s *route.Selector) (doubts []string) {
	for _, path := range s.Fields() {
		if slices.ContainsFunc(d.types, func(f *fieldTypes) bool { return f.has(path) }) {
			continue
		}
		doubt := fmt.Sprintf("the %s reads %q as a field, and no contract has it; %s", name, path, d.meant(path))
		if s.KeyNeeds(path) {
			doubt += "; for a row without it there is no key, and each such row would become a dead letter of the route"
		}
		doubts = append(doubts, doubt)
	}
	for _, path := range s.Straight() {
		array, rest := d.arrayBefore(path)
		if array != "" && slices.Contains(s.Fields(), path) {
			doubts = append(doubts, fmt.Sprintf("the %[1]s reads %[2]s, and %[3]s is an array, so there is never anything; "+
				"write %[3]s[0].%[4]s, or any(%[3]s, .%[4]s == …)", name, path, array, rest))
		}
	}
	for _, c := range s.Comparisons() {
		if number, where := d.numberAt(c.Path); number != "" {
			doubts = append(doubts, fmt.Sprintf("the %s sets %s, of type %s in %s, against the text %q, which holds no number; write a number",
				name, c.Path, number, where, c.Text))
		}
	}
	return doubts
}

// expressions compiles the filter and the key of a route apart from each other.
func expressions(cfg config.Config, derived config.Route) (filter, key *route.Selector, err error) {
	if filter, err = route.Compile(filterOf(cfg, derived), ""); err != nil {
		return nil, nil, err
	}
	key, err = route.Compile("", derived.Key)
	return filter, key, err
}

// arrayBefore is the first array on the way to a path, "" for none, and the path behind it.
func (d *doubter) arrayBefore(path string) (array, rest string) {
	for at, letter := range path {
		if letter == '.' && slices.ContainsFunc(d.types, func(f *fieldTypes) bool { return f.arrays[path[:at]] }) {
			return path[:at], path[at+1:]
		}
	}
	return "", ""
}

// numberAt is the type of a field where every contract that has it says that it is a number, with
// the first contract that does; "" elsewhere.
func (d *doubter) numberAt(path string) (fieldType, where string) {
	for i, c := range d.contracts {
		switch t := d.types[i].of[path]; {
		case t == "":
		case !isNumber(t):
			return "", ""
		case fieldType == "":
			fieldType, where = t, c.place
		}
	}
	return fieldType, where
}

// meant is the way out for a field that no contract has.
func (d *doubter) meant(path string) string {
	near := d.nearest(path)
	bare := !strings.Contains(path, ".")
	switch {
	case near != "" && bare:
		return fmt.Sprintf("did you mean %s, or %q in quotes, as a text?", near, path)
	case near != "":
		return fmt.Sprintf("did you mean %s?", near)
	case bare:
		return fmt.Sprintf("write %q in quotes if it is text", path)
	}
	return "see that it is spelt as the platform spells it"
}

// nearest is the known field that a path was most likely meant to be: the one with the fewest
// letters changed, as long as that are few, or else the only one with the same last word.
func (d *doubter) nearest(path string) string {
	var fields []string
	for _, f := range d.types {
		fields = slices.AppendSeq(fields, maps.Keys(f.of))
	}
	slices.Sort(fields)
	best, bound := "", 1+len(path)/4
	var namesakes []string
	for _, field := range slices.Compact(fields) {
		if n := levenshtein.ComputeDistance(path, field); n < bound {
			best, bound = field, n
		}
		if lastName(field) == lastName(path) {
			namesakes = append(namesakes, field)
		}
	}
	if best == "" && len(namesakes) == 1 {
		return namesakes[0]
	}
	return best
}
