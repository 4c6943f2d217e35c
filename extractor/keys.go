package extractor

import (
	"math"
	"strconv"

	"convstream/internal/conv"
)

// Keys are the paths of the two values that every row is known by. Each path is found in
// both spellings that pages use: as one literal key with dots, and as nested objects, or
// mixed. Where a row has a path twice, the last one counts, as in encoding/json.
type Keys struct {
	ConversationID string // a string, or a plain integer of which the text counts
	Time           string // an ISO 8601 timestamp, or an integral number of epoch ms
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
		switch t.Kind {
		case conv.String:
			r.Time, r.Zoned, r.HasTime = conv.ParseTimestamp(r.Text(t))
		case conv.Number:
			r.Time, r.HasTime = integral(r.Bytes(t))
			r.Zoned = r.HasTime // an epoch time needs no offset
		}
	}
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

// maxExact bounds the integers that every float64 below it holds exactly.
const maxExact = 1 << 53

// integral reads a JSON number that has no fraction, however it is spelt.
func integral(b []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExact {
		return 0, false
	}
	return int64(f), true
}
