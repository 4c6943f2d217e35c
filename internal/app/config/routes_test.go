package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestR14_SpeechIsARouteUntilItsTopicHasNoName(t *testing.T) {
	speech := Route{Name: "speech", Topic: "genesys.speech", Contract: "speech"}
	chat := Route{Name: "chat", Topic: "genesys.chat", Contract: "chat.avsc", Filter: `interaction.type == "chat"`, Key: "interaction.id"}
	given := `CONVSTREAM_ROUTES=[{name: chat, topic: genesys.chat, contract: chat.avsc, filter: 'interaction.type == "chat"', key: interaction.id}]`
	for name, c := range map[string]struct {
		environ []string
		want    []Route
	}{
		"by default":    {nil, []Route{speech}},
		"beside others": {[]string{given}, []Route{chat, speech}},
		"turned off":    {[]string{given, "CONVSTREAM_KAFKA_TOPICS_SPEECH="}, []Route{chat}},
		"changed": {[]string{"CONVSTREAM_ROUTES=[{name: speech, filter: 'true'}]"},
			[]Route{{Name: "speech", Topic: "genesys.speech", Contract: "speech", Filter: "true"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustLoad(t, minimal, c.environ...).Routes
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Route{}, "Place")); diff != "" {
				t.Errorf("routes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoutesThatCannotBeAreRefusedByName(t *testing.T) {
	for routes, want := range map[string]string{
		"7":                                     "routes: is no list",
		"[7]":                                   "routes[0]: is no route",
		"[{nam: x}]":                            "routes[0].nam: unknown key",
		"[{name: Chat, topic: t, contract: c}]": `routes[0].name: "Chat" is no name of a route`,
		"{name: a}":                             "routes: is no list",
		"[{name: a, contract: c}]":              "routes[0].topic: missing",
		"[{name: a, topic: t}]":                 "routes[0].contract: missing",
		"[{name: a, topic: genesys.dlq, contract: c}]":                         `"genesys.dlq" is the name in`,
		"[{name: speech, topic: t}]":                                           "kafka.topics.speech",
		"[{name: a, topic: t, contract: c}, {name: a, topic: u, contract: c}]": `routes[1].name: "a" is the name of routes[0] too`,
	} {
		_, err := load(t, minimal, []string{"CONVSTREAM_ROUTES=" + routes}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("routes: %s: error %v, want one with %q", routes, err, want)
		}
	}
}

func TestAKeyThatCouldBeGuessedIsRefused(t *testing.T) {
	_, err := load(t, minimal, []string{"CONVSTREAM_PRIVACY_KEY=short"}, nil)
	if err == nil || !strings.Contains(err.Error(), "privacy.key: has 5 bytes") || strings.Contains(err.Error(), "short\"") {
		t.Errorf("error %v, want one that counts the key's bytes and does not quote it", err)
	}
	c := mustLoad(t, minimal, "CONVSTREAM_PRIVACY_KEY=0123456789abcdef")
	if c.Privacy.Key.Reveal() != "0123456789abcdef" {
		t.Errorf("the key is %q", c.Privacy.Key.Reveal())
	}
}

func TestWhatARouteLacksIsNotAskedForInAVariable(t *testing.T) {
	_, err := load(t, minimal+"routes: [{name: a, contract: c}]\n", nil, nil)
	if err == nil || !strings.HasSuffix(err.Error(), ":1: routes[0].topic: missing; give it here") && !strings.HasSuffix(err.Error(), "routes[0].topic: missing; give it here") {
		t.Errorf("error %v, want one that names no variable: a member of a list has none", err)
	}
	_, err = load(t, minimal+"routes:\n  name: a\n", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "routes: is a list; write each entry below it, behind a dash") {
		t.Errorf("error %v, want one that asks for a list", err)
	}
}

func TestAStagingURLThatIsNoneIsRefused(t *testing.T) {
	for raw, want := range map[string]string{
		"/var/pages":              "is no URL",
		"ftp://host/pages":        "ftp:// is no storage",
		"file://pages":            "names a host, and no folder",
		"file:///":                "names no folder",
		"s3://?region=eu":         "names no bucket",
		"s3://me:hunter2@b":       "holds a user or password",
		"file:///var/pages":       "",
		"s3://b?region=eu-west-1": "",
	} {
		_, err := load(t, minimal, []string{"CONVSTREAM_STAGING_URL=" + raw}, nil)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", raw, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "staging.url: "+want) && !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want one with %q", raw, err, want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error shows the password: %v", raw, err)
		}
	}
}
