package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/dedupe"
	"convstream/dedupe/diskfiles"
	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/staging"
	"convstream/producer"
)

// historyBytes bounds the memory of the dedupe history.
const historyBytes = 64 << 20

// baseBytes is what a run needs beside its history and its batches.
const baseBytes = 48 << 20

// limitMemory makes the garbage collector keep to what the configuration bounds, rather than
// to twice what is in use. Whoever sets GOMEMLIMIT knows better.
func limitMemory(cfg config.Config) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	batches := int64(2*cfg.Source.Concurrency + 1)
	limit := baseBytes + historyBytes + batches*int64(cfg.Commit.Bytes)
	if cfg.Staging.URL != "" {
		limit += int64(cfg.Source.Concurrency) * stagingBytes
	}
	debug.SetMemoryLimit(limit)
}

// machine is all that a command needs to move rows.
type machine struct {
	run      string
	kafka    *producer.Producer
	history  *dedupe.History
	pipeline *pipeline.Pipeline
	bucket   *staging.Bucket // nil for none
	unlock   func()
}

// assemble connects the parts, the ones first whose errors cost the least time. oldest is
// the start of the oldest window in epoch ms.
func (p *process) assemble(ctx context.Context, cfg config.Config, oldest int64, events pipeline.Events) (*machine, error) {
	prepared, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	routes, source := prepared.routes, prepared.source
	kafkaConfig, err := kafkaConfig(cfg)
	if err != nil {
		return nil, usageError(err)
	}
	registry, err := registryClient(cfg.Registry)
	if err != nil {
		return nil, usageError(err)
	}
	slow := time.AfterFunc(3*time.Second, func() { p.log.Warn().Msg("the registry has not answered yet; it is waited for, for half a minute") })
	ids, err := routes.register(ctx, registry)
	slow.Stop()
	if err != nil {
		return nil, registrationError(err)
	}
	p.warnOfFilters(cfg, routes)
	p.warnOfPlain(routes)
	bucket, err := openStaging(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m := &machine{run: newRunID(time.Now()), bucket: bucket}
	kafkaConfig.Run = m.run
	if m.kafka, err = producer.Open(ctx, kafkaConfig); err != nil {
		return nil, err
	}
	if err := m.kafka.CheckRetention(ctx, oldest); err != nil {
		m.kafka.Close()
		return nil, err
	}
	if err := m.openHistory(cfg); err != nil {
		m.kafka.Close()
		return nil, err
	}
	c := pipelineConfig(cfg, source.QueryHash())
	c.SchemaID, c.Routes, c.Known = ids[0], routes.derived(ids), routes.known()
	c.Rules, c.Redactor = prepared.rules, routes.redactor(cfg)
	m.pipeline = pipeline.New(c, p.rows(cfg, source, routes, bucket), routes.contracts[0].contract, m.kafka, m.history, events)
	return m, nil
}

// close gives the pipeline up. What the history remembers is saved for the next start when
// the run ended well; after an error it is left to be read back from Kafka.
func (m *machine) close(ctx context.Context, saved bool) error {
	var errs []error
	if saved {
		if err := m.history.Save(); err != nil {
			errs = append(errs, fmt.Errorf("save the dedupe history (it will be read back from Kafka): %w", err))
		}
	}
	errs = append(errs, m.history.Close())
	if m.bucket != nil {
		errs = append(errs, m.bucket.Close())
	}
	m.unlock()
	if err := m.kafka.Release(context.WithoutCancel(ctx)); err != nil {
		errs = append(errs, fmt.Errorf("release the pipeline (for ten seconds it seems to be alive, and others exit 4): %w", err))
	}
	return errors.Join(errs...)
}

// openHistory opens the cache of the dedupe history below state_dir. Where another process
// has it, which is being fenced or is about to end, this one works in a folder of its own.
func (m *machine) openHistory(cfg config.Config) error {
	dir := filepath.Join(cfg.StateDir, cfg.Pipeline, cfg.Source.Org)
	cache, lock, err := lockCache(dir)
	if err != nil {
		return fmt.Errorf("state_dir: %w; name a folder that can be written", err)
	}
	m.unlock = func() { _ = lock.Unlock() }
	files, err := diskfiles.Open(filepath.Join(cache, "history"))
	if err == nil {
		m.history, err = dedupe.Open(files, m.historyOf(cfg), historyBytes)
	}
	if err != nil {
		m.unlock()
		return fmt.Errorf("state_dir: open the dedupe history: %w; it is a cache: delete it, or name a folder that can be written", err)
	}
	return nil
}

// historyOf names what the cache of the history speaks of. A run that reads from staging looks
// for rows that the topics have lost, which an older cache would not know: it has one of its own.
func (m *machine) historyOf(cfg config.Config) string {
	if cfg.Staging.Read {
		return m.kafka.Identity() + "/" + m.run
	}
	return m.kafka.Identity()
}

// lockCache returns a folder that no other process works in: dir, or else a new one in it.
// Such folders that dead processes have left are removed.
func lockCache(dir string) (string, *flock.Flock, error) {
	lock, err := lockDir(dir)
	if !errors.Is(err, errLocked) {
		if err == nil {
			removeLeft(dir)
		}
		return dir, lock, err
	}
	own, err := os.MkdirTemp(dir, ownCache)
	if err != nil {
		return "", nil, err
	}
	lock, err = lockDir(own)
	return own, lock, err
}

// ownCache begins the names of folders that processes made because dir was locked.
const ownCache = "beside-"

func removeLeft(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, ownCache+"*")) // the pattern is ours
	for _, d := range left {
		if lock, err := lockDir(d); err == nil {
			_ = os.RemoveAll(d)
			_ = lock.Unlock()
		}
	}
}

