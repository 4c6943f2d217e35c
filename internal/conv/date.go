package conv

// date returns the days since 1970-01-01.
func (p *timeParser) date() int64 {
	year := p.two()*100 + p.two()
	hyphen := p.is('-')
	if p.i+2 < len(p.b) && p.b[p.i+2] == '-' { // most dates are of this form
		return p.monthDate(year, hyphen)
	}
	if p.is('W') || p.is('w') {
		week := p.two()
		p.bad = p.bad || p.is('-') != hyphen
		return p.weekDate(year, week, p.one())
	}
	if p.isOrdinal() {
		day := p.two()*10 + p.one()
		p.bad = p.bad || day < 1 || day > 365+leapDay(year)
		return daysSinceEpoch(year, 1, 1) + int64(day) - 1
	}
	return p.monthDate(year, hyphen)
}

// monthDate reads a month and a day.
func (p *timeParser) monthDate(year int, hyphen bool) int64 {
	month := p.two()
	p.bad = p.bad || p.is('-') != hyphen
	day := p.two()
	if p.bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		p.bad = true
		return 0
	}
	return daysSinceEpoch(year, month, day)
}

// isOrdinal says whether three digits come next, and not a fourth.
func (p *timeParser) isOrdinal() bool {
	digits := p.i
	for digits < len(p.b) && digits < p.i+4 && p.b[digits] >= '0' && p.b[digits] <= '9' {
		digits++
	}
	return digits == p.i+3
}

// weekDate is the date of a week's day, Monday 1. The first week of a year is that of January 4.
func (p *timeParser) weekDate(year, week, day int) int64 {
	monday := mondayOf(daysSinceEpoch(year, 1, 4))
	date := monday + int64(week-1)*7 + int64(day) - 1
	p.bad = p.bad || week < 1 || day < 1 || day > 7 || date >= mondayOf(daysSinceEpoch(year+1, 1, 4))
	return date
}

// mondayOf is the Monday of a day's week. 1970-01-01 was a Thursday.
func mondayOf(days int64) int64 {
	weekday := (days + 3) % 7
	if weekday < 0 {
		weekday += 7
	}
	return days - weekday
}

func leapDay(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 1
	}
	return 0
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		return 28 + leapDay(year)
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
