package avro

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"convstream/internal/conv"
)

func tagOf(kind string) string {
	switch kind {
	case "string", "uuid", "enum":
		return "s"
	case "boolean", "record", "array", "map", "union":
		return kind[:1]
	case "timestamp-millis", "timestamp-micros":
		return "t"
	case "local-timestamp-millis", "local-timestamp-micros":
		return "l"
	case "date":
		return "d"
	case "time-millis", "time-micros":
		return "c"
	}
	return "n"
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

// spelledBy says whether JSON spells values of the type so, and whether an enum knows the value.
func spelledBy(s *shape, v any) bool {
	want := "string"
	switch s.kind {
	case "record", "map":
		want = "object"
	case "array", "boolean":
		want = s.kind
	case "long", "int", "double", "float", "decimal":
		want = "number"
	case "enum":
		text, _ := v.(string)
		return slices.Contains(s.symbols, text)
	}
	return kindOf(v) == want
}

// unknown stands for a symbol that an enum without a default lacks.
type unknown struct{}

// scalar reads a scalar: for goavro, and as fingerprints know it.
func (n *naive) scalar(s *shape, v any, source string) (native any, content string, ok bool) {
	number, isNumber := v.(json.Number)
	text, isText := v.(string)
	truth, isBool := v.(bool)
	digits := string(number)
	if isText && validNumber(text) {
		digits = text
	}
	switch s.kind {
	case "string":
		switch {
		case isNumber:
			text = naiveNumberText(digits)
		case isBool:
			text = strconv.FormatBool(truth)
		case !isText:
			return nil, "", false
		}
		text = naiveConceal(s.privacy, n.key, text)
		return text, text, true
	case "uuid":
		ok := regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(text)
		return text, text, ok
	case "enum":
		if isText && !slices.Contains(s.symbols, text) {
			if s.fallback == "" {
				return unknown{}, "", false
			}
			n.deviates(conv.DriftRetyped, source, "enum", "unknown symbol")
			text = s.fallback
		}
		return text, text, isText
	case "boolean":
		if isText {
			truth, isBool = text == "true", text == "true" || text == "false"
		}
		return truth, strconv.FormatBool(truth), isBool
	case "decimal":
		return naiveDecimal(s, digits)
	case "double":
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return nil, "", false
		}
		return f + 0, naiveNumberText(strconv.FormatFloat(f, 'e', -1, 64)), true
	case "float":
		f, err := strconv.ParseFloat(digits, 32)
		if err != nil {
			return nil, "", false
		}
		return float32(f) + 0, naiveNumberText(strconv.FormatFloat(f, 'e', -1, 32)), true
	case "long", "int":
		whole, ok := naiveInteger(digits)
		if s.kind == "int" {
			return int32(whole), strconv.FormatInt(whole, 10), ok && whole == int64(int32(whole))
		}
		return whole, strconv.FormatInt(whole, 10), ok
	}
	if !isText && !isNumber {
		return nil, "", false
	}
	return n.time(s, text, digits, isText, source)
}

// time reads dates and times, from a text or from a number in the type's own unit.
func (n *naive) time(s *shape, text, digits string, isText bool, source string) (native any, content string, ok bool) {
	perMilli := int64(1)
	if strings.HasSuffix(s.kind, "-micros") {
		perMilli = 1000
	}
	whole, ok := naiveInteger(digits)
	if isText {
		zoned := true
		switch s.kind {
		case "date":
			whole, ok = conv.ParseDate([]byte(text))
		case "time-millis", "time-micros":
			whole, ok = conv.ParseTimeOfDay([]byte(text))
			whole = whole * perMilli / 1000
		case "timestamp-micros", "local-timestamp-micros":
			whole, zoned, ok = conv.ParseTimestampMicros([]byte(text))
		default:
			whole, zoned, ok = conv.ParseTimestamp([]byte(text))
		}
		switch {
		case strings.HasPrefix(s.kind, "local-"):
			ok = ok && !zoned
		case ok && !zoned:
			n.deviates(conv.DriftZone, source, "Z or an offset", "neither")
		}
	}
	day := int64(86400_000) * perMilli
	millis := naiveNumberText(new(big.Rat).SetFrac64(whole, perMilli).FloatString(6))
	switch s.kind {
	case "date":
		return int32(whole), strconv.FormatInt(whole, 10), ok && whole == int64(int32(whole))
	case "time-millis":
		return int32(whole), millis, ok && whole >= 0 && whole < day
	case "time-micros":
		return whole, millis, ok && whole >= 0 && whole < day
	case "timestamp-millis":
		return time.UnixMilli(whole), millis, ok
	case "timestamp-micros":
		return time.UnixMicro(whole), millis, ok
	}
	return whole, millis, ok
}

// naiveDecimal returns what goavro takes: a fraction, or of a fixed its bytes, as goavro writes
// no zero as a fixed.
func naiveDecimal(s *shape, digits string) (native any, content string, ok bool) {
	r, ok := new(big.Rat).SetString(digits)
	if !ok {
		return nil, "", false
	}
	unscaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.scale)), nil)))
	if !unscaled.IsInt() || len(new(big.Int).Abs(unscaled.Num()).String()) > s.precision {
		return nil, "", false
	}
	content = naiveNumberText(digits)
	if s.size == 0 {
		return r, content, true
	}
	whole := unscaled.Num()
	if whole.Sign() < 0 {
		whole = new(big.Int).Add(whole, new(big.Int).Lsh(big.NewInt(1), uint(8*s.size)))
	}
	return whole.FillBytes(make([]byte, s.size)), content, true
}

func naiveConceal(privacy string, key []byte, text string) string {
	if privacy == "hash" && len(key) > 0 {
		mac := hmac.New(sha256.New, key)
		fmt.Fprint(mac, text)
		return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
	}
	if privacy != "" && text != "" {
		return "***"
	}
	return text
}
