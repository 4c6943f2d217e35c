package testcontainers

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"convstream/testcontainers/apache"
)

// broker is a running broker of any kind; a nil func is something that its kind cannot do.
type broker struct {
	kind    Kind
	version string
	addrs   []string
	fake    *kfake.Cluster

	kill    func(node int) error
	restart func(ctx context.Context, node int) error
	logs    func() string
	stop    func(keepLogs bool)

	// What the broker said of itself.
	clusterID         string
	txnVersion, nodes int
}

// registry is a running schema registry.
type registry struct {
	url  string
	real bool
	stop func(keepLogs bool)
}

// unavailableError says why this machine cannot run something; anything else that goes wrong is a failure, not a
// reason to make do with less.
type unavailableError struct{ error }

func (e *unavailableError) Unwrap() error { return e.error }

func unavailable(format string, args ...any) error {
	return &unavailableError{fmt.Errorf(format, args...)}
}

// pool holds the brokers of a package, or of one test where the package has no [Main].
type pool struct {
	mu       sync.Mutex
	brokers  map[string]*broker
	registry map[Kind]*registry
}

func newPool() *pool {
	return &pool{brokers: map[string]*broker{}, registry: map[Kind]*registry{}}
}

// shared is the package's pool while Main runs.
var shared *pool

// Main runs the tests of a package, a *testing.M, with brokers that they share, and stops these at the end. It is the
// body of TestMain.
func Main(m interface{ Run() int }) {
	shared = newPool()
	code := m.Run()
	shared.stop(code != 0)
	os.Exit(code)
}

func brokersOf(t testing.TB) *pool {
	if shared != nil {
		return shared
	}
	own := newPool()
	t.Cleanup(func() { own.stop(t.Failed()) })
	return own
}

func (p *pool) get(ctx context.Context, kind Kind, s spec) (*broker, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprint(kind, s.key())
	if kind == External {
		key += os.Getenv(BrokersEnv)
	}
	if b := p.brokers[key]; b != nil {
		return b, nil
	}
	b, err := startKind(ctx, kind, s)
	if err != nil {
		return nil, err
	}
	if err := b.identify(ctx, s); err != nil {
		b.stop(true)
		return nil, err
	}
	p.brokers[key] = b
	return b, nil
}

func startKind(ctx context.Context, kind Kind, s spec) (*broker, error) {
	switch kind {
	case External:
		return startExternal(s)
	case Docker:
		return startDocker(ctx, s)
	case Apache:
		return startApache(ctx, s)
	case KFake:
		return startKFake(s)
	default:
		return nil, fmt.Errorf("%s=%s: want auto, external, docker, apache or kfake", BrokerEnv, kind)
	}
}

// registryFor returns the registry that belongs beside a broker of a kind: a real one beside a real one.
func (p *pool) registryFor(ctx context.Context, kind Kind) (*registry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.registry[kind]; r != nil {
		return r, nil
	}
	r, err := startRegistry(ctx, kind)
	if err != nil {
		return nil, err
	}
	p.registry[kind] = r
	return r, nil
}

func startRegistry(ctx context.Context, kind Kind) (*registry, error) {
	if url := os.Getenv(RegistryEnv); url != "" && kind == External {
		return &registry{url: url, real: true, stop: func(bool) {}}, nil
	}
	switch kind {
	case KFake:
		fake := srfake.NewRegistry()
		server := httptest.NewServer(fake.Handler())
		return &registry{url: server.URL, stop: func(bool) { server.Close() }}, nil
	case Docker:
		return startDockerRegistry(ctx)
	}
	if err := apache.RegistryAvailable(ctx); err != nil {
		return nil, unavailable("no schema registry: %w", err)
	}
	r, err := apache.StartRegistry(ctx, 0)
	if err != nil {
		return nil, err
	}
	return &registry{url: r.URL, real: true, stop: r.Close}, nil
}

func (p *pool) stop(keepLogs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.brokers {
		b.stop(keepLogs)
	}
	for _, r := range p.registry {
		r.stop(keepLogs)
	}
}

func startApache(ctx context.Context, s spec) (*broker, error) {
	if err := apache.Available(ctx); err != nil {
		return nil, unavailable("apache: %w", err)
	}
	c, err := apache.Start(ctx, apache.Config{Nodes: s.nodes, TransactionVersion: s.txnVersion, Broker: s.config})
	if err != nil {
		return nil, err
	}
	return &broker{
		kind: Apache, version: c.Version, addrs: c.Brokers(),
		kill: c.Kill, restart: c.Restart, logs: c.Logs, stop: c.Close,
	}, nil
}

// errNotReal is what a fake that poses as a real broker gets.
var errNotReal = errors.New("this is not a real Kafka")
