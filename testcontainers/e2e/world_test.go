package e2e

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/producer"
	"convstream/testcontainers"
)

// world is one pipeline with its own topics, its own folder, and the platform that it reads.
type world struct {
	env      *testcontainers.Env
	platform *platform
	span     conv.Window // that commands are given
	settings settings
	name     string // of the pipeline
	topics   producer.Topics
	dir      string
	config   string // path
}

// settings are what tests configure otherwise than others.
type settings struct {
	dialect string // default reports
	window  string // members of the section window
	speech  bool   // publish the route speech, which other tests leave out
	level   string // what a changed contract has to keep, default as the program's
	more    string // sections of the configuration that others do not have
}

func newWorld(t *testing.T, env *testcontainers.Env, p *platform) *world {
	t.Helper()
	return newWorldOf(t, env, p, settings{})
}

func newWorldOf(t *testing.T, env *testcontainers.Env, p *platform, s settings) *world {
	t.Helper()
	name := "e2e-" + strings.ToLower(rand.Text()[:10])
	s.dialect = cmp.Or(s.dialect, string(simulator.Reports))
	w := &world{env: env, platform: p, span: p.span, settings: s, name: name, dir: t.TempDir(), topics: producer.Topics{
		Rows: name + ".rows", DeadLetters: name + ".dlq", Events: name + ".events", Checkpoints: name + ".checkpoints",
	}}
	if s.speech {
		w.topics.Routes = []producer.RouteTopic{{Name: "speech", Topic: name + ".speech"}}
	}
	for _, topic := range []string{w.topics.Rows, w.topics.DeadLetters, w.topics.Events, w.topics.Checkpoints, name + ".speech"} {
		env.DropAtEnd(t, topic)
	}
	w.config = w.writeConfig(t, "convstream.yaml", env)
	return w
}

const configuration = `pipeline: %s
source:
  org: acme
  dialect: %s
  base_url: %s
  token_url: %[3]s/oauth/token
  client_id: convstream
  client_secret: simulated
  limit: 10000000
  requests_per_minute: 10000
  poll: {initial: 100ms, max: 1s, jitter: 50ms}
  retry: {initial: 50ms, max: 1s}
window: {%s}
kafka:
  brokers: [%s]
  topics: {conversations: %s, dlq: %s, events: %s, checkpoints: %s, speech: %q}
registry: {url: %q, compatibility: %s}
state_dir: %q
status: {listen: "127.0.0.1:0"}
log: {level: debug}
%s
`

// writeConfig writes the pipeline's configuration for a cluster.
func (w *world) writeConfig(t *testing.T, file string, env *testcontainers.Env) string {
	t.Helper()
	path, speech := filepath.Join(w.dir, file), ""
	if len(w.topics.Routes) > 0 {
		speech = w.topics.Routes[0].Topic
	}
	text := fmt.Sprintf(configuration, w.name, w.settings.dialect, w.platform.url, w.settings.window, strings.Join(env.Brokers, ", "),
		w.topics.Rows, w.topics.DeadLetters, w.topics.Events, w.topics.Checkpoints, speech, env.RegistryURL, cmp.Or(w.settings.level, "BACKWARD"), w.stateDir(), w.settings.more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) stateDir() string { return filepath.Join(w.dir, "state") }

// forget deletes what convstream keeps on disk, which is a cache.
func (w *world) forget(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(w.stateDir()); err != nil {
		t.Fatal(err)
	}
}

// ledger is what is committed in the ledger topic now.
func (w *world) ledger(t *testing.T) *producer.Ledger {
	t.Helper()
	l, err := w.tryLedger(t)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (w *world) tryLedger(t *testing.T) (*producer.Ledger, error) {
	t.Helper()
	r, err := producer.NewReader(producer.Config{Brokers: w.env.Brokers, Pipeline: w.name, Org: "acme", Topics: w.topics})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Ledger(t.Context())
}

// awaitLedger reads the ledger until it is as wanted.
func (w *world) awaitLedger(t *testing.T, what string, wanted func(*producer.Ledger) bool) *producer.Ledger {
	t.Helper()
	var ledger *producer.Ledger
	await(t, "a ledger with "+what, func() bool {
		l, err := w.tryLedger(t) // while topics are made, or leaders move, there is nothing to read
		ledger = l
		return err == nil && wanted(l)
	})
	return ledger
}

// published counts the rows that the ledger says are in Kafka.
func published(l *producer.Ledger) int64 {
	var c conv.Counters
	for _, cp := range l.Windows {
		c = c.Add(cp.Counters)
	}
	return c.Published
}

// await asks until the answer is yes.
func await(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// patience bounds every wait: a slow machine does not fail a test, a hanging program does.
const patience = 10 * time.Minute
