package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"convstream/internal/conv"
)

// Kafka's own defaults, for brokers that do not let us read topic configuration.
const (
	defaultMaxMessageBytes = 1_048_588
	defaultTimestampAfter  = int64(time.Hour / time.Millisecond)
)

// cluster is what Kafka looked like when the producer opened.
type cluster struct {
	id     string
	topics map[string]string // topic ids by name
	limits conv.Limits
	routes map[string]conv.Limits // of derived routes, by name
	batch  int32                  // largest batch that every topic takes
}

// survey makes sure that the topics are there and fit for their use, and reads their limits.
func survey(ctx context.Context, adm *kadm.Client, c Config) (cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	meta, err := adm.Metadata(ctx, c.Topics.all()...)
	if err != nil {
		return cluster{}, fmt.Errorf("cannot reach Kafka at %s: %w; check kafka.brokers, kafka.tls and kafka.sasl",
			strings.Join(c.Brokers, ", "), reason(err))
	}
	there, err := createMissing(ctx, adm, c, meta)
	if err != nil {
		return cluster{}, err
	}
	if meta, err = awaitTopics(ctx, adm, there); err != nil {
		return cluster{}, err
	}
	found := cluster{id: meta.Cluster, topics: map[string]string{}}
	for _, t := range there {
		found.topics[t] = meta.Topics[t].ID.String()
	}
	if n := len(meta.Topics[c.Topics.Checkpoints].Partitions); n != 1 && slices.Contains(there, c.Topics.Checkpoints) {
		return cluster{}, fmt.Errorf("topic %s has %d partitions, and a ledger has one: create it anew with one, "+
			"or name another topic in kafka.topics.checkpoints", c.Topics.Checkpoints, n)
	}
	return found, found.readLimits(ctx, adm, c, there)
}

// reason prefers the cause of a failed connection to the deadline that ended the retries.
func reason(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no broker answered in " + connectTimeout.String())
	}
	return err
}

// createMissing returns the topics that are there then.
func createMissing(ctx context.Context, adm *kadm.Client, c Config, meta kadm.Metadata) (there []string, err error) {
	replicas := c.ReplicationFactor
	if replicas == 0 {
		replicas = int16(min(3, len(meta.Brokers)))
	}
	for _, topic := range c.Topics.all() {
		d, known := meta.Topics[topic]
		switch {
		case known && d.Err == nil:
			there = append(there, topic)
			continue
		case known && !errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			return nil, fmt.Errorf("look up topic %s: %w", topic, d.Err)
		case !c.CreateTopics:
			return nil, fmt.Errorf("topic %s does not exist: create it, or set kafka.create_topics: true", topic)
		case c.Rehearsal:
			continue
		}
		partitions, configs := c.topicShape(topic)
		if replicas >= 3 {
			configs["min.insync.replicas"] = kadm.StringPtr("2")
		}
		_, err := adm.CreateTopic(ctx, partitions, replicas, configs, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
		there = append(there, topic)
	}
	return there, nil
}

// topicShape says how a topic is created.
func (c Config) topicShape(topic string) (partitions int32, configs map[string]*string) {
	set := func(kv ...string) map[string]*string {
		m := map[string]*string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = &kv[i+1]
		}
		return m
	}
	keep := "-1"
	if c.Retention > 0 {
		keep = strconv.FormatInt(c.Retention.Milliseconds(), 10)
	}
	switch topic {
	case c.Topics.Checkpoints:
		return 1, set("cleanup.policy", "compact", "segment.ms", "3600000", "min.cleanable.dirty.ratio", "0.1")
	case c.Topics.Events:
		return 1, set("cleanup.policy", "delete", "retention.ms", strconv.Itoa(30*24*3600*1000))
	case c.Topics.DeadLetters:
		return 1, set("cleanup.policy", "delete", "retention.ms", keep)
	default:
		return c.Partitions, set("cleanup.policy", "delete", "retention.ms", keep)
	}
}

// awaitTopics waits until every topic has a leader for each partition.
func awaitTopics(ctx context.Context, adm *kadm.Client, topics []string) (kadm.Metadata, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		meta, err := adm.Metadata(ctx, topics...)
		if err != nil {
			return meta, fmt.Errorf("read metadata: %w", reason(err))
		}
		waiting := ""
		for _, t := range topics {
			d := meta.Topics[t]
			if d.Err != nil || len(d.Partitions) == 0 {
				waiting = t
			}
			for _, p := range d.Partitions {
				if p.Err != nil || p.Leader < 0 {
					waiting = t
				}
			}
		}
		if waiting == "" {
			return meta, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return meta, fmt.Errorf("topic %s has partitions without a leader", waiting)
		}
	}
}

