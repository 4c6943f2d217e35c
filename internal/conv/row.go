package conv

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is the JSON type of a token.
type Kind uint8

// The JSON types.
const (
	Null Kind = iota
	False
	True
	Number
	String
	Object
	Array
)

var kindNames = [...]string{"null", "boolean", "boolean", "number", "string", "object", "array"}

// String is the type's name as JSON Schema spells it.
func (k Kind) String() string { return kindNames[k] }

// Token is one JSON value, or one key, of a row. A row's tokens stand in document order;
// inside an object a key (a String) comes before each value.
type Token struct {
	Kind    Kind
	Escaped bool   // a String that holds a backslash
	Start   uint32 // first byte in Row.Raw; of a String, the first after the quote
	End     uint32 // one past the last byte; of a String, the closing quote
	Next    uint32 // index of the first token behind this value and all it holds
}

// Row is one element of a results page, tokenised once. Raw and Tokens belong to the row:
// nothing overwrites them later.
type Row struct {
	Raw    []byte  // the element's bytes as they came
	Tokens []Token // Tokens[0] is the element itself

	ConversationID []byte // unescaped; empty where the row has none
	Time           int64  // event time, epoch ms; valid where HasTime
	HasTime        bool
	Zoned          bool // the timestamp named its offset

	// Redacted says that private values were replaced before: what the contract would hash or
	// mask is to be published as it stands.
	Redacted bool

	End    int64 // when what the row tells of was over, epoch ms; valid where HasEnd
	HasEnd bool

	// An element larger than the extractor keeps in memory: Raw is its head, it has no
	// tokens, and Length and Digest describe the whole. Zero for every other row.
	Length int64
	Digest [32]byte // SHA-256
}

// Chunk is a run of consecutive rows of one results page.
type Chunk struct {
	At   Position // where Rows[0] stands; where the page's end stands if Rows is empty
	Rows []Row
	End  bool   // the page closed properly behind these rows
	Next string // token of the next page; with End, "" ends the result
	Page PageFacts
}

// PageFacts is what a page says beside its rows. It is set on the chunk with End.
type PageFacts struct {
	Bytes int64 // length of the response body as decoded
	Count int64 // the job's own row count, -1 where the page has none

	// Available is the platform's watermark as the page has it, epoch ms; 0 where it has none.
	Available int64
}

// Text returns the bytes of a String token without its escapes. The result may alias
// Row.Raw. What is no valid UTF-8, and a surrogate without its other half, becomes U+FFFD,
// as in encoding/json.
func (r *Row) Text(t Token) []byte {
	s := r.Raw[t.Start:t.End]
	if !t.Escaped && utf8.Valid(s) {
		return s
	}
	return unescape(make([]byte, 0, len(s)), s)
}

// Bytes returns the token's bytes as they came; of a String, without the quotes.
func (r *Row) Bytes(t Token) []byte { return r.Raw[t.Start:t.End] }

func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		switch {
		case s[i] != '\\':
			c, n := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, c)
			i += n
		case s[i+1] == 'u':
			c, n := unescapeUnicode(s[i:])
			dst = utf8.AppendRune(dst, c)
			i += n
		default:
			dst = append(dst, unescapeByte(s[i+1]))
			i += 2
		}
	}
	return dst
}

func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // the quote, the backslash, the slash
}

// unescapeUnicode reads \uXXXX, or two of them that form a surrogate pair, from the start
// of s. The tokeniser has checked that the hex digits are there.
func unescapeUnicode(s []byte) (rune, int) {
	c := hex4(s[2:])
	if !utf16.IsSurrogate(c) {
		return c, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(c, hex4(s[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(s []byte) rune {
	v, _ := strconv.ParseUint(string(s[:4]), 16, 32)
	return rune(v)
}
