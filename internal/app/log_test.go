package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"convstream/internal/app/config"
	"convstream/internal/conv"
)

func TestTheLogIsJSONWithUTCMillisecondsFromItsLevelOn(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, config.Log{Level: "warn", Format: "json"})
	log.Info().Msg("unheard")
	log.Warn().Str("window", "w").Msg("heard")
	var entry struct{ Level, Message, Window, Time string }
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if entry.Level != "warn" || entry.Message != "heard" || entry.Window != "w" {
		t.Errorf("the log says %s", out.String())
	}
	if _, err := time.Parse(conv.InstantLayout, entry.Time); err != nil {
		t.Errorf("time: %v", err)
	}
}

func TestTheConsoleLogHasNoColoursInAFile(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, config.Log{Level: "info", Format: "console"})
	log.Info().Msg("hello")
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "INF hello") {
		t.Errorf("the log says %q", out.String())
	}
}
