// Package producerreal runs the promises of package producer on real brokers.
package producerreal

import (
	"fmt"
	"testing"

	"convstream/producer/producertest"
	"convstream/testcontainers"
)

func TestMain(m *testing.M) { testcontainers.Main(m) }

func TestRealProducerKeepsItsPromises(t *testing.T) {
	for _, version := range []int{2, 1} {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			env := testcontainers.RequireReal(t, testcontainers.WithTxnVersion(version))
			producertest.Run(t, producertest.Broker{Brokers: env.Brokers})
		})
	}
}
