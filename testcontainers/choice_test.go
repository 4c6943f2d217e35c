package testcontainers_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/testcontainers"
	"convstream/testcontainers/apache"
)

// verdict is a testing.TB that remembers how the harness ended the test.
type verdict struct {
	testing.TB
	fatal, skip string
}

func (v *verdict) Fatal(args ...any) { v.fatal = fmt.Sprint(args...); runtime.Goexit() }
func (v *verdict) Skip(args ...any)  { v.skip = fmt.Sprint(args...); runtime.Goexit() }

func requireReal(t *testing.T, opts ...testcontainers.Opt) *verdict {
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		testcontainers.RequireReal(v, opts...)
	}()
	<-done
	return v
}

// external points the harness at brokers that run already.
func external(t *testing.T, brokers string) {
	t.Setenv(testcontainers.BrokerEnv, string(testcontainers.External))
	t.Setenv(testcontainers.BrokersEnv, brokers)
}

func TestNoRealBrokerSkipsOrFailsAsAsked(t *testing.T) {
	t.Setenv(testcontainers.BrokerEnv, string(testcontainers.KFake))
	t.Setenv(testcontainers.RequireRealEnv, "")
	if v := requireReal(t); v.skip == "" || v.fatal != "" {
		t.Errorf("skip %q, fatal %q; want a skip with its reason", v.skip, v.fatal)
	}
	t.Setenv(testcontainers.RequireRealEnv, "1")
	if v := requireReal(t); v.fatal == "" || v.skip != "" {
		t.Errorf("skip %q, fatal %q; want a failure", v.skip, v.fatal)
	}
}

func TestAFakeCannotPoseAsReal(t *testing.T) {
	t.Setenv(testcontainers.BrokerEnv, string(testcontainers.KFake))
	fake := testcontainers.Start(t)
	external(t, strings.Join(fake.Brokers, ","))
	t.Setenv(testcontainers.RequireRealEnv, "")
	if v := requireReal(t); !strings.Contains(v.fatal, "not a real Kafka") {
		t.Errorf("fatal %q, skip %q; want the fake found out", v.fatal, v.skip)
	}
}

func TestExternalBrokersHaveToBeOnThisMachine(t *testing.T) {
	external(t, "kafka.example.com:9092")
	t.Setenv(testcontainers.RequireRealEnv, "1")
	if v := requireReal(t); !strings.Contains(v.fatal, testcontainers.AllowRemoteEnv) {
		t.Errorf("fatal %q; want the refusal of a remote broker", v.fatal)
	}
}

func TestUnknownKindIsNamed(t *testing.T) {
	t.Setenv(testcontainers.BrokerEnv, "redpanda")
	if v := requireReal(t); !strings.Contains(v.fatal, "redpanda") {
		t.Errorf("fatal %q; want the unknown kind", v.fatal)
	}
}

// bareMachine leaves the harness no programs, no cache and no Docker.
func bareMachine(t *testing.T) {
	empty := t.TempDir()
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, empty)
	}
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	t.Setenv(apache.LibsEnv, "")
	t.Setenv(testcontainers.BrokersEnv, "")
}

func TestMissingToolsAreNamed(t *testing.T) {
	bareMachine(t)
	t.Setenv(testcontainers.BrokerEnv, string(testcontainers.Apache))
	t.Setenv(testcontainers.RequireRealEnv, "1")
	// A property that no other test sets: the broker cannot be a shared one.
	v := requireReal(t, testcontainers.WithBrokerConfig("background.threads", "3"))
	if !strings.Contains(v.fatal, "Java 17 or newer is needed") {
		t.Errorf("fatal %q; want what is missing", v.fatal)
	}
}

// An external cluster is served like one of our own, and one that lacks what a test needs is passed over.
func TestRealExternalCluster(t *testing.T) {
	own := testcontainers.RequireReal(t)
	external(t, strings.Join(own.Brokers, ","))
	env := testcontainers.RequireReal(t)
	if env.Kind != testcontainers.External || env.ClusterID != own.ClusterID || env.Version == "" {
		t.Errorf("external %+v, want cluster %s", env, own.ClusterID)
	}
	t.Setenv(testcontainers.RequireRealEnv, "")
	if v := requireReal(t, testcontainers.WithNodes(3)); !strings.Contains(v.skip, "the test needs 3") {
		t.Errorf("skip %q, fatal %q; want one node to be too few", v.skip, v.fatal)
	}
}

func TestStartFallsBackToTheFake(t *testing.T) {
	bareMachine(t)
	t.Setenv(testcontainers.BrokerEnv, "auto")
	env := testcontainers.Start(t, testcontainers.WithNodes(3), testcontainers.WithRegistry(), testcontainers.WithTxnVersion(1),
		testcontainers.WithBrokerConfig("message.max.bytes", "999999"))
	if _, ok := env.KFake(); !ok || env.RealRegistry || env.RegistryURL == "" {
		t.Errorf("%+v, want the fake with a fake registry", env)
	}
	topic := env.Topic(t, "fake", 1, nil)
	cl := producer(t, env, topic)
	begin(t, cl)
	produce(t, cl, topic, "seen")
	end(t, cl, kgo.TryCommit)
	if err := env.MoveLeader(topic, 0); err != nil {
		t.Error(err)
	}
	if err := env.Kill(2); err != nil {
		t.Error(err)
	}
	if got := values(t, env, topic); len(got) != 1 {
		t.Errorf("committed: %q, want one record", got)
	}
	if err := env.Restart(2); err != nil {
		t.Error(err)
	}
}
