// Package testcontainers gives a test a throw-away Kafka and schema registry: the real Apache Kafka wherever the
// machine can run it (a cluster named by the environment, Docker, or Java with jars from Maven Central), and the
// in-process fake otherwise.
//
// A test of promises that only a real broker can keep calls [RequireReal]; every other test calls [Start]. A package
// whose tests share brokers says
//
//	func TestMain(m *testing.M) { testcontainers.Main(m) }
package testcontainers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// The environment variables that steer the choice of the broker.
const (
	BrokerEnv      = "CONVSTREAM_TEST_BROKER"       // auto (default) | external | docker | apache | kfake
	BrokersEnv     = "CONVSTREAM_TEST_BROKERS"      // external: host:port,...
	RegistryEnv    = "CONVSTREAM_TEST_REGISTRY"     // external: URL of a Confluent-compatible registry
	AllowRemoteEnv = "CONVSTREAM_TEST_ALLOW_REMOTE" // external: 1 permits addresses that are not loopback
	RequireRealEnv = "CONVSTREAM_REQUIRE_REAL"      // 1: RequireReal fails where it would skip
)

// Kind tells where a broker comes from.
type Kind string

// The kinds, in the order in which auto tries them.
const (
	External Kind = "external" // runs already, named by CONVSTREAM_TEST_BROKERS
	Docker   Kind = "docker"   // the image apache/kafka
	Apache   Kind = "apache"   // child processes from Maven's jars
	KFake    Kind = "kfake"    // inside the test process; not Kafka
)

// Opt asks for something that the default, one node of the newest protocol, does not have.
type Opt func(*spec)

// WithNodes asks for a cluster of n nodes. Three can lose one.
func WithNodes(n int) Opt { return func(s *spec) { s.nodes = n } }

// WithTxnVersion asks for a transaction.version: 2 is the default, 1 the protocol before KIP-890 part 2.
func WithTxnVersion(v int) Opt { return func(s *spec) { s.txnVersion = v } }

// WithRegistry asks for a schema registry.
func WithRegistry() Opt { return func(s *spec) { s.registry = true } }

// WithBrokerConfig sets a broker property.
func WithBrokerConfig(key, value string) Opt { return func(s *spec) { s.config[key] = value } }

type spec struct {
	nodes, txnVersion int
	registry          bool
	config            map[string]string
}

func newSpec(opts []Opt) spec {
	s := spec{nodes: 1, txnVersion: 2, config: map[string]string{}}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// key is equal for specs that one broker can serve.
func (s spec) key() string {
	var config []string
	for _, k := range slices.Sorted(maps.Keys(s.config)) {
		config = append(config, k+"="+s.config[k])
	}
	return fmt.Sprint(s.nodes, s.txnVersion, config)
}

// Env is a broker, and a registry if asked for, that a test may use until it ends. Topics are the test's own; the
// broker may be shared with other tests of the package.
type Env struct {
	Kind               Kind
	Brokers            []string // bootstrap addresses
	RegistryURL        string   // of the Confluent API; "" without [WithRegistry]
	RealRegistry       bool     // false: srfake, which accepts incompatible schemas
	Version            string   // of the broker software
	ClusterID          string
	TransactionVersion int // 2 since KIP-890 part 2
	Nodes              int

	broker *broker
	down   map[int]bool
}

// Start returns a broker of the kind that the environment asks for, or the best that the machine can run.
func Start(t testing.TB, opts ...Opt) *Env {
	t.Helper()
	env, err := start(t, newSpec(opts), modeKinds())
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// RequireReal is Start for tests that prove nothing on a fake. Where no real broker can be had it skips the test with
// the reason, and fails it if CONVSTREAM_REQUIRE_REAL=1.
func RequireReal(t testing.TB, opts ...Opt) *Env {
	t.Helper()
	kinds := slices.DeleteFunc(modeKinds(), func(k Kind) bool { return k == KFake })
	env, err := start(t, newSpec(opts), kinds)
	var none *unavailableError
	switch {
	case err == nil:
		return env
	case errors.As(err, &none) && os.Getenv(RequireRealEnv) != "1":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
	return nil
}

func modeKinds() []Kind {
	switch mode := os.Getenv(BrokerEnv); mode {
	case "", "auto":
		return []Kind{External, Docker, Apache, KFake}
	default:
		return []Kind{Kind(mode)}
	}
}

// start returns the first of kinds that this machine can run.
func start(t testing.TB, s spec, kinds []Kind) (*Env, error) {
	t.Helper()
	brokers := brokersOf(t)
	var reasons []error
	for _, kind := range kinds {
		b, err := brokers.get(t.Context(), kind, s)
		var none *unavailableError
		if errors.As(err, &none) {
			reasons = append(reasons, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		return newEnv(t, brokers, b, s, kinds, reasons)
	}
	return nil, unavailable("no broker of the kinds %v: %w", kinds, errors.Join(reasons...))
}

func newEnv(t testing.TB, brokers *pool, b *broker, s spec, kinds []Kind, passedOver []error) (*Env, error) {
	t.Helper()
	env := &Env{
		Kind: b.kind, Brokers: b.addrs, Version: b.version,
		ClusterID: b.clusterID, TransactionVersion: b.txnVersion, Nodes: b.nodes,
		broker: b, down: map[int]bool{},
	}
	t.Cleanup(func() { env.finish(t) })
	if s.registry {
		r, err := brokers.registryFor(t.Context(), b.kind)
		var none *unavailableError
		if errors.As(err, &none) && slices.Contains(kinds, KFake) {
			t.Logf("FAKE REGISTRY: %v", err)
			r, err = brokers.registryFor(t.Context(), KFake)
		}
		if err != nil {
			return nil, err
		}
		env.RegistryURL, env.RealRegistry = r.url, r.real
	}
	if b.kind == KFake {
		t.Logf("FAKE BROKER: kind=kfake nodes=%d; passed over: %v", b.nodes, errors.Join(passedOver...))
	} else {
		t.Logf("REAL BROKER: kind=%s version=%s transaction.version=%d nodes=%d", b.kind, b.version, b.txnVersion, b.nodes)
	}
	return env, nil
}

// finish leaves a shared broker as the test found it, and shows the broker's side of a failure.
func (e *Env) finish(t testing.TB) {
	for node := range e.down {
		if err := e.Restart(node); err != nil {
			t.Errorf("restart node %d after the test: %v", node, err)
		}
	}
	if t.Failed() && e.broker.logs != nil {
		t.Log(e.broker.logs())
	}
}

// KFake returns the fake, for its fault injection, if the broker is one.
func (e *Env) KFake() (*kfake.Cluster, bool) { return e.broker.fake, e.broker.fake != nil }

// Kill ends a node (ids start at 1 on Apache, 0 on kfake) without a word of warning. It wraps [errors.ErrUnsupported]
// for brokers whose nodes are not ours to kill.
func (e *Env) Kill(node int) error {
	if e.broker.kill == nil {
		return fmt.Errorf("kill a node of kind %s: %w", e.Kind, errors.ErrUnsupported)
	}
	if err := e.broker.kill(node); err != nil {
		return err
	}
	e.down[node] = true
	return nil
}

// Restart starts a killed node and returns when it is back in sync. What a test leaves dead is restarted at its end.
func (e *Env) Restart(node int) error {
	if e.broker.restart == nil {
		return fmt.Errorf("restart a node of kind %s: %w", e.Kind, errors.ErrUnsupported)
	}
	if err := e.broker.restart(context.Background(), node); err != nil {
		return err
	}
	delete(e.down, node)
	return nil
}
