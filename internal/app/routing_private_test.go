package app

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"convstream/internal/app/config"
)

const masked = `, "privacy": "mask"`

// jobsRoute is a route of the dialect whose own contracts mark fields.
func jobsRoute(filter, key string) map[string]any {
	return map[string]any{"source.dialect": "jobs", "routes": []any{map[string]any{"name": "speech", "filter": filter, "key": key}}}
}

// moodInBoth has a primary contract that reads the mood as well, marked or not, beside that of the route.
func moodInBoth(t *testing.T, primary, derived, filter, key string) map[string]any {
	t.Helper()
	settings := moods(t, derived, filter, key)
	settings["contract.file"] = contractFile(t, strings.Replace(moodContract, "%s", primary, 1))
	return settings
}

// moodsTwice has a route that masks the mood, and one that publishes it as the primary route does.
func moodsTwice(t *testing.T) map[string]any {
	t.Helper()
	settings := moodInBoth(t, "", masked, "", "")
	plain := map[string]any{"name": "plain", "topic": "genesys.plain", "contract": settings["contract.file"]}
	settings["routes"] = append(settings["routes"].([]any), plain)
	return settings
}

func TestAKeyThatReadsWhatAnyContractMarksIsRefused(t *testing.T) {
	const mood = "attributes.custom.mood"
	for name, c := range map[string]struct {
		settings map[string]any
		want     []string // of the message; none where the key is fine
	}{
		"marked by the route's contract": {moods(t, masked, "", mood), []string{"routes[0] (mood): key 'attributes.custom.mood' reads", `"privacy"`, "would give it away", "routes[0].contract", "contract.avsc", "other fields"}},
		"by the primary contract":        {moodInBoth(t, masked, "", "", mood), []string{"routes[0] (mood): key '", mood, "in contract.file ("}},
		"by both":                        {moodInBoth(t, masked, masked, "", mood), []string{"contract.file (", " and routes[0].contract ("}},
		"as a part of an expression":     {moods(t, masked, "", `interaction.id + "/" + (attributes.custom["mood"] ?? "")`), []string{"routes[0] (mood): key '", mood}},
		"as a part of what is read":      {moods(t, masked, "", `string(attributes.custom)`), []string{"routes[0] (mood): key '", "reads attributes.custom, and with it attributes.custom.mood, marked"}},
		"beside what is named":           {moods(t, masked, "", `attributes[kind] + attributes.custom.team`), []string{"computes a name below attributes and may read attributes.custom.mood", `attributes[kind]`, "write the name out"}},
		"by convstream's own":            {jobsRoute("", "participants[0].sessions[0].ani"), []string{"routes[0] (speech): key '", "participants.sessions.ani", "contract.file (the contract that convstream brings)"}},
		"not marked at all":              {moods(t, "", "", mood), nil},
		"beside what is marked":          {moods(t, masked, "", "interaction.id"), nil},
		"beside what is marked, deeper":  {jobsRoute("", "participants[0].purpose"), nil},
		"of the filter alone":            {moods(t, masked, mood+` == "good"`, ""), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := routingOf(configured(t, c.settings))
			if (err == nil) != (c.want == nil) {
				t.Fatalf("%v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %q", err, part)
				}
			}
		})
	}
}

