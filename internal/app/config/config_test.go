package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// minimal holds what has no default, and nothing else.
const minimal = `pipeline: p
source:
  org: acme
  region: eu-central-1
  client_id: myself
  client_secret: hunter2hunter2
kafka:
  brokers: [127.0.0.1:9092]
registry: {url: http://127.0.0.1:8081}
`

func load(t *testing.T, text string, environ []string, overlay map[string]any) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "convstream.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, environ, overlay)
}

func mustLoad(t *testing.T, text string, environ ...string) Config {
	t.Helper()
	c, err := load(t, text, environ, nil)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

var secrets = cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() })

// The expected values are those of the design, written down once more.
func TestDefaultsAreThoseOfTheDesign(t *testing.T) {
	want := Config{
		Pipeline: "p",
		Source: Source{
			Org: "acme", Dialect: "reports", Region: "eu-central-1",
			BaseURL: "https://api.mypurecloud.de", TokenURL: "https://login.mypurecloud.de/oauth/token",
			ClientID: "myself", ClientSecret: NewSecret("hunter2hunter2"),
			Limit: 1000000, PageSize: 1000, Concurrency: 4, RequestsPerMinute: 300,
			Poll:  Poll{Initial: 10 * time.Second, Max: 2 * time.Minute, Jitter: 5 * time.Second, Deadline: 24 * time.Hour},
			Retry: Backoff{Initial: time.Second, Max: time.Minute},
		},
		Window: Window{
			Step: 24 * time.Hour, Overlap: time.Millisecond, Narrow: []time.Duration{6 * time.Hour, time.Hour},
			Lag: 15 * time.Minute, Settle: 72 * time.Hour, Reconcile: true, ReconcileThreshold: 0.05,
		},
		Kafka: Kafka{
			Brokers: []string{"127.0.0.1:9092"},
			Topics: Topics{
				Conversations: "genesys.conversations", Speech: "genesys.speech", DLQ: "genesys.dlq",
				Events: "genesys.events", Checkpoints: "genesys.checkpoints",
			},
			CreateTopics: true, Partitions: 6, Compression: "zstd", RecordTimestamp: "event",
		},
		Routes:   []Route{{Name: "speech", Topic: "genesys.speech", Contract: "speech", Place: "kafka.topics.speech"}},
		Privacy:  Privacy{DeadLetters: "redact", Staging: "redact"},
		Registry: Registry{URL: "http://127.0.0.1:8081", Compatibility: "BACKWARD"},
		Commit:   Commit{Interval: time.Second, Bytes: 8388608},
		StateDir: "./state",
		Status:   Status{Listen: "127.0.0.1:8080"},
		Log:      Log{Level: "info", Format: "json"},
	}
	if diff := cmp.Diff(want, mustLoad(t, minimal), secrets); diff != "" {
		t.Errorf("a minimal configuration (-want +got):\n%s", diff)
	}
}

func TestExampleLoadsAndChangesNoDefault(t *testing.T) {
	got := mustLoad(t, Example(), "GENESYS_CLIENT_ID=myself", "GENESYS_CLIENT_SECRET=hunter2hunter2")
	want := mustLoad(t, strings.Replace(minimal, "pipeline: p", "pipeline: acme-prod", 1))
	if diff := cmp.Diff(want, got, secrets); diff != "" {
		t.Errorf("the example says otherwise than the defaults (-default +example):\n%s", diff)
	}
}

