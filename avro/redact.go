package avro

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"convstream/internal/conv"
)

// Redactor replaces in rows what contracts mark as private, so that they can be kept outside
// the topics: as dead letters, and in staging. It is safe for concurrent use.
type Redactor struct {
	roots    []*rule // of each contract that has a say
	encoders sync.Pool
}

// NewRedactor returns a redactor of what the contracts mark. The primary contract decides about
// all that it reads: what it publishes as it is stays as it is, and what it hashes is hashed,
// though a derived contract may drop it. So a redacted row is the same row to it. Marks of derived
// contracts count for all else; of several on one value, drop before mask, and mask before hash.
//
// The key of the hashes is the primary contract's, or that of the first derived contract which
// has one where the primary hashes nothing.
func NewRedactor(primary *Contract, derived ...*Contract) *Redactor {
	r := &Redactor{}
	key := primary.key
	for _, c := range derived {
		if c.root.private {
			root := &rule{}
			root.addRecord(c.root, false)
			r.roots = append(r.roots, root)
		}
		if len(key) == 0 && !primary.hashes {
			key = c.key
		}
	}
	if primary.root.private || len(r.roots) > 0 {
		root := &rule{primary: true}
		root.addRecord(primary.root, true)
		r.roots = append(r.roots, root)
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

// Idle says that no contract marks anything: rows are redacted as they are.
func (r *Redactor) Idle() bool { return len(r.roots) == 0 }

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
// itself by the primary contract. By a derived one no private value is published in plain, but
// what the primary contract conceals in another way is concealed in that way, or masked.
//
// Of a row that comes redacted, a hash stays the hash that it is where it would be hashed.
func (r *Redactor) Redact(dst []byte, row *conv.Row) (out []byte, ok bool) {
	if r.Idle() {
		return append(dst, row.Raw...), true
	}
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return dst, false
	}
	e := r.encoders.Get().(*encoder)
	e.row = row
	e.rules = append(e.rules[:0], r.roots...)
	dst = e.redactObject(dst, 0, 0)
	e.reset()
	r.encoders.Put(e)
	return dst, true
}

// redact appends the value at token i, for which the rules from the given one on stand.
func (e *encoder) redact(dst []byte, from int, i uint32) []byte {
	token := e.row.Tokens[i]
	if token.Kind == conv.Null {
		return e.appendRaw(dst, token)
	}
	switch fate, mark := judge(e.rules[from:], spelledAs(token.Kind)); fate {
	case stays:
		return e.appendRaw(dst, token)
	case isConcealed:
		return e.redactScalar(dst, mark, token)
	case isEntered:
		if token.Kind == conv.Object {
			return e.redactObject(dst, from, i)
		}
		return e.redactArray(dst, from, i)
	}
	return append(dst, emptied(token)...)
}

func (e *encoder) redactObject(dst []byte, from int, object uint32) []byte {
	tokens := e.row.Tokens
	end := len(e.rules)
	dst = append(dst, '{')
	first := true
	for i := object + 1; i < tokens[object].Next; i = tokens[i+1].Next {
		key := e.row.Text(tokens[i])
		for _, r := range e.rules[from:end] {
			e.rules = r.appendMember(e.rules, key)
		}
		if !isDropped(e.rules[end:]) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(e.appendRaw(dst, tokens[i]), ':')
			dst = e.redact(dst, end, i+1)
		}
		e.rules = e.rules[:end]
	}
	return append(dst, '}')
}

func (e *encoder) redactArray(dst []byte, from int, array uint32) []byte {
	tokens := e.row.Tokens
	end := len(e.rules)
	for _, r := range e.rules[from:end] {
		e.rules = r.appendItems(e.rules)
	}
	dst = append(dst, '[')
	for i := array + 1; i < tokens[array].Next; i = tokens[i].Next {
		if i > array+1 {
			dst = append(dst, ',')
		}
		dst = e.redact(dst, end, i)
	}
	e.rules = e.rules[:end]
	return append(dst, ']')
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