// What reaches the caller's number in the default contract of dialect jobs, where the field is participants.sessions.ani.
func TestNoKeyGetsAtAPrivateValueByADetour(t *testing.T) {
	for _, key := range []string{
		`participants[0].sessions[0][kind]`,
		`participants[0][kind][0].ani`,
		`participants[0].sessions[0]["a" + "ni"]`,
		`participants[0].sessions[0][lower("ANI")]`,
		`participants[0].sessions[0][true ? "ani" : "x"]`,
		`participants[0].sessions[0][x ?? "ani"]`,
		`participants[0].sessions[0][["ani"][0]]`,
		`participants[0].sessions[0][find(["ani"], true)]`,
		`participants[0].sessions[0][+kind]`,
		`participants[0].sessions[0]?.["ani"]`,
		`participants[0]["sessions"][-1]["ani"]`,
		`participants[kind].purpose`, // the row may have an object there
		`participants[n][name] + participants[0].purpose`,
		`map(participants, .sessions[0][kind])[0] + participants[0].purpose`,
		`map(participants, map(.sessions, .ani))[0][0]`,
		`find(participants, .purpose == "customer").sessions[0].ani`,
		`find(participants, any(.sessions, .ani == "1")).purpose`,
		`filter(participants, true)[0].sessions[number(n)].ani`,
		`(participants ?? x)[0].sessions[0].ani + participants[0].purpose`,
		`(x ? participants : y)[0].sessions[0].ani`,
		`map([participants], #[0].sessions[0].ani)[0]`,
		`participants == x ? participants[0].purpose : "b"`,
		`"1" in map(participants, .sessions[0].ani) ? "a" : "b"`,
		`string(len(participants[0].sessions[0].ani))`,
		`string(len(participants))`, // a text may stand there, which the redactor empties
		`string(participants[0].sessions[0].ani ?? nil)`,
		`participants[0].purpose + upper(trim(participants[1].sessions[0].ani))`,
		`[1, 2][participants[0].sessions[0].ani]`,
	} {
		_, err := routingOf(configured(t, jobsRoute("", key)))
		if err == nil || !strings.Contains(err.Error(), "routes[0] (speech): key '") || !strings.Contains(err.Error(), "participants.") {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{
		`participants[n - 1].purpose`, `participants[count(participants, true) - 1].purpose`, `participants[number(n) + 1].sessions[-1].mediaType`,
		`participants != nil ? participants[0].purpose : "none"`, `string(count(participants, .purpose == "agent"))`,
		`find(participants, .purpose == "agent").participantId`, `string(count(participants, true))`, `participants[0].attributes[kind]`,
	} {
		if _, err := routingOf(configured(t, jobsRoute("", key))); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestAFilterThatReadsWhatAContractMarksIsNotedOnce(t *testing.T) {
	const filter = `attributes.custom.mood == "good" or attributes.custom.mood == "better"`
	staging := map[string]any{"staging.url": "file:///pages", "privacy.dead_letters": config.Keep}
	for name, c := range map[string]struct {
		settings, more map[string]any
		want           int
	}{
		"redriven":             {moods(t, masked, filter, ""), nil, 1},
		"marked by two":        {moodInBoth(t, masked, masked, filter, ""), nil, 1},
		"staged":               {moods(t, masked, filter, ""), staging, 1},
		"all kept as it is":    {moods(t, masked, filter, ""), map[string]any{"privacy.dead_letters": config.Keep}, 0},
		"nothing is marked":    {moods(t, "", filter, ""), nil, 0},
		"other fields":         {moods(t, masked, `interaction.type == "voice"`, ""), nil, 0},
		"convstream's speech":  {map[string]any{"source.dialect": "jobs"}, nil, 0},
		"of convstream's own":  {jobsRoute(`any(participants, any(.sessions, .ani == "+49"))`, ""), nil, 1},
		"a computed name":      {jobsRoute(`participants[0][kind] == participants[0].purpose`, ""), nil, 1},
		"whether there is one": {jobsRoute(`participants != nil and participants[0].purpose != nil`, ""), nil, 0},
		"beside of the marked": {jobsRoute(`any(participants, .purpose == "agent")`, ""), nil, 0},
	} {
		maps.Copy(c.settings, c.more)
		cfg := configured(t, c.settings)
		r, err := routingOf(cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		(&process{log: zerolog.New(&out)}).warnOfPeeking(cfg, r)
		lines := strings.Count(out.String(), "\n")
		if lines != c.want || lines != strings.Count(out.String(), "redriven and staged") || lines != strings.Count(out.String(), `"level":"warn"`) {
			t.Errorf("%s: it logs %q, want %d warnings", name, out.String(), c.want)
		}
	}
}

func TestRoutesThatPublishAsItIsWhatAnotherMarksAreNotedInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		want     string
	}{
		"marked in both":     {moodInBoth(t, masked, masked, "true", ""), ""},
		"in the route alone": {moodInBoth(t, "", masked, "true", ""), `"routes":{"conversations":["attributes.custom.mood"]},"marked_in":["routes[0].contract (`},
		"in none":            {moodInBoth(t, "", "", "true", ""), ""},
		"convstream's own":   {map[string]any{"source.dialect": "jobs"}, ""},
		"of two routes":      {moodsTwice(t), `"routes":{"conversations":["attributes.custom.mood"],"plain":["attributes.custom.mood"]}`},
	} {
		r, err := routingOf(configured(t, c.settings))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		(&process{log: zerolog.New(&out)}).warnOfPlain(r)
		if got := out.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Count(got, "\n") > 1 {
			t.Errorf("%s: it logs %q, want one line with %q", name, got, c.want)
		}
	}
}
