package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/app/config"
	"convstream/producer"
)

// kafka looks at the cluster as a run would find it. It only describes: nothing is written,
// and a live owner is not disturbed.
func (d *doctor) kafka(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	const check = "kafka"
	cfg, err := kafkaConfig(d.cfg)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	cl, err := kgo.NewClient(adminOptions(cfg)...)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if err = cl.Ping(ctx); err == nil {
		var meta kadm.Metadata
		if meta, err = adm.Metadata(kadm.WithAuthorizedOps(ctx), d.topics()...); err == nil {
			d.ok(check, "cluster %s with %d brokers", meta.Cluster, len(meta.Brokers))
			d.transactions(ctx, adm, cfg.Pipeline+"/"+cfg.Org)
			d.eachTopic(ctx, adm, meta)
			return
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no broker answered in %s", doctorPatience)
	}
	d.fail(check, "cannot reach Kafka at %s: %w; check kafka.brokers, kafka.tls and kafka.sasl", strings.Join(cfg.Brokers, ", "), err)
}

// adminOptions are those of a client that describes and writes nothing.
func adminOptions(c producer.Config) []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("convstream"), kgo.RequestRetries(3), kgo.DialTimeout(5 * time.Second)}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if c.SASL != nil {
		opts = append(opts, kgo.SASL(c.SASL))
	}
	return opts
}

// topics are those of the pipeline, the one of rows first.
func (d *doctor) topics() []string {
	t := d.cfg.Kafka.Topics
	all := []string{t.Conversations, t.DLQ, t.Events, t.Checkpoints}
	for _, r := range d.cfg.Routes {
		all = append(all, r.Topic)
	}
	return all
}

// ownKey says whether the records of a topic have another key than the conversation id.
func (d *doctor) ownKey(topic string) bool {
	return slices.ContainsFunc(d.cfg.Routes, func(r config.Route) bool { return r.Topic == topic && r.Key != "" })
}

// transactions describes the transactional id.
func (d *doctor) transactions(ctx context.Context, adm *kadm.Client, id string) {
	const check = "transactions"
	described, err := adm.DescribeTransactions(ctx, id)
	if err == nil {
		err = described[id].Err
	}
	switch {
	case errors.Is(err, kerr.TransactionalIDNotFound):
		d.ok(check, "transactional id %s is not in use", id)
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		d.fail(check, "transactional id %s may not be described (%w): give the Kafka account write and describe on it", id, err)
	case err != nil:
		d.warn(check, "transactional id %s was not described (%w); brokers before 3.0 cannot", id, err)
	default:
		d.ok(check, "transactional id %s was used before; its transaction is %s", id, described[id].State)
	}
}

// eachTopic looks at the topics, or at whether they could be made.
func (d *doctor) eachTopic(ctx context.Context, adm *kadm.Client, meta kadm.Metadata) {
	var there []string
	for _, topic := range d.topics() {
		detail, known := meta.Topics[topic]
		switch {
		case known && detail.Err == nil:
			there = append(there, topic)
			d.begun = d.begun || topic == d.cfg.Kafka.Topics.Checkpoints
		case known && !errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
			d.fail("topic", "%s: %w", topic, detail.Err)
		case !d.cfg.Kafka.CreateTopics:
			d.fail("topic", "%s does not exist: create it, or set kafka.create_topics: true", topic)
		default:
			d.creatable(ctx, adm, topic, len(meta.Brokers))
		}
	}
	described, err := adm.DescribeTopicConfigs(ctx, there...)
	if err != nil && len(there) > 0 {
		d.warn("topic", "the configuration of the topics cannot be read: %w", err)
	}
	settings := map[string]kadm.ResourceConfig{}
	for _, rc := range described {
		settings[rc.Name] = rc
	}
	for _, topic := range there {
		d.topic(meta.Topics[topic], settings[topic])
	}
}

