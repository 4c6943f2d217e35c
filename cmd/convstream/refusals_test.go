package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"convstream/internal/simulator"
)

// nowhere is an address on which nothing listens.
func nowhere(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// silent is an address that takes connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

// answering answers every request alike.
func answering(status int, body string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
		})
	}
}

// refusing answers one kind of request with a status, and leaves the others to the platform.
func refusing(method, suffix string, status int, body string) func(http.Handler) http.Handler {
	return func(platform http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
				platform.ServeHTTP(rw, r)
				return
			}
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
		})
	}
}

// echoing refuses jobs and tells the client what it sent.
func echoing(platform http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/details/query") {
			platform.ServeHTTP(rw, r)
			return
		}
		http.Error(rw, "you sent "+r.Header.Get("Authorization"), http.StatusForbidden)
	})
}

const forbidden = `{"message":"Unable to perform the requested action.","code":"not.authorized","status":403,"contextId":"c-1"}`

func TestR12_WhatStandsInTheWayExits1WithOneSentence(t *testing.T) {
	t.Parallel()
	const password = "letmein-letmein"
	signedIn := []string{"CONVSTREAM_REGISTRY_USERNAME=me", "CONVSTREAM_REGISTRY_PASSWORD=" + password}
	for _, c := range []struct {
		name    string
		scene   scene
		topics  map[string]map[string]string // made before, with their configuration
		environ func(t *testing.T) []string
		want    []string
	}{
		{name: "no broker",
			environ: func(t *testing.T) []string { return []string{"CONVSTREAM_KAFKA_BROKERS=" + nowhere(t)} },
			want:    []string{"cannot reach Kafka", "kafka.brokers"}},
		{name: "a broker that is silent",
			environ: func(t *testing.T) []string { return []string{"CONVSTREAM_KAFKA_BROKERS=" + silent(t)} },
			want:    []string{"cannot reach Kafka", "kafka.brokers"}},
		{name: "a broker with another password",
			scene:   scene{Kafka: guarded},
			environ: func(*testing.T) []string { return sasl(password) },
			want:    []string{"cannot reach Kafka", "kafka.sasl"}},
		{name: "a broker that wants a password",
			scene: scene{Kafka: guarded},
			want:  []string{"cannot reach Kafka", "kafka.sasl"}},
		{name: "no registry",
			environ: func(t *testing.T) []string { return []string{"CONVSTREAM_REGISTRY_URL=http://" + nowhere(t)} },
			want:    []string{"no registry answers", "registry.url"}},
		{name: "a registry that is silent",
			environ: func(t *testing.T) []string { return []string{"CONVSTREAM_REGISTRY_URL=http://" + silent(t)} },
			want:    []string{"no registry answers", "registry.url"}},
		{name: "a registry with another password",
			scene:   scene{Registry: answering(http.StatusUnauthorized, `{"error_code":401,"message":"Unauthorized"}`)},
			environ: func(*testing.T) []string { return signedIn },
			want:    []string{"registry answered 401", "registry.password"}},
		{name: "a page of a proxy instead of the registry",
			scene: scene{Registry: answering(http.StatusBadGateway, "<html>\n<body>\nbad gateway\n</body>\n</html>")},
			want:  []string{"registry answered 502", "registry.url"}},
		{name: "another client secret",
			environ: func(*testing.T) []string { return []string{"CONVSTREAM_SOURCE_CLIENT_SECRET=" + password} },
			want:    []string{"the token endpoint refused the client", "source.client_secret"}},
		{name: "R8: no permission to submit",
			scene: scene{Front: refusing(http.MethodPost, "/details/query", http.StatusForbidden, forbidden)},
			want:  []string{"analytics:report:run", "licence", "c-1"}},
		{name: "R8: no permission to poll",
			scene: scene{Front: refusing(http.MethodGet, "", http.StatusForbidden, forbidden)},
			want:  []string{"analytics:report:view", "licence"}},
		{name: "a refusal that echoes the access token",
			scene: scene{Front: echoing},
			want:  []string{"analytics:report:run", "you sent"}},
		{name: "a page of a proxy instead of the API",
			scene: scene{Front: refusing(http.MethodPost, "/details/query", http.StatusOK, "<html>\n<body>\nhello\n</body>\n</html>")},
			want:  []string{"source.base_url"}},
		{name: "a page of a proxy instead of a refusal",
			scene: scene{Front: refusing(http.MethodPost, "/details/query", http.StatusNotFound, "<html>\n<body>\nno such page\n</body>\n</html>")},
			want:  []string{"404", "no such page"}},
		{name: "topics that are missing",
			environ: func(*testing.T) []string { return []string{"CONVSTREAM_KAFKA_CREATE_TOPICS=false"} },
			want:    []string{"genesys.", "does not exist", "kafka.create_topics"}},
		{name: "a ledger that forgets",
			topics: map[string]map[string]string{"genesys.checkpoints": {"cleanup.policy": "delete"}},
			want:   []string{"genesys.checkpoints", "cleanup.policy=delete", "compact"}},
		{name: "a row topic that deletes old rows",
			topics: map[string]map[string]string{"genesys.conversations": {"retention.ms": "604800000"}},
			want:   []string{"genesys.conversations", "retention.ms", "kafka.record_timestamp: ingest"}},
		{name: "a row topic that is compacted",
			topics: map[string]map[string]string{"genesys.conversations": {"cleanup.policy": "compact"}},
			want:   []string{"genesys.conversations", "compacted", "cleanup.policy=delete"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.scene.Platform = simulator.Config{Rows: 100}
			w := newWorld(t, c.scene)
			for topic, settings := range c.topics {
				w.makeTopic(topic, settings)
			}
			var environ []string
			if c.environ != nil {
				environ = c.environ(t)
			}
			r := w.run(environ, slices.Concat([]string{"backfill", "--json"}, interval)...).must(t, 1)
			r.saysOnce(t, c.want...)
			if r.stdout != "" {
				t.Errorf("stdout is %q", r.stdout)
			}
			w.mustNotTell(r, password)
		})
	}
}

