package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// driftOptions are what drift is told beside the configuration.
type driftOptions struct {
	Interval conv.Window // the zero value is all time
	Propose  string      // file for the proposed contract, "" for a diff on stdout
	JSON     bool        // print one object
}

func newDrift(p *process) *cobra.Command {
	var (
		file     string
		interval intervalFlags
		opts     driftOptions
	)
	cmd := &cobra.Command{
		Use:   "drift -c FILE",
		Short: "Tell how rows depart from the contract, and propose a contract that they keep",
		Long: `Tell how rows depart from the contract, and propose a contract that they keep.

It reads the drift events of kafka.topics.events, as far back as the topic keeps them, and
prints one line for each field and kind: in how many rows of how many windows, since which
window, and whether the newest window has it still. For what it has still, it proposes a
change of the contract, and says whether registry.compatibility would let it pass. It
changes nothing.`,
		Example: "  convstream drift -c convstream.yaml\n  convstream drift -c convstream.yaml --from 2024-01-01 --to 2024-02-01 --propose next.avsc",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if interval != (intervalFlags{}) {
				if opts.Interval, err = interval.window(); err != nil {
					return err
				}
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runDrift(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&interval.from, "from", "", "with --to: only windows that have part in the interval; `T` is a date in UTC, or RFC 3339")
	cmd.Flags().StringVar(&interval.to, "to", "", "end of the interval, not included: `T`")
	cmd.Flags().StringVar(&opts.Propose, "propose", "", "write the proposed contract to `FILE`, which must not exist, instead of printing what changes")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	return cmd
}

// driftReport is what drift prints.
type driftReport struct {
	Windows  int            `json:"windows"`            // that have drift
	Newest   *conv.Window   `json:"newest,omitempty"`   // the newest window that was read
	Drift    []*driftEntry  `json:"drift"`              // by kind, then by field
	Proposal *driftProposal `json:"proposal,omitempty"` // nil where nothing is to be changed

	unproposed bool // the proposal failed; the command's error says why
}

// driftProposal is a contract that present rows would keep.
type driftProposal struct {
	Level        string                 `json:"compatibility"` // what registry.compatibility asks
	Incompatible []avro.Incompatibility `json:"incompatible"`  // empty where the change passes

	name          string // of the contract's file
	before, after string // the contract's text
}

func runDrift(ctx context.Context, p *process, cfg config.Config, opts driftOptions) error {
	routes, err := contractsOf(cfg)
	if err != nil {
		return usageError(err)
	}
	drift, err := p.gatherDrift(ctx, cfg, opts.Interval)
	if err != nil {
		return err
	}
	report := drift.report()
	proposed := proposeTo(&report, cfg, routes[0], opts)
	if opts.JSON {
		err = printJSON(p.stdout, report)
	} else {
		err = printDrift(p.stdout, cfg, opts, report)
	}
	return errors.Join(err, proposed)
}

// proposeTo adds the proposal to a report, and writes it where it is to be written. Where that
// fails the report stands all the same.
func proposeTo(report *driftReport, cfg config.Config, primary routeContract, opts driftOptions) error {
	text, err := contractText(cfg, primary.contract)
	if err == nil {
		report.Proposal, err = propose(text, primary, neededSources(cfg.Source.Dialect), report.Drift)
	}
	if report.Proposal != nil {
		report.Proposal.name = cmp.Or(cfg.Contract.File, "contract.avsc") // our own is in no file
	}
	if err == nil && opts.Propose != "" {
		err = writeProposal(opts.Propose, report.Proposal)
	}
	report.unproposed = err != nil
	return err
}

// gatherDrift reads the events of drift, and which windows were read, from Kafka.
func (p *process) gatherDrift(ctx context.Context, cfg config.Config, interval conv.Window) (*driftTally, error) {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	drift := newDriftTally(interval)
	err = r.Records(ctx, cfg.Kafka.Topics.Events, nil, func(rec *kgo.Record) error {
		var e conv.Event
		if json.Unmarshal(rec.Value, &e) == nil && e.Kind == "drift" && e.Pipeline == cfg.Pipeline && e.Org == cfg.Source.Org {
			drift.event(&e)
		}
		return nil // what is no event of ours is another's
	})
	for _, cp := range ledger.Windows {
		drift.checkpoint(&cp)
	}
	return drift, err
}

// contractText is the primary route's contract as a person edits it.
func contractText(cfg config.Config, c *avro.Contract) (string, error) {
	if cfg.Contract.File == "" {
		return indented(c.Schema())
	}
	text, err := os.ReadFile(cfg.Contract.File)
	if err != nil {
		return "", fmt.Errorf("read contract: %w", err) // it names the file
	}
	return string(text), nil
}

func writeProposal(path string, proposal *driftProposal) error {
	if proposal == nil {
		return errors.New("--propose: there is nothing to change in the contract, and no file was written")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usageError(fmt.Errorf("--propose: %s exists; name a file that does not", path))
	}
	if err != nil {
		return fmt.Errorf("write the proposed contract: %w", err) // it names the file
	}
	_, err = io.WriteString(f, proposal.after)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the proposed contract: %w", err)
	}
	return nil
}

func printDrift(out io.Writer, cfg config.Config, opts driftOptions, r driftReport) error {
	if len(r.Drift) == 0 {
		fmt.Fprintf(out, "no drift: %s tells of none\n", cfg.Kafka.Topics.Events)
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tFIELD\tEXPECTED\tFOUND\tROWS\tWINDOWS\tSINCE\tLAST\tSTILL\tPROPOSED")
	for _, e := range r.Drift {
		still := "no"
		if e.Still {
			still = "yes"
		}
		field := e.Field
		if e.Route != "" {
			field += " (route " + e.Route + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\n", e.Kind, field, e.Expected, e.Found, e.Rows, e.Windows,
			conv.FormatInstant(e.First.From), conv.FormatInstant(e.Last.From), still, cmp.Or(e.Change, "-"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	switch {
	case r.unproposed:
		return nil
	case r.Proposal == nil && slices.ContainsFunc(r.Drift, func(e *driftEntry) bool { return strings.Contains(e.Change, deadLetters) }):
		fmt.Fprintln(out, "\nNo change of the contract is proposed.")
		return nil
	case r.Proposal == nil:
		fmt.Fprintln(out, "\nThe contract needs no change.")
		return nil
	case opts.Propose != "":
		fmt.Fprintf(out, "\nThe proposed contract is in %s.\n", opts.Propose)
	default:
		fmt.Fprintf(out, "\n%s", r.Proposal.diff())
	}
	if len(r.Proposal.Incompatible) == 0 {
		fmt.Fprintf(out, "\nIt is compatible with the present contract: %s.\n", r.Proposal.Level)
	} else {
		fmt.Fprintf(out, "\nIt is not compatible with the present contract: %s.\n", r.Proposal.Level)
		for _, i := range r.Proposal.Incompatible {
			fmt.Fprintf(out, "  %s\n", i)
		}
	}
	fmt.Fprintln(out, strings.TrimSpace(`
Mark new fields that hold personal values with "privacy" before you use it. Name the file in
contract.file; convstream schema check then compares it with the registry.`))
	return nil
}
