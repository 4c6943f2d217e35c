package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"convstream/internal/conv"
)

// field is one contracted field, compiled.
type field struct {
	avroType
	name     string
	source   string // relative to the object that the record is read from
	required bool
	identity bool
	place    place

	absent []byte // Avro bytes where the object lacks the value: default or null; nil for neither
	frame  []byte // of the fingerprint entry: the length of the path, and the path
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

	Source   *string         `json:"source"`
	Required bool            `json:"required"`
	Identity bool            `json:"identity"`
	Privacy  json.RawMessage `json:"privacy"`
}

// field compiles one field of the record at the position. With an error it returns at least
// the name, if there is one.
func (c *compiler) field(raw json.RawMessage, at position) (field, error) {
	var s fieldSchema
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields() // a misspelt "required" must not pass for a lenient field
	err := d.Decode(&s)
	f := field{name: s.Name, source: s.Name, required: s.Required, identity: s.Identity}
	if s.Source != nil {
		f.source = *s.Source
	}
	switch {
	case err != nil:
		return f, fmt.Errorf("read properties: %w", err)
	case s.Privacy != nil:
		return f, errors.New(`"privacy" is not supported yet; remove it`)
	}
	if err := checkSource(f.source); err != nil {
		return f, err
	}
	nested := at.path != ""
	at.path = at.below(f.name)
	var nullAt int
	if f.avroType, nullAt, err = c.parseType(s.Type, at, f.required); err != nil {
		return f, err
	}
	f.absent = f.null
	if s.Default != nil {
		if f.absent, err = f.parseDefault(s.Default, nullAt); err != nil {
			return f, err
		}
	}
	return f, f.checkStrictness(nested)
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

func (f *field) checkStrictness(nested bool) error {
	switch {
	case f.identity && nested:
		return errors.New(`"identity" stands on a field inside another; a row's own id is one of the row's own fields`)
	case f.identity && f.kind >= typeRecord:
		return errors.New(`"identity" needs a scalar type; a row's own id is no object and no array`)
	case f.identity && !f.required:
		return errors.New(`"identity" needs "required": true; rows without the value could not be told apart`)
	case !f.required && f.absent == nil:
		return fmt.Errorf(`a row may lack %q, and the field can be neither null nor a default; make it a union with null, give it a default, or set "required": true`, f.source)
	}
	return nil
}

// parseDefault returns the Avro bytes of the field's default. As Avro demands, the default
// of a union belongs to its first branch. Of arrays and maps the empty one can be a default.
func (f *field) parseDefault(raw json.RawMessage, nullAt int) ([]byte, error) {
	if nullAt == 0 {
		if string(raw) != "null" {
			return nil, fmt.Errorf("default %s does not belong to the union's first branch, null; put %s first", excerpt(raw), f.kind)
		}
		return f.null, nil
	}
	token := conv.Token{Kind: literalKind(raw), End: uint32(len(raw)), Next: 1}
	if token.Kind == conv.String {
		token.Start, token.End = 1, token.End-1
		token.Escaped = bytes.IndexByte(raw, '\\') >= 0
	}
	fits := token.Kind == f.kind.literal() || f.kind == typeBoolean && token.Kind == conv.False
	switch f.kind {
	case typeRecord:
		return nil, errors.New("the default of a record is not supported yet; make it a union with null first, and default null")
	case typeArray, typeMap:
		if fits && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0 {
			return append(bytes.Clone(f.branch), 0), nil // a block of no items ends both
		}
		return nil, fmt.Errorf("default %s is no empty %s; only [] and {} are supported", excerpt(raw), f.kind)
	}
	if fits {
		e := encoder{row: &conv.Row{Raw: raw, Tokens: []conv.Token{token}}}
		if v, ok := e.read(f.kind, token); ok {
			return appendScalar(bytes.Clone(f.branch), f.kind, v), nil
		}
	}
	return nil, fmt.Errorf("default %s is no %s", excerpt(raw), f.kind)
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
