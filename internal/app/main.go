package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
)

// errInterrupted is the cause of a context that a signal has ended.
var errInterrupted = errors.New("interrupted")

// process is what a command has of the world outside.
type process struct {
	environ []string // as os.Environ gives it
	stdout  io.Writer
	stderr  io.Writer
	log     zerolog.Logger
	metrics *metrics
}

// Main runs the command that args (without the program's name) ask for, and returns the exit
// code, one of the Exit constants. The first SIGINT or SIGTERM ends the command in an
// orderly way, the second ends the process at once.
func Main(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(context.Background())
	defer stop()
	p := &process{environ: environ, stdout: stdout, stderr: stderr, log: newLogger(stderr, defaultLog), metrics: newMetrics()}
	root := newRoot(p)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		printError(stderr, err)
	}
	return exitCode(err)
}

// printError writes one line for the error, or one for each that it joins.
func printError(w io.Writer, err error) {
	for _, sentence := range sentences(err) {
		fmt.Fprintf(w, "convstream: %s\n", sentence)
	}
}

// sentences takes apart what errors.Join has put together. What is one error stays on one
// line, even if it quotes another program's answer, which may have several.
func sentences(err error) []string {
	var joined interface {
		error
		Unwrap() []error
	}
	if errors.As(err, &joined) && errors.Join(joined.Unwrap()...).Error() == err.Error() {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, sentences(e)...)
		}
		return all
	}
	return []string{oneLine(err)}
}

// oneLine is an error's text without its line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// withSignals returns a context that the first SIGINT or SIGTERM cancels, with a cause that
// is errInterrupted and names the signal. The second ends the process.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			cancel(fmt.Errorf("%w by signal: %s", errInterrupted, s))
			<-signals
			os.Exit(ExitFailed)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
