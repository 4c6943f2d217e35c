package avro

import (
	"bytes"
	"math"
	"strconv"
)

// decimal is the exact value of a JSON number: digits × 10^exponent. Digits have no zero at
// either end, so that a value has one form; zero has no digits, no sign and exponent 0.
type decimal struct {
	negative bool
	digits   []byte
	exponent int
}

// maxExponent keeps sums of exponents and lengths from overflowing.
const maxExponent = 1 << 40

// parseDecimal reads a number in JSON's grammar, and says whether text is one. Its digits go
// into the capacity of buf. Numbers with an exponent beyond maxExponent are refused.
func parseDecimal(buf, text []byte) (decimal, bool) {
	var d decimal
	rest, negative := bytes.CutPrefix(text, []byte{'-'})
	whole := countDigits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return d, false
	}
	digits, rest := append(buf, rest[:whole]...), rest[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		n := countDigits(rest[1:])
		if n == 0 {
			return d, false
		}
		digits, rest = append(digits, rest[1:1+n]...), rest[1+n:]
		d.exponent = -n
	}
	if len(rest) > 0 {
		if rest[0] != 'e' && rest[0] != 'E' {
			return d, false
		}
		n, err := strconv.Atoi(string(rest[1:]))
		if err != nil || n > maxExponent || n < -maxExponent {
			return d, false
		}
		d.exponent += n
	}
	digits = bytes.TrimLeft(digits, "0")
	d.digits = bytes.TrimRight(digits, "0")
	if len(d.digits) == 0 {
		return decimal{}, true
	}
	d.negative = negative
	d.exponent += len(digits) - len(d.digits)
	return d, true
}

func countDigits(s []byte) int {
	for i, c := range s {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(s)
}

// int64 returns the value where it has no fraction and is in range.
func (d decimal) int64() (int64, bool) {
	if d.exponent < 0 || len(d.digits)+d.exponent > 19 {
		return 0, false
	}
	var n uint64 // 19 digits fit
	for _, c := range d.digits {
		n = n*10 + uint64(c-'0')
	}
	for range d.exponent {
		n *= 10
	}
	if d.negative {
		return -int64(n), n <= -math.MinInt64
	}
	return int64(n), n <= math.MaxInt64
}

// append writes the canonical text.
func (d decimal) append(dst []byte) []byte {
	if len(d.digits) == 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	point := len(d.digits) + d.exponent // digits before the decimal point
	switch {
	case point > 21 || point <= -6:
		dst = append(dst, d.digits[0])
		if len(d.digits) > 1 {
			dst = append(dst, '.')
			dst = append(dst, d.digits[1:]...)
		}
		dst = append(dst, 'e')
		if point > 21 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(point-1), 10)
	case point <= 0:
		dst = appendZeros(append(dst, "0."...), -point)
		return append(dst, d.digits...)
	case d.exponent < 0:
		dst = append(dst, d.digits[:point]...)
		dst = append(dst, '.')
		return append(dst, d.digits[point:]...)
	}
	return appendZeros(append(dst, d.digits...), d.exponent)
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}
