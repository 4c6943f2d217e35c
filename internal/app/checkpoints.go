package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/producer"
)

func newCheckpoints(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoints",
		Short: "Look into the ledger: how far each window is",
	}
	cmd.AddCommand(newCheckpointsList(p), newCheckpointsShow(p), newCheckpointsExport(p))
	return cmd
}

func newCheckpointsList(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "list -c FILE",
		Short: "Print one line for every window in the ledger",
		Args:  cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runCheckpointsList(cmd.Context(), p, cfg)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

func newCheckpointsShow(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "show -c FILE FROM/TO",
		Short:   "Print all that the ledger knows of one window",
		Example: "  convstream checkpoints show -c convstream.yaml 2024-01-01/2024-01-02",
		Args:    cobra.ExactArgs(1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			w, err := parseWindow(args[0])
			if err != nil {
				return err
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runCheckpointsShow(cmd.Context(), p, cfg, w)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

// parseWindow reads FROM/TO. Its errors are usage errors.
func parseWindow(text string) (conv.Window, error) {
	from, to, ok := strings.Cut(text, "/")
	if !ok {
		return conv.Window{}, usageError(fmt.Errorf("%q is no window; write it as FROM/TO, the way checkpoints list prints it", text))
	}
	f := intervalFlags{from, to}
	return f.window()
}

func runCheckpointsList(ctx context.Context, p *process, cfg config.Config) error {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WINDOW\tSTATE\tCHECKPOINT\tFETCHED\tPUBLISHED\tREPEATS\tDEAD\tHELD\tEXPECTED\tUPDATED\tPARENT")
	for _, cp := range inOrder(ledger) {
		c := cp.Counters
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", cp.Window, cp.State, cp.Seq,
			c.Fetched, c.Published, c.Duplicates, c.Invalid, known(cp.Held), known(cp.Expected), conv.FormatInstant(cp.Updated), known(cp.Parent))
	}
	return w.Flush()
}

// known prints what a checkpoint may not have.
func known[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func inOrder(l *producer.Ledger) []conv.Checkpoint {
	list := make([]conv.Checkpoint, 0, len(l.Windows))
	for _, cp := range l.Windows {
		list = append(list, cp)
	}
	slices.SortFunc(list, func(a, b conv.Checkpoint) int {
		return cmp.Or(cmp.Compare(a.Window.From, b.Window.From), cmp.Compare(a.Window.To, b.Window.To))
	})
	return list
}

func runCheckpointsShow(ctx context.Context, p *process, cfg config.Config, w conv.Window) error {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	cp, ok := ledger.Windows[w]
	if !ok {
		return fmt.Errorf("the ledger of %s/%s does not know window %s; checkpoints list prints those it knows", cfg.Pipeline, cfg.Source.Org, w)
	}
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(shownCheckpoint{cp, times(&cp)})
}

// shownCheckpoint is a checkpoint for people: its epoch milliseconds once more as instants.
type shownCheckpoint struct {
	conv.Checkpoint
	Times map[string]string `json:"times"`
}

// times are the instants in a checkpoint, by the names of their members.
func times(cp *conv.Checkpoint) map[string]string {
	at := map[string]*int64{
		"job.submitted": &cp.Job.Submitted, "job.platform_time": &cp.Job.PlatformTime,
		"min_time": cp.MinTime, "max_time": cp.MaxTime, "min_end": cp.MinEnd,
		"stored_min": cp.StoredMin, "stored_max": cp.StoredMax,
		"available": &cp.Available, "updated": &cp.Updated,
	}
	texts := map[string]string{}
	for name, ms := range at {
		if ms != nil && *ms != 0 {
			texts[name] = conv.FormatInstant(*ms)
		}
	}
	return texts
}

func newCheckpointsExport(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export -c FILE",
		Short: "Print the whole ledger, one JSON object a line for each window",
		Args:  cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runCheckpointsExport(cmd.Context(), p, cfg)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

func runCheckpointsExport(ctx context.Context, p *process, cfg config.Config) error {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, cp := range inOrder(ledger) {
		if err := printJSON(p.stdout, cp); err != nil {
			return err
		}
	}
	return nil
}
