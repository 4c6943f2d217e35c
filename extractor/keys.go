package extractor

import (
	"strconv"
	"strings"

	"convstream/internal/conv"
)

// Keys are the paths of the values that every row is known by. Each path is found in
// both spellings that pages use: as one literal key with dots, and as nested objects, or
// mixed. Where a row has a path twice, the last one counts, as in encoding/json.
type Keys struct {
	ConversationID string // a string, or a plain integer of which the text counts
	Time           string // an ISO 8601 timestamp, or an integral number of epoch ms
	End            string // the same, of when it was over; "" where rows do not tell
}

// read fills in what the row says of itself.
func (k Keys) read(r *conv.Row) {
	if len(r.Tokens) == 0 || r.Tokens[0].Kind != conv.Object {
		return
	}
	if t, ok := find(r, 0, k.ConversationID); ok {
		switch t.Kind {
		case conv.String:
			r.ConversationID = r.Text(t)
		case conv.Number:
			if b := r.Bytes(t); plainInteger(b) {
				r.ConversationID = b
			}
		}
	}
	if t, ok := find(r, 0, k.Time); ok {
		r.Time, r.Zoned, r.HasTime = instant(r, t)
	}
	if k.End == "" {
		return
	}
	if t, ok := find(r, 0, k.End); ok {
		r.End, _, r.HasEnd = instant(r, t)
	}
}

// instant reads a timestamp, or a number of epoch milliseconds, which needs no offset.
func instant(r *conv.Row, t conv.Token) (ms int64, zoned, ok bool) {
	switch t.Kind {
	case conv.String:
		return conv.ParseTimestamp(r.Text(t))
	case conv.Number:
		ms, ok = integral(r.Bytes(t))
		return ms, ok, ok
	}
	return 0, false, false
}

// find returns the value at path below the object at index i.
func find(r *conv.Row, i uint32, path string) (value conv.Token, ok bool) {
	end := r.Tokens[i].Next
	for i++; i < end; {
		key, v := r.Tokens[i], r.Tokens[i+1]
		name := r.Bytes(key)
		if key.Escaped {
			name = r.Text(key)
		}
		switch n := len(name); {
		case string(name) == path:
			value, ok = v, true
		case v.Kind == conv.Object && n < len(path) && path[n] == '.' && string(name) == path[:n]:
			if nested, found := find(r, i+1, path[n+1:]); found {
				value, ok = nested, true
			}
		}
		i = v.Next
	}
	return value, ok
}

// plainInteger says whether a JSON number has one spelling only: digits, and few enough for
// every reader to agree on them.
func plainInteger(b []byte) bool {
	n, err := strconv.ParseInt(string(b), 10, 64)
	return err == nil && len(b) <= 18 && string(b) == strconv.FormatInt(n, 10)
}

// maxExponent keeps sums of exponents and lengths from overflowing.
const maxExponent = 1 << 40

// integral reads a JSON number whose exact value is an integer, however it is spelt. A
// contract's encoder judges the same number by the same rule, so that the time of a row's
// key and the time in its record agree.
func integral(b []byte) (int64, bool) {
	mantissa, power, scaled := strings.Cut(strings.ToLower(string(b)), "e")
	exponent := 0
	if scaled {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return 0, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(whole+fraction, "0")
	exponent += len(whole) - len(digits)
	switch {
	case digits == "" || digits == "-":
		return 0, true
	case exponent < 0 || exponent > 18:
		return 0, false
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", exponent), 10, 64)
	return n, err == nil
}
