package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
)

func newDLQ(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look into the dead letters, and publish them again once their contract is mended",
	}
	cmd.AddCommand(newDLQList(p), newDLQRedrive(p))
	return cmd
}

// letterFlags choose dead letters.
type letterFlags struct {
	reasons  []string
	route    string
	window   string
	interval intervalFlags
}

func (f *letterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.reasons, "reason", nil, "only letters of the `REASON`: "+strings.Join(reasons, ", ")+"; may be given again")
	flags.StringVar(&f.route, "route", "", "only letters of the route `NAME`: conversations, speech, or one of routes (default all)")
	flags.StringVar(&f.window, "window", "", "only letters of windows that lie within `FROM/TO`, such as those of a day")
	flags.StringVar(&f.interval.from, "from", "", "with --to: only letters of windows that have part in the interval; `T` is a date in UTC, or RFC 3339")
	flags.StringVar(&f.interval.to, "to", "", "end of the interval, not included: `T`")
}

// reasons are why rows become dead letters.
var reasons = []string{
	conv.ReasonNotAnObject, conv.ReasonNoKey, conv.ReasonMissing, conv.ReasonType, conv.ReasonJSONSchema, conv.ReasonRoute,
	conv.ReasonTooLarge, conv.ReasonTimestamp,
}

// letterChoice is what the flags choose. Its zero value is every letter.
type letterChoice struct {
	reasons  []string
	route    string
	window   *conv.Window
	interval *conv.Window
}

// choice reads the flags. Its errors are usage errors.
func (f *letterFlags) choice() (c letterChoice, err error) {
	for _, r := range f.reasons {
		if !slices.Contains(reasons, r) {
			return c, usageError(fmt.Errorf("--reason: %q is none; use %s", r, strings.Join(reasons, ", ")))
		}
	}
	c.reasons, c.route = f.reasons, f.route
	if f.window != "" {
		w, err := parseWindow(f.window)
		if err != nil {
			return c, err
		}
		c.window = &w
	}
	if f.interval != (intervalFlags{}) {
		w, err := f.interval.window()
		if err != nil {
			return c, err
		}
		c.interval = &w
	}
	if c.window != nil && c.interval != nil {
		return c, usageError(errors.New("--window takes windows within FROM/TO, and --from and --to those that have part in it; leave one of them out"))
	}
	return c, nil
}

func (c letterChoice) has(l *conv.Letter) bool {
	switch {
	case len(c.reasons) > 0 && !slices.Contains(c.reasons, l.Reason),
		c.route != "" && c.route != routeName(l),
		c.window != nil && !c.window.Covers(l.Window),
		c.interval != nil && !c.interval.Overlaps(l.Window):
		return false
	}
	return true
}

// check refuses a choice that nothing can be of: a route that is neither configured nor in the
// ledger, and windows that the ledger does not know. Its errors are usage errors.
func (c letterChoice) check(cfg config.Config, ledger map[conv.Window]conv.Checkpoint) error {
	names := []string{primaryRoute}
	for _, r := range cfg.Routes {
		names = append(names, r.Name)
	}
	within := c.window == nil
	for w, cp := range ledger {
		within = within || c.window.Covers(w)
		for name := range cp.Routes { // of a route that was taken out, letters remain
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names[1+len(cfg.Routes):])
	if c.route != "" && !slices.Contains(names, c.route) {
		return usageError(fmt.Errorf("--route: there is no route %q; use one of %s", c.route, strings.Join(names, ", ")))
	}
	if !within {
		return usageError(fmt.Errorf("--window: the ledger has no window within %s; convstream checkpoints list prints those that it has", c.window))
	}
	return nil
}

// routeName is the route whose topic a letter's row did not reach.
func routeName(l *conv.Letter) string {
	if l.Route == "" {
		return primaryRoute
	}
	return l.Route
}
