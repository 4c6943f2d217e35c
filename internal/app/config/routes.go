package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	yamlnode "go.yaml.in/yaml/v3"
)

// SpeechRoute is the derived route that convstream brings: voice rows, for speech analytics.
// kafka.topics.speech names its topic, and an empty name turns it off.
const SpeechRoute = "speech"

// Route is a derived route: rows that the primary route publishes and the filter lets through
// go to its topic as well, in the same transaction.
type Route struct {
	Name     string
	Topic    string
	Contract string // file of an Avro schema; SpeechRoute: the one that convstream brings
	Filter   string // expression over the fields of a row; "": all rows, in SpeechRoute those of voice
	Key      string // expression of the record key; "": the conversation id

	Place string // where it stands in the configuration: "routes[0]"
}

var routePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// assignRoutes takes a YAML list of routes, or the text of one, which may be JSON.
func assignRoutes(dst *[]Route, v any) error {
	const form = "give it a list such as [{name: chat, topic: genesys.chat, contract: chat.avsc, filter: 'interaction.type == \"chat\"'}]"
	if text, ok := v.(string); ok {
		v = []any{}
		if err := yamlnode.Unmarshal([]byte(text), &v); err != nil {
			return errors.New("is no YAML; " + form)
		}
	}
	items, ok := v.([]any)
	if !ok {
		return errors.New("is no list; " + form)
	}
	var errs []error
	routes := make([]Route, len(items))
	for i, item := range items {
		routes[i].Place = fmt.Sprintf("routes[%d]", i)
		errs = append(errs, assignRoute(&routes[i], fmt.Sprintf("[%d]", i), item)...)
	}
	*dst = routes
	return errors.Join(errs...)
}

func assignRoute(r *Route, place string, item any) (errs []error) {
	const members = "a route has name, topic, contract, filter and key"
	given, ok := item.(map[string]any)
	if !ok {
		return []error{&memberError{place, errors.New("is no route; " + members)}}
	}
	into := map[string]*string{"name": &r.Name, "topic": &r.Topic, "contract": &r.Contract, "filter": &r.Filter, "key": &r.Key}
	for _, member := range slices.Sorted(maps.Keys(given)) {
		dst, known := into[member]
		err := errors.New("unknown key; " + members)
		if known {
			err = assignText(dst, given[member])
		}
		if err != nil {
			errs = append(errs, &memberError{place + "." + member, err})
		}
	}
	return errs
}

// routes checks the derived routes, completes the entry of the speech route, and adds it where
// it has none.
func (l *loader) routes() {
	c := &l.config
	if l.wrong["routes"] {
		return
	}
	seen := map[string]string{}
	for i := range c.Routes {
		r := &c.Routes[i]
		if !routePattern.MatchString(r.Name) {
			l.problem(r.Place+".name", "%q is no name of a route; use up to 63 small letters, digits, dashes and underscores", r.Name)
		} else if other, taken := seen[r.Name]; taken {
			l.problem(r.Place+".name", "%q is the name of %s too; give every route its own", r.Name, other)
		}
		seen[r.Name] = r.Place
		if r.Name == SpeechRoute {
			l.speech(r)
			continue
		}
		l.required(r.Place+".topic", r.Topic)
		l.required(r.Place+".contract", r.Contract)
	}
	if _, given := seen[SpeechRoute]; !given && c.Kafka.Topics.Speech != "" {
		c.Routes = append(c.Routes, Route{Name: SpeechRoute, Topic: c.Kafka.Topics.Speech, Contract: SpeechRoute, Place: "kafka.topics.speech"})
	}
}

// speech completes an entry of the route that convstream brings.
func (l *loader) speech(r *Route) {
	topic := l.config.Kafka.Topics.Speech
	switch {
	case r.Topic != "":
		l.problem(r.Place+".topic", "the topic of the route speech stands in kafka.topics.speech; name it there")
	case topic == "":
		l.problem(r.Place+".name", `the route speech is turned off by kafka.topics.speech: ""; name its topic there, or remove the entry`)
	}
	r.Topic = topic
	if r.Contract == "" {
		r.Contract = SpeechRoute
	}
}

// privacy checks what becomes of personal values. Whether a key is needed, the contracts know.
func (l *loader) privacy() {
	p := &l.config.Privacy
	l.oneOf("privacy.dead_letters", p.DeadLetters, Redact, Keep)
	l.oneOf("privacy.staging", p.Staging, Redact, Keep)
	if p.Key.Reveal() != "" || p.KeyFile != "" {
		l.secret("privacy.key", &p.Key, &p.KeyFile)
	}
	const shortest = 16
	if key := p.Key.Reveal(); key != "" && len(key) < shortest {
		l.problem("privacy.key", "has %d bytes, and could be guessed; use at least %d, as openssl rand -hex 32 makes them", len(key), shortest)
	}
}
