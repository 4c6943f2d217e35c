package app

import (
	"container/heap"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/producer"
)

// tailOptions are what tail is told beside the configuration.
type tailOptions struct {
	Topic   string // "" is kafka.topics.conversations
	Rows    int    // the last so many
	Headers bool   // with all that a record has beside its value
}

func newTail(p *process) *cobra.Command {
	var (
		file string
		opts tailOptions
	)
	cmd := &cobra.Command{
		Use:   "tail -c FILE",
		Short: "Print the last rows of a topic, decoded, as JSON lines",
		Long: `Print the last rows of a topic, decoded, as JSON lines.

Of topics that hold no rows, such as those of dead letters, events and checkpoints, the values
are printed as they stand. With --headers each line is an object with key, timestamp,
partition, offset, headers and value; a header that is no text, such as cs-mark, is in
hexadecimal digits, and so is such a value.`,
		Example: "  convstream tail -c convstream.yaml -n 3\n  convstream tail -c convstream.yaml --topic genesys.dlq --headers",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			if opts.Rows < 1 {
				return usageError(errors.New("-n asks for no rows; give 1 or more"))
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runTail(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&opts.Topic, "topic", "", "`NAME` of the topic (default kafka.topics.conversations)")
	cmd.Flags().BoolVar(&opts.Headers, "headers", false, "print each record's key, timestamp, partition, offset and headers too")
	cmd.Flags().IntVarP(&opts.Rows, "rows", "n", 10, "how many rows: the last `N`")
	return cmd
}

func runTail(ctx context.Context, p *process, cfg config.Config, opts tailOptions) error {
	r, err := p.reader(cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	registry, err := registryClient(cfg.Registry)
	if err != nil {
		return usageError(err)
	}
	topic := opts.Topic
	if topic == "" {
		topic = cfg.Kafka.Topics.Conversations
	}
	records, err := newest(ctx, r, topic, opts.Rows)
	if err != nil {
		return err
	}
	decoder := avro.NewDecoder(registry)
	for _, rec := range records {
		value := rec.Value
		if holdsRows(cfg, topic) {
			if value, err = decoder.Decode(ctx, rec.Value); err != nil {
				return fmt.Errorf("%s/%d offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
			}
		}
		if opts.Headers {
			err = printJSON(p.stdout, newTailed(rec, value))
		} else {
			_, err = fmt.Fprintf(p.stdout, "%s\n", value)
		}
		if err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	return nil
}

// tailed is a record as --headers prints it.
type tailed struct {
	Key       *string           `json:"key"` // null where the record has none
	Timestamp string            `json:"timestamp"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Headers   map[string]string `json:"headers"`
	Value     json.RawMessage   `json:"value"` // null where the record has none
}

func newTailed(rec *kgo.Record, value []byte) tailed {
	t := tailed{
		Timestamp: conv.FormatInstant(rec.Timestamp.UnixMilli()), Partition: rec.Partition, Offset: rec.Offset,
		Headers: map[string]string{}, Value: asJSON(value),
	}
	if rec.Key != nil {
		key := text(rec.Key)
		t.Key = &key
	}
	for _, h := range rec.Headers {
		if h.Key == conv.MarkHeader {
			t.Headers[h.Key] = hex.EncodeToString(h.Value) // also one whose bytes happen to be a text
		} else {
			t.Headers[h.Key] = text(h.Value)
		}
	}
	return t
}

// asJSON is a value as a member of an object: a dead letter may be no JSON, cut, or packed.
func asJSON(value []byte) json.RawMessage {
	switch {
	case value == nil:
		return json.RawMessage("null")
	case json.Valid(value):
		return value
	}
	quoted, err := json.Marshal(text(value))
	if err != nil {
		panic(err) // a string can be marshalled
	}
	return quoted
}

// text is the bytes where they are UTF-8, else their hexadecimal digits.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return hex.EncodeToString(b)
}

// newest returns n records from the end of a topic's partitions, those with the newest
// timestamps, oldest first. Rows carry their event's time, so they need not be the ones that
// were written last.
func newest(ctx context.Context, r *producer.Reader, topic string, n int) ([]*kgo.Record, error) {
	ends, err := r.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	// The last n of each partition are among its last 4n offsets, of which some are markers; a
	// partition that has fewer there is read from further back.
	var last byTime
	for back := int64(4 * n); ; back *= 8 {
		from, whole := map[int32]int64{}, true
		for p, end := range ends {
			from[p] = max(0, end-back)
			whole = whole && from[p] == 0
		}
		last = last[:0]
		err := r.Records(ctx, topic, from, func(rec *kgo.Record) error {
			heap.Push(&last, rec)
			if len(last) > n {
				heap.Pop(&last)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(last) == n || whole {
			break
		}
	}
	slices.SortStableFunc(last, func(a, b *kgo.Record) int { return a.Timestamp.Compare(b.Timestamp) })
	return last, nil
}

// byTime is a heap of records, the oldest on top.
type byTime []*kgo.Record

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].Timestamp.Before(h[j].Timestamp) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any)        { *h = append(*h, x.(*kgo.Record)) }
func (h *byTime) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
