package app

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// recordOf is the record that a type is of: itself, in a union, or in an array.
func (c *contractEdit) recordOf(t *hujson.Value) *hujson.Object {
	switch v := value(t).(type) {
	case hujson.Literal:
		if named := c.named[lastName(literal(t))]; literal(member(named, "type")) == "record" {
			return named
		}
	case *hujson.Array:
		for i := range v.Elements {
			if r := c.recordOf(&v.Elements[i]); r != nil {
				return r
			}
		}
	case *hujson.Object:
		switch inner := member(v, "type"); literal(inner) {
		case "record":
			return v
		case "array":
			return c.recordOf(member(v, "items"))
		case "":
			return c.recordOf(inner)
		}
	}
	return nil
}

// fatalInside says whether the record that a type is of, where it does not fit, makes the row a
// dead letter: that of an array does, as no element is left out, unless an element may be null.
func (c *contractEdit) fatalInside(t *hujson.Value, fatal bool) bool {
	if _, items := c.items(t); items != nil {
		return c.fatalInside(items, !nullable(items))
	}
	return fatal
}

// items is the type of a type's elements or values, and whether they are of an array or a map;
// nil where it is neither.
func (c *contractEdit) items(t *hujson.Value) (collection string, items *hujson.Value) {
	switch v := value(t).(type) {
	case *hujson.Array:
		for i := range v.Elements {
			if collection, items = c.items(&v.Elements[i]); items != nil {
				return collection, items
			}
		}
	case *hujson.Object:
		switch collection = literal(member(v, "type")); collection {
		case "array":
			return collection, member(v, "items")
		case "map":
			return collection, member(v, "values")
		}
	}
	return "", nil
}

// nullable says whether a type is a union with null.
func nullable(t *hujson.Value) bool {
	union, _ := value(t).(*hujson.Array)
	return union != nil && slices.ContainsFunc(union.Elements, func(v hujson.ArrayElement) bool { return literal(&v) == "null" })
}

// element is the type of a field's elements or values, and whether it is one of them that was
// found to be of another type.
func (c *contractEdit) element(at contractPlace, e *driftEntry) (items *hujson.Value, found bool) {
	collection, items := c.items(member(at.field, "type"))
	whole := map[string]string{"array": "array", "map": "object"}[collection] // as drift names them
	return items, items != nil && e.Expected != whole && !strings.Contains(e.Expected, " or ")
}

// scalar is the place of a type's name, in a union with null too.
func (c *contractEdit) scalar(t *hujson.Value) *hujson.Value {
	switch v := value(t).(type) {
	case *hujson.Array:
		for i := range v.Elements {
			if s := c.scalar(&v.Elements[i]); s != nil && literal(s) != "null" {
				return s
			}
		}
	case hujson.Literal:
		return t
	}
	return nil
}

// blocked says that something else stood where an object should be around the field.
func (c *contractEdit) blocked(at contractPlace, e *driftEntry) bool {
	t := member(at.field, "type")
	_, items := c.items(t)
	return e.Expected == "object" && items == nil && c.recordOf(t) == nil
}

// takes is what else, as drift names it, some values of which fit a type without loss. The text of
// a number fits a number, a number counts the units of a time.
var takes = map[string][]string{
	"int": {"string"}, "long": {"string"}, "float": {"string"}, "double": {"string"}, "boolean": {"string"},
	"decimal": {"string", "number"}, "date": {"number"},
	"time-millis": {"number"}, "time-micros": {"number"}, "timestamp-millis": {"number"}, "timestamp-micros": {"number"},
	"local-timestamp-millis": {"number"}, "local-timestamp-micros": {"number"},
}

// scalars appends the names of the types that a field's value may have, logical ones by their own
// name. Of arrays and records they are "array" and "record".
func (c *contractEdit) scalars(t *hujson.Value, names []string) []string {
	switch v := value(t).(type) {
	case hujson.Literal:
		names = append(names, literal(t))
	case *hujson.Array:
		for i := range v.Elements {
			names = c.scalars(&v.Elements[i], names)
		}
	case *hujson.Object:
		if logical := literal(member(v, "logicalType")); logical != "" {
			return append(names, logical)
		}
		names = c.scalars(member(v, "type"), names)
	}
	return names
}

// standIn is the symbol that is published for a text which an enum does not know, "" where none is.
func (c *contractEdit) standIn(t *hujson.Value, e *driftEntry) string {
	// Of a union drift tells the type alone.
	if e.Found != "unknown symbol" && !(e.Found == "string" && strings.Contains(e.Expected, " or ")) {
		return ""
	}
	switch v := value(t).(type) {
	case hujson.Literal:
		return literal(member(c.named[lastName(literal(t))], "default"))
	case *hujson.Array:
		for i := range v.Elements {
			if symbol := c.standIn(&v.Elements[i], e); symbol != "" {
				return symbol
			}
		}
	case *hujson.Object:
		switch inner := member(v, "type"); literal(inner) {
		case "enum":
			return literal(member(v, "default"))
		case "":
			return c.standIn(inner, e)
		}
	}
	return ""
}
