package extractor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"convstream/internal/conv"
)

const (
	readSize  = 64 << 10 // bytes asked of the reader at a time
	minRead   = 4 << 10  // below this much room a new buffer is made
	tokenSlab = 2048     // tokens allocated at a time
	headSize  = 64 << 10 // kept of a row that is too large
)

// errEnd is scanner.err where the reader ended.
var errEnd = errors.New("end of page")

// scanner walks over a JSON text once while it arrives. On demand it keeps the bytes and
// tokens of a value; the rest it checks and forgets.
//
// Memory that was handed out in a row is never written again: buffers and slabs are only
// ever filled further, and replaced by fresh ones when full.
type scanner struct {
	reader io.Reader
	flush  func() error // called before each read, which may block

	buf     []byte
	pos     int   // the next byte to look at
	start   int   // the first byte that is still needed; in a kept value, its first
	dropped int64 // bytes of the page before buf[0]
	err     error // why no byte comes any more

	open   []container  // the containers around pos
	tokens []conv.Token // of the value being kept
	mode   mode
	maxRow int
	large  oversize
}

// container is an object or an array that has not ended.
type container struct {
	kind  conv.Kind
	token uint32 // its index in scanner.tokens, where it is kept
}

type mode uint8

const (
	skipping  mode = iota
	keeping        // bytes and tokens
	digesting      // the head and a digest: the value has outgrown maxRow, maxTokens or maxDepth
)

// oversize is what is kept of a value in mode digesting.
type oversize struct {
	head   []byte
	digest hash.Hash
	length int64
}

// keep starts to keep the value that begins at pos.
func (s *scanner) keep() {
	s.mode, s.start = keeping, s.pos
}

// take ends what keep started, behind the value's last byte.
func (s *scanner) take() conv.Row {
	if s.mode == keeping && s.pos-s.start > s.maxRow {
		s.outgrow()
	}
	mode := s.mode
	s.mode = skipping
	if mode == digesting {
		s.digest(s.buf[s.start:s.pos])
		row := conv.Row{Raw: s.large.head, Length: s.large.length}
		s.large.digest.Sum(row.Digest[:0])
		return row
	}
	n := len(s.tokens)
	row := conv.Row{Raw: s.buf[s.start:s.pos:s.pos], Tokens: s.tokens[:n:n]}
	s.tokens = s.tokens[n:]
	return row
}

// outgrow goes over from keeping to digesting.
func (s *scanner) outgrow() {
	s.mode, s.tokens = digesting, s.tokens[:0]
	s.large = oversize{digest: sha256.New()}
}

func (s *scanner) digest(b []byte) {
	s.large.head = append(s.large.head, b[:min(len(b), headSize-len(s.large.head))]...)
	s.large.digest.Write(b)
	s.large.length += int64(len(b))
}

// more reads on. It is called when every byte read so far has been looked at.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.mode == keeping && len(s.buf)-s.start > s.maxRow {
		s.outgrow()
	}
	if s.mode == digesting {
		s.digest(s.buf[s.start:])
	}
	if s.mode != keeping {
		s.start = len(s.buf)
	}
	if err := s.flush(); err != nil {
		s.err = err
		return false
	}
	if cap(s.buf)-len(s.buf) < minRead {
		s.renew()
	}
	return s.read()
}

// renew replaces the buffer by a fresh one that begins with what is still needed.
func (s *scanner) renew() {
	needed := s.buf[s.start:] // maxRow at most: more has seen to it
	fresh := make([]byte, len(needed), max(readSize, min(2*len(needed), s.maxRow+readSize)))
	copy(fresh, needed)
	s.dropped += int64(s.start)
	s.pos -= s.start
	s.buf, s.start = fresh, 0
}

func (s *scanner) read() bool {
	for range 100 {
		n, err := s.reader.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		switch {
		case err == io.EOF:
			s.err = errEnd
		case err != nil:
			s.err = &PageError{Offset: s.dropped + int64(len(s.buf)), Reason: err.Error(), Err: err}
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = &PageError{Offset: s.offset(), Reason: io.ErrNoProgress.Error(), Err: io.ErrNoProgress}
	return false
}

func (s *scanner) offset() int64 { return s.dropped + int64(s.pos) }

// want is the error for a byte at pos that is not what the grammar asks for.
func (s *scanner) want(what string) error {
	switch {
	case s.pos < len(s.buf):
		return &PageError{Offset: s.offset(), Reason: fmt.Sprintf("want %s, found %q", what, s.buf[s.pos])}
	case s.err == errEnd:
		return &PageError{Offset: s.offset(), Reason: "cut off: want " + what, Err: io.ErrUnexpectedEOF}
	}
	return s.err
}
