package route

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// exact is where float64 has no more room for each whole number.
const exact = 1 << 53

// parseNumber reads a number in JSON's grammar, however it is spelt: int64 where it is whole and
// fits, else float64. With an exponent it is whole below 2^53 only, as it is read as float64.
// What is beyond the range of float64 is infinite.
func parseNumber(text []byte) (any, bool) {
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid(text) {
		return nil, false
	}
	if last := text[len(text)-1]; last < '0' || last > '9' {
		return nil, false // white space
	}
	digits, fraction, _ := strings.Cut(string(text), ".")
	if strings.Trim(fraction, "0") == "" {
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return n, true
		}
	}
	f, _ := strconv.ParseFloat(string(text), 64)
	if n, ok := integer(f); ok {
		return n, true
	}
	return f, true
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int64, float64:
		return true
	}
	return false
}

// integer is a number that is whole and exact.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		if math.Abs(v) < exact && v == math.Trunc(v) {
			return int64(v), true
		}
	}
	return 0, false
}

func float(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	}
	return v.(float64)
}

// compareNumbers orders by exact values.
func compareNumbers(a, b any) int {
	m, whole := integer(a)
	n, also := integer(b)
	switch {
	case whole && also:
		return cmp.Compare(m, n)
	case whole:
		return compareMixed(m, float(b))
	case also:
		return -compareMixed(n, float(a))
	}
	return cmp.Compare(float(a), float(b))
}

func compareMixed(n int64, f float64) int {
	switch {
	case f >= -math.MinInt64:
		return -1
	case !(f >= math.MinInt64): // also what is no number
		return 1
	}
	whole := int64(f)
	return cmp.Or(cmp.Compare(n, whole), cmp.Compare(float64(whole), f))
}

// arithmetic is an operator of numbers: on whole ones as long as its result fits 64 bits, else
// on floating point.
type arithmetic struct {
	whole  func(a, b int64) (result int64, fits bool)
	broken func(a, b float64) float64
}

var (
	plus = arithmetic{
		func(a, b int64) (int64, bool) { c := a + b; return c, c > a == (b > 0) },
		func(a, b float64) float64 { return a + b },
	}
	minus = arithmetic{
		func(a, b int64) (int64, bool) { c := a - b; return c, c < a == (b > 0) },
		func(a, b float64) float64 { return a - b },
	}
	times = arithmetic{
		func(a, b int64) (int64, bool) {
			if a == 0 || b == 0 {
				return 0, true
			}
			c := a * b
			return c, c > 0 == (a > 0 == (b > 0)) && c/b == a
		},
		func(a, b float64) float64 { return a * b },
	}
	divided = arithmetic{
		func(int64, int64) (int64, bool) { return 0, false },
		func(a, b float64) float64 { return a / b },
	}
)

func (o arithmetic) compute(a, b any) any {
	m, whole := integer(a)
	n, also := integer(b)
	if whole && also {
		if result, fits := o.whole(m, n); fits {
			return result
		}
	}
	return o.broken(float(a), float(b))
}

// remainder has the sign of a. It asks for whole numbers, and b is not 0.
func remainder(a, b any) (any, error) {
	m, whole := integer(a)
	n, also := integer(b)
	if !whole || !also {
		return nil, refuse("%% needs whole numbers of at most 64 bits")
	}
	return m % n, nil
}

// operand is the number that a value stands for in arithmetic: itself, or the one that a string
// holds.
func (e *evaluation) operand(v any) (any, bool) {
	if s, text := v.(string); text {
		e.spendText(len(s))
		return parseNumber([]byte(s))
	}
	return v, isNumber(v)
}
