package config

import (
	"time"

	"convstream/extractor/genesys"
)

// Config is a checked configuration. Its keys are the names in the `key` tags, joined by
// dots: "source.poll.initial".
type Config struct {
	Pipeline string   `key:"pipeline"` // prefix of the transactional id
	Source   Source   `key:"source"`
	Window   Window   `key:"window"`
	Contract Contract `key:"contract"`
	Routes   []Route  `key:"routes"` // all derived routes, with the one that convstream brings
	Privacy  Privacy  `key:"privacy"`
	Staging  Staging  `key:"staging"`
	Kafka    Kafka    `key:"kafka"`
	Registry Registry `key:"registry"`
	Commit   Commit   `key:"commit"`
	StateDir string   `key:"state_dir"` // cache of the dedupe history; may be deleted
	Status   Status   `key:"status"`
	Log      Log      `key:"log"`

	Warnings []string // what is allowed and probably not meant: to be logged once at start
}

// Source is the Genesys Cloud organisation that rows are read from.
type Source struct {
	Org               string           `key:"org"` // part of every dedupe key
	Dialect           string           `key:"dialect"`
	Region            string           `key:"region"`    // or a domain of the platform
	BaseURL           string           `key:"base_url"`  // of Region where that wins; no slash at its end
	TokenURL          string           `key:"token_url"` // of Region where that wins
	ClientID          string           `key:"client_id"`
	ClientSecret      Secret           `key:"client_secret"`      // the content of ClientSecretFile where that wins
	ClientSecretFile  string           `key:"client_secret_file"` // "" where ClientSecret wins
	Filter            []genesys.Filter `key:"filter"`             // all have to hold
	Limit             int              `key:"limit"`              // rows of one job, dialect reports only
	PageSize          int              `key:"page_size"`          // rows, dialect jobs only
	Concurrency       int              `key:"concurrency"`
	RequestsPerMinute int              `key:"requests_per_minute"`
	Poll              Poll             `key:"poll"`
	Retry             Backoff          `key:"retry"`
}

// Poll is how often a job is asked for its state.
type Poll struct {
	Initial  time.Duration `key:"initial"`
	Max      time.Duration `key:"max"`
	Jitter   time.Duration `key:"jitter"`   // up to this much is added to every wait
	Deadline time.Duration `key:"deadline"` // a job is aborted this long after its submission
}

// Backoff is a wait that doubles from Initial to Max.
type Backoff struct {
	Initial time.Duration `key:"initial"`
	Max     time.Duration `key:"max"`
}

// Window is how time is cut into jobs. All durations are whole milliseconds.
type Window struct {
	Step               time.Duration   `key:"step"`
	Overlap            time.Duration   `key:"overlap"` // dialect reports only
	Narrow             []time.Duration `key:"narrow"`  // strictly falling
	Lag                time.Duration   `key:"lag"`
	Settle             time.Duration   `key:"settle"` // dialect jobs only
	Reconcile          bool            `key:"reconcile"`
	ReconcileThreshold float64         `key:"reconcile_threshold"` // fraction, 0.05 is 5 %
}

// Contract is what a row of the primary route has to be.
type Contract struct {
	File       string `key:"file"`        // Avro schema; "": the one that convstream brings for the dialect
	JSONSchema string `key:"json_schema"` // file of a JSON Schema that rows have to keep as well; "": none
}

// Privacy is what becomes of the values that contracts mark as personal.
type Privacy struct {
	Key         Secret `key:"key"`          // of the HMAC of hashed fields; the content of KeyFile where that wins
	KeyFile     string `key:"key_file"`     // "" where Key wins
	DeadLetters string `key:"dead_letters"` // Redact or Keep
	Staging     string `key:"staging"`      // Redact or Keep
}

// Staging is the object storage that keeps the pages of results as they came.
type Staging struct {
	URL string `key:"url"` // file:///folder, s3://bucket?prefix=…, gs://…, azblob://…; "": none

	Read bool // rows are read from there, and not from the platform: backfill --from-staging
}

