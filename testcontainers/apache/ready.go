package apache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	readyWithin  = 2 * time.Minute // a loaded machine is slow, a broken broker exits long before
	pollInterval = 100 * time.Millisecond
)

// awaitReady returns when all running nodes are listed and a transactional id can be initialised, which is later than
// any line of the log: it needs the internal topic of transactions and its coordinator.
func (c *Cluster) awaitReady(ctx context.Context) error {
	return c.poll(ctx, func(ctx context.Context, cl *kgo.Client) error {
		brokers, err := kadm.NewClient(cl).ListBrokers(ctx)
		if err != nil {
			return err
		}
		if have, want := len(brokers), len(c.Pids()); have < want {
			return fmt.Errorf("%d of %d brokers are listed", have, want)
		}
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = kmsg.StringPtr("convstream-ready")
		req.TransactionTimeoutMillis = 10_000
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
}

// awaitInSync returns when the node is in sync in every partition that it has a replica of.
func (c *Cluster) awaitInSync(ctx context.Context, id int32) error {
	return c.poll(ctx, func(ctx context.Context, cl *kgo.Client) error {
		topics, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx)
		if err != nil {
			return err
		}
		for _, t := range topics {
			for _, p := range t.Partitions {
				if slices.Contains(p.Replicas, id) && !slices.Contains(p.ISR, id) {
					return fmt.Errorf("node %d is not in sync in %s/%d", id, t.Topic, p.Partition)
				}
			}
		}
		return nil
	})
}

// poll tries until try succeeds, a node dies or the time is over.
func (c *Cluster) poll(ctx context.Context, try func(context.Context, *kgo.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers()...), kgo.MetadataMinAge(pollInterval))
	if err != nil {
		return err
	}
	defer cl.Close()
	want := len(c.Pids())
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		once, done := context.WithTimeout(ctx, 5*time.Second)
		err := try(once, cl)
		done()
		if err == nil {
			return nil
		}
		if len(c.Pids()) < want {
			return errors.New("a node exited while starting")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", readyWithin, err)
		}
	}
}
