package testcontainers

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	fakeClusterID   = "kfake"
	identifyWithin  = 30 * time.Second
	metadataTopic   = "__cluster_metadata"
	txnVersionLevel = "transaction.version"
)

// identify asks a broker of a real kind who it is: it must be a KRaft Kafka, and it must be what the test asked for.
func (b *broker) identify(ctx context.Context, s spec) error {
	if b.kind == KFake {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, identifyWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addrs...))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := b.askMetadata(ctx, cl); err != nil {
		return fmt.Errorf("identify the broker: %w", err)
	}
	if err := describeQuorum(ctx, cl); err != nil || b.clusterID == fakeClusterID {
		return fmt.Errorf("kind %s, cluster id %q: %w: %v", b.kind, b.clusterID, errNotReal, err)
	}
	if b.nodes < s.nodes || b.txnVersion != s.txnVersion {
		return unavailable("%s: it has %d nodes and transaction.version %d, the test needs %d and %d",
			b.kind, b.nodes, b.txnVersion, s.nodes, s.txnVersion)
	}
	return nil
}

func (b *broker) askMetadata(ctx context.Context, cl *kgo.Client) error {
	meta, err := kadm.NewClient(cl).BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	b.clusterID, b.nodes = meta.Cluster, len(meta.Brokers)
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for _, f := range versions.FinalizedFeatures {
		if f.Name == txnVersionLevel {
			b.txnVersion = int(f.MaxVersionLevel)
		}
	}
	if b.version == "" {
		guess, err := kadm.NewClient(cl).ApiVersions(ctx)
		if err != nil {
			return err
		}
		for _, v := range guess {
			b.version = v.VersionGuess()
		}
	}
	return nil
}

// describeQuorum asks what only a KRaft broker can answer.
func describeQuorum(ctx context.Context, cl *kgo.Client) error {
	partition := kmsg.NewDescribeQuorumRequestTopicPartition()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = metadataTopic, append(topic.Partitions, partition)
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].LeaderID < 0 {
		return fmt.Errorf("no leader of %s", metadataTopic)
	}
	return nil
}
