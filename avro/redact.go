package avro

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"sync"

	"convstream/internal/conv"
)

// Redactor replaces in rows what contracts mark as private, so that they can be kept outside
// the topics: as dead letters, and in staging. It is safe for concurrent use.
type Redactor struct {
	root     *rule
	encoders sync.Pool
}

// rule is what becomes of the values at one source path. Values at a path without one are
// public. A value of a shape that no contract has at a path with a rule could hold anything,
// and is emptied.
type rule struct {
	privacy privacy
	members map[string]*rule // of an object, by the next segment of the path
	values  *rule            // of an object that is read as a map
	items   *rule            // of an array
	plain   shapes           // what a union publishes as it is
	merged  bool             // a contract has said so before
}

// shapes is a set of JSON's kinds of values.
type shapes uint8

const (
	scalars shapes = 1 << iota
	arrays
	objects
)

func shapeOfKind(k conv.Kind) shapes {
	switch k {
	case conv.Object:
		return objects
	case conv.Array:
		return arrays
	}
	return scalars
}

// NewRedactor returns a redactor of what any of the contracts marks. Where they mark one value
// in different ways it is dropped rather than masked, and masked rather than hashed; the key of
// the hashes is that of the first contract which has one.
func NewRedactor(contracts ...*Contract) *Redactor {
	r := &Redactor{}
	var key []byte
	for _, c := range contracts {
		if c.root.private {
			if r.root == nil {
				r.root = &rule{}
			}
			r.root.addRecord(c.root)
		}
		if len(key) == 0 {
			key = c.key
		}
	}
	r.encoders.New = func() any {
		e := &encoder{}
		if len(key) > 0 {
			e.mac = hmac.New(sha256.New, key)
		}
		return e
	}
	return r
}

// addRecord adds what a record marks to the rule of the object that it is read from.
func (r *rule) addRecord(rec *record) {
	for i := range rec.fields {
		f := &rec.fields[i]
		if !f.private() {
			continue
		}
		at := r
		for segment := range strings.SplitSeq(f.source, ".") {
			if at != r {
				at.narrow(0) // only an object leads on
			}
			at = at.below(segment)
		}
		if f.drop {
			at.privacy = dropped
		} else {
			at.add(&f.avroType)
		}
	}
}

// below is the rule of what has the segment in an object, made where there is none.
func (r *rule) below(segment string) *rule {
	if r.members == nil {
		r.members = map[string]*rule{}
	}
	next := r.members[segment]
	if next == nil {
		next = &rule{}
		r.members[segment] = next
	}
	return next
}

// add adds what a type marks, and what it publishes beside that.
func (r *rule) add(t *avroType) {
	var plain shapes
	branches := []avroType{*t}
	if t.kind == typeUnion {
		branches = t.branches
	}
	for i := range branches {
		b := &branches[i]
		switch {
		case !b.private:
			plain |= shapeOfKind(kinds[b.kind].spelled)
		case b.kind == typeRecord:
			r.addRecord(b.record)
		case b.kind == typeArray:
			r.items = within(r.items, b.items)
		case b.kind == typeMap:
			r.values = within(r.values, b.items)
		default:
			r.privacy = max(r.privacy, b.privacy)
		}
	}
	r.narrow(plain)
}

// narrow leaves plain what every contract publishes as it is.
func (r *rule) narrow(plain shapes) {
	if r.merged {
		plain &= r.plain
	}
	r.plain, r.merged = plain, true
}

func within(r *rule, t *avroType) *rule {
	if r == nil {
		r = &rule{}
	}
	r.add(t)
	return r
}

// Idle says that no contract marks anything: rows are redacted as they are.
func (r *Redactor) Idle() bool { return r.root == nil }

