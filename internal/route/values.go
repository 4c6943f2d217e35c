package route

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"convstream/internal/conv"
)

// A value is nil, bool, int, int64, float64, string, []any, or object. int is a literal's.

// object is an object of a row, read where it stands.
type object struct {
	row *conv.Row
	at  uint32 // its token
}

// field is the value at a path below v; nil where v is no object or has nothing there.
func field(v any, path string) any {
	o, ok := v.(object)
	if !ok {
		return nil
	}
	at := o.find(path)
	if at == 0 {
		return nil
	}
	return valueOf(o.row, at)
}

// spelling is a key that is a path, or the start of one: its length, and its value's token.
type spelling struct {
	length int
	value  uint32
}

// find returns the token of the value at a path, 0 where there is none.
func (o object) find(path string) (value uint32) {
	var room [8]spelling
	spellings := room[:0]
	tokens := o.row.Tokens
keys:
	for i := o.at + 1; i < tokens[o.at].Next; i = tokens[i+1].Next {
		name := o.row.Text(tokens[i])
		n := len(name)
		if n > len(path) || string(name) != path[:n] || n < len(path) && path[n] != '.' {
			continue
		}
		for j := range spellings {
			if spellings[j].length == n { // a key that comes again replaces the earlier one
				spellings[j].value = i + 1
				continue keys
			}
		}
		spellings = append(spellings, spelling{length: n, value: i + 1})
	}
	for _, s := range spellings {
		found := s.value
		if s.length < len(path) {
			if tokens[found].Kind != conv.Object {
				continue
			}
			found = object{o.row, found}.find(path[s.length+1:])
		}
		value = max(value, found)
	}
	return value
}

func valueOf(row *conv.Row, at uint32) any {
	t := row.Tokens[at]
	switch t.Kind {
	case conv.False, conv.True:
		return t.Kind == conv.True
	case conv.String:
		return string(row.Text(t))
	case conv.Number:
		n, _ := parseNumber(row.Bytes(t))
		return n
	case conv.Object:
		return object{row: row, at: at}
	case conv.Array:
		list := []any{}
		for i := at + 1; i < t.Next; i = row.Tokens[i].Next {
			list = append(list, valueOf(row, i))
		}
		return list
	}
	return nil
}

// parseNumber reads a number in JSON's grammar: int64 where it is spelt as a whole number that
// fits, else float64. What is beyond the range of float64 is infinite.
func parseNumber(text []byte) (any, bool) {
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid(text) {
		return nil, false
	}
	if last := text[len(text)-1]; last < '0' || last > '9' {
		return nil, false // white space
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, true
	}
	f, _ := strconv.ParseFloat(string(text), 64)
	return f, true
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int64, float64:
		return true
	}
	return false
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case object:
		return "an object"
	}
	if isNumber(v) {
		return "a number"
	}
	return "an array"
}

func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	some, ok := listOf(a)
	others, also := listOf(b)
	if !ok || !also || len(some) != len(others) {
		return false
	}
	for i := range some {
		if !equal(some[i], others[i]) {
			return false
		}
	}
	return true
}

// compare orders two scalars, as the package documentation says of mixed types. It is not ok
// where they cannot be compared.
func compare(a, b any) (c int, ok bool) {
	switch x := a.(type) {
	case bool:
		y, ok := b.(bool)
		if s, text := b.(string); text {
			y, ok = s == "true", s == "true" || s == "false"
		}
		return cmp.Compare(rank(x), rank(y)), ok
	case string:
		switch y := b.(type) {
		case string:
			return strings.Compare(x, y), true
		case bool, int, int64, float64:
			c, ok := compare(y, x)
			return -c, ok
		}
		return 0, false
	}
	if s, text := b.(string); text {
		n, ok := parseNumber([]byte(s))
		if !ok {
			return 0, false
		}
		b = n
	}
	if !isNumber(a) || !isNumber(b) {
		return 0, false
	}
	x, whole := integer(a)
	y, also := integer(b)
	if whole && also {
		return cmp.Compare(x, y), true
	}
	return cmp.Compare(float(a), float(b)), true
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

func float(v any) float64 {
	if n, ok := integer(v); ok {
		return float64(n)
	}
	return v.(float64)
}

// appendText writes a scalar in its canonical form: of a number, plain notation.
func appendText(dst []byte, v any) ([]byte, error) {
	const exact = 1 << 53 // beyond it float64 has no more room for each whole number
	switch v := v.(type) {
	case string:
		return append(dst, v...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		if math.Abs(v) >= exact || math.IsNaN(v) {
			return dst, fmt.Errorf("a number is too large for its digits to be exact; let the platform send it as a string")
		}
		return strconv.AppendFloat(dst, v+0, 'f', -1, 64), nil
	}
	return dst, fmt.Errorf("%s stands where a string is needed", typeName(v))
}
