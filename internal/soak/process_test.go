package soak

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kfake"

	"convstream/avro"
	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/route"
	"convstream/internal/simulator"
	"convstream/producer"
)

// stage is what outlives a process: platform, broker, the files of the dedupe history, and the
// contracts with the schema ids that they have.
type stage struct {
	scenario
	net      *kfake.VirtualNetwork
	cluster  *kfake.Cluster
	sim      *simulator.Simulator
	server   *http.Server
	contract *avro.Contract
	speech   *avro.Contract
	speechID uint32
	codecs   map[uint32]*goavro.Codec // of all contracts so far
	interval conv.Window              // what processes backfill
	files    dedupe.Files
	runs     int  // processes so far
	at       int  // which terms of the scenario hold
	done     bool // a backfill has ended well under them
}

func open(t *testing.T, s scenario) *stage {
	t.Helper()
	if s.terms == nil {
		s.terms = []terms{{}}
	}
	st := &stage{scenario: s, interval: s.platform.Window, net: &kfake.VirtualNetwork{}, files: memfiles.New(), codecs: map[uint32]*goavro.Codec{}}
	st.agree(t, s.terms[0])
	var err error
	if st.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(st.net.Listen)); err != nil {
		t.Fatal(err)
	}
	st.play(t, s.platform)
	return st
}

// firstID is the schema id of the first contract of the row topic. The next two contracts have
// the next two ids, and so on.
const firstID = 7

// adopt has processes publish under other contracts from now on.
func (st *stage) adopt(t *testing.T, primary, speech *avro.Contract) {
	t.Helper()
	if !primary.Covers(speech) {
		t.Fatal("the speech contract is wider than the primary one: its rows would be other ones under the next contracts")
	}
	st.contract, st.config.SchemaID = primary, uint32(firstID+len(st.codecs))
	st.speech, st.speechID = speech, st.config.SchemaID+1
	for id, contract := range map[uint32]*avro.Contract{st.config.SchemaID: primary, st.speechID: speech} {
		codec, err := goavro.NewCodec(contract.Schema())
		if err != nil {
			t.Fatal(err)
		}
		st.codecs[id] = codec
	}
}

// play starts a platform, in place of the one before.
func (st *stage) play(t *testing.T, platform simulator.Config) {
	t.Helper()
	if st.server != nil {
		_ = st.server.Close()
	}
	var err error
	if st.sim, err = simulator.New(platform); err != nil {
		t.Fatalf("seed %d: %v", st.seed, err)
	}
	ln, err := st.net.Listen("tcp", "localhost:8099")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: st.sim, ErrorLog: nil}
	st.server, st.platform = server, platform
	go func() { _ = server.Serve(ln) }()
}

func (st *stage) close() {
	_ = st.server.Close()
	st.cluster.Close()
}

// process runs one process, until it has done its work or dies.
func (st *stage) process(t *testing.T, death *crash, work func(context.Context, *pipeline.Pipeline, *producer.Producer, *genesys.Client) error) error {
	ctx, kill := context.WithCancelCause(t.Context())
	defer kill(nil)
	st.runs++
	wire := &wire{dial: st.net.DialContext, at: -1}
	if death != nil {
		if death.signal > 0 {
			timer := time.AfterFunc(death.signal, func() { kill(errKilled) })
			defer timer.Stop()
		} else {
			wire.at, wire.after, wire.kill = death.write, death.after, func() { kill(errKilled) }
		}
	}
	kafka, err := producer.Open(ctx, st.kafka(fmt.Sprint("run-", st.runs), wire.connect))
	if err != nil {
		return err
	}
	defer kafka.Close()
	history, err := dedupe.Open(st.files, kafka.Identity(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer history.Close()
	transport := &http.Transport{DialContext: st.net.DialContext, ResponseHeaderTimeout: 2 * time.Minute}
	defer transport.CloseIdleConnections()
	source := st.source(t, transport)
	cfg := st.config
	cfg.Query = source.QueryHash()
	voice, err := route.Compile(route.Speech(st.dialect), "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Routes = []pipeline.Route{{Name: "speech", SchemaID: st.speechID, Contract: st.speech, Selector: voice}}
	x := extractor.New(source, st.extract, extractor.Hooks{})
	if err := work(ctx, pipeline.New(cfg, x, st.contract, kafka, history, pipeline.Events{}), kafka, source); err != nil {
		return err
	}
	return history.Save()
}

func (st *stage) source(t *testing.T, transport *http.Transport) *genesys.Client {
	t.Helper()
	source, err := genesys.New(genesys.Config{
		Dialect: st.dialect, BaseURL: "http://localhost:8099", TokenURL: "http://localhost:8099/oauth/token",
		ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
		Select: st.contract.Sources(), Limit: int(cmp.Or(st.config.Limit, 1_000_000)), Overlap: st.config.Overlap, PageSize: st.pageSize,
		Filter: st.filter, HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// backfill is a process that backfills the interval.
func (st *stage) backfill(t *testing.T, death *crash) (sum pipeline.Summary, err error) {
	err = st.process(t, death, func(ctx context.Context, p *pipeline.Pipeline, _ *producer.Producer, _ *genesys.Client) (err error) {
		sum, err = p.Backfill(ctx, st.interval, true)
		return err
	})
	return sum, err
}

// redrive is a process that publishes dead letters again.
func (st *stage) redrive(t *testing.T, death *crash, limit int64) (found pipeline.Redriven, err error) {
	err = st.process(t, death, func(ctx context.Context, p *pipeline.Pipeline, kafka *producer.Producer, source *genesys.Client) (err error) {
		parse := extractor.NewSplitter(source.Envelope(), source.Keys()).Row
		found, err = p.Redrive(ctx, kafka, pipeline.Redrive{Limit: limit, Parse: parse, TakeOver: true})
		return err
	})
	return found, err
}

func (st *stage) kafka(run string, dial dialer) producer.Config {
	return producer.Config{
		Brokers: []string{"localhost:9092"}, Dial: dial,
		Pipeline: "soak", Org: "acme", Run: run, CreateTopics: true, Partitions: 3, Compression: "none",
		KeyIsNotUnique: st.dialect == genesys.DialectReports,
		Topics:         producer.Topics{Rows: "rows", DeadLetters: "dlq", Events: "events", Checkpoints: "ledger", Routes: []producer.RouteTopic{{Name: "speech", Topic: "speech"}}},
	}
}
