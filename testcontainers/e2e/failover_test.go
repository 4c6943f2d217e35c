package e2e

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"convstream/testcontainers"
)

// Twice while a backfill runs, a node is killed that it cannot do without: first the coordinator of its transactions,
// then the leader of its ledger.
func TestRealBrokerFailoverLosesAndDoublesNothing(t *testing.T) {
	const rows = 200_000
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry(), testcontainers.WithNodes(3))
	f := faults()
	f.PageRows = 1000
	w := newWorld(t, env, newPlatform(t, rows, f))
	seed := random(t)
	p := w.backfill(t, convstream)
	for i, victim := range []func(*testing.T) int{w.coordinator, w.ledgerLeader} {
		// A first moment in the first half of the results, a second in the second.
		moment := resultBytes(rows)/2*int64(i) + seed.Int64N(resultBytes(rows)*4/10)
		p.reach(t, w.platform.passing(moment))
		node := victim(t)
		if err := env.Kill(node); errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		t.Logf("node %d killed at byte %d of the results", node, moment)
		if err := env.Restart(node); err != nil {
			t.Fatal(err)
		}
	}
	p.wantExit(t, 0)
	t.Logf("%d recoveries", p.recoveries())
	w.wantOnce(t, rows)
}

// coordinator returns the node that coordinates the pipeline's transactions.
func (w *world) coordinator(t *testing.T) int {
	t.Helper()
	id := w.name + "/acme"
	found := kadm.NewClient(w.env.Client(t)).FindTxnCoordinators(t.Context(), id)
	if err := found.Error(); err != nil {
		t.Fatal(err)
	}
	return int(found[id].NodeID)
}

// ledgerLeader returns the node that leads the ledger topic.
func (w *world) ledgerLeader(t *testing.T) int {
	t.Helper()
	topics, err := kadm.NewClient(w.env.Client(t)).ListTopics(t.Context(), w.topics.Checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	return int(topics[w.topics.Checkpoints].Partitions[0].Leader)
}