func TestExampleHoldsEveryKeyAndNoOther(t *testing.T) {
	uncommented := regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`).ReplaceAllString(Example(), "$1$2")
	// What was a deeper comment is still indented below its section.
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(uncommented), &tree); err != nil {
		t.Fatalf("the example with its optional keys is no YAML: %v", err)
	}
	held := map[string]bool{}
	flatten(tree, "", held)
	for _, key := range known.values() {
		if !held[key] {
			t.Errorf("the example lacks %s", key)
		}
		delete(held, key)
	}
	for key := range held {
		t.Errorf("the example holds %s, which is no key", key)
	}
}

func flatten(tree map[string]any, prefix string, into map[string]bool) {
	for k, v := range tree {
		if sub, ok := v.(map[string]any); ok {
			flatten(sub, prefix+k+".", into)
		} else {
			into[prefix+k] = true
		}
	}
}

func TestKeysWithoutEffectInTheirDialectSaySo(t *testing.T) {
	changed := []string{
		"CONVSTREAM_SOURCE_LIMIT=600000", "CONVSTREAM_SOURCE_PAGE_SIZE=1001", "CONVSTREAM_WINDOW_OVERLAP=2ms", "CONVSTREAM_WINDOW_SETTLE=71h",
		"CONVSTREAM_KAFKA_TOPICS_SPEECH=s", "CONVSTREAM_WINDOW_NARROW=6h", "CONVSTREAM_WINDOW_STEP=48h", "CONVSTREAM_WINDOW_LAG=16m",
		"CONVSTREAM_KAFKA_TOPICS_DLQ=d",
	}
	for dialect, without := range map[string][]string{
		"reports": {"source.page_size"},
		"jobs":    {"source.limit", "window.overlap", "window.lag"},
	} {
		var want []string
		for _, key := range without {
			want = append(want, variable(key)+": "+key+": has no effect in dialect "+dialect)
		}
		c := mustLoad(t, minimal, append(changed, "CONVSTREAM_SOURCE_DIALECT="+dialect)...)
		if diff := cmp.Diff(want, c.Warnings); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", dialect, diff)
		}
		if c := mustLoad(t, minimal, "CONVSTREAM_SOURCE_DIALECT="+dialect); len(c.Warnings) > 0 {
			t.Errorf("%s: the defaults are warned of: %q", dialect, c.Warnings)
		}
		for _, key := range without {
			line := regexp.MustCompile(`(?m)^ *` + key[strings.LastIndexByte(key, '.')+1:] + `:.*$`).FindString(Example())
			if other := map[string]string{"reports": "jobs", "jobs": "reports"}[dialect]; !strings.HasSuffix(line, "; dialect "+other) {
				t.Errorf("the example does not say that %s is for dialect %s: %s", key, other, line)
			}
		}
	}
}

func TestEveryKeyHasItsOwnVariable(t *testing.T) {
	owner := map[string]string{}
	for _, key := range known.values() {
		if other, taken := owner[variable(key)]; taken {
			t.Errorf("%s and %s share the variable %s", key, other, variable(key))
		}
		if reserved.MatchString(variable(key)) {
			t.Errorf("%s has the variable %s, which is reserved", key, variable(key))
		}
		owner[variable(key)] = key
	}
}

func TestFlagsWinOverEnvironmentWinsOverFileWinsOverDefault(t *testing.T) {
	file := minimal + "window: {step: 2h, lag: 2m, settle: 2h}\n"
	environ := []string{"CONVSTREAM_WINDOW_STEP=3h", "CONVSTREAM_WINDOW_LAG=3m"}
	c, err := load(t, file, environ, map[string]any{"window.step": "4h"})
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Duration{c.Window.Step, c.Window.Lag, c.Window.Settle, c.Window.Overlap}
	want := []time.Duration{4 * time.Hour, 3 * time.Minute, 2 * time.Hour, time.Millisecond}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("step from the flag, lag from the environment, settle from the file, overlap by default (-want +got):\n%s", diff)
	}
}

func TestEnvironmentSetsEveryKindOfValue(t *testing.T) {
	c := mustLoad(t, minimal,
		"CONVSTREAM_SOURCE_CLIENT_ID=${literal}",
		"CONVSTREAM_SOURCE_LIMIT=600000",
		"CONVSTREAM_KAFKA_BROKERS=a:1, b:2",
		"CONVSTREAM_WINDOW_NARROW=2h,30m",
		"CONVSTREAM_WINDOW_RECONCILE=false",
		"CONVSTREAM_WINDOW_RECONCILE_THRESHOLD=0.1",
		"CONVSTREAM_COMMIT_BYTES=1MiB",
		"CONVSTREAM_KAFKA_RETENTION=720h",
		"CONVSTREAM_KAFKA_SASL_MECHANISM=SCRAM-SHA-256",
		"CONVSTREAM_KAFKA_SASL_USERNAME=u",
		"CONVSTREAM_KAFKA_SASL_PASSWORD=p",
		"CONVSTREAM_TEST_ANYTHING=1", "CONVSTREAM_KAFKA_LIBS=x", "CONVSTREAM_REQUIRE_REAL=1",
	)
	got := []any{
		c.Source.ClientID, c.Source.Limit, c.Kafka.Brokers, c.Window.Narrow, c.Window.Reconcile,
		c.Window.ReconcileThreshold, c.Commit.Bytes, c.Kafka.Retention, *c.Kafka.SASL,
	}
	want := []any{
		"${literal}", 600000, []string{"a:1", "b:2"}, []time.Duration{2 * time.Hour, 30 * time.Minute}, false,
		0.1, Size(1 << 20), Retention(720 * time.Hour), SASL{Mechanism: "SCRAM-SHA-256", Username: "u", Password: NewSecret("p")},
	}
	if diff := cmp.Diff(want, got, secrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Kubernetes gives every container these where a Service is called convstream.
func TestVariablesOfAKubernetesServiceAreNoConfiguration(t *testing.T) {
	mustLoad(t, minimal,
		"CONVSTREAM_SERVICE_HOST=10.0.0.7",
		"CONVSTREAM_SERVICE_PORT=8080",
		"CONVSTREAM_SERVICE_PORT_STATUS_PAGE=8080",
		"CONVSTREAM_PORT=tcp://10.0.0.7:8080",
		"CONVSTREAM_PORT_8080_TCP=tcp://10.0.0.7:8080",
		"CONVSTREAM_PORT_8080_TCP_PROTO=tcp",
		"CONVSTREAM_PORT_8080_TCP_PORT=8080",
		"CONVSTREAM_PORT_8080_TCP_ADDR=10.0.0.7",
		"CONVSTREAM_PORT_53_UDP=udp://10.0.0.7:53",
		"CONVSTREAM_PORT_9_SCTP_ADDR=10.0.0.7",
	)
	for _, name := range []string{
		"CONVSTREAM_SERVICE", "CONVSTREAM_SERVICE_HOSTS", "CONVSTREAM_SERVICE_PORTS", "CONVSTREAM_SERVICE_PORT_",
		"CONVSTREAM_PORTS", "CONVSTREAM_PORT_8080", "CONVSTREAM_PORT_TCP", "CONVSTREAM_PORT_8080_TCP_HOST",
	} {
		if _, err := load(t, minimal, []string{name + "=1"}, nil); err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestReferencesExpandFromTheEnvironment(t *testing.T) {
	c := mustLoad(t, strings.NewReplacer("myself", "a-${ID}-$${ID}-$ID", "127.0.0.1:9092", `"${HOST}:9092"`).Replace(minimal),
		"ID=${HOST}", "HOST=kafka")
	if want := "a-${HOST}-${ID}-$ID"; c.Source.ClientID != want {
		t.Errorf("client_id %q, want %q", c.Source.ClientID, want)
	}
	if diff := cmp.Diff([]string{"kafka:9092"}, c.Kafka.Brokers); diff != "" {
		t.Errorf("brokers (-want +got):\n%s", diff)
	}
}

func TestAnEmptyTLSSectionTrustsTheSystem(t *testing.T) {
	if c := mustLoad(t, minimal); c.Kafka.TLS != nil {
		t.Error("TLS is on without its section")
	}
	c := mustLoad(t, strings.Replace(minimal, "kafka:\n", "kafka:\n  tls: {}\n", 1))
	client, err := c.Kafka.TLS.Client()
	if err != nil || client == nil || client.RootCAs != nil || client.InsecureSkipVerify {
		t.Errorf("tls: {} gives %+v, %v", client, err)
	}
}

func TestASecretFileIsReadWithoutItsLastLineBreak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(" top secret \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(minimal, "client_secret: hunter2hunter2", "client_secret_file: "+path, 1)
	c := mustLoad(t, text)
	if got, want := c.Source.ClientSecret.Reveal(), " top secret "; got != want {
		t.Errorf("secret %q, want %q", got, want)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("a private file is warned of: %q", c.Warnings)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c = mustLoad(t, text)
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "source.client_secret_file") || !strings.Contains(c.Warnings[0], path) {
		t.Errorf("a file that everyone can read gives the warnings %q", c.Warnings)
	}
}

func TestR33_LimitOutsideTheBandIsUsedWithOneWarning(t *testing.T) {
	for limit, warned := range map[string]bool{
		"1": true, "499999": true, "500000": false, "1000000": false, "1000001": true, "2000000": true, "10000000": true,
	} {
		c := mustLoad(t, minimal, "CONVSTREAM_SOURCE_LIMIT="+limit)
		if got := len(c.Warnings) == 1 && strings.Contains(c.Warnings[0], "source.limit"); got != warned || len(c.Warnings) > 1 {
			t.Errorf("limit %s: warnings %q", limit, c.Warnings)
		}
	}
}

func TestR15_EveryRegionAndEveryDomainHasItsAddresses(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "https://api.mypurecloud.com", "eu-west-2": "https://api.euw2.pure.cloud",
		"usw2.pure.cloud": "https://api.usw2.pure.cloud", "new1.pure.cloud": "https://api.new1.pure.cloud",
	} {
		if c := mustLoad(t, minimal, "CONVSTREAM_SOURCE_REGION="+region); c.Source.BaseURL != want {
			t.Errorf("%s: base_url %s, want %s", region, c.Source.BaseURL, want)
		}
	}
}

func TestGivenAddressesWinOverTheRegion(t *testing.T) {
	c := mustLoad(t, minimal, "CONVSTREAM_SOURCE_BASE_URL=http://127.0.0.1:8099/", "CONVSTREAM_SOURCE_TOKEN_URL=http://localhost:8099/oauth/token")
	if got, want := c.Source.BaseURL+" "+c.Source.TokenURL, "http://127.0.0.1:8099 http://localhost:8099/oauth/token"; got != want {
		t.Errorf("addresses %s, want %s", got, want)
	}
}
