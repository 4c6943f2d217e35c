package conv

// ParseTimestamp reads an ISO 8601 timestamp, such as 2024-01-01T10:15:32.100+02:00, and
// returns UTC epoch milliseconds. What is finer is cut towards the past so that a row never
// leaves its window by rounding. Without an offset the time is taken as UTC and zoned is false.
//
// The date is one that ParseDate takes. Behind it stand T, t or a space, and a time that
// ParseTimeOfDay takes; 24:00 is the end of the day. Offsets are Z, z, ±hh, ±hhmm or ±hh:mm.
//
// It stands beside time.Parse because it is on the path of every row, and because
// time.Parse takes one layout at a time.
func ParseTimestamp(b []byte) (ms int64, zoned, ok bool) {
	seconds, micros, zoned, ok := parseTimestamp(b)
	return seconds*1000 + micros/1000, zoned, ok
}

// ParseTimestampMicros is ParseTimestamp in epoch microseconds.
func ParseTimestampMicros(b []byte) (us int64, zoned, ok bool) {
	seconds, micros, zoned, ok := parseTimestamp(b)
	return seconds*1_000_000 + micros, zoned, ok
}

// ParseDate reads an ISO 8601 date, and returns the days since 1970-01-01. The year has four
// digits; with a month and a day, a week and its day, or a day of the year behind it, each with
// hyphens or without: 2024-02-29, 20240229, 2024-W09-4, 2024W094, 2024-060, 2024060.
func ParseDate(b []byte) (days int64, ok bool) {
	p := timeParser{b: b}
	days = p.date()
	if p.bad || p.i != len(b) {
		return 0, false
	}
	return days, true
}

// ParseTimeOfDay reads an ISO 8601 time without an offset, and returns the microseconds since
// midnight. It is hh, hh:mm, hh:mm:ss, or these without colons. A point or a comma and any
// number of digits can follow: the fraction of the last number. A leap second is the last
// moment of the minute, as epoch time has none for it. 24:00 is refused: no day has it.
func ParseTimeOfDay(b []byte) (us int64, ok bool) {
	p := timeParser{b: b}
	seconds, micros := p.time()
	if p.bad || p.i != len(b) || seconds == daySeconds {
		return 0, false
	}
	return seconds*1_000_000 + micros, true
}

const daySeconds = 86400

// parseTimestamp returns epoch seconds, and the microseconds past them.
func parseTimestamp(b []byte) (seconds, micros int64, zoned, ok bool) {
	p := timeParser{b: b}
	days := p.date()
	if p.bad || !(p.is('T') || p.is('t') || p.is(' ')) {
		return 0, 0, false, false
	}
	seconds, micros = p.time()
	offset, zoned := p.offset()
	if p.bad || p.i != len(b) {
		return 0, 0, false, false
	}
	return days*daySeconds + seconds - int64(offset)*60, micros, zoned, true
}

// timeParser walks over b; bad stays set once anything did not fit.
type timeParser struct {
	b   []byte
	i   int
	bad bool
}

// two reads a number of two digits.
func (p *timeParser) two() int {
	if p.i+2 > len(p.b) {
		p.bad = true
		return 0
	}
	tens, ones := p.b[p.i]-'0', p.b[p.i+1]-'0'
	p.i += 2
	p.bad = p.bad || tens > 9 || ones > 9
	return int(tens)*10 + int(ones)
}

// one reads a number of one digit.
func (p *timeParser) one() int {
	if p.i >= len(p.b) {
		p.bad = true
		return 0
	}
	digit := p.b[p.i] - '0'
	p.i++
	p.bad = p.bad || digit > 9
	return int(digit)
}

// isDigit says whether a digit comes next.
func (p *timeParser) isDigit() bool {
	return p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9'
}

// is steps over a character, if it comes next.
func (p *timeParser) is(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// time returns the seconds since midnight, and the microseconds past them.
func (p *timeParser) time() (seconds, micros int64) {
	hour, minute, second := p.two(), 0, 0
	unit := int64(3600) // seconds of the last number
	if p.is(':') || p.isDigit() {
		minute, unit = p.two(), 60
		if p.is(':') || p.isDigit() {
			second, unit = p.two(), 1
		}
	}
	if p.is('.') || p.is(',') {
		micros = p.fraction(unit)
	}
	p.bad = p.bad || minute > 59 || second > 60 || hour > 24
	if hour == 24 && (minute != 0 || second != 0 || micros != 0) {
		p.bad = true
	}
	if second == 60 {
		second = 59
	}
	seconds = int64(hour)*3600 + int64(minute)*60 + int64(second) + micros/1_000_000
	return seconds, micros % 1_000_000
}

// powers of ten, as many as a fraction has digits that count.
var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// fraction reads the digits of a fraction of so many seconds, and returns its microseconds.
// Digits behind the ninth change nothing.
func (p *timeParser) fraction(unit int64) int64 {
	start, value, n := p.i, int64(0), 0
	for ; p.isDigit(); p.i++ {
		if n < len(powers)-1 {
			value = value*10 + int64(p.b[p.i]-'0')
			n++
		}
	}
	p.bad = p.bad || p.i == start
	if unit == 1 && n <= 6 {
		return value * powers[6-n]
	}
	return value * unit * 1_000_000 / powers[n]
}

// offset returns minutes east of UTC.
func (p *timeParser) offset() (minutes int, zoned bool) {
	if p.i >= len(p.b) {
		return 0, false
	}
	if p.is('Z') || p.is('z') {
		return 0, true
	}
	sign := 1
	switch {
	case p.is('+'):
	case p.is('-'):
		sign = -1
	default:
		p.bad = true
		return 0, false
	}
	h, m := p.two(), 0
	if p.is(':') || p.i < len(p.b) {
		m = p.two()
	}
	p.bad = p.bad || h > 23 || m > 59
	return sign * (h*60 + m), true
}