// guarded is a broker that lets in who knows the secret.
var guarded = []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "me", secret)}

// sasl is the environment of one who gives the password.
func sasl(password string) []string {
	return []string{
		"CONVSTREAM_KAFKA_SASL_MECHANISM=SCRAM-SHA-512",
		"CONVSTREAM_KAFKA_SASL_USERNAME=me",
		"CONVSTREAM_KAFKA_SASL_PASSWORD=" + password,
	}
}

func TestAPasswordOpensTheBroker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Kafka: guarded, Platform: simulator.Config{Rows: 50}})
	r := w.run(sasl(secret), append([]string{"backfill"}, interval...)...).must(t, 0)
	if !strings.Contains(r.stdout, "50 published") {
		t.Errorf("it prints %q", r.stdout)
	}
}

func (w *world) makeTopic(name string, settings map[string]string) {
	w.t.Helper()
	configs := map[string]*string{}
	for k, v := range settings {
		configs[k] = kadm.StringPtr(v)
	}
	if _, err := w.admin().CreateTopic(w.t.Context(), 1, 1, configs, name); err != nil {
		w.t.Fatal(err)
	}
}

func TestIngestTimestampsAreTheWayIntoATopicThatDeletesOldRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 100}})
	w.makeTopic("genesys.conversations", map[string]string{"retention.ms": "604800000"})
	r := w.run([]string{"CONVSTREAM_KAFKA_RECORD_TIMESTAMP=ingest"}, append([]string{"backfill"}, interval...)...).must(t, 0)
	if !strings.Contains(r.stdout, "100 published") {
		t.Errorf("it prints %q", r.stdout)
	}
}

// Waiting is right: the platform may be back in a minute. It has to be seen, and to end when
// it is asked to.
func TestR4_APlatformThatDoesNotAnswerIsWaitedForVisibly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	away := "http://" + nowhere(t)
	args := append([]string{"backfill"}, interval...)
	p := w.start([]string{"CONVSTREAM_SOURCE_BASE_URL=" + away}, args...)
	line := p.await("call is tried again")
	if !strings.Contains(line, "connection refused") || !strings.Contains(line, `"warn"`) {
		t.Errorf("the log says %s", line)
	}
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 1).saysOnce(t, "interrupted by signal: terminated")
}

func TestReadersOfAnEmptyClusterExit1AndNameTheTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	for _, args := range [][]string{
		append([]string{"verify"}, interval...),
		{"tail"},
		{"checkpoints", "list"},
		{"checkpoints", "show", "2024-01-01/2024-01-02"},
	} {
		r := w.run(nil, args...).must(t, 1)
		r.saysOnce(t, "topic genesys.c", "does not exist", "kafka.topics")
		if r.stdout != "" {
			t.Errorf("%s prints %q", args[0], r.stdout)
		}
		w.run([]string{"CONVSTREAM_KAFKA_BROKERS=" + nowhere(t)}, args...).must(t, 1).saysOnce(t, "cannot reach Kafka", "kafka.brokers")
	}
}

func TestTailNeedsTheRegistryForRowsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 10}})
	w.backfill().must(t, 0)
	environ := []string{"CONVSTREAM_REGISTRY_URL=" + serve(t, http.NotFoundHandler())}
	w.run(environ, "tail").must(t, 1).saysOnce(t, "genesys.conversations/", "registry answered 404", "registry.url")
	w.run(environ, "tail", "--topic", "genesys.events", "-n", "1").must(t, 0)
}

func TestAStateDirThatCannotBeUsedExits1AndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 10}})
	folder := func(path ...string) string {
		dir := filepath.Join(append([]string{w.dir}, path...)...)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	locked := folder("locked")
	folder("locked", "p", "acme", "lock")
	taken := folder("taken")
	w.write(filepath.Join(folder("taken", "p", "acme"), "history"), "")
	readOnly := folder("readonly")
	if err := os.Chmod(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ dir, want string }{
		"below a file":            {w.config + "/below", w.config},
		"a folder for its lock":   {locked, locked},
		"a file for its history":  {taken, taken},
		"a folder to read only":   {readOnly, readOnly},
		"a folder that is a file": {w.config, w.config},
	} {
		if c.dir == readOnly && os.Geteuid() == 0 {
			t.Logf("%s: not tried, as nothing is read-only for root", name)
			continue
		}
		r := w.run([]string{"CONVSTREAM_STATE_DIR=" + c.dir}, append([]string{"backfill"}, interval...)...).must(t, 1)
		r.saysOnce(t, "state_dir", c.want, "name a folder that can be written")
	}
	if w.jobs() != 0 {
		t.Errorf("the platform was given %d jobs all the same", w.jobs())
	}
	w.backfill().must(t, 0) // nothing was claimed that would be in the way
}
