package avro

import (
	"math/big"

	"convstream/internal/conv"
)

// decimalWidth is how many bytes hold any number of so many digits, and its sign.
func decimalWidth(precision int) int {
	largest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return largest.BitLen()/8 + 1
}

// readDecimal returns the two's complement of a number times ten to the power of the type's
// scale, where that is whole and has no more digits than the type. The number itself stays in
// e.number, with digits that are valid until the next parse.
func (e *encoder) readDecimal(row *conv.Row, token conv.Token, t *decimalType) (unscaled []byte, ok bool) {
	d, ok := e.parse(numberText(row, token))
	zeros := d.exponent + t.scale
	if !ok || zeros < 0 || zeros > t.precision-len(d.digits) && len(d.digits) > 0 {
		return nil, false
	}
	e.number = d
	e.text = d.appendUnscaled(e.text[:0], zeros, max(t.width, t.size))
	if t.size > 0 {
		return e.text, true
	}
	return withoutSignBytes(e.text), true
}

// appendUnscaled writes the digits, with so many zeros behind them, as a two's complement of so
// many bytes, the highest first.
func (d decimal) appendUnscaled(dst []byte, zeros, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, 0)
	}
	number := dst[start:]
	push := func(digit byte) {
		carry := uint(digit)
		for i := len(number) - 1; i >= 0; i-- {
			carry += uint(number[i]) * 10
			number[i] = byte(carry)
			carry >>= 8
		}
	}
	for _, c := range d.digits {
		push(c - '0')
	}
	if len(d.digits) > 0 {
		for range zeros {
			push(0)
		}
	}
	if d.negative {
		negate(number)
	}
	return dst
}

// negate makes a number of two's complement its opposite.
func negate(number []byte) {
	carry := uint(1)
	for i := len(number) - 1; i >= 0; i-- {
		carry += uint(^number[i])
		number[i] = byte(carry)
		carry >>= 8
	}
}

// withoutSignBytes leaves out the bytes at the front that only repeat the sign.
func withoutSignBytes(number []byte) []byte {
	for len(number) > 1 && (number[0] == 0 && number[1] < 0x80 || number[0] == 0xff && number[1] >= 0x80) {
		number = number[1:]
	}
	return number
}