// Kafka is the cluster that rows are published to.
type Kafka struct {
	Brokers           []string  `key:"brokers"` // host:port
	TLS               *TLS      `key:"tls"`     // nil: plain text
	SASL              *SASL     `key:"sasl"`    // nil: none
	Topics            Topics    `key:"topics"`
	CreateTopics      bool      `key:"create_topics"`
	Partitions        int       `key:"partitions"`         // of topics that are created
	ReplicationFactor int       `key:"replication_factor"` // 0: three, or as many as there are brokers
	Retention         Retention `key:"retention"`          // of topics that are created
	Compression       string    `key:"compression"`
	RecordTimestamp   string    `key:"record_timestamp"`
}

// TLS is a TLS client; the zero value trusts the system's roots. Certificates are always
// verified.
type TLS struct {
	CA   string `key:"ca"`   // PEM file of the roots to trust instead of the system's
	Cert string `key:"cert"` // PEM file of the client certificate, with Key
	Key  string `key:"key"`
}

// SASL is how convstream signs in to Kafka.
type SASL struct {
	Mechanism    string `key:"mechanism"`
	Username     string `key:"username"`
	Password     Secret `key:"password"`      // the content of PasswordFile where that wins
	PasswordFile string `key:"password_file"` // "" where Password wins
}

// Topics names the topics of a pipeline.
type Topics struct {
	Conversations string `key:"conversations"`
	Speech        string `key:"speech"`
	DLQ           string `key:"dlq"`
	Events        string `key:"events"`
	Checkpoints   string `key:"checkpoints"`
}

// Registry is the schema registry.
type Registry struct {
	URL      string `key:"url"` // no slash at its end
	Username string `key:"username"`
	Password Secret `key:"password"`
	TLS      *TLS   `key:"tls"` // nil: the system's roots

	// Compatibility is the level that a changed contract has to keep, as registries spell it.
	Compatibility string `key:"compatibility"`
}

// Commit is when a batch closes, whichever comes first.
type Commit struct {
	Interval time.Duration `key:"interval"`
	Bytes    Size          `key:"bytes"`
}

// Status is the status page.
type Status struct {
	Listen string `key:"listen"` // host:port, a loopback address
}

// Log is the log on standard error.
type Log struct {
	Level  string `key:"level"`
	Format string `key:"format"`
}

// The words that keys with a fixed vocabulary take.
const (
	DialectReports = "reports"
	DialectJobs    = "jobs"

	TimestampEvent  = "event"
	TimestampIngest = "ingest"

	MechanismPlain    = "PLAIN"
	MechanismSCRAM256 = "SCRAM-SHA-256"
	MechanismSCRAM512 = "SCRAM-SHA-512"

	Redact = "redact"
	Keep   = "keep"

	FormatJSON    = "json"
	FormatConsole = "console"
)

func defaults() Config {
	return Config{
		Source: Source{
			Dialect:           DialectReports,
			Limit:             1_000_000,
			PageSize:          1000,
			Concurrency:       4,
			RequestsPerMinute: 300,
			Poll: Poll{
				Initial:  10 * time.Second,
				Max:      120 * time.Second,
				Jitter:   5 * time.Second,
				Deadline: 24 * time.Hour,
			},
			Retry: Backoff{Initial: time.Second, Max: 60 * time.Second},
		},
		Window: Window{
			Step:               24 * time.Hour,
			Overlap:            time.Millisecond,
			Narrow:             []time.Duration{6 * time.Hour, time.Hour},
			Lag:                15 * time.Minute,
			Settle:             72 * time.Hour,
			Reconcile:          true,
			ReconcileThreshold: 0.05,
		},
		Privacy: Privacy{DeadLetters: Redact, Staging: Redact},
		Kafka: Kafka{
			Topics: Topics{
				Conversations: "genesys.conversations",
				Speech:        "genesys.speech",
				DLQ:           "genesys.dlq",
				Events:        "genesys.events",
				Checkpoints:   "genesys.checkpoints",
			},
			CreateTopics:    true,
			Partitions:      6,
			Compression:     "zstd",
			RecordTimestamp: TimestampEvent,
		},
		Registry: Registry{Compatibility: "BACKWARD"},
		Commit:   Commit{Interval: time.Second, Bytes: 8 << 20},
		StateDir: "./state",
		Status:   Status{Listen: "127.0.0.1:8080"},
		Log:      Log{Level: "info", Format: FormatJSON},
	}
}
