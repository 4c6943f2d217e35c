package app

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"convstream/internal/conv"
)

// intervalFlags are --from and --to as they were typed.
type intervalFlags struct{ from, to string }

// add adds both flags to a command, which cannot do without them.
func (f *intervalFlags) add(cmd *cobra.Command) {
	const form = "a date in UTC, or RFC 3339 with Z or an offset"
	cmd.Flags().StringVar(&f.from, "from", "", "start of the interval, included: `T` is "+form)
	cmd.Flags().StringVar(&f.to, "to", "", "end of the interval, not included: `T` is "+form)
	for _, name := range []string{"from", "to"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is added a line above
		}
	}
}

// window reads the flags. Its errors are usage errors.
func (f *intervalFlags) window() (conv.Window, error) {
	from, err := parseInstant("--from", f.from)
	if err != nil {
		return conv.Window{}, err
	}
	to, err := parseInstant("--to", f.to)
	if err != nil {
		return conv.Window{}, err
	}
	if from >= to {
		return conv.Window{}, usageError(fmt.Errorf("--from %s is not before --to %s; give an interval that holds time", f.from, f.to))
	}
	return conv.Window{From: from, To: to}, nil
}

// The instants that windows can hold and Kafka can stamp a record with.
var (
	earliest = time.Unix(0, 0)
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// parseInstant reads a time of the command line into epoch milliseconds. Local time is none:
// the same words would mean another hour on another machine.
func parseInstant(name, text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	switch {
	case err != nil:
		return 0, usageError(fmt.Errorf("%s: %q is no time; write 2024-01-31, 2024-01-31T08:00:00Z or 2024-01-31T09:00:00+01:00", name, text))
	case t.Nanosecond()%int(time.Millisecond) != 0:
		return 0, usageError(fmt.Errorf("%s: %s is finer than a millisecond; give three decimals at most", name, text))
	case t.Before(earliest) || t.After(latest):
		return 0, usageError(fmt.Errorf("%s: %s is out of range; choose 1970-01-01 to 9999-12-31", name, text))
	}
	return t.UnixMilli(), nil
}
