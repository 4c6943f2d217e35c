package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"convstream/internal/conv"
)

// jsonValue is a value of a contract's file that knows where it stands, so that an error can
// say so. Of an object no key comes twice.
type jsonValue struct {
	kind    conv.Kind
	at      int    // offset of its first byte in the file
	raw     []byte // its bytes as they came
	text    string // of a String, without escapes
	members []jsonMember
	items   []*jsonValue
}

type jsonMember struct {
	key   string
	at    int // offset of the key
	value *jsonValue
}

// fault is something wrong at a place in the file.
type fault struct {
	at  int
	err error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// faultAt is an error about what stands at an offset.
func faultAt(at int, format string, args ...any) error {
	return &fault{at: at, err: fmt.Errorf(format, args...)}
}

func (v *jsonValue) fault(format string, args ...any) error { return faultAt(v.at, format, args...) }

// faultPlace is where an error says that something is wrong, or else the given offset.
func faultPlace(err error, otherwise int) int {
	if f := (*fault)(nil); errors.As(err, &f) {
		return f.at
	}
	return otherwise
}

// member returns the value of a key, nil where the object has none.
func (v *jsonValue) member(key string) *jsonValue {
	for i := range v.members {
		if v.members[i].key == key {
			return v.members[i].value
		}
	}
	return nil
}

// is says whether the value is a string of this text.
func (v *jsonValue) is(text string) bool { return v.kind == conv.String && v.text == text }

// excerpt is the value's text, cut so that an error about it stays readable.
func (v *jsonValue) excerpt() string {
	const longest = 200
	if len(v.raw) <= longest {
		return string(v.raw)
	}
	return strings.ToValidUTF8(string(v.raw[:longest]), "") + "…"
}

// parseDocument reads a file of one JSON value.
func parseDocument(file []byte) (*jsonValue, error) {
	if len(bytes.TrimSpace(file)) == 0 {
		return nil, faultAt(0, "the file is empty; write an Avro record")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(file, &whole); err != nil {
		at := 0
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = max(0, int(syntax.Offset)-1)
		}
		if strings.IndexByte("]}", file[at]) >= 0 && bytes.HasSuffix(bytes.TrimSpace(file[:at]), []byte{','}) {
			err = fmt.Errorf("%w; take out the comma before it", err)
		}
		return nil, faultAt(at, "the file is no JSON: %w", err)
	}
	r := documentReader{file: file, dec: json.NewDecoder(bytes.NewReader(file))}
	r.dec.UseNumber()
	return r.value()
}

// documentReader walks over a file that is valid JSON.
type documentReader struct {
	file []byte
	dec  *json.Decoder
}

// value reads the next value.
func (r *documentReader) value() (v *jsonValue, err error) {
	v = &jsonValue{at: r.next()}
	token, err := r.dec.Token()
	if err != nil {
		return nil, faultAt(v.at, "read JSON: %w", err)
	}
	v.kind = literalKind(r.file[v.at])
	switch v.kind {
	case conv.String:
		v.text, _ = token.(string)
	case conv.Object:
		err = r.members(v)
	case conv.Array:
		err = r.items(v)
	}
	v.raw = r.file[v.at:r.dec.InputOffset()]
	return v, err
}

func (r *documentReader) members(object *jsonValue) error {
	seen := map[string]bool{}
	for r.dec.More() {
		at := r.next()
		token, err := r.dec.Token()
		if err != nil {
			return faultAt(at, "read JSON: %w", err)
		}
		key, _ := token.(string)
		if seen[key] {
			return faultAt(at, "the key %q stands twice in one object; keep one of them", key)
		}
		seen[key] = true
		value, err := r.value()
		if err != nil {
			return err
		}
		object.members = append(object.members, jsonMember{key: key, at: at, value: value})
	}
	return r.end()
}

func (r *documentReader) items(array *jsonValue) error {
	for r.dec.More() {
		item, err := r.value()
		if err != nil {
			return err
		}
		array.items = append(array.items, item)
	}
	return r.end()
}

// end reads a closing bracket.
func (r *documentReader) end() error {
	at := r.next()
	if _, err := r.dec.Token(); err != nil {
		return faultAt(at, "read JSON: %w", err)
	}
	return nil
}

// next is the offset of the next token.
func (r *documentReader) next() int {
	at := int(r.dec.InputOffset())
	for strings.IndexByte(" \t\r\n:,", r.file[at]) >= 0 {
		at++
	}
	return at
}

// literalKind is the kind of a JSON value that starts with this byte.
func literalKind(first byte) conv.Kind {
	switch first {
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

// lineAndColumn says where in the file an offset is, in lines and columns that start with 1.
func lineAndColumn(file []byte, at int) string {
	at = min(at, len(file))
	line := 1 + bytes.Count(file[:at], []byte{'\n'})
	column := at - bytes.LastIndexByte(file[:at], '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}
