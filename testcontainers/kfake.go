package testcontainers

import (
	"context"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

func startKFake(s spec) (*broker, error) {
	opts := []kfake.Opt{kfake.NumBrokers(s.nodes), kfake.BrokerConfigs(s.config)}
	if s.txnVersion < 2 {
		opts = append(opts, kfake.MaxVersions(kversion.V3_9_0()))
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, err
	}
	b := &broker{
		kind: KFake, version: "kfake", addrs: c.ListenAddrs(), fake: c,
		txnVersion: s.txnVersion, nodes: s.nodes, clusterID: fakeClusterID,
		stop: func(bool) { c.Close() },
	}
	b.kill = func(node int) error { return c.RemoveNode(int32(node)) }
	b.restart = func(_ context.Context, node int) error {
		_, port, err := net.SplitHostPort(b.addrs[node])
		if err != nil {
			return err
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			return err
		}
		_, _, err = c.AddNode(int32(node), number)
		return err
	}
	return b, nil
}
