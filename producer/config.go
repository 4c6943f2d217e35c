package producer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// Topics names the topics of a pipeline.
type Topics struct {
	Rows        string
	DeadLetters string
	Events      string
	Checkpoints string // the ledger
	Routes      []RouteTopic
}

// RouteTopic is the topic of a derived route.
type RouteTopic struct {
	Name   string // of the route, as conv.RouteRecord.Route has it
	Topic  string
	OwnKey bool // its records have another key than the conversation id, so whoever compacts it means to
}

func (t Topics) all() []string {
	all := []string{t.Rows, t.DeadLetters, t.Events, t.Checkpoints}
	for _, r := range t.Routes {
		all = append(all, r.Topic)
	}
	return all
}

// ofRoute is the topic that holds the records of a route; "" is the primary.
func (t Topics) ofRoute(name string) string {
	for i := range t.Routes {
		if t.Routes[i].Name == name {
			return t.Routes[i].Topic
		}
	}
	return t.Rows
}

// use says where the configuration names a topic of rows.
func (t Topics) use(topic string) string {
	if r, derived := t.route(topic); derived {
		return "for route " + r.Name
	}
	return "in kafka.topics.conversations"
}

// route is the derived route whose topic it is.
func (t Topics) route(topic string) (r RouteTopic, ok bool) {
	for _, r := range t.Routes {
		if r.Topic == topic {
			return r, true
		}
	}
	return RouteTopic{}, false
}

// Config is what a Producer and a Reader need. Brokers, Pipeline, Org and Topics are
// required; Run is required of a Producer.
type Config struct {
	Brokers  []string
	Pipeline string // with Org the transactional id: "<pipeline>/<org>"
	Org      string
	Run      string // names this process among all that ever ran
	Topics   Topics

	CreateTopics      bool
	Rehearsal         bool // no topic is created: one that would be counts as if it were there, with Kafka's defaults
	Partitions        int32
	ReplicationFactor int16         // 0: three, or as many as there are brokers
	Retention         time.Duration // of topics that are created; 0 keeps rows for ever
	Compression       string        // zstd, snappy, lz4, gzip or none; "" is zstd
	IngestTime        bool          // record timestamps are the commit's, not the event's
	KeyIsNotUnique    bool          // several rows share a record key, so the row topic may not be compacted

	TLS  *tls.Config
	SASL sasl.Mechanism
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the network
}

const (
	connectTimeout     = 15 * time.Second
	commitTimeout      = 45 * time.Second // below transactionTimeout: we give up before the broker does
	transactionTimeout = 60 * time.Second
	acquireTimeout     = 4 * time.Minute // an open transaction of a dead producer may have to time out

	heartbeatEvery = 3 * time.Second
	heartbeatLives = 10 * time.Second
)

func (c Config) validate() error {
	var errs []error
	for name, v := range map[string]string{"pipeline": c.Pipeline, "source.org": c.Org} {
		if v == "" || strings.ContainsAny(v, "/ \t\n") {
			errs = append(errs, fmt.Errorf("%s: %q must be a name without slashes and blanks: it is part of every ledger key", name, v))
		}
	}
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("kafka.brokers: name at least one broker, host:port"))
	}
	return errors.Join(errs...)
}

// id is the transactional id. It holds nothing of the process, so that two writers of one
// pipeline always meet.
func (c Config) id() string { return c.Pipeline + "/" + c.Org }

// options are the client options that every client shares.
func (c Config) options(extra ...kgo.Opt) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("convstream"),
		kgo.MetadataMinAge(250 * time.Millisecond), // a moved leader is found soon
		kgo.DialTimeout(10 * time.Second),
	}
	switch {
	case c.Dial != nil:
		opts = append(opts, kgo.Dialer(c.Dial))
	case c.TLS != nil:
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if c.SASL != nil {
		opts = append(opts, kgo.SASL(c.SASL))
	}
	return append(opts, extra...)
}

// codecs lists the wanted compression first, and none for brokers that do not know it.
func (c Config) codecs() []kgo.CompressionCodec {
	known := map[string]kgo.CompressionCodec{
		"":       kgo.ZstdCompression(),
		"zstd":   kgo.ZstdCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"gzip":   kgo.GzipCompression(),
	}
	if codec, ok := known[c.Compression]; ok {
		return []kgo.CompressionCodec{codec, kgo.NoCompression()}
	}
	return []kgo.CompressionCodec{kgo.NoCompression()}
}
