package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// prefix starts the variables that are configuration.
const prefix = "CONVSTREAM_"

// Variables that start like configuration and are none: those of the test suites, and those
// that Kubernetes gives every container beside a Service called convstream.
var reserved = regexp.MustCompile(`^CONVSTREAM_(TEST_.*|KAFKA_LIBS|REQUIRE_REAL|` +
	`SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// variable is the environment variable of a key: CONVSTREAM_SOURCE_CLIENT_ID for
// source.client_id. Keys hold underscores themselves, so there is no way back but a search.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// fromEnvironment returns the values that CONVSTREAM_… variables give. They are taken as
// they are, without expansion.
func (l *loader) fromEnvironment() map[string]any {
	values, strangers := map[string]any{}, map[string]bool{}
	for name := range l.env {
		if strings.HasPrefix(name, prefix) && !reserved.MatchString(name) {
			strangers[name] = true
		}
	}
	for _, key := range known.values() {
		name := variable(key)
		if value, ok := l.env[name]; ok {
			values[key] = value
			l.stands(key, name)
			delete(strangers, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(strangers)) {
		l.problems = append(l.problems, strangerError(name))
	}
	return values
}

func strangerError(name string) error {
	best := ""
	for _, key := range known.values() {
		if best == "" || levenshtein.ComputeDistance(name, variable(key)) < levenshtein.ComputeDistance(name, best) {
			best = variable(key)
		}
	}
	return fmt.Errorf("environment variable %s: belongs to no key; unset it, or did you mean %s?", name, best)
}

// reference is ${NAME}, a lone ${, or $${, which stands for ${ itself.
var reference = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*\})?`)

// expand replaces ${NAME} in text, and in the texts that a list holds, by the environment's
// NAME.
func expand(v any, env map[string]string) (any, error) {
	switch v := v.(type) {
	case string:
		return expandText(v, env)
	case []any:
		expanded := make([]any, len(v))
		for i := range v {
			var err error
			if expanded[i], err = expand(v[i], env); err != nil {
				return nil, err
			}
		}
		return expanded, nil
	case map[string]any:
		expanded := make(map[string]any, len(v))
		for k := range v {
			var err error
			if expanded[k], err = expand(v[k], env); err != nil {
				return nil, err
			}
		}
		return expanded, nil
	}
	return v, nil
}

func expandText(s string, env map[string]string) (string, error) {
	var failure error
	s = reference.ReplaceAllStringFunc(s, func(ref string) string {
		if rest, escaped := strings.CutPrefix(ref, "$$"); escaped {
			return "$" + rest
		}
		name, closed := strings.CutSuffix(ref[len("${"):], "}")
		value, set := env[name]
		switch {
		case !closed:
			failure = errors.New("${ is followed by no variable name and }; write $${ for a plain ${")
		case !set:
			failure = fmt.Errorf("environment variable %s is not set; set it, or write the value here", name)
		}
		return value
	})
	return s, failure
}
