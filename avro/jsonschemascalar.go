package avro

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scalar is the schema of what a scalar type takes. What several fields may use is defined
// once.
func (b *schemaBuilder) scalar(t *avroType) object {
	switch t.kind {
	case typeEnum:
		if t.enum.fallback >= 0 {
			return object{"type": "string"}
		}
		symbols := make([]string, len(t.enum.names))
		for i, name := range t.enum.names {
			symbols[i] = string(name)
		}
		return object{"enum": symbols}
	case typeString:
		return object{"type": []string{"string", "number", "boolean"}}
	case typeBoolean:
		return object{"enum": []any{true, false, "true", "false"}}
	}
	name := strings.NewReplacer("(", "-", ",", "-", ")", "").Replace(t.name)
	if b.defs[name] == nil {
		b.defs[name] = definition(t)
	}
	return object{"$ref": "#/$defs/" + name}
}

// definition is the schema of a type that numbers or patterns describe.
func definition(t *avroType) object {
	switch t.kind {
	case typeLong:
		return anyOf([]any{integers(math.MinInt64, math.MaxInt64), matching(integerText(math.MinInt64, math.MaxInt64))})
	case typeInt:
		return anyOf([]any{integers(math.MinInt32, math.MaxInt32), matching(integerText(math.MinInt32, math.MaxInt32))})
	case typeDouble:
		most := json.Number("1.7976931348623157e308")
		return anyOf([]any{object{"type": "number", "minimum": "-" + most, "maximum": most}, matching(numberPattern)})
	case typeFloat:
		const tooLarge = "340282356779733661637539395458142568448" // half a unit above the largest
		return anyOf([]any{object{"type": "number", "exclusiveMinimum": json.Number("-" + tooLarge), "exclusiveMaximum": json.Number(tooLarge)}, matching(numberPattern)})
	case typeDecimal:
		return decimals(t.decimal)
	case typeUUID:
		return matching(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	case typeDate:
		return anyOf([]any{matching("^(?:" + datePattern + ")$"), integers(math.MinInt32, math.MaxInt32)})
	case typeTime:
		return anyOf([]any{matching("^" + timePattern + "$"), integers(0, day/1000-1)})
	case typeTimeMicros:
		return anyOf([]any{matching("^" + timePattern + "$"), integers(0, day-1)})
	}
	zone := offsetPattern
	if t.kind == typeLocal || t.kind == typeLocalMicros {
		zone = ""
	}
	instant := "^(?:" + datePattern + ")[Tt ](?:" + timePattern + "|" + midnightPattern + ")" + zone + "$"
	return anyOf([]any{matching(instant), integers(math.MinInt64, math.MaxInt64)})
}

// The patterns of numbers and of ISO 8601.
const (
	noExponent    = `(?:[eE][+-]?0+)?`
	numberPattern = `^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$`

	timePattern     = `(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?(?:[0-5][0-9]|60))?)?(?:[.,][0-9]+)?`
	midnightPattern = `24(?::?00(?::?00)?)?(?:[.,]0+)?`
	offsetPattern   = `(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?`
)

// datePattern is of a date by month and day, by the day of the year, or by week and weekday.
var datePattern = func() string {
	const (
		year     = `[0-9]{4}`
		leapYear = `(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`
	)
	byMonth := func(hyphen string) string {
		return year + hyphen + `(?:(?:0[13578]|1[02])` + hyphen + `(?:0[1-9]|[12][0-9]|3[01])` +
			`|(?:0[469]|11)` + hyphen + `(?:0[1-9]|[12][0-9]|30)` +
			`|02` + hyphen + `(?:0[1-9]|1[0-9]|2[0-8]))` +
			`|` + leapYear + hyphen + `02` + hyphen + `29`
	}
	byWeek := func(hyphen string) string {
		return year + hyphen + `[Ww](?:0[1-9]|[1-4][0-9]|5[0-3])` + hyphen + `[1-7]`
	}
	byDay := year + `-?(?:00[1-9]|0[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5])|` + leapYear + `-?366`
	return strings.Join([]string{byMonth("-"), byMonth(""), byWeek("-"), byWeek(""), byDay}, "|")
}()

// matching is the schema of strings that match a pattern.
func matching(pattern string) object { return object{"type": "string", "pattern": pattern} }

// integers is the schema of numbers without fraction in a range.
func integers(least, most int64) object {
	return object{"type": "integer", "minimum": least, "maximum": most}
}

// integerText is the pattern of strings that hold a number without fraction in a range, whose
// ends have as many digits.
func integerText(least, most int64) string {
	return `^(?:` + upTo(strconv.FormatInt(most, 10)) + `|-(?:` + upTo(strings.TrimPrefix(strconv.FormatInt(least, 10), "-")) + `))(?:\.0+)?` + noExponent + `$`
}

// upTo is the pattern of whole numbers from 0 to the one with these digits.
func upTo(digits string) string {
	smaller := []string{"0", fmt.Sprintf("[1-9][0-9]{0,%d}", len(digits)-2)} // of fewer digits
	for i, digit := range []byte(digits) {
		low := byte('0')
		if i == 0 {
			low = '1'
		}
		if digit > low {
			smaller = append(smaller, fmt.Sprintf("%s[%c-%c][0-9]{%d}", digits[:i], low, digit-1, len(digits)-1-i))
		}
	}
	return strings.Join(append(smaller, digits), "|")
}

// decimals is the schema of numbers with so many digits before and behind the point.
func decimals(t *decimalType) object {
	whole := "0"
	if before := t.precision - t.scale; before > 0 {
		whole = fmt.Sprintf("(?:0|[1-9][0-9]{0,%d})", before-1)
	}
	fraction := `(?:\.0+)?`
	if t.scale > 0 {
		fraction = fmt.Sprintf(`(?:\.[0-9]{1,%d}0*)?`, t.scale)
	}
	limit := json.Number("1" + strings.Repeat("0", t.precision-t.scale))
	step := json.Number("1")
	if t.scale > 0 {
		step = json.Number("0." + strings.Repeat("0", t.scale-1) + "1")
	}
	return anyOf([]any{
		object{"type": "number", "exclusiveMinimum": "-" + limit, "exclusiveMaximum": limit, "multipleOf": step},
		matching(`^-?` + whole + fraction + noExponent + `$`),
	})
}
