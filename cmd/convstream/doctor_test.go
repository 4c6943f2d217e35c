package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"convstream/internal/simulator"
)

// doctor runs the checks and returns their lines by check and status: "token ok".
func (w *world) doctor(code int, environ ...string) (lines map[string]string, r result) {
	w.t.Helper()
	r = w.run(environ, "doctor").must(w.t, code)
	lines = map[string]string{}
	for line := range strings.Lines(r.stdout) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			w.t.Fatalf("a line is %q", line)
		}
		lines[fields[1]+" "+fields[0]] += line
	}
	return lines, r
}

// has wants a line of a check that holds every word.
func has(t *testing.T, lines map[string]string, check string, words ...string) {
	t.Helper()
	line, ok := lines[check]
	if !ok {
		t.Errorf("there is no line %q in %v", check, lines)
	}
	for _, word := range words {
		if !strings.Contains(line, word) {
			t.Errorf("%s says %q, want a word of %q", check, line, word)
		}
	}
}

func TestADoctorFindsNothingWrongBeforeAndAfterABackfill(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"reports", "jobs"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, scene{Platform: simulator.Config{Rows: 200, Faults: simulator.Faults{Scope: "analytics:report:view analytics:report:run"}}})
			env := "CONVSTREAM_SOURCE_DIALECT=" + dialect
			lines, r := w.doctor(0, env)
			for _, check := range []string{"configuration ok", "token ok", "count ok", "submit ok", "clock ok", "status ok", "abort ok", "kafka ok", "transactions ok"} {
				has(t, lines, check)
			}
			has(t, lines, "topic ok", "genesys.checkpoints does not exist", "first run creates it")
			has(t, lines, "registry ok", "the first run registers")
			if strings.Contains(r.stdout, "warning") || strings.Contains(r.stdout, "failed") || w.jobs() != 1 {
				t.Errorf("with %d jobs it says\n%s", w.jobs(), r.stdout)
			}
			if topics, err := w.admin().ListTopics(t.Context()); err != nil || len(topics) != 0 {
				t.Errorf("it has made the topics %v, %v", topics.Names(), err)
			}

			w.run([]string{env}, append([]string{"backfill"}, interval...)...).must(t, 0)
			lines, r = w.doctor(0, env)
			has(t, lines, "ledger ok", "4 windows", "is free")
			has(t, lines, "unit ok", "2024-01-01")
			has(t, lines, "topic ok", "genesys.conversations fits, with 6 partitions")
			has(t, lines, "registry ok", "schema id 1")
			if strings.Contains(r.stdout, "warning") || strings.Contains(r.stdout, "failed") {
				t.Errorf("after a backfill it says\n%s", r.stdout)
			}
		})
	}
}

func TestR6R8_ADoctorNamesThePermissionThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect string
		missing []string
		check   string
		code    int
		words   []string
	}{
		{"reports", []string{"analytics:report:run"}, "submit failed", 1, []string{"analytics:report:run", "licence"}},
		{"reports", []string{"analytics:report:view"}, "status failed", 1, []string{"analytics:report:view", "licence"}},
		{"reports", []string{"analytics:report:delete"}, "abort warning", 0, []string{"analytics:report:delete", "a run does without"}}, // R9
		{"jobs", []string{"analytics:conversationDetail:view"}, "availability failed", 1, []string{"analytics:conversationDetail:view", "licence"}},
	} {
		t.Run(c.missing[0], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, scene{Platform: simulator.Config{Faults: simulator.Faults{MissingPermissions: c.missing}}})
			lines, _ := w.doctor(c.code, "CONVSTREAM_SOURCE_DIALECT="+c.dialect)
			has(t, lines, c.check, c.words...)
		})
	}
}

func TestADoctorThatIsInterruptedLeavesNoJobBehind(t *testing.T) {
	t.Parallel()
	reached, open := make(chan struct{}), make(chan struct{})
	var aborted atomic.Int64
	w := newWorld(t, scene{Front: func(platform http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/report-queries/") {
				close(reached)
				<-open
			}
			platform.ServeHTTP(rw, r)
			if r.Method == http.MethodDelete {
				aborted.Add(1)
			}
		})
	}})
	p := w.start(nil, "doctor")
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("it never asks for the job's state")
	}
	p.signal(syscall.SIGTERM)
	r := p.wait().must(t, 1)
	close(open)
	r.saysOnce(t, "interrupted by signal: terminated")
	if w.jobs() != 1 || aborted.Load() != 1 || !strings.Contains(r.stdout, "the job is aborted") {
		t.Errorf("of %d jobs %d were aborted; it says\n%s", w.jobs(), aborted.Load(), r.stdout)
	}
	if strings.Contains(r.stdout, "failed") || strings.Contains(r.stdout, "kafka") {
		t.Errorf("it goes on, or blames somebody:\n%s", r.stdout)
	}
}

