package conv

// ParseTimestamp reads an ISO 8601 timestamp of the extended form, such as
// 2024-01-01T10:15:32.100+02:00, and returns UTC epoch milliseconds. Offsets may be Z,
// ±hh, ±hhmm or ±hh:mm; the fraction may have any number of digits, of which those finer
// than a millisecond are cut towards the past so that a row never leaves its window by
// rounding. Without an offset the time is taken as UTC and zoned is false.
//
// It stands beside time.Parse because it is on the path of every row, and because
// time.Parse takes one layout at a time.
func ParseTimestamp(b []byte) (ms int64, zoned, ok bool) {
	p := timeParser{b: b}
	year, month, day := p.digits(4), p.after('-', 2), p.after('-', 2)
	if p.bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false, false
	}
	if !p.oneOf("Tt ") {
		return 0, false, false
	}
	hour, minute := p.digits(2), p.after(':', 2)
	second, milli := 0, 0
	if p.oneOf(":") {
		second = p.digits(2)
		if p.oneOf(".,") {
			milli = p.fraction()
		}
	}
	offset, zoned := p.offset()
	if p.bad || p.i != len(b) || minute > 59 || second > 60 || hour > 24 {
		return 0, false, false
	}
	if hour == 24 && (minute != 0 || second != 0 || milli != 0) {
		return 0, false, false
	}
	if second == 60 { // a leap second has no epoch time of its own
		second = 59
	}
	days := daysSinceEpoch(year, month, day)
	sec := days*86400 + int64(hour)*3600 + int64(minute)*60 + int64(second) - int64(offset)*60
	return sec*1000 + int64(milli), zoned, true
}

// timeParser walks over b; bad stays set once anything did not fit.
type timeParser struct {
	b   []byte
	i   int
	bad bool
}

func (p *timeParser) digits(n int) int {
	if p.i+n > len(p.b) {
		p.bad = true
		return 0
	}
	v := 0
	for _, c := range p.b[p.i : p.i+n] {
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
	}
	p.i += n
	return v
}

func (p *timeParser) after(sep byte, n int) int {
	if p.i >= len(p.b) || p.b[p.i] != sep {
		p.bad = true
		return 0
	}
	p.i++
	return p.digits(n)
}

func (p *timeParser) oneOf(set string) bool {
	if p.i >= len(p.b) {
		return false
	}
	for j := range len(set) {
		if p.b[p.i] == set[j] {
			p.i++
			return true
		}
	}
	return false
}

func (p *timeParser) fraction() int {
	start, milli, weight := p.i, 0, 100
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		milli += int(p.b[p.i]-'0') * weight
		weight /= 10
		p.i++
	}
	p.bad = p.bad || p.i == start
	return milli
}

// offset returns minutes east of UTC.
func (p *timeParser) offset() (minutes int, zoned bool) {
	if p.i >= len(p.b) {
		return 0, false
	}
	if p.oneOf("Zz") {
		return 0, true
	}
	sign := 1
	switch {
	case p.oneOf("+"):
	case p.oneOf("-"):
		sign = -1
	default:
		p.bad = true
		return 0, false
	}
	h, m := p.digits(2), 0
	if p.oneOf(":") || p.i < len(p.b) {
		m = p.digits(2)
	}
	p.bad = p.bad || h > 23 || m > 59
	return sign * (h*60 + m), true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// daysSinceEpoch counts days of the proleptic Gregorian calendar from 1970-01-01. The year
// is counted from March, so that the leap day is its last.
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era)*146097 + int64(dayOfEra) - 719468
}
