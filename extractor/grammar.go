package extractor

import "convstream/internal/conv"

const (
	// maxDepth is how deep the containers of a row that is kept may nest, the page's own
	// included; as in encoding/json.
	maxDepth = 10_000
	// maxOpen is how deep any may.
	maxOpen = 1 << 20
	// maxTokens is how many tokens a row that is kept may have.
	maxTokens = 1_000_000
)

// plain says of each byte whether a string may hold it as it is. Bytes that are no UTF-8
// pass: readers of the row replace them.
var plain = func() (t [256]bool) {
	for c := 0x20; c < len(t); c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// peek returns the byte at pos, or 0 where none comes.
func (s *scanner) peek() byte {
	if s.pos == len(s.buf) && !s.more() {
		return 0
	}
	return s.buf[s.pos]
}

// space passes white space and returns the byte behind it, or 0 where none comes.
func (s *scanner) space() byte {
	for {
		for s.pos < len(s.buf) {
			c := s.buf[s.pos]
			if c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c
			}
			s.pos++
		}
		if !s.more() {
			return 0
		}
	}
}

// value passes one value, from the white space before it to its last byte.
func (s *scanner) value() error {
	outer := len(s.open)
	for {
		complete, err := s.begin()
		if err != nil {
			return err
		}
		for complete {
			if len(s.open) == outer {
				return nil
			}
			if complete, err = s.proceed(); err != nil {
				return err
			}
		}
	}
}

// begin passes a scalar, or the head of a container up to where its first value starts.
func (s *scanner) begin() (complete bool, err error) {
	switch s.space() {
	case '"':
		return true, s.text()
	case '{':
		if err := s.push(conv.Object); err != nil {
			return false, err
		}
		if s.space() == '}' {
			s.pop()
			return true, nil
		}
		return false, s.key()
	case '[':
		if err := s.push(conv.Array); err != nil {
			return false, err
		}
		if s.space() == ']' {
			s.pop()
			return true, nil
		}
		return false, nil
	case 't':
		return true, s.literal(conv.True, "true")
	case 'f':
		return true, s.literal(conv.False, "false")
	case 'n':
		return true, s.literal(conv.Null, "null")
	}
	return true, s.number()
}

// proceed goes on behind a value inside a container: to where the next value starts, or
// past the container's end, which completes the container.
func (s *scanner) proceed() (complete bool, err error) {
	object := s.open[len(s.open)-1].kind == conv.Object
	switch c := s.space(); {
	case c == ',':
		s.pos++
		if object {
			return false, s.key()
		}
		return false, nil
	case c == '}' && object, c == ']' && !object:
		s.pop()
		return true, nil
	}
	if object {
		return false, s.want("a comma or the object's end")
	}
	return false, s.want("a comma or the array's end")
}

// push passes the bracket at pos.
func (s *scanner) push(k conv.Kind) error {
	if len(s.open) >= maxDepth && s.mode == keeping {
		s.outgrow() // the row is not kept, and its page goes on
	}
	if len(s.open) == maxOpen || len(s.open) >= maxDepth && s.mode == skipping {
		return &PageError{Offset: s.offset(), Reason: "nested too deeply"}
	}
	s.open = append(s.open, container{kind: k, token: uint32(len(s.tokens))})
	s.token(k, s.pos-s.start, false)
	s.pos++
	return nil
}

// pop passes the closing bracket at pos.
func (s *scanner) pop() {
	s.pos++
	last := len(s.open) - 1
	if s.mode == keeping {
		// A container that was open before keep has no token among these.
		t := &s.tokens[s.open[last].token]
		t.End, t.Next = uint32(s.pos-s.start), uint32(len(s.tokens))
	}
	s.open = s.open[:last]
}

// token records a value that begins at offset from of what is kept and ends at pos.
func (s *scanner) token(k conv.Kind, from int, escaped bool) {
	if s.mode != keeping {
		return
	}
	n := len(s.tokens)
	if n == maxTokens {
		s.outgrow()
		return
	}
	if n == cap(s.tokens) {
		fresh := make([]conv.Token, n, min(max(tokenSlab, 2*n), maxTokens))
		copy(fresh, s.tokens)
		s.tokens = fresh
	}
	s.tokens = append(s.tokens, conv.Token{
		Kind: k, Escaped: escaped, Start: uint32(from), End: uint32(s.pos - s.start), Next: uint32(n + 1),
	})
}

// key passes an object's key and the colon behind it.
func (s *scanner) key() error {
	if s.space() != '"' {
		return s.want("a key")
	}
	if err := s.text(); err != nil {
		return err
	}
	if s.space() != ':' {
		return s.want("a colon")
	}
	s.pos++
	return nil
}

// text passes the string whose opening quote is at pos.
func (s *scanner) text() error {
	s.pos++
	from, escaped := s.pos-s.start, false
	for {
		i, buf := s.pos, s.buf
		for i < len(buf) && plain[buf[i]] {
			i++
		}
		if s.pos = i; i == len(buf) {
			if !s.more() {
				return s.want("the string's end")
			}
			continue
		}
		switch buf[i] {
		case '"':
			s.token(conv.String, from, escaped)
			s.pos++
			return nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return err
			}
		default:
			return s.want("a character that a string may hold")
		}
	}
}

// escape passes an escape sequence inside a string.
func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if c := s.peek(); !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return s.want("a hexadecimal digit")
			}
			s.pos++
		}
		return nil
	}
	return s.want("an escape sequence")
}

func (s *scanner) literal(k conv.Kind, word string) error {
	from := s.pos - s.start
	for i := range len(word) {
		if s.peek() != word[i] {
			return s.want(word)
		}
		s.pos++
	}
	s.token(k, from, false)
	return nil
}

func (s *scanner) number() error {
	from := s.pos - s.start
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.want("a value")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.want("a digit")
		}
	}
	if s.peek()|0x20 == 'e' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.want("a digit")
		}
	}
	s.token(conv.Number, from, false)
	return nil
}

// digits passes a run of digits and says whether there was one.
func (s *scanner) digits() bool {
	for n := 0; ; n++ {
		if c := s.peek(); c < '0' || c > '9' {
			return n > 0
		}
		s.pos++
	}
}
