package app

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// defaultLog is the log of commands that read no configuration, and of what comes before it
// is read: meant for a person.
var defaultLog = config.Log{Level: "info", Format: config.FormatConsole}

// newLogger returns the log that cfg asks for. Instants are UTC, in milliseconds.
func newLogger(w io.Writer, cfg config.Log) zerolog.Logger {
	level, err := zerolog.ParseLevel(cfg.Level)
	if err != nil {
		level = zerolog.InfoLevel // config has checked the level
	}
	if cfg.Format == config.FormatConsole {
		w = zerolog.ConsoleWriter{Out: w, NoColor: !isTerminal(w), TimeFormat: conv.InstantLayout}
	}
	return zerolog.New(w).Level(level).Hook(timestamp{})
}

// timestamp stamps every entry. zerolog's own way is a format for the whole process.
type timestamp struct{}

func (timestamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, conv.FormatInstant(time.Now().UnixMilli()))
}

// wholeMS is a duration for the log.
func wholeMS(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
