package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// day is what the tests publish.
var day = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01

// interval are the arguments for it.
var interval = []string{"--from", "2024-01-01", "--to", "2024-01-02"}

// seed is that of every simulated platform. A failure prints it.
const seed = 20240101

// world is everything that the program talks to, embedded in the test's process, and a
// folder to run it in.
type world struct {
	t        *testing.T
	dir      string
	sim      *simulator.Simulator
	kafka    *kfake.Cluster
	brokers  []string
	registry string // URL
	config   string // path

	mu     sync.Mutex
	tokens map[string]bool // access tokens that the program has sent
}

// scene says what is special about a world. The zero value holds an empty platform.
type scene struct {
	Platform simulator.Config // Window, Seed and ClientSecret are filled in
	Kafka    []kfake.Opt
	// What stands before the platform and before the registry, nil for nothing.
	Front, Registry func(http.Handler) http.Handler
}

func newWorld(t *testing.T, s scene) *world {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the platform's seed is %d", seed)
		}
	})
	w := &world{t: t, dir: t.TempDir(), tokens: map[string]bool{}}
	s.Platform.Window, s.Platform.Seed, s.Platform.ClientSecret = day, seed, secret
	var err error
	if w.sim, err = simulator.New(s.Platform); err != nil {
		t.Fatal(err)
	}
	platform := serve(t, w.witness(behind(s.Front, w.sim)))
	w.kafka, err = kfake.NewCluster(append(s.Kafka, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kafka.Close)
	w.brokers = w.kafka.ListenAddrs()
	w.registry = serve(t, behind(s.Registry, srfake.NewRegistry().Handler()))
	w.config = filepath.Join(w.dir, "convstream.yaml")
	w.write(w.config, fmt.Sprintf(`pipeline: p
source:
  org: acme
  base_url: %[1]s
  token_url: %[1]s/oauth/token
  client_id: %[2]s
  client_secret: %[3]s
  requests_per_minute: 10000
  poll: {initial: 20ms, max: 100ms, jitter: 0s}
  retry: {initial: 20ms, max: 100ms}
window: {step: 6h, narrow: [3h]}
kafka: {brokers: [%[4]q]}
registry: {url: %[5]q}
commit: {interval: 50ms}
status: {listen: "127.0.0.1:0"}
`, platform, simulator.DefaultClientID, secret, w.brokers[0], w.registry))
	return w
}

func behind(front func(http.Handler) http.Handler, h http.Handler) http.Handler {
	if front == nil {
		return h
	}
	return front(h)
}

// serve returns the URL of a handler.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// witness remembers the access tokens that are sent.
func (w *world) witness(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			w.mu.Lock()
			w.tokens[token] = true
			w.mu.Unlock()
		}
		next.ServeHTTP(rw, r)
	})
}

// result is what a run of the program came to.
type result struct {
	pid, code      int
	stdout, stderr string
}

// sentences are the lines on stderr that are not the log.
func (r result) sentences() []string {
	var lines []string
	for line := range strings.Lines(r.stderr) {
		if !json.Valid([]byte(line)) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// process is a run of the program that has not ended yet.
type process struct {
	w      *world
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr logbook
}

// patience is how long any run of the program may take.
const patience = time.Minute

// start runs the program with -c and the environment given, and nothing else of it.
func (w *world) start(environ []string, args ...string) *process {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	p := &process{w: w, stderr: logbook{grown: make(chan struct{}, 1)}, cmd: exec.CommandContext(ctx, binary, append(args, "-c", w.config)...)}
	p.cmd.Env = append([]string{}, environ...)
	p.cmd.Dir = w.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.w.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.w.t.Fatal(err)
	}
}

// logbook is what a run writes to stderr, while it does so.
type logbook struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // holds an element when there is something new
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await returns the first line on stderr that holds the words, once it is there.
func (p *process) await(words string) string {
	p.w.t.Helper()
	for deadline := time.After(patience); ; {
		for line := range strings.Lines(p.stderr.String()) {
			if strings.Contains(line, words) && strings.HasSuffix(line, "\n") {
				return line
			}
		}
		select {
		case <-p.stderr.grown:
		case <-deadline:
			p.w.t.Fatalf("it never said %q:\n%s", words, p.stderr.String())
		}
	}
}

// wait returns when the program has ended. Whatever it did, it told no secret.
func (p *process) wait() result {
	p.w.t.Helper()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.w.t.Fatal(err)
	}
	r := result{p.cmd.Process.Pid, p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	basic := base64.StdEncoding.EncodeToString([]byte(simulator.DefaultClientID + ":" + secret))
	for _, hidden := range []string{secret, basic} {
		p.w.mustNotTell(r, hidden)
	}
	for token := range p.w.tokens {
		p.w.mustNotTell(r, token)
	}
	return r
}

func (w *world) mustNotTell(r result, hidden string) {
	w.t.Helper()
	if strings.Contains(r.stdout+r.stderr, hidden) {
		w.t.Errorf("the output holds %q:\n%s%s", hidden, r.stdout, r.stderr)
	}
}

// run is start and wait.
func (w *world) run(environ []string, args ...string) result {
	w.t.Helper()
	return w.start(environ, args...).wait()
}

// backfill runs a backfill of the day.
func (w *world) backfill(args ...string) result {
	w.t.Helper()
	return w.run(nil, slices.Concat([]string{"backfill"}, interval, args)...)
}

// figures is the object that --json prints, as design §7 has it.
type figures struct {
	Windows    int           `json:"windows"`
	Fetched    int64         `json:"fetched"`
	Published  int64         `json:"published"`
	Duplicates int64         `json:"duplicates"`
	Revisions  int64         `json:"revisions"`
	Invalid    int64         `json:"invalid"`
	Incomplete []conv.Window `json:"incomplete"`
	Seconds    float64       `json:"seconds"`
}

// figures reads the object, which has to be all that stands on stdout, and have these
// members in this order. Seconds, which no two runs share, are left out.
func (r result) figures(t *testing.T) figures {
	t.Helper()
	var f figures
	if err := json.Unmarshal([]byte(r.stdout), &f); err != nil {
		t.Fatalf("stdout is no object: %v: %q; exit code %d, %s", err, r.stdout, r.code, r.stderr)
	}
	again, err := json.Marshal(f)
	if err != nil || string(again)+"\n" != r.stdout {
		t.Errorf("stdout is %q, want the members of %s and no other (%v)", r.stdout, again, err)
	}
	f.Seconds = 0
	return f
}

// must ends the test if a run did not end as it should.
func (r result) must(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// saysOnce wants one sentence beside the log, which holds every word.
func (r result) saysOnce(t *testing.T, words ...string) {
	t.Helper()
	got := r.sentences()
	if len(got) != 1 || !strings.HasPrefix(got[0], "convstream: ") {
		t.Errorf("beside the log it says %q, want one sentence of convstream's", got)
	}
	for _, word := range words {
		if !strings.Contains(strings.Join(got, "\n"), word) {
			t.Errorf("it says %q, want a word of %q", got, word)
		}
	}
}

// jobs is how many jobs the platform was given so far.
func (w *world) jobs() int { return len(w.sim.Stats().Jobs) }

// fetch returns the body of a URL.
func (w *world) fetch(url string) []byte {
	w.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
	}
	return body
}
