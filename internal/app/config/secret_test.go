package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"
)

func TestASecretIsPrintedByNothing(t *testing.T) {
	type private struct{ s Secret }
	s := NewSecret("hunter2")
	held := struct {
		S Secret `yaml:"s"`
		P *Secret
		m map[string]Secret
		private
	}{S: s, P: &s, m: map[string]Secret{"a": s}, private: private{s}}

	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%10.3s"} {
		for _, v := range []any{s, &s, held, []Secret{s}, private{s}} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	j, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	logger.Info().Interface("s", s).Any("held", held).Stringer("t", s).Msgf("%v", s)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "held", held)
	printed = append(printed, string(j), string(y), log.String(), fmt.Errorf("%w: %v", fmt.Errorf("x"), s).Error())

	for _, out := range printed {
		for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2")} {
			if strings.Contains(out, leak) {
				t.Errorf("printed %s", out)
			}
		}
	}
	if got := fmt.Sprint(s); got != "***" {
		t.Errorf("a secret prints as %q", got)
	}
	if got := fmt.Sprint(Secret{}); got != "" {
		t.Errorf("no secret prints as %q", got)
	}
}
