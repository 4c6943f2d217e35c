package avro

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"convstream/internal/conv"
)

// value is a scalar of a row.
type value struct {
	int     int64   // long, int, instants, dates and times in the type's own unit; the index of a symbol; 0 or 1 of a boolean
	float   float64 // double, float
	text    []byte  // string, uuid, symbol, decimal; refers to the row or to encoder.text, valid until the next read
	unknown bool    // the text is no symbol of the enum
}

// read converts a token to a type, and says whether that loses nothing.
func (e *encoder) read(t *avroType, token conv.Token, v *value) (ok bool) {
	row := e.row
	switch t.kind {
	case typeString:
		v.text, ok = e.readText(row, token)
	case typeLong:
		v.int, ok = e.readInteger(row, token)
	case typeInt:
		v.int, ok = e.readInteger(row, token)
		ok = ok && v.int == int64(int32(v.int))
	case typeDouble:
		v.float, ok = e.readFloat(row, token, 64)
	case typeFloat:
		v.float, ok = e.readFloat(row, token, 32)
	case typeBoolean:
		v.int, ok = readBoolean(row, token)
	case typeEnum:
		ok = v.readSymbol(row, token, t.enum)
	case typeDecimal:
		v.text, ok = e.readDecimal(row, token, t.decimal)
	case typeUUID:
		if token.Kind == conv.String {
			v.text = row.Text(token)
			ok = isUUID(v.text)
		}
	default:
		v.int, ok = e.readTime(t.kind, token)
	}
	return ok
}

func (e *encoder) readText(row *conv.Row, token conv.Token) ([]byte, bool) {
	switch token.Kind {
	case conv.String:
		return row.Text(token), true
	case conv.True, conv.False:
		return row.Bytes(token), true
	case conv.Number:
		d, ok := e.parse(row.Bytes(token))
		e.text = d.append(e.text[:0])
		return e.text, ok
	}
	return nil, false
}

func (e *encoder) readInteger(row *conv.Row, token conv.Token) (int64, bool) {
	d, ok := e.parse(numberText(row, token))
	if !ok {
		return 0, false
	}
	return d.int64()
}

func (e *encoder) readFloat(row *conv.Row, token conv.Token, bits int) (float64, bool) {
	text := numberText(row, token)
	if _, ok := e.parse(text); !ok { // strconv takes more spellings than JSON has
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), bits)
	if f == 0 {
		f = 0 // not -0, which is the same number
	}
	return f, err == nil
}

func readBoolean(row *conv.Row, token conv.Token) (int64, bool) {
	switch token.Kind {
	case conv.True:
		return 1, true
	case conv.False:
		return 0, true
	case conv.String:
		switch string(row.Text(token)) {
		case "true":
			return 1, true
		case "false":
			return 0, true
		}
	}
	return 0, false
}

// readSymbol reads a symbol, or what stands for one that the enum does not know.
func (v *value) readSymbol(row *conv.Row, token conv.Token, t *enumType) bool {
	if token.Kind != conv.String {
		return false
	}
	index, known := t.symbols[string(row.Text(token))]
	if v.unknown = !known; v.unknown {
		index = t.fallback
	}
	if index < 0 {
		return false
	}
	v.int, v.text = int64(index), t.names[index]
	return true
}

// isUUID says whether a text is of the form of RFC 4122, in digits of either case.
func isUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if c |= 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// numberText is the text of a number, or of a string that may hold one; nil of anything else.
func numberText(row *conv.Row, token conv.Token) []byte {
	switch token.Kind {
	case conv.Number:
		return row.Bytes(token)
	case conv.String:
		return row.Text(token)
	}
	return nil
}

// parse reads a number. Its digits are valid until the next call.
func (e *encoder) parse(text []byte) (decimal, bool) {
	e.digits = slices.Grow(e.digits[:0], len(text))
	return parseDecimal(e.digits, text)
}

// appendScalar writes a value's Avro bytes.
func appendScalar(dst []byte, t *avroType, v *value) []byte {
	switch t.kind {
	case typeDecimal:
		if t.decimal.size > 0 {
			return append(dst, v.text...)
		}
		fallthrough
	case typeString, typeUUID:
		dst = binary.AppendVarint(dst, int64(len(v.text)))
		return append(dst, v.text...)
	case typeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.float))
	case typeFloat:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.float)))
	case typeBoolean:
		return append(dst, byte(v.int))
	}
	return binary.AppendVarint(dst, v.int) // zigzag, as Avro writes int and long
}

// appendText writes a value as fingerprints know it.
func (e *encoder) appendText(dst []byte, k kind, v *value) []byte {
	switch k {
	case typeString, typeUUID, typeEnum:
		return append(dst, v.text...)
	case typeBoolean:
		return strconv.AppendBool(dst, v.int == 1)
	case typeDouble, typeFloat:
		bits := 64
		if k == typeFloat {
			bits = 32
		}
		var shortest [32]byte
		d, _ := e.parse(strconv.AppendFloat(shortest[:0], v.float, 'e', -1, bits))
		return d.append(dst)
	case typeDecimal:
		return e.number.append(dst)
	case typeTimestampMicros, typeLocalMicros, typeTimeMicros:
		return e.appendMillis(dst, v.int)
	}
	return strconv.AppendInt(dst, v.int, 10)
}
