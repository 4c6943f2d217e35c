package producer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader reads what producers wrote, without claiming or changing anything.
type Reader struct {
	cfg   Config
	plain *kgo.Client
	adm   *kadm.Client
}

// NewReader connects a reader. Every read sees committed records only.
func NewReader(cfg Config) (*Reader, error) {
	plain, err := kgo.NewClient(cfg.options(kgo.RequestRetries(3))...)
	if err != nil {
		return nil, fmt.Errorf("set up Kafka client: %w", err)
	}
	return &Reader{cfg: cfg, plain: plain, adm: kadm.NewClient(plain)}, nil
}

// Close closes the reader.
func (r *Reader) Close() { r.plain.Close() }

// Ledger reads the ledger as it stands, and checks that it speaks of this cluster.
func (r *Reader) Ledger(ctx context.Context) (*Ledger, error) {
	start, end, err := r.offsets(ctx, r.cfg.Topics.Checkpoints)
	if err != nil {
		return nil, err
	}
	l := newLedger()
	l.next = start[0]
	if err := l.catchUp(ctx, r.cfg, end[0]); err != nil {
		return nil, err
	}
	if l.Claim == nil {
		return l, nil
	}
	meta, err := r.adm.Metadata(ctx, slices.Collect(maps.Keys(l.Claim.Topics))...)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	now := cluster{id: meta.Cluster, topics: map[string]string{}}
	for name, t := range meta.Topics {
		now.topics[name] = t.ID.String()
	}
	return l, now.check(l.Claim)
}

// Records hands every committed record of a topic at or behind the offsets of from to each,
// up to where the topic ended when the call began. Partitions that from does not name are
// left out; a nil from reads them all, from their start.
func (r *Reader) Records(ctx context.Context, topic string, from map[int32]int64, each func(*kgo.Record) error) error {
	start, end, err := r.offsets(ctx, topic)
	if err != nil {
		return err
	}
	var spans []span
	for p, last := range end {
		if _, named := from[p]; from != nil && !named {
			continue
		}
		if s := (span{topic, p, max(start[p], from[p]), last - 1}); s.first <= s.last {
			spans = append(spans, s)
		}
	}
	return read(ctx, r.cfg, spans, each)
}

// Ends returns the offset behind the last committed record of each partition of a topic.
func (r *Reader) Ends(ctx context.Context, topic string) (map[int32]int64, error) {
	_, end, err := r.offsets(ctx, topic)
	return end, err
}

// offsets asks for a topic's bounds, and says in one sentence why it cannot.
func (r *Reader) offsets(ctx context.Context, topic string) (start, end map[int32]int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := r.plain.Ping(ctx); err != nil {
		return nil, nil, fmt.Errorf("cannot reach Kafka at %s: %w; check kafka.brokers, kafka.tls and kafka.sasl",
			strings.Join(r.cfg.Brokers, ", "), reason(err))
	}
	meta, err := r.adm.Metadata(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("read metadata of topic %s: %w", topic, reason(err))
	}
	if d := meta.Topics[topic]; d.Err == kerr.UnknownTopicOrPartition {
		return nil, nil, fmt.Errorf("topic %s does not exist: nothing was published yet, or kafka.topics names another", topic)
	}
	return bounds(ctx, r.adm, topic)
}
