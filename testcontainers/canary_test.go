package testcontainers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
)

// The canaries are mistakes that Kafka refuses and kfake accepts: they show that RequireReal gave a real broker.
var canaries = []struct {
	name    string
	mistake func(t *testing.T, env *testcontainers.Env) error
	refusal error
}{
	{"null key in a compacted topic", nullKey, kerr.InvalidRecord},
	{"unknown topic property", unknownProperty, kerr.InvalidConfig},
}

func nullKey(t *testing.T, env *testcontainers.Env) error {
	topic := env.Topic(t, "compacted", 1, map[string]string{"cleanup.policy": "compact"})
	return send(within(t, time.Minute), env.Client(t), &kgo.Record{Topic: topic, Value: []byte("no key")})
}

func unknownProperty(t *testing.T, env *testcontainers.Env) error {
	value := "1"
	_, err := kadm.NewClient(env.Client(t)).CreateTopic(within(t, time.Minute), 1, 1, map[string]*string{"no.such.property": &value}, "unknown-property")
	return err
}

func TestRealCanary(t *testing.T) {
	env := testcontainers.RequireReal(t)
	for _, c := range canaries {
		t.Run(c.name, func(t *testing.T) {
			if err := c.mistake(t, env); !errors.Is(err, c.refusal) {
				t.Errorf("got %v, want %v", err, c.refusal)
			}
		})
	}
}

// A canary that kfake learns to refuse has become useless and must be replaced.
func TestCanaryLivesOnTheFake(t *testing.T) {
	t.Setenv(testcontainers.BrokerEnv, string(testcontainers.KFake))
	env := testcontainers.Start(t)
	for _, c := range canaries {
		t.Run(c.name, func(t *testing.T) {
			if err := c.mistake(t, env); err != nil {
				t.Errorf("the fake refuses it: %v", err)
			}
		})
	}
}

// Kafka 4 counts min.insync.replicas at most up to the replication factor, so this takes three nodes.
func TestRealTooFewReplicas(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithNodes(3))
	topic := env.Topic(t, "min-isr", 1, map[string]string{"min.insync.replicas": "3"})
	if err := env.Kill(3); err != nil {
		t.Skip(err)
	}
	// Until the dead replica's session ends, records may still be appended. No idempotence: an idempotent producer asks
	// for ever, whatever its retries and context say, about a record that may have been appended.
	cl := env.Client(t, kgo.RecordRetries(1), kgo.DisableIdempotentWrite())
	ctx := within(t, time.Minute)
	var err error
	for !errors.Is(err, kerr.NotEnoughReplicas) {
		if ctx.Err() != nil {
			t.Fatalf("two replicas where three are demanded: %v, want NOT_ENOUGH_REPLICAS", err)
		}
		err = send(ctx, cl, record(topic, "x"))
	}
}

func TestRealOneReplicaMeetsAnyMinimum(t *testing.T) {
	env := testcontainers.RequireReal(t)
	topic := env.Topic(t, "min-isr", 1, map[string]string{"min.insync.replicas": "2"})
	if err := send(within(t, time.Minute), env.Client(t), record(topic, "x")); err != nil {
		t.Errorf("min.insync.replicas=2 on a topic with one replica: %v; Kafka 4 caps the minimum at the replication factor", err)
	}
}
