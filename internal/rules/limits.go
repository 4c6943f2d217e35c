package rules

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// maxLevels is how deep arrays and objects may stand in each other. The validator keeps the path
// of each error, so that a deep row would take memory by the square of its depth.
const maxLevels = 200

const (
	levelLimit  = "at most 200 levels"
	numberLimit = "a number of at most 1000 digits, with an exponent up to ±1000"
)

// beyondLimits finds the first value, by its path, that would take much time or memory to
// validate, and says what is asked of it; "" where there is none.
func beyondLimits(value any) (at []string, limit string) {
	at, limit = excess(value, 1)
	slices.Reverse(at)
	return at, limit
}

// excess is beyondLimits of a value at a level. The path is the innermost step first: it comes
// to be on the way back, so that a row within its limits costs none.
func excess(value any, level int) (at []string, limit string) {
	switch v := value.(type) {
	case json.Number:
		if !bounded(string(v)) {
			return nil, numberLimit
		}
	case []any:
		if level > maxLevels {
			return nil, levelLimit
		}
		for i, inner := range v {
			if at, limit := excess(inner, level+1); limit != "" {
				return append(at, strconv.Itoa(i)), limit
			}
		}
	case map[string]any:
		if level > maxLevels {
			return nil, levelLimit
		}
		first := ""
		for key, inner := range v {
			if limit != "" && compareSteps(key, first) > 0 {
				continue
			}
			if place, beyond := excess(inner, level+1); beyond != "" {
				at, limit, first = place, beyond, key
			}
		}
		if limit != "" {
			at = append(at, first)
		}
	}
	return at, limit
}

func bounded(number string) bool {
	const most = 1000
	digits, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	if exponent == "" {
		return len(digits) <= most
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && n <= most && n >= -most && len(digits) <= most
}
