package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/app/config"
	"convstream/producer"
)

// configured is a configuration of dialect reports with these settings on top.
func configured(t *testing.T, settings map[string]any) config.Config {
	t.Helper()
	all := map[string]any{
		"pipeline": "p", "source.org": "acme", "source.dialect": "reports", "source.region": "eu-central-1",
		"source.client_id": "id", "source.client_secret": "secret", "kafka.brokers": []any{"127.0.0.1:9092"}, "registry.url": "http://127.0.0.1:8081",
	}
	for key, value := range settings {
		all[key] = value
	}
	cfg, err := config.Load("", nil, all)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// moodContract reads a field that the default contract leaves out.
const moodContract = `{"type": "record", "name": "Mood", "fields": [
	{"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
	{"name": "mood", "type": ["null", "string"], "default": null, "source": "attributes.custom.mood"%s}
]}`

func contractFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "contract.avsc")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func moods(t *testing.T, property, filter, key string) map[string]any {
	t.Helper()
	file := contractFile(t, strings.Replace(moodContract, "%s", property, 1))
	return map[string]any{"routes": []any{map[string]any{"name": "mood", "topic": "genesys.mood", "contract": file, "filter": filter, "key": key}}}
}

func TestR24_TheColumnsAreThoseOfAllContractsFiltersAndKeysWithoutRepeats(t *testing.T) {
	r, err := routingOf(configured(t, moods(t, "", `attributes.custom.team == "a" and "case_priority" in attributes.custom`, "metrics.wrapup.ms")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"interaction.id", "interaction.type", "conversation.id", "timestamp", "attributes.custom.customer_segment", "attributes.custom.case_priority",
		"metrics.queuetime.ms", "metrics.handledtime.ms", // the default contract's, in its order
		"attributes.custom.mood", "attributes.custom.team", "metrics.wrapup.ms",
	}
	if diff := cmp.Diff(want, r.columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestAMistakeInAnExpressionNamesItsRoute(t *testing.T) {
	_, err := routingOf(configured(t, moods(t, "", `interaction.type = "voice"`, "")))
	want := `routes[0] (mood): filter 'interaction.type = "voice"': `
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), ", in the filter, column 18; write == to compare") {
		t.Errorf("got %v", err)
	}
}

func TestR24_TheKeyAndTheTimeOfARowAreReadEvenIfNoContractHasThem(t *testing.T) {
	file := contractFile(t, strings.Replace(moodContract, "%s", "", 1))
	r, err := routingOf(configured(t, map[string]any{"contract.file": file, "kafka.topics.speech": ""}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"interaction.id", "attributes.custom.mood", "conversation.id", "timestamp"}; !slices.Equal(r.columns, want) {
		t.Errorf("columns %q, want %q", r.columns, want)
	}
}

func TestWhatDerivedRoutesReadIsKnownWithTheObjectsAroundIt(t *testing.T) {
	cfg := configured(t, moods(t, "", "", "metrics.wrapup.ms"))
	r, err := routingOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	known := r.known()
	for _, field := range []string{"attributes", "attributes.custom", "attributes.custom.mood", "metrics.wrapup", "metrics.wrapup.ms"} {
		if !known[field] {
			t.Errorf("%s is not known", field)
		}
	}
	if known["attributes.custom.team"] || known["metrics.queuetime.ms"] {
		t.Errorf("known are %v, of which no derived route reads some", known)
	}
}

func TestDeadLettersAreRedactedWhereAnyContractMarksAFieldUnlessTheyAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		property, keep string
		want           bool
	}{
		"nothing is marked": {"", config.Redact, false},
		"a derived route's": {`, "privacy": "mask"`, config.Redact, true},
		"kept":              {`, "privacy": "mask"`, config.Keep, false},
	} {
		settings := moods(t, c.property, "", "")
		settings["privacy.dead_letters"] = c.keep
		cfg := configured(t, settings)
		r, err := routingOf(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.redactor(cfg) != nil; got != c.want {
			t.Errorf("%s: redacted %v, want %v", name, got, c.want)
		}
	}
}

func TestAFilterThatIsNoneIsNamedByItsPlace(t *testing.T) {
	_, err := routingOf(configured(t, moods(t, "", "interaction.type ==", "")))
	if err == nil || !strings.Contains(err.Error(), "routes[0]") || !strings.Contains(err.Error(), "filter") {
		t.Errorf("%v, want an error that names routes[0] and its filter", err)
	}
}

func TestEachRouteHasItsTopicAndOneWithAKeyOfItsOwnSaysSo(t *testing.T) {
	cfg := configured(t, moods(t, "", "", "interaction.id"))
	want := []producer.RouteTopic{{Name: "mood", Topic: "genesys.mood", OwnKey: true}, {Name: "speech", Topic: "genesys.speech"}}
	if diff := cmp.Diff(want, routeTopics(cfg)); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if want := []string{"kafka.topics.conversations", "routes[0].topic", "kafka.topics.speech"}; !slices.Equal(topicKeys(cfg), want) {
		t.Errorf("keys %q, want %q", topicKeys(cfg), want)
	}
	for topic, want := range map[string]bool{"genesys.mood": true, "genesys.speech": true, "genesys.conversations": true, "genesys.dlq": false} {
		if holdsRows(cfg, topic) != want {
			t.Errorf("topic %s holds rows: %v, want %v", topic, !want, want)
		}
	}
}
