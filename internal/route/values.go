package route

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"convstream/internal/conv"
)

// A value is nil, bool, int, int64, float64, string, []any, or object. int is a literal's.

// object is an object of a row, read where it stands.
type object struct {
	in *evaluation
	at uint32 // its token
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
	return o.in.value(at)
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
	tokens := o.in.row.Tokens
keys:
	for i := o.at + 1; i < tokens[o.at].Next; i = tokens[i+1].Next {
		name := o.in.row.Text(tokens[i])
		n := len(name)
		o.in.spend(1)
		o.in.spendText(n)
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
			found = object{o.in, found}.find(path[s.length+1:])
		}
		value = max(value, found)
	}
	return value
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

func (e *evaluation) equal(a, b any) bool {
	if e.spend(1); e.over() {
		return false
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if c, ok := e.compare(a, b); ok {
		return c == 0
	}
	some, ok := e.listOf(a)
	others, also := e.listOf(b)
	if !ok || !also || len(some) != len(others) {
		return false
	}
	for i := range some {
		if !e.equal(some[i], others[i]) {
			return false
		}
	}
	return true
}

// compare orders two scalars, as the package documentation says of mixed types. It is not ok
// where they cannot be compared.
func (e *evaluation) compare(a, b any) (c int, ok bool) {
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
			e.spendText(min(len(x), len(y)))
			return strings.Compare(x, y), true
		case bool, int, int64, float64:
			c, ok := e.compare(y, x)
			return -c, ok
		}
		return 0, false
	}
	x, ok := e.operand(a)
	y, also := e.operand(b)
	if !ok || !also {
		return 0, false
	}
	return compareNumbers(x, y), true
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendText writes a scalar in its canonical form: of a number, plain notation.
func appendText(dst []byte, v any) ([]byte, error) {
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
			return dst, refuse("a number is too large for its digits to be exact; let the platform send it as a string")
		}
		return strconv.AppendFloat(dst, v+0, 'f', -1, 64), nil
	}
	return dst, refuse(noText, typeName(v))
}
