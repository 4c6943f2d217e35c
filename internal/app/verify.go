package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/producer"
)

// verifyOptions are what a verification is told beside the configuration.
type verifyOptions struct {
	Interval conv.Window
	JSON     bool // print one summary object
}

func newVerify(p *process) *cobra.Command {
	var (
		file     string
		interval intervalFlags
		opts     verifyOptions
	)
	cmd := &cobra.Command{
		Use:   "verify -c FILE --from T --to T",
		Short: "Compare the topics with the ledger: doubles, gaps, foreign rows",
		Long: `Compare the topics with the ledger: doubles, gaps, foreign rows.

It reads the topics of rows, of derived routes and of dead letters from their start, and changes
nothing. It exits 1 if a topic is not what the ledger says, and 3 if it is, but the interval is not published whole.`,
		Example: "  convstream verify -c convstream.yaml --from 2024-01-01 --to 2024-02-01",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Interval, err = interval.window(); err != nil {
				return err
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runVerify(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	interval.add(cmd)
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	return cmd
}

func runVerify(ctx context.Context, p *process, cfg config.Config, opts verifyOptions) error {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	a := newAudit(cfg, opts.Interval, ledger.Windows)
	if err := eachPartition(ctx, r, cfg.Kafka.Topics.Conversations, a.row, a.endPartition); err != nil {
		return err
	}
	for _, route := range cfg.Routes {
		if !a.begun(route.Name) {
			continue
		}
		derived := a.addRoute(route.Name, route.Topic)
		if err := eachPartition(ctx, r, route.Topic, derived.row, derived.endPartition); err != nil {
			return err
		}
	}
	if err := r.Records(ctx, cfg.Kafka.Topics.DLQ, nil, a.deadLetter); err != nil {
		return err
	}
	if ledger, err = r.Ledger(ctx); err != nil {
		return err
	}
	report := a.report(ledger.Windows)
	if opts.JSON {
		err = printJSON(p.stdout, report)
	} else {
		printAudit(p.stdout, report)
	}
	return errors.Join(err, report.verdict())
}

// eachPartition reads a topic from its start, one partition after the other.
func eachPartition(ctx context.Context, r *producer.Reader, topic string, each func(*kgo.Record) error, end func()) error {
	ends, err := r.Ends(ctx, topic)
	if err != nil {
		return err
	}
	for partition := range ends {
		if err := r.Records(ctx, topic, map[int32]int64{partition: 0}, each); err != nil {
			return err
		}
		end()
	}
	return nil
}

func printAudit(w io.Writer, r auditReport) {
	fmt.Fprintf(w, "%d windows: %d distinct rows, %d missing, %d doubled, %d foreign; %d dead letters, %d waiting; counters balance: %t\n",
		r.Windows, r.Distinct, r.Missing, r.Doubled, r.Foreign, r.DeadLetters, r.waiting, r.Balanced)
	for _, d := range r.Doubles {
		fmt.Fprintf(w, "doubled: conversation %s at %s, partition %d, offsets %d and %d\n",
			d.Conversation, d.Time, d.Partition, d.First, d.Second)
	}
	for _, m := range r.Off {
		fmt.Fprintf(w, "window %s: the ledger counts %d rows and %d dead letters, the topics hold %d and %d\n",
			m.Window, m.Published, m.Invalid, m.Rows, m.DeadLetters)
	}
	for _, route := range r.Routes {
		printRouteAudit(w, route)
	}
}

// verdict is the error of a topic that is not as the ledger says, or of windows that are
// not whole.
func (r auditReport) verdict() error {
	if r.Missing > 0 || r.Doubled > 0 || r.Foreign > 0 || len(r.Off) > 0 || !r.Balanced {
		return &exitError{ExitFailed, fmt.Errorf("the topic is not what the ledger says: %d rows missing, %d doubled, %d foreign; "+
			"%d windows off their count; counters balance: %t", r.Missing, r.Doubled, r.Foreign, len(r.Off), r.Balanced)}
	}
	for _, route := range r.Routes {
		if route.wrong() {
			return &exitError{ExitFailed, fmt.Errorf("topic %s of route %s is not what the ledger says: %d rows missing, %d doubled, %d foreign; "+
				"%d windows off their count", route.Topic, route.Route, route.Missing, route.Doubled, route.Foreign, len(route.Off))}
		}
	}
	if len(r.Incomplete) > 0 {
		return &exitError{ExitIncomplete, fmt.Errorf("not published whole: %s; convstream backfill publishes what is missing", windowList(r.Incomplete))}
	}
	return nil
}