// creatable has the broker say whether it would make a topic.
func (d *doctor) creatable(ctx context.Context, adm *kadm.Client, topic string, brokers int) {
	partitions := int32(d.cfg.Kafka.Partitions)
	if topic == d.cfg.Kafka.Topics.Checkpoints {
		partitions = 1
	}
	replicas := int16(cmp.Or(d.cfg.Kafka.ReplicationFactor, min(3, brokers)))
	answers, err := adm.ValidateCreateTopics(ctx, partitions, replicas, nil, topic)
	if err == nil {
		err = answers[topic].Err
	}
	if err != nil {
		d.fail("topic", "%s does not exist and could not be created: %w; create it, or give the Kafka account create on topics", topic, err)
		return
	}
	d.ok("topic", "%s does not exist; the first run creates it", topic)
}

// needed is what a run does with each topic.
var needed = []kadm.ACLOperation{kadm.OpRead, kadm.OpWrite}

// topic compares a topic with what it is used for.
func (d *doctor) topic(detail kadm.TopicDetail, rc kadm.ResourceConfig) {
	name := detail.Topic
	var lacking []string
	for _, op := range needed {
		if len(detail.AuthorizedOperations) > 0 && !slices.Contains(detail.AuthorizedOperations, op) {
			lacking = append(lacking, strings.ToLower(op.String()))
		}
	}
	settings := map[string]string{}
	for _, kv := range rc.Configs {
		settings[kv.Key] = kv.MaybeValue()
	}
	switch problem := d.misfit(name, len(detail.Partitions), settings); {
	case len(lacking) > 0:
		d.fail("topic", "%s: the Kafka account lacks %s on it", name, strings.Join(lacking, " and "))
	case problem != "":
		d.fail("topic", "%s %s", name, problem)
	case rc.Err != nil:
		d.warn("topic", "%s: its configuration cannot be read (%w), so Kafka's defaults are assumed", name, rc.Err)
	default:
		if concern := d.concern(name, settings); concern != "" {
			d.warn("topic", "%s %s", name, concern)
			return
		}
		d.ok("topic", "%s fits, with %d partitions", name, len(detail.Partitions))
	}
}

// misfit is why a run would refuse a topic, with the way out.
func (d *doctor) misfit(name string, partitions int, settings map[string]string) string {
	policy, t := settings["cleanup.policy"], d.cfg.Kafka.Topics
	switch {
	case name == t.Checkpoints && partitions != 1:
		return fmt.Sprintf("has %d partitions, and a ledger has one: create it anew with one, or name another in kafka.topics.checkpoints", partitions)
	case name == t.Checkpoints && policy != "" && policy != "compact":
		return "has cleanup.policy=" + policy + " and would forget windows: set it to compact"
	}
	if holdsRows(d.cfg, name) && !d.ownKey(name) && strings.Contains(policy, "compact") && !d.jobs() {
		return "is compacted, and would keep one row of each conversation: set cleanup.policy=delete, or name another topic"
	}
	return ""
}

// kafkaMessage is the largest record batch that topics take unless they are set up otherwise.
const kafkaMessage = 1_048_588

// concern is what is allowed in a topic and may not be meant.
func (d *doctor) concern(name string, settings map[string]string) string {
	if name == d.cfg.Kafka.Topics.Checkpoints {
		return ""
	}
	if size, err := strconv.Atoi(settings["max.message.bytes"]); err == nil && size < kafkaMessage {
		return fmt.Sprintf("takes records of %d bytes at the most; larger rows become dead letters: raise max.message.bytes", size)
	}
	keeps, err := strconv.ParseInt(settings["retention.ms"], 10, 64)
	expires := err == nil && keeps >= 0 && strings.Contains(cmp.Or(settings["cleanup.policy"], "delete"), "delete")
	if holdsRows(d.cfg, name) && expires && d.cfg.Kafka.RecordTimestamp == config.TimestampEvent {
		return fmt.Sprintf("keeps records for %s, counted from the time of the event: a backfill of older windows is refused: raise retention.ms, or set kafka.record_timestamp: ingest",
			time.Duration(keeps)*time.Millisecond)
	}
	return ""
}
