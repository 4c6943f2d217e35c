package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
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