// readLimits fills limits and batch, and refuses topics whose configuration would lose rows.
// Topics that are not there take what Kafka's defaults let them.
func (f *cluster) readLimits(ctx context.Context, adm *kadm.Client, c Config, there []string) error {
	f.batch = largestBatch
	f.limits = conv.Limits{Before: math.MaxInt64, After: defaultTimestampAfter, Ingest: c.IngestTime}
	f.routes = map[string]conv.Limits{}
	for _, r := range c.Topics.Routes {
		f.routes[r.Name] = f.limits
	}
	if len(there) < len(c.Topics.all()) {
		f.batch = defaultMaxMessageBytes - batchOverhead
	}
	described, err := adm.DescribeTopicConfigs(ctx, there...)
	if err != nil {
		return fmt.Errorf("read topic configuration: %w", err)
	}
	for _, rc := range described {
		if errors.Is(rc.Err, kerr.TopicAuthorizationFailed) {
			f.batch = min(f.batch, defaultMaxMessageBytes-batchOverhead) // not ours to read: Kafka's defaults
			continue
		}
		if rc.Err != nil {
			return fmt.Errorf("read configuration of topic %s: %w", rc.Name, rc.Err)
		}
		t := settings(rc)
		f.batch = int32(min(int64(f.batch), t.number("max.message.bytes", defaultMaxMessageBytes)-batchOverhead))
		switch rc.Name {
		case c.Topics.Checkpoints:
			if policy := t.text("cleanup.policy", ""); policy != "compact" {
				return fmt.Errorf("topic %s has cleanup.policy=%s and would forget windows: set it to compact", rc.Name, policy)
			}
		case c.Topics.Events, c.Topics.DeadLetters: // whatever they keep, no row is lost by it
		default:
			if err := f.readRowTopic(rc.Name, t, c); err != nil {
				return err
			}
		}
	}
	// A record must fit into a batch that every topic of the transaction takes.
	f.limits.MaxBytes = int(f.batch) - batchOverhead
	for name, l := range f.routes {
		l.MaxBytes = f.limits.MaxBytes
		f.routes[name] = l
	}
	return nil
}

const (
	// batchOverhead is what a batch of one record weighs beside the record, generously.
	batchOverhead = 200
	// largestBatch stays well below what a client writes to a broker in one request.
	largestBatch = 64 << 20
)

// readRowTopic reads the limits of the row topic, or of that of a derived route.
func (f *cluster) readRowTopic(topic string, t topicSettings, c Config) error {
	route, derived := c.Topics.route(topic)
	if strings.Contains(t.text("cleanup.policy", "delete"), "compact") && c.KeyIsNotUnique && !route.OwnKey {
		return fmt.Errorf("topic %s is compacted, and compaction keeps one row of each conversation: "+
			"set cleanup.policy=delete, or name another topic %s", topic, c.Topics.use(topic))
	}
	before, after := t.number("message.timestamp.before.max.ms", math.MaxInt64), t.number("message.timestamp.after.max.ms", defaultTimestampAfter)
	if derived {
		f.routes[route.Name] = conv.Limits{Before: before, After: after, Ingest: c.IngestTime}
		return nil
	}
	f.limits.Before, f.limits.After = before, after
	return nil
}

type topicSettings map[string]string

func settings(rc kadm.ResourceConfig) topicSettings {
	t := topicSettings{}
	for _, kv := range rc.Configs {
		if kv.Value != nil {
			t[kv.Key] = *kv.Value
		}
	}
	return t
}

func (t topicSettings) text(key, otherwise string) string {
	if v, ok := t[key]; ok {
		return v
	}
	return otherwise
}

func (t topicSettings) number(key string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(t[key], 10, 64); err == nil {
		return n
	}
	return otherwise
}

// checkRetention refuses a row topic, and one of a derived route, that would delete rows as old
// as oldest (epoch ms) soon after they arrive, because their timestamps are the events'.
func checkRetention(ctx context.Context, adm *kadm.Client, c Config, oldest int64, now time.Time) error {
	if c.IngestTime {
		return nil
	}
	topics := []string{c.Topics.Rows}
	for _, r := range c.Topics.Routes {
		topics = append(topics, r.Topic)
	}
	described, err := adm.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil // not ours to read; survey said what is worth saying
	}
	for _, rc := range described {
		t := settings(rc)
		keeps := t.number("retention.ms", -1)
		age := now.UnixMilli() - oldest
		if rc.Err != nil || !strings.Contains(t.text("cleanup.policy", "delete"), "delete") || keeps < 0 || age <= keeps {
			continue
		}
		return fmt.Errorf("topic %s keeps records for %s, and the oldest window is %s old, so Kafka would delete its rows: "+
			"raise retention.ms, or set kafka.record_timestamp: ingest", rc.Name,
			time.Duration(keeps)*time.Millisecond, (time.Duration(age) * time.Millisecond).Round(time.Hour))
	}
	return nil
}

// check compares the cluster with what the ledger's claim was written on.
func (f cluster) check(claim *Claim) error {
	if claim == nil {
		return nil
	}
	if claim.Cluster != f.id {
		return &MismatchError{What: "cluster", Known: claim.Cluster, Found: f.id}
	}
	for topic, id := range claim.Topics {
		if now, used := f.topics[topic]; used && now != id {
			return &MismatchError{What: topic, Known: id, Found: now}
		}
	}
	return nil
}
