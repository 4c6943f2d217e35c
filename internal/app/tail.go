package app

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/producer"
)

// tailOptions are what tail is told beside the configuration.
type tailOptions struct {
	Topic string // "" is kafka.topics.conversations
	Rows  int    // the last so many
}

func newTail(p *process) *cobra.Command {
	var (
		file string
		opts tailOptions
	)
	cmd := &cobra.Command{
		Use:   "tail -c FILE",
		Short: "Print the last rows of a topic, decoded, as JSON lines",
		Args:  cobra.NoArgs,
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
		line := rec.Value
		if holdsRows(cfg, topic) {
			if line, err = decoder.Decode(ctx, rec.Value); err != nil {
				return fmt.Errorf("%s/%d offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
			}
		}
		fmt.Fprintf(p.stdout, "%s\n", line)
	}
	return nil
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
