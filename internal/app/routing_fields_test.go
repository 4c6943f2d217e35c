package app

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"
)

// kindsContract has a type of each sort, some of them under names that are used again.
const kindsContract = `{"type": "record", "name": "Kinds", "namespace": "x", "fields": [
	{"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
	{"name": "tags", "type": ["null", {"type": "map", "values": "string"}], "default": null, "source": "attributes.tags"},
	{"name": "part", "type": ["null", {"type": "record", "name": "Part", "fields": [
		{"name": "size", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": null}]}], "default": null},
	{"name": "parts", "type": ["null", {"type": "array", "items": "Part"}], "default": null},
	{"name": "either", "type": ["null", "long", "string"], "default": null},
	{"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": null}
]}`

func TestFieldsThatNoContractHasAreDoubted(t *testing.T) {
	const says = `routes[0] (mood): the %s reads %q as a field, and no contract has it; `
	kinds := func(filter, key string) map[string]any {
		settings := moods(t, "", filter, key)
		settings["contract.file"] = contractFile(t, kindsContract)
		return settings
	}
	jobs := func(filter, key string) map[string]any { return jobsRoute(filter, key) }
	number := func(path, kind, text string) string {
		return `routes[0] (mood): the filter sets ` + path + `, of type ` + kind + ` in contract.file (FILE), against the text "` + text + `", which holds no number; write a number`
	}
	reads := func(part, path, out string) string {
		return strings.NewReplacer("%s", part, "%q", `"`+path+`"`).Replace(says) + out
	}
	dead := "; for a row without it there is no key, and each such row would become a dead letter of the route"
	for name, c := range map[string]struct {
		settings map[string]any
		want     []string
	}{
		"a text without quotes": {moods(t, "", `interaction.type == voice`, ""), []string{reads("filter", "voice", `write "voice" in quotes if it is text`)}},
		"a word that is near":   {moods(t, "", `timestmp == "2024"`, ""), []string{reads("filter", "timestmp", `did you mean timestamp, or "timestmp" in quotes, as a text?`)}},
		"a typing error":        {moods(t, "", `metrics.queutime.ms > 5`, ""), []string{reads("filter", "metrics.queutime.ms", "did you mean metrics.queuetime.ms?")}},
		"beyond the contracts":  {moods(t, "", `routing.queue.skill == "x"`, ""), []string{reads("filter", "routing.queue.skill", "see that it is spelt as the platform spells it")}},
		"in both expressions":   {moods(t, "", `skill == "a"`, `skill ?? interaction.id`), []string{reads("filter", "skill", `write "skill" in quotes if it is text`), reads("key", "skill", `write "skill" in quotes if it is text`)}},
		"a key that has none":   {moods(t, "", "", `interaction.id + "/" + segmnt`), []string{reads("key", "segmnt", `write "segmnt" in quotes if it is text`+dead)}},
		"of dialect jobs": {jobs(`any(participant, .participantName == "x")`, ""), []string{strings.Replace(
			reads("filter", "participant.participantName", "did you mean participants.participantName?"), "(mood)", "(speech)", 1)}},
		"a field of an array": {jobs(`participants.purpose == "agent" and participants[0].sessions != nil and any(participants, .purpose == "x")`, ""), []string{
			"routes[0] (speech): the filter reads participants.purpose, and participants is an array, so there is never anything; " +
				"write participants[0].purpose, or any(participants, .purpose == …)"}},
		"what contracts have":           {moods(t, "", `interaction.type == "voice" and attributes.custom != nil and attributes.custom.mood != "x"`, "conversation.id"), nil},
		"what only the platform has":    {kinds(`metrics.queuetime.ms > 5`, ""), nil},
		"convstream's own":              {jobs("", ""), nil},
		"a key of a map":                {kinds(`attributes.tags.any.thing == "x"`, ""), nil},
		"a part of a scalar":            {kinds(`at.year == 1`, ""), []string{reads("filter", "at.year", "see that it is spelt as the platform spells it")}},
		"a field of a named type":       {kinds(`any(parts, .size > 5) and part.size > 5`, ""), nil},
		"a text against a number":       {moods(t, "", `metrics.queuetime.ms > "a"`, ""), []string{strings.Replace(number("metrics.queuetime.ms", "long", "a"), "FILE", "the contract that convstream brings", 1)}},
		"a text that holds a number":    {moods(t, "", `metrics.queuetime.ms > "5"`, ""), nil},
		"a text against a decimal":      {kinds(`any(parts, .size in ["1", "big"])`, ""), []string{number("parts.size", "decimal", "big")}},
		"a text against a union":        {kinds(`either == "a"`, ""), nil},
		"a text against an instant":     {kinds(`at > "2024-01-01T00:00:00Z"`, ""), nil},
		"a text against a text":         {kinds(`interaction.id > "a"`, ""), nil},
		"a number in one contract only": {numberInOne(t), nil},
	} {
		cfg := configured(t, c.settings)
		r, err := routingOf(cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range c.want {
			c.want[i] = strings.Replace(c.want[i], "FILE", cfg.Contract.File, 1)
		}
		if diff := cmp.Diff(c.want, r.doubts, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// numberInOne has a field that is a number in the primary contract, and a text in that of the route.
func numberInOne(t *testing.T) map[string]any {
	t.Helper()
	settings := moods(t, "", `attributes.custom.mood == "good"`, "")
	settings["contract.file"] = contractFile(t, strings.NewReplacer("%s", "", `["null", "string"]`, `["null", "long"]`).Replace(moodContract))
	return settings
}

func TestWhatIsDoubtedIsWarnedOfAtTheStart(t *testing.T) {
	cfg := configured(t, moods(t, "", `interaction.type == voice`, ""))
	r, err := routingOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	(&process{log: zerolog.New(&out)}).warnOfFilters(cfg, r)
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"level":"warn"`) || !strings.Contains(got, `write \"voice\" in quotes`) {
		t.Errorf("it logs %q", got)
	}
}
