package e2e

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/simulator"
	"convstream/testcontainers"
)

const publishedRows = 5000

// publishedWorld is a world whose day is published.
func publishedWorld(t *testing.T) *world {
	t.Helper()
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	w := newWorld(t, env, newPlatform(t, publishedRows, simulator.Faults{PageRows: 1000}))
	w.backfill(t, convstream).wantExit(t, 0)
	return w
}

// wantRefused fails the test unless the next backfill refuses to work, naming the parts, and writes no row.
func (w *world) wantRefused(t *testing.T, parts ...string) {
	t.Helper()
	p := w.backfill(t, convstream)
	p.wantExit(t, 1)
	p.wantVerdict(t, append(parts, "another pipeline name")...)
}

func TestRealARecreatedTopicIsRefused(t *testing.T) {
	t.Run("rows", func(t *testing.T) {
		w := publishedWorld(t)
		w.delete(t, w.topics.Rows)
		w.wantRefused(t, w.topics.Rows, "deleted")
		if n := len(w.env.Committed(t, w.topics.Rows)); n != 0 {
			t.Errorf("%d rows were published into the topic that was made again", n)
		}
	})
	t.Run("ledger", func(t *testing.T) {
		w := publishedWorld(t)
		w.delete(t, w.topics.Checkpoints)
		w.wantRefused(t, w.topics.Checkpoints, "deleted")
		if n := len(w.env.Committed(t, w.topics.Rows)); n != publishedRows {
			t.Errorf("the row topic holds %d rows, want the %d from before", n, publishedRows)
		}
	})
}

func (w *world) delete(t *testing.T, topic string) {
	t.Helper()
	adm := kadm.NewClient(w.env.Client(t))
	if _, err := adm.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of topic "+topic, func() bool {
		topics, err := adm.ListTopics(t.Context())
		return err == nil && !topics.Has(topic)
	})
}

// A ledger that was mirrored to another cluster speaks of rows that are not there.
func TestRealAForeignClusterIsRefused(t *testing.T) {
	w := publishedWorld(t)
	foreign := testcontainers.RequireReal(t, testcontainers.WithRegistry(), testcontainers.WithBrokerConfig("num.io.threads", "3"))
	if foreign.ClusterID == w.env.ClusterID {
		t.Skip("the brokers offered are one cluster")
	}
	there := *w
	there.env = foreign
	there.config = there.writeConfig(t, "foreign.yaml", foreign)
	for _, topic := range []string{w.topics.Rows, w.topics.DeadLetters, w.topics.Events, w.topics.Checkpoints} {
		foreign.DropAtEnd(t, topic)
	}
	w.mirrorLedger(t, foreign)
	there.wantRefused(t, w.env.ClusterID, foreign.ClusterID)
	if n := len(foreign.Committed(t, w.topics.Rows)); n != 0 {
		t.Errorf("%d rows were published on the foreign cluster", n)
	}
}

// mirrorLedger copies the ledger topic as MirrorMaker would.
func (w *world) mirrorLedger(t *testing.T, to *testcontainers.Env) {
	t.Helper()
	cl := to.Client(t)
	policy := "compact"
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &policy}, w.topics.Checkpoints); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.env.Committed(t, w.topics.Checkpoints) {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
