package producer

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// history reads the ranges and hands each row and dead letter of this organisation to each.
func history(ctx context.Context, c Config, adm *kadm.Client, ranges []conv.Range, each func(conv.Stored) error) error {
	var primary []conv.Range
	for _, r := range ranges {
		if r.Route == "" { // what a derived topic holds of a row, the row topic holds as well
			primary = append(primary, r)
		}
	}
	return readRanges(ctx, c, adm, primary, func(r *kgo.Record) error {
		s, mine, err := c.stored(r)
		if err != nil || !mine {
			return err
		}
		return each(s)
	})
}

// routed reads the ranges of derived routes and of dead letters, and hands what derived routes
// hold to each. Topics that no route has any more are left alone: they may be gone.
func routed(ctx context.Context, c Config, adm *kadm.Client, ranges []conv.Range, each func(conv.Routed) error) error {
	var derived []conv.Range
	for _, r := range ranges {
		if route, known := c.Topics.route(r.Topic); r.Topic == c.Topics.DeadLetters || known && route.Name == r.Route {
			derived = append(derived, r)
		}
	}
	return readRanges(ctx, c, adm, derived, func(r *kgo.Record) error {
		s, mine := c.routed(r)
		if !mine {
			return nil
		}
		return each(s)
	})
}

// readRanges hands every record of the ranges that the log still holds to each.
func readRanges(ctx context.Context, c Config, adm *kadm.Client, ranges []conv.Range, each func(*kgo.Record) error) error {
	spans, err := readable(ctx, adm, ranges)
	if err != nil {
		return err
	}
	for len(spans) > 0 {
		var pass []span // a pass reads at most one span of each partition
		pass, spans = onePerPartition(spans)
		if err := read(ctx, c, pass, each); err != nil {
			return fmt.Errorf("read back what was published: %w", err)
		}
	}
	return nil
}

// readable clips ranges to what the log still holds.
func readable(ctx context.Context, adm *kadm.Client, ranges []conv.Range) ([]span, error) {
	first := map[string]map[int32]int64{}
	var spans []span
	for _, r := range ranges {
		if first[r.Topic] == nil {
			start, _, err := bounds(ctx, adm, r.Topic)
			if err != nil {
				return nil, err
			}
			first[r.Topic] = start
		}
		s := span{r.Topic, r.Partition, max(r.First, first[r.Topic][r.Partition]), r.Last}
		if s.first <= s.last {
			spans = append(spans, s)
		}
	}
	return spans, nil
}

func onePerPartition(spans []span) (pass, rest []span) {
	taken := map[partition]bool{}
	for _, s := range spans {
		p := partition{s.topic, s.partition}
		if taken[p] {
			rest = append(rest, s)
			continue
		}
		taken[p] = true
		pass = append(pass, s)
	}
	return pass, rest
}

// stored reads what the dedupe history needs of a record. Records of other pipelines'
// organisations, and records that are not convstream's, are not mine; nor are dead letters of
// derived routes, whose rows the history knows as published.
func (c Config) stored(r *kgo.Record) (s conv.Stored, mine bool, err error) {
	owner, window, err := ParseWindowHeader(Header(r, WindowHeader))
	if err != nil || !strings.HasSuffix(owner, "/"+c.Org) || Header(r, RouteHeader) != nil {
		return s, false, nil
	}
	if r.Topic == c.Topics.DeadLetters {
		if root := Header(r, RootHeader); root != nil {
			if _, window, err = ParseWindowHeader(root); err != nil {
				return s, false, err
			}
		}
		var digest conv.Digest
		if n, err := hex.Decode(digest[:], Header(r, DigestHeader)); err != nil || n != len(digest) {
			return s, false, fmt.Errorf("%s/%d offset %d: header %s is no SHA-256", r.Topic, r.Partition, r.Offset, DigestHeader)
		}
		s = conv.Stored{Key: conv.DeadKey(c.Org, window, digest), Time: window.From, Dead: true, Conversation: r.Key}
		if mark, err := conv.ParseMark(Header(r, conv.MarkHeader)); err == nil {
			s.Letter = &mark
		}
		return s, true, nil
	}
	mark, err := conv.ParseMark(Header(r, conv.MarkHeader))
	if err != nil {
		return s, false, fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return conv.Stored{
		Key:         conv.RowKey(c.Org, r.Key, mark),
		Time:        mark.Time,
		Fingerprint: mark.Fingerprint,
		Observation: mark.Observation,

		Conversation: r.Key,
	}, true, nil
}

// routed reads a record of a derived route, or a dead letter of one. What other pipelines and
// other programs wrote is not mine.
func (c Config) routed(r *kgo.Record) (s conv.Routed, mine bool) {
	owner, _, err := ParseWindowHeader(Header(r, WindowHeader))
	mark, unmarked := conv.ParseMark(Header(r, conv.MarkHeader))
	if err != nil || unmarked != nil || owner != c.id() {
		return s, false
	}
	s = conv.Routed{Route: string(Header(r, RouteHeader)), Key: r.Key, Mark: mark, Dead: r.Topic == c.Topics.DeadLetters}
	if !s.Dead {
		route, _ := c.Topics.route(r.Topic)
		s.Route = route.Name
	}
	return s, s.Route != ""
}

// Header returns the value of a record's header, nil where it has none.
func Header(r *kgo.Record, key string) []byte {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value
		}
	}
	return nil
}

// ParseWindowHeader splits a ledger key, pipeline/org/from/to, into its owner and window.
func ParseWindowHeader(b []byte) (owner string, w conv.Window, err error) {
	parts := strings.SplitN(string(b), "/", 3)
	if len(parts) != 3 {
		return "", w, fmt.Errorf("header %s: %q is no ledger key", WindowHeader, b)
	}
	w, err = conv.ParseWindow(parts[2])
	return parts[0] + "/" + parts[1], w, err
}
