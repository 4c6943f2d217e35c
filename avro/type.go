package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"convstream/internal/conv"
)

// kind is the Avro type of a value, without the union around it.
type kind uint8

const (
	typeString kind = iota
	typeLong
	typeInt
	typeDouble
	typeFloat
	typeBoolean
	typeTimestamp // long with logicalType timestamp-millis
	typeRecord
	typeArray
	typeMap
)

// kindNames are Avro's names of what stands in a row as a scalar, and JSON's of the rest.
var kindNames = [...]string{"string", "long", "int", "double", "float", "boolean", "timestamp-millis", "object", "array", "object"}

// String is what a reject says that it expected.
func (k kind) String() string { return kindNames[k] }

// tag is the type's letter in a fingerprint. All numbers share one, so that a field which
// grows from int to long or double keeps its fingerprints.
func (k kind) tag() byte {
	switch k {
	case typeString:
		return 's'
	case typeBoolean:
		return 'b'
	case typeTimestamp:
		return 't'
	case typeRecord:
		return 'r'
	case typeArray:
		return 'a'
	case typeMap:
		return 'm'
	}
	return 'n'
}

// avroType is the type of a field, of an array's items or of a map's values, compiled.
type avroType struct {
	kind   kind
	record *record   // of typeRecord
	items  *avroType // of typeArray the items, of typeMap the values

	branch []byte // Avro bytes before a value: its branch in the union, empty outside one
	null   []byte // Avro bytes of null, nil where the type is not nullable

	// fatal says that a value which does not fit rejects the row: no record that could become
	// null instead stands between it and the row, or the collection whose element it is in.
	fatal bool
}

// typeSchema is a type as the schema file spells it, where it is an object.
type typeSchema struct {
	Type        json.RawMessage   `json:"type"`
	LogicalType string            `json:"logicalType"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Fields      []json.RawMessage `json:"fields"`
	Items       json.RawMessage   `json:"items"`
	Values      json.RawMessage   `json:"values"`

	Source   json.RawMessage `json:"source"`
	Required json.RawMessage `json:"required"`
	Identity json.RawMessage `json:"identity"`
	Privacy  json.RawMessage `json:"privacy"`
}

// notNullable stands for the branch of null where a type has none.
const notNullable = -1

// parseType compiles a type, and says which branch of its union null is. Problems of fields
// inside it are noted, and not in the error.
func (c *compiler) parseType(raw json.RawMessage, at position, required bool) (t avroType, nullAt int, err error) {
	raw, nullAt, err = splitUnion(raw)
	if err != nil {
		return t, nullAt, err
	}
	if nullAt != notNullable {
		// A branch index is an Avro long: 0 is the byte 0, 1 the byte 2.
		t.null = []byte{byte(2 * nullAt)}
		t.branch = []byte{byte(2 * (1 - nullAt))}
	}
	t.fatal = required || t.null == nil && at.fatal
	at.fatal = t.fatal
	return t, nullAt, c.parseBranch(raw, &t, at)
}

// splitUnion takes the type out of a union with null.
func splitUnion(raw json.RawMessage) (branch json.RawMessage, nullAt int, err error) {
	if len(raw) == 0 {
		return nil, notNullable, errors.New(`it has no "type"`)
	}
	if raw[0] != '[' {
		return raw, notNullable, nil
	}
	var branches []json.RawMessage
	if err := json.Unmarshal(raw, &branches); err != nil {
		return nil, notNullable, fmt.Errorf("read type: %w", err)
	}
	if len(branches) == 2 {
		for i, b := range branches {
			if string(b) == `"null"` {
				return branches[1-i], i, nil
			}
		}
	}
	return nil, notNullable, fmt.Errorf("union %s is not supported yet; use a union of null and one other type", excerpt(raw))
}

// parseBranch compiles what stands in a union, or alone, into t.
func (c *compiler) parseBranch(raw json.RawMessage, t *avroType, at position) (err error) {
	var s typeSchema
	if raw[0] == '{' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("read type: %w", err)
		}
		if err := s.checkOwnProperties(); err != nil {
			return err
		}
	} else {
		s.Type = raw
	}
	switch string(s.Type) {
	case `"record"`, `"array"`, `"map"`:
		if at.depth++; at.depth > maxDepth {
			return fmt.Errorf("its type stands inside %d records, arrays and maps; at most %d are supported", at.depth, maxDepth)
		}
	}
	switch string(s.Type) {
	case `"record"`:
		if len(s.Fields) == 0 {
			return errors.New("its record has no fields; name at least one")
		}
		t.kind, t.record = typeRecord, c.record(&s, at)
		return nil
	case `"array"`:
		t.kind = typeArray
		return c.parseItems("items", s.Items, t, at)
	case `"map"`:
		t.kind = typeMap
		return c.parseItems("values", s.Values, t, at)
	}
	t.kind, err = parseScalar(raw, s)
	return err
}

// parseItems compiles the type of an array's items or of a map's values.
func (c *compiler) parseItems(property string, raw json.RawMessage, t *avroType, at position) error {
	if len(raw) == 0 {
		return fmt.Errorf("its type has no %q", property)
	}
	at.fatal = true // a collection is not given up for one element, though it may be nullable
	items, _, err := c.parseType(raw, at, false)
	if err != nil {
		return fmt.Errorf("%s: %w", property, err)
	}
	t.items = &items
	return nil
}

// checkOwnProperties finds strictness that was written where nothing would read it.
func (s *typeSchema) checkOwnProperties() error {
	for name, value := range map[string]json.RawMessage{
		"source": s.Source, "required": s.Required, "identity": s.Identity, "privacy": s.Privacy,
	} {
		if value != nil {
			return fmt.Errorf("%q stands in its type; move it out, beside the field's name", name)
		}
	}
	return nil
}

func parseScalar(raw json.RawMessage, s typeSchema) (kind, error) {
	var name string
	err := json.Unmarshal(s.Type, &name)
	if err == nil && s.LogicalType == "" {
		for i, known := range kindNames[:typeTimestamp] {
			if known == name {
				return kind(i), nil
			}
		}
	}
	if err == nil && name == "long" && s.LogicalType == typeTimestamp.String() {
		return typeTimestamp, nil
	}
	return 0, fmt.Errorf("type %s is not supported yet; use %s, long with logicalType %s, a record, array or map, "+
		"alone or in a union with null (an enum as a string, a record written out under a name of its own)",
		excerpt(raw), strings.Join(kindNames[:typeTimestamp], ", "), typeTimestamp)
}

// excerpt keeps an error about a long piece of schema readable.
func excerpt(raw json.RawMessage) string {
	const longest = 200
	if len(raw) <= longest {
		return string(raw)
	}
	return string(raw[:longest]) + "…"
}

// literal is how JSON spells a value of the type; of a boolean, the true one.
func (k kind) literal() conv.Kind {
	switch k {
	case typeString:
		return conv.String
	case typeBoolean:
		return conv.True
	case typeRecord, typeMap:
		return conv.Object
	case typeArray:
		return conv.Array
	}
	return conv.Number
}
