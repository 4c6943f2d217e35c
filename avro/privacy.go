package avro

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// privacy is how a value is published that is of a person. Of several marks on one value the
// higher one counts.
type privacy uint8

const (
	public privacy = iota
	hashed
	masked
	dropped
)

var privacyNames = [...]string{"public", "hash", "mask", "drop"}

func (p privacy) String() string { return privacyNames[p] }

func parsePrivacy(v *jsonValue) (privacy, error) {
	for p := hashed; p <= dropped; p++ {
		if v.is(p.String()) {
			return p, nil
		}
	}
	return public, v.fault(`"privacy" is %s; use "hash", "mask" or "drop"`, v.excerpt())
}

// maskText stands for every masked text that is not empty.
const maskText = "***"

// hashPrefix names what stands behind it.
const hashPrefix = "hmac-sha256:"

// needed are the sources that convstream itself reads of a row, in both dialects.
var needed = []string{"conversation.id", "timestamp", "conversationId", "conversationStart"}

// private says whether the field is marked, or something in it.
func (f *field) private() bool { return f.drop || f.avroType.private }

// markPrivate gives a field its mark.
func (c *compiler) markPrivate(f *field, mark privacy, n *jsonValue) error {
	at := firstOf(n, "privacy")
	switch {
	case mark == public:
		return nil
	case f.identity:
		return at.fault(`"privacy" stands on an identity field; rows are told apart by it, so leave out one of the two`)
	case mark == dropped && f.required:
		return at.fault(`"privacy": "drop" stands on a required field; leave out "required", and let the field be null or have a default`)
	case mark == dropped:
		f.drop = true
		return nil
	case f.kind == typeRecord || f.kind == typeUnion:
		kind := "record"
		if f.kind == typeUnion {
			kind = "union of " + f.avroType.name
		}
		return at.fault(`"privacy": %q stands on a %s, and needs a string, or an array or a map of strings; mark the strings in its records, or use "drop" for the whole`, mark, kind)
	case !f.mark(mark):
		return at.fault(`"privacy": %q needs a string, or an array or a map of strings, and the type is %s; use "drop"`, mark, &f.avroType)
	}
	c.hashes = c.hashes || mark == hashed
	return nil
}

// mark marks a string, or the strings in an array or a map, and says whether it did: what else
// is marked in the type already is not marked as a whole.
func (t *avroType) mark(mark privacy) bool {
	switch t.kind {
	case typeString:
		t.privacy, t.private = mark, true
		return true
	case typeArray, typeMap:
		if t.items.mark(mark) {
			t.private = true
			return true
		}
	}
	return false
}

// checkOverlaps finds private fields whose values another field publishes as well: under the
// same source, or as part of an object that one of the two reads. Of the row's own fields
// none may overlap with what convstream needs to read either.
func (c *compiler) checkOverlaps(r *record, at position) {
	if !r.private {
		return
	}
	for i := range r.fields {
		f := &r.fields[i]
		if !f.private() {
			continue
		}
		path := below(at.path, f.name)
		if at.path == "" {
			for _, source := range needed {
				if overlap(f.source, source) {
					c.problems = append(c.problems, c.problem(f.at, path, fmt.Errorf(
						`"privacy" stands on %q, and convstream reads %q of each row; leave it out`, f.source, source)))
				}
			}
		}
		for j := range r.fields {
			g := &r.fields[j]
			if i == j || !overlap(f.source, g.source) || f.isMarkedAs(g) {
				continue
			}
			c.problems = append(c.problems, c.problem(f.at, path, fmt.Errorf(
				`it is private and reads %q, and the field %q reads %q and is not private in the same way; mark both alike, or leave one out`, f.source, g.name, g.source)))
		}
	}
}

// isMarkedAs says whether two fields read one source and are marked alike.
func (f *field) isMarkedAs(g *field) bool {
	if f.source != g.source || f.drop != g.drop {
		return false
	}
	return f.drop || f.scalarPrivacy() != public && f.scalarPrivacy() == g.scalarPrivacy()
}

// scalarPrivacy is the mark of the strings in a type of strings.
func (t *avroType) scalarPrivacy() privacy {
	for t.items != nil {
		t = t.items
	}
	return t.privacy
}

// overlap says whether one source is the other, or the beginning of it.
func overlap(a, b string) bool {
	return strings.HasPrefix(a+".", b+".") || strings.HasPrefix(b+".", a+".")
}

// conceal returns what is published instead of a private text. It is valid until the next call.
// What stands for a private text already is not hashed again.
func (e *encoder) conceal(p privacy, text []byte) []byte {
	switch {
	case p == hashed && e.row.Redacted && concealed(text):
		return text
	case p == hashed && e.mac != nil:
		e.mac.Reset()
		e.mac.Write(text)
		e.sum = e.mac.Sum(e.sum[:0])
		e.concealed = append(e.concealed[:0], hashPrefix...)
		e.concealed = hex.AppendEncode(e.concealed, e.sum)
	case len(text) == 0:
		return text
	default: // also a hash without a key, which would hide nothing
		e.concealed = append(e.concealed[:0], maskText...)
	}
	return e.concealed
}

// concealed says whether a text of a redacted row stands for a private one. One that does not is
// private all the same where the contract says so: its mark is younger than the redaction.
func concealed(text []byte) bool {
	hash, isHash := bytes.CutPrefix(text, []byte(hashPrefix))
	return string(text) == maskText || isHash && len(hash) == hex.EncodedLen(sha256.Size)
}

// Hashes says whether a field is marked "privacy": "hash". Such a contract needs a key: see
// [Contract.WithKey].
func (c *Contract) Hashes() bool { return c.hashes }

// WithKey returns the contract with the key of the HMAC that "privacy": "hash" publishes.
// Without one, or with an empty one, such fields are masked.
func (c *Contract) WithKey(key []byte) *Contract { return newContract(c.compiled, key) }