// errLocked says that another process works in a folder.
var errLocked = errors.New("another process works in it")

// lockDir makes a folder and locks it against other processes. On errLocked the lock that is
// returned does nothing.
func lockDir(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	alone, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	case !alone:
		return lock, fmt.Errorf("%s: %w", dir, errLocked)
	}
	return lock, nil
}

// newRunID names this process among all that ever ran.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

func genesysConfig(cfg config.Config, columns []string) genesys.Config {
	s := cfg.Source
	return genesys.Config{
		Dialect:      s.Dialect,
		BaseURL:      s.BaseURL,
		TokenURL:     s.TokenURL,
		ClientID:     s.ClientID,
		ClientSecret: s.ClientSecret.Reveal(),
		Filter:       s.Filter,
		Select:       columns,
		Limit:        s.Limit,
		Overlap:      cfg.Window.Overlap,
		PageSize:     s.PageSize,
	}
}

func extractorConfig(cfg config.Config) extractor.Config {
	s := cfg.Source
	return extractor.Config{
		Poll:              extractor.Poll{Initial: s.Poll.Initial, Max: s.Poll.Max, Jitter: s.Poll.Jitter, Deadline: s.Poll.Deadline},
		Retry:             extractor.Retry{Initial: s.Retry.Initial, Max: s.Retry.Max},
		RequestsPerMinute: s.RequestsPerMinute,
	}
}

func pipelineConfig(cfg config.Config, query string) pipeline.Config {
	c := pipeline.Config{
		Org:       cfg.Source.Org,
		Dialect:   cfg.Source.Dialect,
		Query:     query,
		Limit:     int64(cfg.Source.Limit),
		Step:      cfg.Window.Step,
		Overlap:   cfg.Window.Overlap,
		Narrow:    cfg.Window.Narrow,
		Lag:       cfg.Window.Lag,
		Settle:    cfg.Window.Settle,
		Windows:   cfg.Source.Concurrency,
		Interval:  cfg.Commit.Interval,
		Bytes:     int(cfg.Commit.Bytes),
		Reconcile: cfg.Window.Reconcile,
		Threshold: cfg.Window.ReconcileThreshold,
	}
	if cfg.Source.Dialect == config.DialectJobs {
		// Neither the limit nor the overlap goes into the job's query.
		c.Conversations, c.Limit, c.Overlap = true, 0, 0
	}
	if cfg.Staging.Read {
		c.Reread, c.Reconcile = true, false
	}
	return c
}

func kafkaConfig(cfg config.Config) (producer.Config, error) {
	k := cfg.Kafka
	tls, err := k.TLS.Client()
	if err != nil {
		return producer.Config{}, fmt.Errorf("kafka.tls: %w", err)
	}
	return producer.Config{
		Brokers:  k.Brokers,
		Pipeline: cfg.Pipeline,
		Org:      cfg.Source.Org,
		Topics: producer.Topics{
			Rows: k.Topics.Conversations, DeadLetters: k.Topics.DLQ, Events: k.Topics.Events, Checkpoints: k.Topics.Checkpoints,
			Routes: routeTopics(cfg),
		},
		CreateTopics:      k.CreateTopics,
		Partitions:        int32(k.Partitions),
		ReplicationFactor: int16(k.ReplicationFactor),
		Retention:         time.Duration(k.Retention),
		Compression:       k.Compression,
		IngestTime:        k.RecordTimestamp == config.TimestampIngest,
		KeyIsNotUnique:    cfg.Source.Dialect == config.DialectReports,
		TLS:               tls,
		SASL:              mechanism(k.SASL),
	}, nil
}

func mechanism(s *config.SASL) sasl.Mechanism {
	if s == nil {
		return nil
	}
	switch s.Mechanism {
	case config.MechanismPlain:
		return plain.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsMechanism()
	case config.MechanismSCRAM256:
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha256Mechanism()
	default:
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha512Mechanism()
	}
}

func registryClient(r config.Registry) (*sr.Client, error) {
	tls, err := r.TLS.Client()
	if err != nil {
		return nil, fmt.Errorf("registry.tls: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = tls
	client := &http.Client{
		Transport: transport,
		Timeout:   registryTimeout,
		// A redirect could carry the password to another host, or out of TLS.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	opts := []sr.ClientOpt{sr.URLs(r.URL), sr.UserAgent("convstream"), sr.HTTPClient(client)}
	if r.Username != "" {
		opts = append(opts, sr.BasicAuth(r.Username, r.Password.Reveal()))
	}
	return sr.NewClient(opts...)
}

// registryTimeout bounds one call of the registry.
const registryTimeout = 10 * time.Second

// reader connects to Kafka to read what was published.
func (p *process) reader(cfg config.Config) (*producer.Reader, error) {
	kafka, err := kafkaConfig(cfg)
	if err != nil {
		return nil, usageError(err)
	}
	return producer.NewReader(kafka)
}

// ledger connects to Kafka and reads the ledger. The caller closes the reader.
func (p *process) ledger(ctx context.Context, cfg config.Config) (*producer.Reader, *producer.Ledger, error) {
	r, err := p.reader(cfg)
	if err != nil {
		return nil, nil, err
	}
	ledger, err := r.Ledger(ctx)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return r, ledger, nil
}

// windowList renders windows for a sentence, which names the first few.
func windowList(windows []conv.Window) string {
	const named = 5
	var texts []string
	for _, w := range windows[:min(len(windows), named)] {
		texts = append(texts, w.String())
	}
	list := strings.Join(texts, ", ")
	if more := len(windows) - named; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
