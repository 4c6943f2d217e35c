package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// path writes a place in a row as other reasons of dead letters do: participants[2].purpose.
// A key of other characters stands in brackets and quotes.
func path(at []string) string {
	if len(at) == 0 {
		return "$"
	}
	var b strings.Builder
	for _, step := range at {
		_, err := strconv.ParseUint(step, 10, 32)
		switch {
		case err == nil: // an index, or a key that reads like one
			b.WriteString("[" + step + "]")
		case plain(step):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		default:
			b.WriteString("[" + strconv.Quote(shorten(step, longestKey)) + "]")
		}
	}
	return shorten(b.String(), longestPath)
}

// Keys are the row's own, of any length, and a path becomes a record header.
const (
	longestKey  = 64
	longestPath = 1000
)

func plain(key string) bool {
	for _, c := range []byte(key) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return key != "" && len(key) <= longestKey
}

func shorten(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	end := longest
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