func TestR10_ADoctorComparesTheScopesThatATokenNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Faults: simulator.Faults{Scope: "analytics:report:view other"}}})
	lines, _ := w.doctor(0)
	has(t, lines, "token warning", "lack analytics:report:run")
}

func TestADoctorWarnsOfAClockThatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Faults: simulator.Faults{ClockSkew: -time.Minute}}})
	lines, _ := w.doctor(0)
	has(t, lines, "clock warning", "-1m")
}

// setTopic changes one setting of a topic.
func (w *world) setTopic(topic, key, value string) {
	w.t.Helper()
	answers, err := w.admin().AlterTopicConfigs(w.t.Context(), []kadm.AlterConfig{{Name: key, Value: &value}}, topic)
	if err != nil || len(answers) != 1 || answers[0].Err != nil {
		w.t.Fatalf("set %s of %s: %v, %v", key, topic, err, answers)
	}
}

func TestADoctorNamesTopicsThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Kafka: []kfake.Opt{
		kfake.SeedTopics(2, "genesys.checkpoints"), kfake.SeedTopics(3, "genesys.conversations"), kfake.SeedTopics(1, "genesys.dlq"),
	}})
	w.setTopic("genesys.conversations", "retention.ms", "604800000")
	w.setTopic("genesys.dlq", "max.message.bytes", "1000")
	lines, _ := w.doctor(1)
	has(t, lines, "topic failed", "genesys.checkpoints has 2 partitions", "kafka.topics.checkpoints")
	has(t, lines, "topic warning", "genesys.conversations keeps records for 168h0m0s", "retention.ms", "genesys.dlq takes records of 1000 bytes")
	w.setTopic("genesys.conversations", "cleanup.policy", "compact")
	lines, _ = w.doctor(1, "CONVSTREAM_KAFKA_CREATE_TOPICS=false")
	has(t, lines, "topic failed", "genesys.conversations is compacted", "genesys.events does not exist", "kafka.create_topics")
}

func TestADoctorAsksTheRegistryWhetherItTakesTheContract(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		answer, line string
		code         int
		words        []string
	}{
		{404, `{"error_code":40401,"message":"Subject not found"}`, "registry ok", 0, []string{"genesys.conversations-value is new"}},
		{200, `{"is_compatible":false,"messages":["READER_FIELD_MISSING_DEFAULT_VALUE"]}`, "registry failed", 1, []string{"incompatible", "READER_FIELD_MISSING_DEFAULT_VALUE", "kafka.topics.conversations"}},
		{403, `{"error_code":40301,"message":"not yours"}`, "registry warning", 0, []string{"403", "not yours"}},
	} {
		w := newWorld(t, scene{Registry: func(registry http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/compatibility/") {
					registry.ServeHTTP(rw, r)
					return
				}
				rw.WriteHeader(c.status)
				fmt.Fprint(rw, c.answer)
			})
		}})
		lines, _ := w.doctor(c.code)
		has(t, lines, c.line, c.words...)
	}
}

func TestADoctorNamesEveryPartyThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	lines, r := w.doctor(1, "CONVSTREAM_SOURCE_TOKEN_URL=http://127.0.0.1:1", "CONVSTREAM_KAFKA_BROKERS=127.0.0.1:1", "CONVSTREAM_REGISTRY_URL=http://127.0.0.1:1")
	has(t, lines, "token failed", "source.token_url", "that the platform can be reached")
	has(t, lines, "kafka failed", "127.0.0.1:1", "kafka.brokers")
	has(t, lines, "registry failed", "registry.url")
	r.saysOnce(t, "3 of 4 checks have failed")
}

func TestADoctorTellsOfABrokenContractOnceAndExits2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	w.write(filepath.Join(w.dir, "broken.avsc"), `{"type":"record","name":"R","fields":[{"name":"f","type":"strin"}]}`)
	w.configure(`contract: {file: broken.avsc}`)
	lines, r := w.doctor(2)
	has(t, lines, "configuration failed", "contract.file", "broken.avsc", "strin")
	has(t, lines, "kafka ok")
	if strings.Count(r.stdout, "failed") != 1 || strings.Contains(r.stdout, "ok       configuration") || w.jobs() != 0 {
		t.Errorf("with %d jobs it says\n%s", w.jobs(), r.stdout)
	}
	r.saysOnce(t, "1 of", "checks have failed")
}

func TestADoctorDoesNotDisturbAnInstanceAtWork(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	p := w.startDay()
	g.await(t)
	lines, _ := w.doctor(0)
	has(t, lines, "ledger ok", "owns the pipeline", "last heartbeat")
	has(t, lines, "transactions ok", "p/acme")
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 1).saysOnce(t, "all that was read is committed")
}
