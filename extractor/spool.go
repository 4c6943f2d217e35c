package extractor

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"os"
)

// spool is a page in a temporary file. Pages are too large for memory and hold personal data:
// the file is enciphered with a key that only this value has, and loses its name at once where
// the system lets it, so that nothing readable is left behind however the process ends.
type spool struct {
	file  *os.File
	block cipher.Block
	out   *bufio.Writer
	err   error // why the file cannot be written or read
}

func newSpool(dir string) (*spool, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, "page-")
	if err != nil {
		return nil, fmt.Errorf("state_dir: keep a page while it arrives: %w; name a folder that can be written", err)
	}
	_ = os.Remove(file.Name()) // Windows refuses: Close removes it there
	s := &spool{file: file, block: block}
	s.out = bufio.NewWriterSize(cipher.StreamWriter{S: s.stream(), W: file}, readSize)
	return s, nil
}

// stream is the key stream from the file's first byte. The key serves one file, which is
// written once: so it may always begin at zero.
func (s *spool) stream() cipher.Stream { return cipher.NewCTR(s.block, make([]byte, aes.BlockSize)) }

// Write appends to the file.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.out.Write(p)
	return n, s.failed("written", err)
}

// reader reads the file from its first byte. Nothing may be written behind it.
func (s *spool) reader() (io.Reader, error) {
	if err := s.failed("written", s.out.Flush()); err != nil {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, s.failed("read", err)
	}
	return cipher.StreamReader{S: s.stream(), R: spooled{s}}, nil
}

// spooled reads the file's bytes as they are.
type spooled struct{ *spool }

func (r spooled) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, r.failed("read", err)
}

func (s *spool) failed(what string, err error) error {
	if err != nil && s.err == nil {
		s.err = &spoolError{fmt.Errorf("state_dir: a page that is kept there while it arrives cannot be %s: %w", what, err)}
	}
	if err != nil {
		return s.err
	}
	return nil
}

// spoolError is a failure of this machine's disk: neither the platform nor the Stage can mend it.
type spoolError struct{ error }

func (e *spoolError) Unwrap() error { return e.error }

// Permanent says that asking again does not help.
func (e *spoolError) Permanent() bool { return true }

// Close gives the file up.
func (s *spool) Close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
