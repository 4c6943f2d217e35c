package producer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// Letters reads the dead letters of the pipeline, one partition of their topic after the other,
// up to where it ends now. Which of them are redriven is known as of the call, so that the
// sequence may be read while batches are committed.
func (p *Producer) Letters(ctx context.Context) iter.Seq2[conv.Letter, error] {
	return letters(ctx, p.cfg, p.adm, maps.Clone(p.ledger.Redriven))
}

// Letters reads the dead letters of the pipeline as those of a Producer are read. The ledger
// tells which of them are redriven.
func (r *Reader) Letters(ctx context.Context, l *Ledger) iter.Seq2[conv.Letter, error] {
	return letters(ctx, r.cfg, r.adm, l.Redriven)
}

func letters(ctx context.Context, c Config, adm *kadm.Client, redriven conv.LetterSet) iter.Seq2[conv.Letter, error] {
	return func(yield func(conv.Letter, error) bool) {
		err := eachLetter(ctx, c, adm, func(l conv.Letter) error {
			l.Redriven = redriven.Has(l.ID)
			if !yield(l, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(conv.Letter{}, fmt.Errorf("read dead letters of %s: %w", c.Topics.DeadLetters, err))
		}
	}
}

func eachLetter(ctx context.Context, c Config, adm *kadm.Client, each func(conv.Letter) error) error {
	if err := awaitStable(ctx, adm, c.Topics.DeadLetters); err != nil {
		return err
	}
	start, end, err := bounds(ctx, adm, c.Topics.DeadLetters)
	if err != nil {
		return err
	}
	for _, partition := range slices.Sorted(maps.Keys(end)) {
		s := span{c.Topics.DeadLetters, partition, start[partition], end[partition] - 1}
		if s.first > s.last {
			continue
		}
		err := read(ctx, c, []span{s}, func(r *kgo.Record) error {
			l, ours := c.letter(r)
			if !ours {
				return nil
			}
			return each(l)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// letter reads a record of the topic of dead letters. Those of other pipelines, and records that
// are none of convstream's, are not ours.
func (c Config) letter(r *kgo.Record) (l conv.Letter, ours bool) {
	owner, window, err := ParseWindowHeader(Header(r, WindowHeader))
	if err != nil || owner != c.id() {
		return l, false
	}
	text := func(key string) string { return string(Header(r, key)) }
	number := func(key string) int64 {
		n, _ := strconv.ParseInt(text(key), 10, 64) // 0 where it is none: it decides nothing
		return n
	}
	l = conv.Letter{
		ID: conv.LetterID{Partition: r.Partition, Offset: r.Offset}, Written: r.Timestamp.UnixMilli(), Window: window, Root: window,
		Observation: uint32(number(ObservationHeader)),
		DeadLetter: conv.DeadLetter{
			Route: text(RouteHeader), Redacted: text(RedactedHeader) != "", Length: number(LengthHeader), Key: r.Key,
			Reason: text(ReasonHeader), Path: text(PathHeader), Expected: text(ExpectedHeader), Found: text(FoundHeader),
			Job: text(JobHeader), Page: int(number(PageHeader)), Row: int(number(RowHeader)),
		},
	}
	if _, root, err := ParseWindowHeader(Header(r, RootHeader)); err == nil {
		l.Root = root
	}
	if mark, err := conv.ParseMark(Header(r, conv.MarkHeader)); err == nil {
		l.Mark, l.Observation = &mark, mark.Observation
	}
	if n, err := hex.Decode(l.Digest[:], Header(r, DigestHeader)); err != nil || n != len(l.Digest) {
		l.Unfit = "header " + DigestHeader + " is no SHA-256"
		return l, true
	}
	l.Raw, l.Unfit = rowBytes(&l.DeadLetter, r.Value, text(EncodingHeader))
	return l, true
}

// longestLetter bounds what a compressed dead letter may unpack to, in bytes. Rows that were
// kept whole are smaller.
const longestLetter = 64 << 20

// rowBytes returns the row of a dead letter, or why the letter does not hold it.
func rowBytes(d *conv.DeadLetter, value []byte, encoding string) (raw []byte, unfit string) {
	switch encoding {
	case "":
		raw = value
	case EncodingGzip:
		var err error
		if raw, err = unpack(value); err != nil {
			return nil, "its bytes cannot be unpacked"
		}
	case EncodingHead:
		return value, "only its first bytes were kept"
	case EncodingWithheld:
		return nil, "its bytes were withheld, because private values in them could not be told"
	default:
		return value, "header " + EncodingHeader + " says what this convstream does not know"
	}
	if sha256.Sum256(raw) != d.Digest {
		return raw, "its bytes are not those that header " + DigestHeader + " tells of"
	}
	return raw, ""
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, longestLetter+1))
	if err == nil && len(raw) > longestLetter {
		err = fmt.Errorf("it is longer than %d bytes", longestLetter)
	}
	return raw, err
}
