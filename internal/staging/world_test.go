package staging_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	_ "gocloud.dev/blob/memblob"

	"convstream/avro"
	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/simulator"
	"convstream/internal/staging"
	"convstream/producer"
)

const hour = int64(time.Hour / time.Millisecond)

// span lies ten days before a synctest bubble begins its time, and is two UTC days.
var span = conv.Window{From: 946684800000 - 240*hour, To: 946684800000 - 192*hour}

// world is a platform, a storage, and as many clusters of Kafka as a test wants, all in memory.
type world struct {
	t        *testing.T
	dialect  string
	contract *avro.Contract
	redactor staging.Redactor // nil keeps pages as they came
	net      *kfake.VirtualNetwork
	sim      *simulator.Simulator
	bucket   *staging.Bucket
	clusters int
	step     time.Duration
	pageRows int
}

func newWorld(t *testing.T, dialect string, faults simulator.Faults) *world {
	t.Helper()
	w := &world{t: t, dialect: dialect, net: &kfake.VirtualNetwork{}, step: 24 * time.Hour, pageRows: 40}
	faults.PageRows = cmp.Or(faults.PageRows, w.pageRows)
	var err error
	if w.sim, err = simulator.New(simulator.Config{Rows: 300, Window: span, Seed: 7, Faults: faults}); err != nil {
		t.Fatal(err)
	}
	if w.contract, err = avro.Default(dialect); err != nil {
		t.Fatal(err)
	}
	if w.bucket, err = staging.Open(t.Context(), "mem://"); err != nil {
		t.Fatal(err)
	}
	ln, err := w.net.Listen("tcp", "localhost:8099")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w.sim}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close(); _ = w.bucket.Close() })
	return w
}

// topics is a Kafka of its own, and the cache of the history that goes with it.
type topics struct {
	*world
	port  int
	files dedupe.Files
}

func (w *world) newTopics() *topics {
	w.t.Helper()
	w.clusters++
	port := 9091 + w.clusters
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.ListenFn(w.net.Listen))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cluster.Close)
	return &topics{w, port, memfiles.New()}
}

func (k *topics) config(run string, dial func(context.Context, string, string) (net.Conn, error)) producer.Config {
	return producer.Config{
		Brokers: []string{fmt.Sprint("localhost:", k.port)}, Dial: dial, Pipeline: "test", Org: "acme", Run: run,
		CreateTopics: true, Partitions: 2, Compression: "none", KeyIsNotUnique: k.dialect == genesys.DialectReports,
		Topics: producer.Topics{Rows: "rows", DeadLetters: "dlq", Events: "events", Checkpoints: "ledger"},
	}
}