// Redact appends the row's JSON to dst with each private value replaced, under every spelling of
// its source and however often its key comes: a text by its hash or by "***", a number or a
// boolean likewise, as a string. A dropped value goes with its key. Where something else stands
// than the contract says, it goes too, and only its JSON type stays: {}, [], "***", 0 or false.
// Values that no contract marks stay as they came, those of unknown keys too.
//
// It reports false where it cannot tell what is private, as the row is no object or was cut, and
// any contract marks something: such a row may not leave the process.
//
// Encoding the redacted row with [conv.Row.Redacted] set gives the same bytes and facts as the row
// itself, by each contract that marks all that the redactor replaces of its fields.
func (r *Redactor) Redact(dst []byte, row *conv.Row) (out []byte, ok bool) {
	if r.Idle() {
		return append(dst, row.Raw...), true
	}
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return dst, false
	}
	e := r.encoders.Get().(*encoder)
	e.row = row
	dst = e.redact(dst, r.root, 0)
	e.reset()
	r.encoders.Put(e)
	return dst, true
}

// redact appends the value at token i.
func (e *encoder) redact(dst []byte, r *rule, i uint32) []byte {
	token := e.row.Tokens[i]
	switch {
	case r == nil || token.Kind == conv.Null:
		return e.appendRaw(dst, token)
	case token.Kind == conv.Object && (r.members != nil || r.values != nil):
		return e.redactObject(dst, r, i)
	case token.Kind == conv.Array && r.items != nil:
		return e.redactArray(dst, r.items, i)
	case shapeOfKind(token.Kind) == scalars && r.privacy != public:
		return e.redactScalar(dst, r.privacy, token)
	case r.plain&shapeOfKind(token.Kind) != 0:
		return e.appendRaw(dst, token)
	}
	return append(dst, emptied(token)...)
}

func (e *encoder) redactObject(dst []byte, r *rule, object uint32) []byte {
	tokens := e.row.Tokens
	dst = append(dst, '{')
	first := true
	for i := object + 1; i < tokens[object].Next; i = tokens[i+1].Next {
		inner := r.find(e.row.Text(tokens[i]))
		if inner != nil && inner.privacy == dropped {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(e.appendRaw(dst, tokens[i]), ':')
		dst = e.redact(dst, inner, i+1)
	}
	return append(dst, '}')
}

func (e *encoder) redactArray(dst []byte, items *rule, array uint32) []byte {
	tokens := e.row.Tokens
	dst = append(dst, '[')
	for i := array + 1; i < tokens[array].Next; i = tokens[i].Next {
		if i > array+1 {
			dst = append(dst, ',')
		}
		dst = e.redact(dst, items, i)
	}
	return append(dst, ']')
}

// find returns the rule of an object's key, which may hold several segments of a path, and nil
// where there is none. What is dropped goes with all whose path leads through it.
func (r *rule) find(key []byte) *rule {
	at := r
	for segment := range bytes.SplitSeq(key, []byte{'.'}) {
		if at = at.members[string(segment)]; at == nil {
			return r.values
		}
		if at.privacy == dropped {
			return at
		}
	}
	return at
}

// redactScalar appends what is published of a private scalar, as a string: no character of it
// needs an escape.
func (e *encoder) redactScalar(dst []byte, p privacy, token conv.Token) []byte {
	text, ok := e.readText(e.row, token)
	if !ok {
		return append(dst, boundless...)
	}
	dst = append(dst, '"')
	dst = append(dst, e.conceal(p, text)...)
	return append(dst, '"')
}

// boundless stands for a number that no type takes, as no text could.
const boundless = "1e9999999999999"

// emptied is a value of the same JSON type that tells nothing.
func emptied(token conv.Token) string {
	switch token.Kind {
	case conv.String:
		return `"` + maskText + `"`
	case conv.Number:
		return "0"
	case conv.Object:
		return "{}"
	case conv.Array:
		return "[]"
	}
	return "false"
}

// appendRaw appends a value as it came.
func (e *encoder) appendRaw(dst []byte, token conv.Token) []byte {
	if token.Kind == conv.String {
		token.Start, token.End = token.Start-1, token.End+1
	}
	return append(dst, e.row.Raw[token.Start:token.End]...)
}
