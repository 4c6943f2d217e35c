package avro

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"convstream/internal/conv"
)

// field is one contracted field, compiled for one place where its record is used. What an
// absent value needs stands first: most fields of a conversation are absent.
type field struct {
	place    place
	absent   []byte // Avro bytes where the object lacks the value: default or null; nil for neither
	required bool
	optional bool // an absent value is no drift
	drop     bool // published as if the row lacked it
	identity bool

	hasDefault bool // absent is one that the contract gives

	avroType
	frame  []byte // of the fingerprint entry: the length of the path, and the path
	name   string
	source string // relative to the object that the record is read from
	path   string // the source from the row on
	number int    // of the path, in the contract
	at     int    // offset in the contract's file
}

// maxSegments bounds a source path: its spellings double with every segment.
const maxSegments = 8

// field compiles one field of the record at the position. With an error it returns at least
// the name, if there is one.
func (c *compiler) field(n *jsonValue, at position) (f field, err error) {
	if n.kind != conv.Object {
		return f, n.fault("it is no object; write a field as {\"name\": …, \"type\": …}")
	}
	mark, err := f.readProperties(n)
	if err != nil {
		return f, err
	}
	if err := checkSource(f.source); err != nil {
		return f, faultAt(firstOf(n, "source", "name").at, "%w", err)
	}
	typ := n.member("type")
	if typ == nil {
		return f, n.fault(`it has no "type"`)
	}
	nested := at.path != ""
	at.path, at.source = below(at.path, f.name), below(at.source, f.source)
	f.path, f.number = at.source, c.number(at.source)
	if f.avroType, err = c.parseType(typ, at, f.required); err != nil {
		return f, err
	}
	if f.absent = f.null; n.member("default") != nil {
		if err = c.setDefault(&f, n.member("default")); err != nil {
			return f, err
		}
	}
	if err := f.checkStrictness(n, nested); err != nil {
		return f, err
	}
	return f, c.markPrivate(&f, mark, n)
}

// readProperties reads all but the type and the default, and returns the mark of privacy. A
// misspelt "required" must not pass for a lenient field.
func (f *field) readProperties(n *jsonValue) (mark privacy, err error) {
	name := n.member("name")
	if name != nil && name.kind == conv.String {
		f.name, f.source = name.text, name.text
	}
	for _, m := range n.members {
		v, wanted := m.value, conv.String
		switch m.key {
		case "name", "type", "doc", "default", "aliases", "order":
			continue
		case "source":
			f.source = v.text
		case "required":
			f.required, wanted = v.kind == conv.True, conv.True
		case "identity":
			f.identity, wanted = v.kind == conv.True, conv.True
		case "optional":
			f.optional, wanted = v.kind == conv.True, conv.True
		case "privacy":
			if mark, err = parsePrivacy(v); err != nil {
				return mark, err
			}
		default:
			return mark, strayProperty(n, m)
		}
		if v.kind != wanted && (v.kind != conv.False || wanted != conv.True) {
			return mark, v.fault("%q is %s; give a %s", m.key, v.excerpt(), wanted)
		}
	}
	switch {
	case name == nil:
		return mark, n.fault(`it has no "name"`)
	case !isName(f.name):
		return mark, name.fault("%s is no name that Avro takes; use letters, digits and _, and no digit first", name.excerpt())
	}
	return mark, n.checkNotes(isName)
}

// firstOf returns the first member that an object has of these, else the object.
func firstOf(n *jsonValue, keys ...string) *jsonValue {
	for _, key := range keys {
		if v := n.member(key); v != nil {
			return v
		}
	}
	return n
}

// index ends a segment that asks for one element of an array.
var index = regexp.MustCompile(`(\[[0-9]+\])+$`)

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
		if array := index.ReplaceAllString(s, ""); array != s {
			return fmt.Errorf(`source %q holds the index of an array; take the array as a whole, in a field of {"type": "array", "items": …} whose source ends with %q`, source, array)
		}
	}
	return nil
}

func (f *field) checkStrictness(n *jsonValue, nested bool) error {
	switch {
	case f.identity && nested:
		return firstOf(n, "identity").fault(`"identity" stands on a field inside another; a row's own id is one of the row's own fields`)
	case f.identity && (f.kind.nested() || f.kind == typeUnion):
		return firstOf(n, "identity").fault(`"identity" needs a scalar type; a row's own id is no object and no array`)
	case f.identity && !f.required:
		return firstOf(n, "identity").fault(`"identity" needs "required": true; rows without the value could not be told apart`)
	case f.optional && f.required:
		return firstOf(n, "optional").fault(`"optional" stands on a required field; a row that lacks it is rejected, so leave out one of the two`)
	case !f.required && f.absent == nil:
		return n.fault(`a row may lack %q, and the field can be neither null nor a default; make it a union with null, give it a default, or set "required": true`, f.source)
	}
	return nil
}
