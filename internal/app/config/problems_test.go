package config

import (
	"strings"
	"testing"
)

// edit returns minimal with one text replaced by another.
func edit(t *testing.T, old, replacement string) string {
	t.Helper()
	if !strings.Contains(minimal, old) {
		t.Fatalf("minimal holds no %q", old)
	}
	return strings.Replace(minimal, old, replacement, 1)
}

// Every problem names its key, its place, the value where it may be shown, and the way out.
func TestProblemsNameKeyPlaceValueAndWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  string
		want []string // parts of the message
	}{
		"unknown key":              {edit(t, "org:", "limmit: 5\n  org:"), "", []string{".yaml:3: source.limmit:", "source.limit?"}},
		"key in the wrong section": {minimal + "limit: 5\n", "", []string{".yaml:10: limit:", "source.limit?"}},
		"key with dots":            {minimal + "source.limit: 5\n", "", []string{".yaml:10: source.limit:", "nested"}},
		"key far from all":         {minimal + "qqqqqqqqqqqqqqqqqqqq: 5\n", "", []string{"qqqqqqqqqqqqqqqqqqqq:", "remove"}},
		"key given twice":          {minimal + "pipeline: q\n", "", []string{"pipeline", "already defined"}},
		"key without value":        {edit(t, "pipeline: p", "pipeline:"), "", []string{".yaml:1: pipeline:", "no value"}},
		"tls without value":        {edit(t, "kafka:\n", "kafka:\n  tls:\n"), "", []string{"kafka.tls:", "no value"}},
		"section as value":         {minimal + "commit: 1s\n", "", []string{"commit:", "section"}},
		"value as section":         {minimal + "state_dir: {a: b}\n", "", []string{"state_dir:", "no section"}},
		"two documents":            {minimal + "---\npipeline: q\n", "", []string{"more than one"}},
		"a list":                   {"- a\n", "", []string{"no configuration"}},

		"unknown variable":         {minimal, "CONVSTREAM_SOURCE_LIMMIT=5", []string{"CONVSTREAM_SOURCE_LIMMIT", "CONVSTREAM_SOURCE_LIMIT?"}},
		"bad value in a variable":  {minimal, "CONVSTREAM_SOURCE_LIMIT=many", []string{"CONVSTREAM_SOURCE_LIMIT: source.limit:", `"many"`, "whole number"}},
		"reference to nothing":     {edit(t, "myself", "${NO_SUCH}"), "", []string{".yaml:5: source.client_id:", "NO_SUCH", "not set"}},
		"reference that is no one": {edit(t, "myself", "${NO-SUCH}"), "", []string{"source.client_id:", "$${"}},

		"duration without unit": {minimal + "commit: {interval: 10}\n", "", []string{".yaml:10: commit.interval:", `"10"`, "24h"}},
		"duration of zero":      {minimal + "commit: {interval: 0s}\n", "", []string{"commit.interval:", "0s", "1ms"}},
		"unreadable size":       {minimal + "commit: {bytes: lots}\n", "", []string{"commit.bytes:", `"lots"`, "8MiB"}},
		"negative size":         {minimal + "commit: {bytes: -1}\n", "", []string{"commit.bytes:", `"-1"`}},
		"number as text":        {edit(t, "myself", "12345"), "", []string{"source.client_id:", "quotes"}},
		"retention of zero":     {edit(t, "kafka:\n", "kafka:\n  retention: 0s\n"), "", []string{"kafka.retention:", "forever"}},
		"lag for ever":          {minimal + "window: {lag: forever}\n", "", []string{"window.lag:", `"forever"`}},

		"limit above the cap":     {minimal, "CONVSTREAM_SOURCE_LIMIT=20000000", []string{"source.limit: 20000000 is above the platform's cap of 10,000,000; choose 1 to 10000000"}},
		"limit of nothing":        {minimal, "CONVSTREAM_SOURCE_LIMIT=0", []string{"source.limit: 0", "1 to 10000000"}},
		"unknown dialect":         {minimal, "CONVSTREAM_SOURCE_DIALECT=sql", []string{"source.dialect:", `"sql"`, "reports"}},
		"unknown region":          {edit(t, "eu-central-1", "mars-1"), "", []string{"source.region:", `"mars-1"`, "eu-central-1", "usw2.pure.cloud"}},
		"foreign domain":          {edit(t, "eu-central-1", "pure.cloud.example.com"), "", []string{"source.region:", `"pure.cloud.example.com"`}},
		"domain for sale":         {edit(t, "eu-central-1", "evil-pure.cloud"), "", []string{"source.region:", `"evil-pure.cloud"`, "source.base_url and source.token_url"}},
		"no region":               {edit(t, "  region: eu-central-1\n", ""), "", []string{"source.region:", "source.base_url"}},
		"half an address":         {minimal, "CONVSTREAM_SOURCE_BASE_URL=https://api.example.com", []string{"source.token_url:", "source.base_url"}},
		"secret missing":          {edit(t, "  client_secret: hunter2hunter2\n", ""), "", []string{"source.client_secret:", "CONVSTREAM_SOURCE_CLIENT_SECRET", "source.client_secret_file"}},
		"secret twice":            {edit(t, "myself\n", "myself\n  client_secret_file: /dev/null\n"), "", []string{"source.client_secret:", "source.client_secret_file", "one of them"}},
		"secret file missing":     {edit(t, "client_secret: hunter2hunter2", "client_secret_file: /no/such/file"), "", []string{"source.client_secret_file:", "/no/such/file"}},
		"secret as number":        {edit(t, "hunter2hunter2", "1234567890"), "", []string{"source.client_secret:", "quotes"}},
		"poll.max below initial":  {minimal, "CONVSTREAM_SOURCE_POLL_MAX=5s", []string{"CONVSTREAM_SOURCE_POLL_MAX: source.poll.max: 5s", "source.poll.initial", "10s"}},
		"poll.initial above max":  {minimal, "CONVSTREAM_SOURCE_POLL_INITIAL=3m", []string{"CONVSTREAM_SOURCE_POLL_INITIAL: source.poll.initial: 3m0s", "source.poll.max", "2m0s"}},
		"retry.initial above max": {minimal, "CONVSTREAM_SOURCE_RETRY_INITIAL=3m", []string{"source.retry.initial: 3m0s", "source.retry.max", "1m0s"}},
		"poll.max of nothing":     {minimal, "CONVSTREAM_SOURCE_POLL_MAX=0", []string{"source.poll.max: 0s", "1ms"}},
		"deadline above a day":    {minimal, "CONVSTREAM_SOURCE_POLL_DEADLINE=25h", []string{"source.poll.deadline: 25h", "24h"}},
		"pipeline with a slash":   {edit(t, "pipeline: p", "pipeline: a/b"), "", []string{"pipeline:", `"a/b"`}},
		"pipeline missing":        {edit(t, "pipeline: p\n", ""), "", []string{"pipeline:", "CONVSTREAM_PIPELINE"}},
		"step below its overlap":  {minimal, "CONVSTREAM_WINDOW_STEP=1ms", []string{"window.step: 1ms", "2ms"}},
		"step of half ms":         {minimal, "CONVSTREAM_WINDOW_STEP=2500us", []string{"window.step: 2.5ms", "millisecond"}},
		"step above 31 days":      {minimal, "CONVSTREAM_WINDOW_STEP=745h", []string{"window.step: 745h", "744h"}},
		"overlap of nothing":      {minimal, "CONVSTREAM_WINDOW_OVERLAP=0", []string{"window.overlap: 0s", "edge", "at least 1ms"}},
		"overlap as long as step": {minimal, "CONVSTREAM_WINDOW_OVERLAP=24h", []string{"window.overlap: 24h"}},
		"narrow below a minute":   {minimal, "CONVSTREAM_WINDOW_NARROW=6h,59s", []string{"window.narrow: 59s", "1440 windows", "at least 1m0s"}},
		"narrow of half ms":       {minimal, "CONVSTREAM_WINDOW_NARROW=60000500us", []string{"window.narrow: 1m0.0005s", "millisecond"}},
		"narrow within overlap":   {minimal + "window: {overlap: 1h}\n", "CONVSTREAM_WINDOW_NARROW=6h,1h", []string{"window.narrow: 1h0m0s", "window.overlap, which is 1h0m0s"}},
		"narrow as the default":   {minimal + "window: {narrow: [6h, 1h]}\n", "CONVSTREAM_WINDOW_OVERLAP=1h", []string{"window.narrow: 1h0m0s", "window.overlap, which is 1h0m0s"}},
		"narrow that widens":      {minimal, "CONVSTREAM_WINDOW_NARROW=1h,6h", []string{"window.narrow: 6h0m0s comes after 1h0m0s"}},
		"threshold above all":     {minimal, "CONVSTREAM_WINDOW_RECONCILE_THRESHOLD=5", []string{"window.reconcile_threshold: 5", "0 to 1"}},
		"threshold not a number":  {minimal, "CONVSTREAM_WINDOW_RECONCILE_THRESHOLD=NaN", []string{"window.reconcile_threshold:", "0.05"}},
		"no broker":               {edit(t, "[127.0.0.1:9092]", "[]"), "", []string{"kafka.brokers:", "HOST:PORT"}},
		"broker without port":     {edit(t, "127.0.0.1:9092", "kafka"), "", []string{"kafka.brokers:", `"kafka"`, "HOST:PORT"}},
		"unknown compression":     {minimal, "CONVSTREAM_KAFKA_COMPRESSION=rar", []string{"kafka.compression:", `"rar"`, "zstd"}},
		"unknown mechanism":       {minimal, "CONVSTREAM_KAFKA_SASL_MECHANISM=SCRAM", []string{"kafka.sasl.mechanism:", "SCRAM-SHA-512"}},
		"sasl without user":       {minimal, "CONVSTREAM_KAFKA_SASL_MECHANISM=PLAIN", []string{"kafka.sasl.username:", "kafka.sasl.password:", "kafka.sasl.password_file"}},
		"two topics of one name":  {minimal, "CONVSTREAM_KAFKA_TOPICS_DLQ=genesys_events", []string{"kafka.topics.events:", "kafka.topics.dlq"}},
		"topic that is none":      {minimal, "CONVSTREAM_KAFKA_TOPICS_DLQ=a b", []string{"kafka.topics.dlq:", `"a b"`}},
		"certificate without key": {minimal, "CONVSTREAM_KAFKA_TLS_CERT=a.pem", []string{"kafka.tls:", "both"}},
		"ca that is not there":    {minimal, "CONVSTREAM_KAFKA_TLS_CA=/no/such/file", []string{"kafka.tls:", "/no/such/file"}},
		"registry password only":  {minimal, "CONVSTREAM_REGISTRY_PASSWORD=x", []string{"registry.username:"}},
		"registry user only":      {minimal, "CONVSTREAM_REGISTRY_USERNAME=x", []string{"registry.password:"}},
		"unknown level":           {minimal, "CONVSTREAM_LOG_LEVEL=loud", []string{"log.level:", `"loud"`, "debug"}},
		"status without port":     {minimal, "CONVSTREAM_STATUS_LISTEN=localhost", []string{"status.listen:", "HOST:PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text, []string{c.env}, nil)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "1234567890") {
				t.Errorf("the message tells the secret:\n%v", err)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnceAndOncePerKey(t *testing.T) {
	text := edit(t, "myself", "${NO_SUCH}") + "stat: 1\nwindow: {step: 1d}\nlog: {level: loud}\n"
	_, err := load(t, text, []string{"CONVSTREAM_NONSENSE=1"}, nil)
	if err == nil {
		t.Fatal("it was accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, key := range []string{"stat:", "window.step:", "log.level:", "source.client_id:", "CONVSTREAM_NONSENSE:"} {
		n := 0
		for _, line := range lines {
			if strings.Contains(line, " "+key) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is reported in %d lines of:\n%v", key, n, err)
		}
	}
	if len(lines) != 5 {
		t.Errorf("%d lines for 5 problems:\n%v", len(lines), err)
	}
}

func TestR15_PlainHTTPLeadsToThisMachineOnly(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://127.0.0.1:8099":            true,
		"http://127.9.9.9":                 true,
		"http://localhost:8099":            true,
		"http://[::1]:8099":                true,
		"https://api.mypurecloud.com":      true,
		"http://api.mypurecloud.com":       false,
		"http://10.0.0.1":                  false,
		"http://localhost.example.com":     false,
		"http://127.0.0.1.example.com":     false,
		"http://127.0.0.1@example.com":     false,
		"http://0.0.0.0:8099":              false,
		"ftp://127.0.0.1":                  false,
		"127.0.0.1:8099":                   false,
		"https://":                         false,
		"https://u:hunter2@api.example.co": false,
	} {
		good := "https://login.example.com/oauth/token"
		for _, key := range []string{"source.base_url", "source.token_url"} {
			overlay := map[string]any{"source.base_url": good, "source.token_url": good}
			overlay[key] = address
			_, err := load(t, minimal, nil, overlay)
			if (err == nil) != ok {
				t.Errorf("%s: %s gives %v", key, address, err)
			}
			if err != nil && (!strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%s: %s: the message names another key or tells the password: %v", key, address, err)
			}
		}
	}
}

func TestRegistryPasswordCrossesNoNetworkInClearText(t *testing.T) {
	login := []string{"CONVSTREAM_REGISTRY_USERNAME=u", "CONVSTREAM_REGISTRY_PASSWORD=hunter2"}
	for address, ok := range map[string]struct{ anonymous, login bool }{
		"http://127.0.0.1:8081":    {true, true},
		"http://registry:8081":     {true, false},
		"https://registry.example": {true, true},
	} {
		overlay := map[string]any{"registry.url": address}
		if _, err := load(t, minimal, nil, overlay); (err == nil) != ok.anonymous {
			t.Errorf("%s without a login gives %v", address, err)
		}
		if _, err := load(t, minimal, login, overlay); (err == nil) != ok.login {
			t.Errorf("%s with a login gives %v", address, err)
		}
	}
}

func TestR16_StatusPageListensOnThisMachineOnly(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:8080": true, "[::1]:8080": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "10.1.2.3:80": false, "example.com:80": false, "127.0.0.1:99999": false,
	} {
		_, err := load(t, minimal, []string{"CONVSTREAM_STATUS_LISTEN=" + listen}, nil)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "status.listen") {
			t.Errorf("%s gives %v", listen, err)
		}
	}
}

func TestPasswordInClearTextIsWarnedOf(t *testing.T) {
	environ := []string{"CONVSTREAM_KAFKA_SASL_MECHANISM=PLAIN", "CONVSTREAM_KAFKA_SASL_USERNAME=u", "CONVSTREAM_KAFKA_SASL_PASSWORD=hunter2"}
	c := mustLoad(t, minimal, environ...)
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "kafka.tls") || strings.Contains(c.Warnings[0], "hunter2") {
		t.Errorf("warnings %q", c.Warnings)
	}
	c = mustLoad(t, strings.Replace(minimal, "kafka:\n", "kafka:\n  tls: {}\n", 1), environ...)
	if len(c.Warnings) != 0 {
		t.Errorf("with tls, warnings %q", c.Warnings)
	}
}

func TestAWrongFileIsNotQuoted(t *testing.T) {
	for _, text := range []string{"hunter2hunter2\n", "*hunter2\n", "key: *hunter2\n", "\"hunter2\n", "- hunter2\n", "{hunter2\n", "hunter2: &a [*a"} {
		_, err := load(t, text, nil, nil)
		if err == nil || strings.Contains(strings.ReplaceAll(err.Error(), "hunter2: unknown key", ""), "hunter2") {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func FuzzLoadNeverPanicsAndNeverTellsTheSecret(f *testing.F) {
	f.Add(minimal)
	f.Add(Example())
	f.Add("kafka: {tls: {}, sasl: [], brokers: {a: b}}\n? [a]\n: b\n5: 6\n")
	f.Add("a: &a {b: *a}\n<<: {pipeline: p}\n")
	f.Add("window: {narrow: [[1h]], step: 2001-01-01}\nsource: &s\n  poll: *s\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := load(t, text, []string{"CONVSTREAM_SOURCE_CLIENT_SECRET=hunter2hunter2"}, nil)
		if err != nil && strings.Contains(err.Error(), "hunter2") && !strings.Contains(text, "hunter2") {
			t.Errorf("the message tells the secret: %v", err)
		}
	})
}
