package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"convstream/internal/conv"
)

// fieldType is the Avro type of a field, without the union around it.
type fieldType uint8

const (
	typeString fieldType = iota
	typeLong
	typeInt
	typeDouble
	typeFloat
	typeBoolean
	typeTimestamp // long with logicalType timestamp-millis
)

var typeNames = [...]string{"string", "long", "int", "double", "float", "boolean", "timestamp-millis"}

func (t fieldType) String() string { return typeNames[t] }

// tag is the type's letter in a fingerprint. All numbers share one, so that a field which
// grows from int to long or double keeps its fingerprints.
func (t fieldType) tag() byte {
	switch t {
	case typeString:
		return 's'
	case typeBoolean:
		return 'b'
	case typeTimestamp:
		return 't'
	}
	return 'n'
}

// maxSegments bounds a source path: its spellings double with every segment.
const maxSegments = 8

// fieldSchema is a field as the schema file spells it.
type fieldSchema struct {
	Name    string          `json:"name"`
	Doc     string          `json:"doc"`
	Type    json.RawMessage `json:"type"`
	Default json.RawMessage `json:"default"`
	Aliases []string        `json:"aliases"`
	Order   string          `json:"order"`

	Source   string          `json:"source"`
	Required bool            `json:"required"`
	Identity bool            `json:"identity"`
	Privacy  json.RawMessage `json:"privacy"`
}

// parseField compiles one field. With an error it returns at least the name, if there is one.
func parseField(raw json.RawMessage) (field, error) {
	var s fieldSchema
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields() // a misspelt "required" must not pass for a lenient field
	err := d.Decode(&s)
	f := field{name: s.Name, source: s.Source, required: s.Required, identity: s.Identity}
	switch {
	case err != nil:
		return f, fmt.Errorf("read properties: %w", err)
	case s.Privacy != nil:
		return f, errors.New(`"privacy" is not supported yet; remove it`)
	}
	if err := checkSource(s.Source); err != nil {
		return f, err
	}
	typ, nullAt, err := parseType(s.Type)
	if err != nil {
		return f, err
	}
	f.typ = typ
	if nullAt != notNullable {
		// A branch index is an Avro long: 0 is the byte 0, 1 the byte 2.
		f.null = []byte{byte(2 * nullAt)}
		f.branch = []byte{byte(2 * (1 - nullAt))}
		f.absent = f.null
	}
	if s.Default != nil {
		if f.absent, err = f.parseDefault(s.Default, nullAt); err != nil {
			return f, err
		}
	}
	return f, f.checkStrictness()
}

func checkSource(source string) error {
	segments := strings.Split(source, ".")
	switch {
	case source == "":
		return errors.New(`it names no "source"; give the path of its value in a row, such as "metrics.queuetime.ms"`)
	case strings.Contains(source, "*"):
		return fmt.Errorf("source %q holds a wildcard; name each path in a field of its own", source)
	case len(segments) > maxSegments:
		return fmt.Errorf("source %q has %d segments; at most %d are supported", source, len(segments), maxSegments)
	}
	for _, s := range segments {
		if s == "" {
			return fmt.Errorf("source %q has an empty segment; write it as keys joined by single dots", source)
		}
	}
	return nil
}

func (f *field) checkStrictness() error {
	switch {
	case f.identity && !f.required:
		return errors.New(`"identity" needs "required": true; rows without the value could not be told apart`)
	case !f.required && f.absent == nil:
		return fmt.Errorf(`a row may lack %q, and the field can be neither null nor a default; make it a union with null, give it a default, or set "required": true`, f.source)
	}
	return nil
}

// notNullable stands for the branch of null where a type has none.
const notNullable = -1

// parseType reads a field's type, and which branch of its union null is.
func parseType(raw json.RawMessage) (typ fieldType, nullAt int, err error) {
	if len(raw) == 0 {
		return 0, 0, errors.New(`it has no "type"`)
	}
	if raw[0] != '[' {
		typ, err = parsePlainType(raw)
		return typ, notNullable, err
	}
	var branches []json.RawMessage
	if err := json.Unmarshal(raw, &branches); err != nil {
		return 0, 0, fmt.Errorf("read type: %w", err)
	}
	if len(branches) == 2 {
		for i, b := range branches {
			if string(b) == `"null"` {
				typ, err = parsePlainType(branches[1-i])
				return typ, i, err
			}
		}
	}
	return 0, 0, fmt.Errorf("union %s is not supported yet; use a union of null and one other type", raw)
}

func parsePlainType(raw json.RawMessage) (fieldType, error) {
	var t struct {
		Type        string `json:"type"`
		LogicalType string `json:"logicalType"`
	}
	err := json.Unmarshal(raw, &t.Type)
	if err != nil {
		err = json.Unmarshal(raw, &t)
	}
	if err == nil && t.LogicalType == "" {
		for i, name := range typeNames[:typeTimestamp] {
			if name == t.Type {
				return fieldType(i), nil
			}
		}
	}
	if err == nil && t.Type == "long" && t.LogicalType == typeTimestamp.String() {
		return typeTimestamp, nil
	}
	return 0, fmt.Errorf("type %s is not supported yet; use %s, or long with logicalType %s, alone or in a union with null",
		raw, strings.Join(typeNames[:typeTimestamp], ", "), typeTimestamp)
}

// parseDefault returns the Avro bytes of the field's default. As Avro demands, the default
// of a union belongs to its first branch.
func (f *field) parseDefault(raw json.RawMessage, nullAt int) ([]byte, error) {
	if nullAt == 0 {
		if string(raw) != "null" {
			return nil, fmt.Errorf("default %s does not belong to the union's first branch, null; put %s first", raw, f.typ)
		}
		return f.null, nil
	}
	token := conv.Token{Kind: literalKind(raw), End: uint32(len(raw)), Next: 1}
	if token.Kind == conv.String {
		token.Start, token.End = 1, token.End-1
		token.Escaped = bytes.IndexByte(raw, '\\') >= 0
	}
	if token.Kind == f.typ.literal() || f.typ == typeBoolean && token.Kind == conv.False {
		row := conv.Row{Raw: raw, Tokens: []conv.Token{token}}
		if v, ok := new(encoder).read(f.typ, &row, token); ok {
			return f.append(nil, v), nil
		}
	}
	return nil, fmt.Errorf("default %s is no %s", raw, f.typ)
}

// literal is how JSON spells a value of the type; of a boolean, the true one.
func (t fieldType) literal() conv.Kind {
	switch t {
	case typeString:
		return conv.String
	case typeBoolean:
		return conv.True
	}
	return conv.Number
}

func literalKind(raw json.RawMessage) conv.Kind {
	switch raw[0] {
	case '"':
		return conv.String
	case 't':
		return conv.True
	case 'f':
		return conv.False
	case 'n':
		return conv.Null
	case '{':
		return conv.Object
	case '[':
		return conv.Array
	}
	return conv.Number
}
