package avro

import (
	"strconv"

	"convstream/internal/conv"
)

// day is a day in microseconds.
const day = 86400_000_000

// readTime reads an instant, a date or a time of day in the type's own unit: from a text of
// ISO 8601, or from a number that counts in that unit.
func (e *encoder) readTime(k kind, token conv.Token) (n int64, ok bool) {
	if token.Kind != conv.String {
		return e.readTimeNumber(k, token)
	}
	text := e.row.Text(token)
	var zoned bool
	switch k {
	case typeTimestamp, typeLocal:
		n, zoned, ok = conv.ParseTimestamp(text)
	case typeTimestampMicros, typeLocalMicros:
		n, zoned, ok = conv.ParseTimestampMicros(text)
	case typeDate:
		return conv.ParseDate(text)
	case typeTimeMicros:
		return conv.ParseTimeOfDay(text)
	case typeTime:
		n, ok = conv.ParseTimeOfDay(text)
		return n / 1000, ok
	}
	if k == typeLocal || k == typeLocalMicros {
		return n, ok && !zoned // without its zone the text would tell of another time
	}
	if ok && !zoned {
		e.zoneless()
	}
	return n, ok
}

func (e *encoder) readTimeNumber(k kind, token conv.Token) (n int64, ok bool) {
	if token.Kind != conv.Number {
		return 0, false
	}
	n, ok = e.readInteger(e.row, token)
	switch k {
	case typeDate:
		ok = ok && n == int64(int32(n))
	case typeTime:
		ok = ok && n >= 0 && n < day/1000
	case typeTimeMicros:
		ok = ok && n >= 0 && n < day
	}
	return n, ok
}

// appendMillis writes microseconds as milliseconds, so that a field which grows finer keeps
// its fingerprints.
func (e *encoder) appendMillis(dst []byte, micros int64) []byte {
	if micros%1000 == 0 {
		return strconv.AppendInt(dst, micros/1000, 10)
	}
	var exact [32]byte
	d, _ := e.parse(append(strconv.AppendInt(exact[:0], micros, 10), "e-3"...))
	return d.append(dst)
}
