package producer_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"convstream/producer/producertest"
)

func TestOnEmbeddedKafka(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	producertest.Run(t, producertest.Broker{Brokers: c.ListenAddrs()})
}
