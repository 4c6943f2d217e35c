package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Load reads the YAML file at path ("" for none), lays over it the CONVSTREAM_… variables of environ
// ("NAME=value" each, as [os.Environ] gives them) and then the overlay, whose keys are full
// ("window.step"), and checks the result. The error joins every problem there is; its
// message has one line for each.
func Load(path string, environ []string, overlay map[string]any) (Config, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return Config{}, fmt.Errorf("read configuration: %w", err)
		}
	}
	l := &loader{
		path:   path,
		values: koanf.New("."),
		origin: map[string]string{},
		layers: map[string]int{},
		wrong:  map[string]bool{},
		env:    environment(environ),
		config: defaults(),
	}
	if err := l.loadFile(text); err != nil {
		return Config{}, err
	}
	if err := l.layer(l.fromEnvironment()); err != nil {
		return Config{}, err
	}
	if err := l.layer(overlay); err != nil {
		return Config{}, err
	}
	for k := range overlay {
		l.stands(k, "command line")
	}
	l.assign()
	l.validate()
	if err := errors.Join(l.problems...); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// loader gathers one configuration and what is wrong with it.
type loader struct {
	path     string
	env      map[string]string
	values   *koanf.Koanf
	origin   map[string]string // where the value of a key stands
	layers   map[string]int    // which layer the value of a key is from, counted from 1
	depth    int               // layers so far
	wrong    map[string]bool   // keys that have a problem
	problems []error
	config   Config

	unresolved map[string]error // keys whose value refers to a variable that is not there
}

// layer lays values over those that are there.
func (l *loader) layer(values map[string]any) error {
	if err := l.values.Load(confmap.Provider(values, "."), nil); err != nil {
		return fmt.Errorf("merge configuration: %w", err)
	}
	l.depth++
	for key := range values {
		l.layers[key] = l.depth
		delete(l.unresolved, key)
	}
	return nil
}

// later says that the value of key is from a later layer than that of other. Between keys
// that exclude each other, the later one wins as it would over its own earlier value.
func (l *loader) later(key, other string) bool { return l.layers[key] > l.layers[other] }

// assign moves the merged values into the configuration. Unknown keys are reported already,
// by the layer that brought them.
func (l *loader) assign() {
	values := l.values.All()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		entry, ok := known[key]
		if !ok {
			continue
		}
		field := entry.field(&l.config)
		if entry.section { // an empty one
			continue
		}
		if err := l.unresolved[key]; err == nil {
			l.assignment(key, assign(field, values[key]))
		} else if !l.replaced(key) {
			l.problem(key, "%w", err)
		}
	}
}

// rivals are keys that exclude each other, with those that replace them in a later layer.
var rivals = map[string][]string{
	"source.client_secret":      {"source.client_secret_file"},
	"source.client_secret_file": {"source.client_secret"},
	"kafka.sasl.password":       {"kafka.sasl.password_file"},
	"kafka.sasl.password_file":  {"kafka.sasl.password"},
	"privacy.key":               {"privacy.key_file"},
	"privacy.key_file":          {"privacy.key"},
	"source.region":             {"source.base_url", "source.token_url"},
	"source.base_url":           {"source.region"},
	"source.token_url":          {"source.region"},
}

// replaced says that a later layer gives what is used in the place of a key's value.
func (l *loader) replaced(key string) bool {
	for _, rival := range rivals[key] {
		if !l.later(rival, key) || l.values.String(rival) == "" {
			return false
		}
	}
	return len(rivals[key]) > 0
}

// assignment notes what was wrong with the value of a key, or with members of its entries.
func (l *loader) assignment(key string, err error) {
	for _, e := range problemsOf(err) {
		if member, ok := errors.AsType[*memberError](e); ok {
			l.problem(key+member.place, "%w", member.error)
		} else {
			l.problem(key, "%w", e)
		}
	}
}

// problem notes what is wrong with the value of a key: the first thing only, as the others
// tend to follow from it.
func (l *loader) problem(key, format string, args ...any) {
	if l.wrong[key] {
		return
	}
	l.wrong[key] = true
	l.problems = append(l.problems, fmt.Errorf("%s: %s: %w", l.place(key), key, fmt.Errorf(format, args...)))
}

// warn notes what is allowed and probably not meant.
func (l *loader) warn(key, format string, args ...any) {
	l.config.Warnings = append(l.config.Warnings, fmt.Sprintf("%s: %s: %s", l.place(key), key, fmt.Sprintf(format, args...)))
}

// stands notes that the value of a key, with all its entries, stands at a place.
func (l *loader) stands(key, place string) {
	maps.DeleteFunc(l.origin, func(k, _ string) bool { return strings.HasPrefix(k, key+"[") })
	l.origin[key] = place
}

// place is where the value of a key stands. What an entry of a list lacks stands where the
// entry does, and what stands nowhere belongs to the file.
func (l *loader) place(key string) string {
	for {
		if place, ok := l.origin[key]; ok {
			return place
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 || !strings.Contains(key, "[") {
			return l.path
		}
		key = key[:end]
	}
}
