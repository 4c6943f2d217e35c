package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"convstream/extractor/genesys"
)

// Size is a number of bytes, written "8MiB" or as a plain number.
type Size int

// Retention is how long a topic keeps its rows. 0, written "forever", is for ever.
type Retention time.Duration

const forever = "forever"

// assign sets *dst, a field of Config, from what YAML, the environment or a flag gave: the
// last two give strings only.
func assign(dst, v any) error {
	switch dst := dst.(type) {
	case *string:
		return assignText(dst, v)
	case *Secret:
		dst.value = new(string)
		return assignText(dst.value, v)
	case *bool:
		return parseInto(dst, v, "true or false", strconv.ParseBool)
	case *int:
		return parseInto(dst, v, "a whole number", strconv.Atoi)
	case *float64:
		return parseInto(dst, v, "a fraction such as 0.05", parseFraction)
	case *Size:
		return parseInto(dst, v, "a size such as 8MiB", parseSize)
	case *time.Duration:
		return parseInto(dst, v, "a duration such as 10s, 15m or 24h", time.ParseDuration)
	case *Retention:
		return parseInto(dst, v, "forever or a duration such as 8760h", parseRetention)
	case *[]string:
		return assignList(dst, v)
	case *[]time.Duration:
		return assignList(dst, v)
	case *[]genesys.Filter:
		return assignFilter(dst, v)
	case *[]Route:
		return assignRoutes(dst, v)
	}
	return fmt.Errorf("%T cannot be configured", dst)
}

func assignText(dst *string, v any) error {
	s, ok := v.(string)
	if !ok {
		return errors.New("is not text; put the value in quotes")
	}
	*dst = s
	return nil
}

// parseInto reads scalars through their text, so that 5, "5" and an environment variable
// mean the same.
func parseInto[T any](dst *T, v any, want string, parse func(string) (T, error)) error {
	switch v.(type) {
	case string, bool, int, int64, uint64, float64:
	default:
		return fmt.Errorf("holds a list or section; give it %s", want)
	}
	parsed, err := parse(strings.TrimSpace(fmt.Sprint(v)))
	if err != nil {
		return fmt.Errorf("%q is not %s", fmt.Sprint(v), want)
	}
	*dst = parsed
	return nil
}

// assignList takes a YAML list, or text with commas.
func assignList[T any](dst *[]T, v any) error {
	var items []any
	switch v := v.(type) {
	case []any:
		items = v
	case string:
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	default:
		return fmt.Errorf("%v is not a list", v)
	}
	list := make([]T, len(items))
	for i, item := range items {
		if err := assign(&list[i], item); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	*dst = list
	return nil
}

func parseFraction(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = strconv.ErrRange
	}
	return f, err
}

func parseSize(s string) (Size, error) {
	n, err := humanize.ParseBytes(s)
	if err == nil && n > math.MaxInt {
		err = strconv.ErrRange
	}
	return Size(n), err
}

func parseRetention(s string) (Retention, error) {
	if s == forever {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < time.Millisecond {
		err = strconv.ErrRange
	}
	return Retention(d), err
}
