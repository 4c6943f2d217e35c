package testcontainers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MoveLeader makes another node lead a partition and returns when the cluster says so. It wraps
// [errors.ErrUnsupported] where there is no other node.
func (e *Env) MoveLeader(topic string, partition int32) error {
	if e.Nodes < 2 {
		return fmt.Errorf("move the leader of %s/%d on one node: %w", topic, partition, errors.ErrUnsupported)
	}
	if fake, ok := e.KFake(); ok {
		next := (fake.LeaderFor(topic, partition) + 1) % int32(e.Nodes)
		return fake.MoveTopicPartition(topic, partition, next)
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(e.Brokers...), kgo.MetadataMinAge(pollInterval))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := electOther(ctx, kadm.NewClient(cl), topic, partition); err != nil {
		return fmt.Errorf("move the leader of %s/%d: %w", topic, partition, err)
	}
	return nil
}

// electOther makes the next in-sync replica the preferred one and lets it be elected.
func electOther(ctx context.Context, adm *kadm.Client, topic string, partition int32) error {
	now, err := describe(ctx, adm, topic, partition)
	if err != nil {
		return err
	}
	next := slices.IndexFunc(now.ISR, func(node int32) bool { return node != now.Leader })
	if next < 0 {
		return fmt.Errorf("no other replica is in sync: %w", errors.ErrUnsupported)
	}
	heir := now.ISR[next]
	order := append([]int32{heir}, slices.DeleteFunc(now.Replicas, func(n int32) bool { return n == heir })...)
	var assign kadm.AlterPartitionAssignmentsReq
	assign.Assign(topic, partition, order)
	resp, err := adm.AlterPartitionAssignments(ctx, assign)
	if err := errors.Join(err, resp.Error()); err != nil {
		return err
	}
	var which kadm.TopicsSet
	which.Add(topic, partition)
	return poll(ctx, func() error {
		elected, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, which)
		if err != nil {
			return err
		}
		if err := elected[topic][partition].Err; err != nil && !errors.Is(err, kerr.ElectionNotNeeded) {
			return err
		}
		now, err := describe(ctx, adm, topic, partition)
		if err == nil && now.Leader != heir {
			err = fmt.Errorf("node %d leads, not %d", now.Leader, heir)
		}
		return err
	})
}

func describe(ctx context.Context, adm *kadm.Client, topic string, partition int32) (kadm.PartitionDetail, error) {
	topics, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return kadm.PartitionDetail{}, err
	}
	detail, ok := topics[topic].Partitions[partition]
	if !ok {
		return detail, kerr.UnknownTopicOrPartition
	}
	return detail, detail.Err
}