func (w *world) client() *genesys.Client {
	transport := &http.Transport{DialContext: w.net.DialContext, ResponseHeaderTimeout: 2 * time.Minute}
	w.t.Cleanup(transport.CloseIdleConnections)
	c, err := genesys.New(genesys.Config{
		Dialect: w.dialect, BaseURL: "http://localhost:8099", TokenURL: "http://localhost:8099/oauth/token",
		ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
		Select: w.contract.Sources(), Limit: 1_000_000, Overlap: time.Millisecond, PageSize: w.pageRows,
		HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) staging(c *genesys.Client) (staging.Config, staging.Format) {
	return staging.Config{Org: "acme", Dialect: w.dialect, Query: c.QueryHash()}, staging.Format{Envelope: c.Envelope(), Keys: c.Keys()}
}

var retry = extractor.Retry{Initial: time.Second, Max: time.Minute}

// platform reads from the simulator; stage is asked to keep the pages, nil for none.
func (w *world) platform(wrap func(extractor.Stage) extractor.Stage) pipeline.Extractor {
	c := w.client()
	config := extractor.Defaults()
	if wrap != nil {
		names, format := w.staging(c)
		config.Stage, config.Spool = wrap(staging.NewStage(w.bucket, names, format, w.redactor)), w.t.TempDir()
	}
	return extractor.New(c, config, extractor.Hooks{})
}

func staged(s extractor.Stage) extractor.Stage { return s }

func (w *world) archive() pipeline.Extractor {
	names, format := w.staging(w.client())
	return staging.NewArchive(w.bucket, names, format, retry, staging.Hooks{
		Found:    func(conv.Window, *staging.Manifest, bool) {},
		Retrying: func(conv.Window, time.Duration, error) {},
	})
}

// run is one process.
type run struct {
	name     string
	source   pipeline.Extractor
	reread   bool
	contract pipeline.Contract // nil for the world's
	dial     func(context.Context, string, string) (net.Conn, error)
	watch    func(pipeline.Publisher) pipeline.Publisher
}

func (k *topics) backfill(ctx context.Context, r run) (pipeline.Summary, error) {
	if r.dial == nil {
		r.dial = k.net.DialContext
	}
	kafka, err := producer.Open(ctx, k.config(r.name, r.dial))
	if err != nil {
		return pipeline.Summary{}, err
	}
	defer kafka.Close()
	history, err := dedupe.Open(k.files, kafka.Identity()+r.name, 1<<20)
	if err != nil {
		k.t.Fatal(err)
	}
	defer history.Close()
	cfg := pipeline.Config{
		Org: "acme", Dialect: k.dialect, Query: k.client().QueryHash(), SchemaID: 7, Limit: 1_000_000, Overlap: time.Millisecond,
		Step: k.step, Narrow: []time.Duration{6 * time.Hour, time.Hour}, Lag: 15 * time.Minute, Settle: 72 * time.Hour,
		Windows: 2, Interval: time.Second, Bytes: 3000, Reconcile: !r.reread, Threshold: 0.05, Reread: r.reread,
	}
	if k.dialect == genesys.DialectJobs {
		cfg.Conversations, cfg.Limit, cfg.Overlap = true, 0, 0
	}
	if r.contract == nil {
		r.contract = k.contract
	}
	var publisher pipeline.Publisher = kafka
	if r.watch != nil {
		publisher = r.watch(kafka)
	}
	return pipeline.New(cfg, r.source, r.contract, publisher, history, pipeline.Events{}).Backfill(ctx, span, true)
}

// must runs a process that has to bring the whole interval.
func (k *topics) must(r run) pipeline.Summary {
	k.t.Helper()
	sum, err := k.backfill(k.t.Context(), r)
	if err != nil || len(sum.Incomplete)+len(sum.Unverified) > 0 {
		k.t.Fatalf("%s: incomplete %v, unverified %v, %v: %v", r.name, sum.Incomplete, sum.Unverified, sum.Reasons, err)
	}
	return sum
}

// read reads a topic.
func (k *topics) read(topic string, each func(*kgo.Record)) {
	k.t.Helper()
	r, err := producer.NewReader(k.config("checker", k.net.DialContext))
	if err != nil {
		k.t.Fatal(err)
	}
	defer r.Close()
	if err := r.Records(context.Background(), topic, nil, func(k *kgo.Record) error { each(k); return nil }); err != nil {
		k.t.Fatal(err)
	}
}

// rows are the records of the row topic as they stand there, with how often they do. What the
// mark says of their job is left out.
func (k *topics) rows() map[string]int {
	k.t.Helper()
	rows := map[string]int{}
	k.read("rows", func(r *kgo.Record) {
		mark, err := conv.ParseMark(producer.Header(r, conv.MarkHeader))
		if err != nil {
			k.t.Fatal(err)
		}
		rows[fmt.Sprintf("%s %d %x %x %x", r.Key, mark.Time, mark.Identity, mark.Fingerprint, conv.Hash64(r.Value))]++
	})
	return rows
}

func (k *topics) ledger() map[conv.Window]conv.Checkpoint {
	k.t.Helper()
	r, err := producer.NewReader(k.config("checker", k.net.DialContext))
	if err != nil {
		k.t.Fatal(err)
	}
	defer r.Close()
	l, err := r.Ledger(context.Background())
	if err != nil {
		k.t.Fatal(err)
	}
	for w, cp := range l.Windows {
		if !cp.Counters.Balanced() {
			k.t.Errorf("window %s does not balance: %+v", w, cp.Counters)
		}
	}
	return l.Windows
}

// truth counts what is true by conversation and time.
func (w *world) truth() map[string]int {
	truth := map[string]int{}
	if w.dialect == genesys.DialectJobs {
		for c := range w.sim.Conversations(span) {
			truth[fmt.Sprint(c.ID, " ", c.Start)]++
		}
		return truth
	}
	for r := range w.sim.Truth(span) {
		truth[fmt.Sprint(r.ConversationID, " ", r.Time)]++
	}
	return truth
}

// kept are the conversations and times of the rows of all jobs that are kept whole, each row of
// a window once.
func (w *world) kept() map[string]int {
	w.t.Helper()
	kept := map[string]int{}
	a := w.archive()
	for from := span.From; from < span.To; from += w.step.Milliseconds() {
		win := conv.Window{From: from, To: from + w.step.Milliseconds()}
		seen := map[string]bool{}
		for _, part := range w.parts(a, win) {
			job, err := a.Submit(w.t.Context(), part)
			if err != nil {
				w.t.Fatal(err)
			}
			err = a.Read(w.t.Context(), part, job, conv.Position{}, func(c conv.Chunk) error {
				for _, r := range c.Rows {
					_, facts := w.contract.Encode(nil, 0, &r, nil)
					of := fmt.Sprint(string(r.ConversationID), " ", r.Time)
					if own := fmt.Sprint(of, " ", facts.Identity); win.Contains(r.Time) && !seen[own] {
						seen[own] = true
						kept[of]++
					}
				}
				return nil
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return kept
}

// parts are a window, or where its job was partial also those that it was narrowed to.
func (w *world) parts(a pipeline.Extractor, win conv.Window) (parts []conv.Window) {
	job, err := a.Submit(w.t.Context(), win)
	if err == nil {
		parts = append(parts, win)
		var status conv.JobStatus
		if status, err = a.Await(w.t.Context(), win, job); err == nil && status.State == conv.JobDone {
			return parts
		}
	}
	if err != nil && !errors.Is(err, conv.ErrNoJob) {
		w.t.Fatal(err)
	}
	for from := win.From; from < win.To; from += 6 * hour {
		parts = append(parts, conv.Window{From: from, To: from + 6*hour})
	}
	return parts
}

func total(rows map[string]int) (n int) {
	for _, times := range rows {
		n += times
	}
	return n
}

// rowTimes are the conversations and times of the records.
func rowTimes(rows map[string]int) map[string]int {
	times := map[string]int{}
	for row, n := range rows {
		times[strings.Join(strings.SplitN(row, " ", 3)[:2], " ")] += n
	}
	return times
}

// mortal counts the network writes of a process, which dies at one of them.
type mortal struct {
	under func(context.Context, string, string) (net.Conn, error)
	at    int
	kill  func()

	mu   sync.Mutex
	n    int
	dead bool
}

var errKilled = errors.New("killed by the test")

func (m *mortal) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil, errKilled
	}
	c, err := m.under(ctx, network, addr)
	return &limb{c, m}, err
}

// die ends the process now.
func (m *mortal) die() {
	m.mu.Lock()
	m.dead = true
	m.mu.Unlock()
	m.kill()
}

type limb struct {
	net.Conn
	of *mortal
}

func (l *limb) Write(b []byte) (int, error) {
	l.of.mu.Lock()
	l.of.n++
	hit := l.of.n == l.of.at
	dead := l.of.dead
	l.of.dead = dead || hit
	l.of.mu.Unlock()
	if !dead && !hit {
		return l.Conn.Write(b)
	}
	_ = l.Close()
	l.of.kill()
	return 0, errKilled
}

func (l *limb) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.of.dead {
		return 0, io.ErrClosedPipe
	}
	return n, err
}
