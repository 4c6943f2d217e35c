package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
)

// The exit codes of every command: they are what a scheduler branches on.
const (
	ExitDone       = 0
	ExitFailed     = 1
	ExitUsage      = 2 // the command line or the configuration is wrong; nothing was done
	ExitIncomplete = 3 // finished, but a window is incomplete or off its count
	ExitOwned      = 4 // another live instance owns the pipeline
)

// exitError is an error with the exit code it ends the process with.
type exitError struct {
	code int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// usageError marks a wrong command line or configuration.
func usageError(err error) error { return &exitError{ExitUsage, err} }

// registrationError is the error of contracts that were not registered. Where it is a contract that
// is refused, by us or by the registry, the same command would be refused again: it is the
// configuration that is wrong. A registry that is down, or that knows the user not, may be there
// the next time.
func registrationError(err error) error {
	if _, ok := errors.AsType[*avro.IncompatibleError](err); ok {
		return usageError(err)
	}
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok {
		switch answer.StatusCode {
		case http.StatusConflict, http.StatusUnprocessableEntity:
			return usageError(err)
		}
	}
	return err
}

// exitCode is the exit code of what a command returned. An error that did not pass through
// [action] is cobra's own and speaks of the command line.
func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return ExitUsage
}

// action makes run the body of a command: an error of it that names no exit code is a
// failure, and one that a signal brought about names the signal.
func action(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[*exitError](err); ok {
			return err
		}
		if cause := context.Cause(cmd.Context()); errors.Is(err, context.Canceled) && errors.Is(cause, errInterrupted) {
			err = cause
		}
		return &exitError{ExitFailed, err}
	}
}
