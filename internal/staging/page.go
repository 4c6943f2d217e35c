package staging

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"convstream/extractor"
	"convstream/internal/conv"
)

// Redactor replaces the values of a row that contracts mark as private.
type Redactor interface {
	// Idle says that nothing is marked.
	Idle() bool

	// Redact appends the row's JSON to dst. ok is false where the row cannot be redacted.
	Redact(dst []byte, row *conv.Row) (out []byte, ok bool)
}

// Format is how the platform's pages are laid out.
type Format struct {
	Envelope extractor.Envelope
	Keys     extractor.Keys
}

func (f Format) splitter() *extractor.Splitter { return extractor.NewSplitter(f.Envelope, f.Keys) }

// compressor is a writer of zstd with a checksum, which needs little memory and no goroutine.
func compressor(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

func decompressor(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
}

// redactedHead begins a page that is kept redacted. No page of the platform begins like this.
const redactedHead = `{"convstream.redacted":true,`

// notKept begins the string that stands for a row which could not be redacted.
const (
	notKept      = `"convstream: not kept, `
	notKeptLarge = notKept + `too large: `
)

// redact copies a page with its rows redacted. Of the page itself only what is known is kept: the
// rest might be private too.
func (s *Stage) redact(w io.Writer, body io.Reader, job conv.Job, page int) error {
	out := bufio.NewWriter(w)
	r := &redaction{out: out, redactor: s.redactor, envelope: s.format.Envelope, place: fmt.Sprintf("job %s, page %d", jobName(job.ID), page)}
	fmt.Fprintf(out, `%s%s:[`, redactedHead, quote(r.envelope.Rows))
	if err := s.splitter.Split(body, conv.Position{}, r.pass); err != nil {
		return err
	}
	return out.Flush()
}

type redaction struct {
	out      *bufio.Writer
	redactor Redactor
	envelope extractor.Envelope
	place    string // of the page, in notes
	row      []byte
}

func (r *redaction) pass(c conv.Chunk) error {
	for i := range c.Rows {
		separator := ",\n"
		if c.At.Row+i == 0 {
			separator = "\n"
		}
		r.row = r.redacted(append(r.row[:0], separator...), &c.Rows[i], c.At.Row+i)
		if _, err := r.out.Write(r.row); err != nil {
			return err
		}
	}
	if !c.End {
		return nil
	}
	next := "null"
	if c.Next != "" {
		next = quote(c.Next)
	}
	fmt.Fprintf(r.out, "\n],%s:%s", quote(r.envelope.Next), next)
	if r.envelope.Count != "" && c.Page.Count >= 0 {
		fmt.Fprintf(r.out, ",%s:%d", quote(r.envelope.Count), c.Page.Count)
	}
	if r.envelope.Available != "" && c.Page.Available > 0 {
		fmt.Fprintf(r.out, ",%s:%s", quote(r.envelope.Available), quote(conv.FormatInstant(c.Page.Available)))
	}
	_, err := r.out.WriteString("}\n")
	return err
}

// redacted appends the row. One that cannot be redacted leaves a note, which is the same dead
// letter: it is no object either, or too large. Where it stood keeps two of them apart.
func (r *redaction) redacted(dst []byte, row *conv.Row, index int) []byte {
	out, ok := r.redactor.Redact(dst, row)
	switch {
	case ok:
		return out
	case row.Length > 0:
		return fmt.Appendf(dst, `%s%d bytes, %s, row %d"`, notKeptLarge, row.Length, r.place, index)
	}
	return fmt.Appendf(dst, `%sno object, %s, row %d"`, notKept, r.place, index)
}

// restore makes a row of a redacted page what it was before, as far as it is known.
func restore(row *conv.Row) {
	row.Redacted = true
	rest, large := bytes.CutPrefix(row.Raw, []byte(notKeptLarge))
	if !large {
		return
	}
	digits, _, _ := strings.Cut(string(rest), " ")
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 {
		row.Tokens, row.Length, row.Digest = nil, n, sha256.Sum256(row.Raw)
	}
}

func quote(s string) string {
	text, _ := json.Marshal(s) // a string never fails
	return string(text)
}

// split hands on the rows of a page that is kept.
func split(stored io.Reader, splitter *extractor.Splitter, at conv.Position, emit func(conv.Chunk) error) error {
	plain, err := decompressor(stored)
	if err != nil {
		return err
	}
	defer plain.Close()
	page := bufio.NewReader(plain)
	head, _ := page.Peek(len(redactedHead)) // an error comes again
	if string(head) != redactedHead {
		return splitter.Split(page, at, emit)
	}
	return splitter.Split(page, at, func(c conv.Chunk) error {
		for i := range c.Rows {
			restore(&c.Rows[i])
		}
		return emit(c)
	})
}
