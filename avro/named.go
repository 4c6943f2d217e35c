package avro

import (
	"strings"

	"convstream/internal/conv"
)

// namedType is a record, an enum or a fixed that a later field can name.
type namedType struct {
	definition *jsonValue
	namespace  string // around the definition
	open       bool   // a record whose fields are being compiled: what names it would never end
}

// words are Avro's own names of types, which no other type can have.
var words = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array", "map", "fixed", "error"}

// define notes a type under its name, and returns the namespace of the names inside it.
func (c *compiler) define(n *jsonValue, namespace string) (named *namedType, inside string, err error) {
	name, space := n.member("name"), n.member("namespace")
	switch {
	case name == nil:
		return nil, "", n.fault("its type has no name; add a \"name\"")
	case name.kind != conv.String || !isFullName(name.text):
		return nil, "", name.fault("%s is no name that Avro takes; use letters, digits and _, and no digit first", name.excerpt())
	case space != nil && (space.kind != conv.String || !isFullName(space.text)):
		return nil, "", space.fault("%s is no namespace that Avro takes; use names joined by dots", space.excerpt())
	}
	if err := n.checkNotes(isFullName); err != nil {
		return nil, "", err
	}
	full, inside := name.text, namespace
	if space != nil {
		inside = space.text
	}
	if dot := strings.LastIndexByte(full, '.'); dot >= 0 {
		inside = full[:dot]
	} else if inside != "" {
		full = inside + "." + full
	}
	for _, word := range words {
		if full[strings.LastIndexByte(full, '.')+1:] == word {
			return nil, "", name.fault("%q is Avro's own name of a type; give it another name", name.text)
		}
	}
	if known := c.types[full]; known != nil {
		if known.definition == n { // inside a record that is named once more
			return known, inside, nil
		}
		return nil, "", name.fault("its type has the name %q of another type; give it a name of its own, or name that type without defining it again", full)
	}
	named = &namedType{definition: n, namespace: namespace}
	c.types[full] = named
	return named, inside, nil
}

// checkNotes checks what Avro lets stand beside a field or a type, and convstream passes on:
// others read it too, and refuse a schema for it.
func (v *jsonValue) checkNotes(isAlias func(string) bool) error {
	if doc := v.member("doc"); doc != nil && doc.kind != conv.String {
		return doc.fault("\"doc\" is %s; give a string", doc.excerpt())
	}
	if order := v.member("order"); order != nil && !order.is("ascending") && !order.is("descending") && !order.is("ignore") {
		return order.fault("\"order\" is %s; use \"ascending\", \"descending\" or \"ignore\"", order.excerpt())
	}
	aliases := v.member("aliases")
	if aliases == nil {
		return nil
	}
	if aliases.kind != conv.Array {
		return aliases.fault("\"aliases\" is %s; give a list of names", aliases.excerpt())
	}
	for _, a := range aliases.items {
		if a.kind != conv.String || !isAlias(a.text) {
			return a.fault("the alias %s is no name that Avro takes; use letters, digits and _, and no digit first", a.excerpt())
		}
	}
	return nil
}

// inside is the namespace of the names inside a definition that was noted before.
func (t *namedType) inside() string {
	name := t.definition.member("name").text
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name[:dot]
	}
	if space := t.definition.member("namespace"); space != nil {
		return space.text
	}
	return t.namespace
}

// reference compiles the type of a name once more, for the place where it is named.
func (c *compiler) reference(n *jsonValue, name string, t *avroType, at position) error {
	full := name
	if at.namespace != "" && !strings.Contains(name, ".") {
		full = at.namespace + "." + name
	}
	named := c.types[full]
	switch {
	case named == nil:
		return n.fault("type %q is not known here; %suse %s, a record, an array, a map, an enum, or the name of a type that is defined before it", name, c.meant(name, full), scalarNames)
	case named.open:
		return n.fault("its record %q would hold itself; records without an end are not supported", full)
	case len(c.problems) > 0: // the definition may be what is wrong
		if named.definition.member("type").is("record") {
			t.kind = typeRecord
		}
		return nil
	}
	return c.parseNamed(named, named.inside(), t, at)
}

// parseNamed compiles a definition whose names stand in a namespace.
func (c *compiler) parseNamed(named *namedType, inside string, t *avroType, at position) (err error) {
	n := named.definition
	switch n.member("type").text {
	case "enum":
		t.kind = typeEnum
		t.enum, err = parseEnum(n)
	case "fixed":
		err = parseDecimalType(n, t)
	default:
		t.kind = typeRecord
		at.namespace = inside
		named.open = true
		t.record, err = c.record(n, at)
		named.open = false
		t.private = t.record != nil && t.record.private
	}
	return err
}

// isFullName says whether a text is a name that Avro takes, or several joined by dots.
func isFullName(text string) bool {
	for name := range strings.SplitSeq(text, ".") {
		if !isName(name) {
			return false
		}
	}
	return true
}

func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}
