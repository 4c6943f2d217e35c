package avro

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"convstream/internal/conv"
)

// notNullable stands for the branch of null where a type has none.
const notNullable = -1

// scalarNames lists the scalar types for errors.
var scalarNames = func() string {
	var names []string
	for k := typeString; k <= typeUUID; k++ {
		name := kinds[k].name
		if name != kinds[k].base {
			name = kinds[k].base + " with logicalType " + name
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ") + ", bytes or fixed with logicalType decimal"
}()

// parseType compiles a type. Problems of fields inside it are noted, and not in the error.
func (c *compiler) parseType(n *jsonValue, at position, required bool) (t avroType, err error) {
	branches := []*jsonValue{n}
	if n.kind == conv.Array {
		branches = n.items
	}
	nullAt := slices.IndexFunc(branches, func(b *jsonValue) bool { return b.is("null") })
	t.fatal = required || nullAt == notNullable && at.fatal
	at.fatal = t.fatal
	var others []avroType
	for i, b := range branches {
		if i == nullAt {
			continue
		}
		other := avroType{fatal: t.fatal}
		if n.kind == conv.Array {
			other.branch = []byte{byte(2 * i)} // an Avro long
		}
		if err := c.parseBranch(b, &other, at); err != nil {
			return t, err
		}
		other.finish()
		others = append(others, other)
	}
	switch len(others) {
	case 0:
		return t, n.fault("union %s has no type beside null; add one", n.excerpt())
	case 1:
		t = others[0]
	default:
		t.kind, t.branches = typeUnion, others
		err = t.checkUnion(n)
		t.finish()
	}
	if nullAt != notNullable {
		t.null = []byte{byte(2 * nullAt)}
	}
	return t, err
}

// finish sets what follows from the kind.
func (t *avroType) finish() {
	facts := &kinds[t.kind]
	t.spelled, t.tag = facts.spelled, facts.tag
	if t.name == "" {
		t.name = facts.name
	}
}

// checkUnion finds branches that a row spells alike: nothing would say which one a value is of.
func (t *avroType) checkUnion(n *jsonValue) error {
	var names []string
	for i := range t.branches {
		b := &t.branches[i]
		for j := range t.branches[:i] {
			if kinds[t.branches[j].kind].spelled == kinds[b.kind].spelled {
				return n.fault("union %s is ambiguous: JSON spells %s and %s alike, as %s; keep one of them",
					n.excerpt(), t.branches[j].avroName(), b.avroName(), kinds[b.kind].spelled)
			}
		}
		t.private = t.private || b.private
		names = append(names, b.name)
	}
	t.name = strings.Join(names, " or ")
	return nil
}

// parseBranch compiles what stands in a union, or alone, into t.
func (c *compiler) parseBranch(n *jsonValue, t *avroType, at position) (err error) {
	typ := n
	if n.kind == conv.Object {
		if err := c.checkProperties(n, at); err != nil {
			return err
		}
		if typ = n.member("type"); typ == nil {
			return n.fault(`it has no "type"`)
		}
	}
	if typ.kind != conv.String {
		return typ.fault("type %s is not supported; use %s, a record, an array, a map or an enum, alone or in a union with null", typ.excerpt(), scalarNames)
	}
	switch typ.text {
	case "record", "array", "map":
		if at.depth++; at.depth > maxDepth {
			return n.fault("its type stands inside %d records, arrays and maps; at most %d are supported", at.depth, maxDepth)
		}
	}
	switch typ.text {
	case "record", "enum", "fixed":
		named, inside, err := c.define(n, at.namespace)
		if err != nil {
			return err
		}
		return c.parseNamed(named, inside, t, at)
	case "array":
		t.kind = typeArray
		return c.parseItems("items", n, t, at)
	case "map":
		t.kind = typeMap
		return c.parseItems("values", n, t, at)
	case "bytes":
		return parseDecimalType(n, t)
	}
	logical := n.member("logicalType")
	for k := typeString; k <= typeUUID; k++ {
		if kinds[k].base != typ.text {
			continue
		}
		if logical == nil && kinds[k].name == typ.text || logical != nil && logical.is(kinds[k].name) {
			t.kind = k
			return nil
		}
	}
	if logical != nil {
		return logical.fault("%s with logicalType %s is not supported; use %s", typ.text, logical.excerpt(), scalarNames)
	}
	return c.reference(typ, typ.text, t, at)
}

// parseItems compiles the type of an array's items or of a map's values.
func (c *compiler) parseItems(property string, n *jsonValue, t *avroType, at position) error {
	inner := n.member(property)
	if inner == nil {
		return n.fault("its type has no %q", property)
	}
	at.fatal = true // a collection is not given up for one element, though it may be nullable
	items, err := c.parseType(inner, at, false)
	if err != nil {
		return &fault{at: faultPlace(err, inner.at), err: fmt.Errorf("%s: %w", property, err)}
	}
	t.items, t.private = &items, items.private
	return nil
}

func parseEnum(n *jsonValue) (*enumType, error) {
	symbols, fallback := n.member("symbols"), n.member("default")
	if symbols == nil || symbols.kind != conv.Array || len(symbols.items) == 0 {
		return nil, n.fault("its enum has no symbols; name at least one")
	}
	t := &enumType{symbols: map[string]int{}, fallback: -1}
	for i, s := range symbols.items {
		if s.kind != conv.String || !isName(s.text) {
			return nil, s.fault("%s is no symbol that Avro takes; use letters, digits and _, and no digit first, or make the field a string", s.excerpt())
		}
		if _, twice := t.symbols[s.text]; twice {
			return nil, s.fault("the symbol %q stands twice; keep one", s.text)
		}
		t.symbols[s.text] = i
		t.names = append(t.names, []byte(s.text))
	}
	if fallback != nil {
		index, known := t.symbols[fallback.text]
		if fallback.kind != conv.String || !known {
			return nil, fallback.fault("the enum's default %s is none of its symbols %s", fallback.excerpt(), t.symbolList())
		}
		t.fallback = index
	}
	return t, nil
}

// symbolList names the symbols, and of many the first.
func (t *enumType) symbolList() string {
	const most = 20
	list := string(bytes.Join(t.names[:min(most, len(t.names))], []byte(", ")))
	if len(t.names) > most {
		list += ", …"
	}
	return list
}

// maxPrecision bounds the work for one decimal. No warehouse has as many digits.
const maxPrecision = 100

func parseDecimalType(n *jsonValue, t *avroType) error {
	if logical := n.member("logicalType"); logical == nil || !logical.is("decimal") {
		return n.fault("bytes and fixed are supported for decimals alone, as JSON has no bytes; use a string for text, or add \"logicalType\": \"decimal\", a precision and a scale")
	}
	precision, err := wholeMember(n, "precision", 1, maxPrecision)
	if err != nil {
		return err
	}
	scale, err := wholeMember(n, "scale", 0, precision)
	if err != nil {
		return err
	}
	t.kind = typeDecimal
	t.name = fmt.Sprintf("decimal(%d,%d)", precision, scale)
	t.decimal = &decimalType{precision: precision, scale: scale, width: decimalWidth(precision)}
	if typ := n.member("type"); typ != nil && typ.is("fixed") {
		t.decimal.size, err = wholeMember(n, "size", t.decimal.width, 1024)
	}
	return err
}

// wholeMember reads a property that is a whole number from least to most.
func wholeMember(n *jsonValue, key string, least, most int) (int, error) {
	v := n.member(key)
	if v == nil {
		return 0, n.fault("its type has no %q; give a whole number from %d to %d", key, least, most)
	}
	whole, err := strconv.Atoi(string(v.raw))
	if err != nil || whole < least || whole > most {
		return 0, v.fault("%q is %s; give a whole number from %d to %d", key, v.excerpt(), least, most)
	}
	return whole, nil
}
