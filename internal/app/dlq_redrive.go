package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convstream/extractor"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// redriveOptions are what dlq redrive is told beside the configuration.
type redriveOptions struct {
	Choice   letterChoice
	Limit    int64 // most letters, 0 for all
	DryRun   bool  // publish nothing
	JSON     bool  // print one summary object
	TakeOver bool  // fence a live instance of the pipeline
}

func newDLQRedrive(p *process) *cobra.Command {
	var (
		file    string
		letters letterFlags
		opts    redriveOptions
	)
	cmd := &cobra.Command{
		Use:   "redrive -c FILE",
		Short: "Publish dead letters again, under the contracts as they are now",
		Long: `Publish dead letters again, under the contracts as they are now.

A row that keeps its contract by now is published in the window that brought it, and its
record names the letter in header cs-redriven. A row that was published since, or of which
newer content was, is superseded, and one that the filter of its route leaves out now is not
for that topic: nothing is published. All of these are done with for good; the letters stay in
their topic, and a second redrive passes them over. It may be stopped and started again at any time. The platform is not asked for anything.

It exits 3 if a letter stays: because its row still breaks a contract, or because the letter
does not hold the whole row. While another instance of the pipeline lives, it exits 4 and
names it; --dry-run works beside one.`,
		Example: "  convstream dlq redrive -c convstream.yaml --dry-run\n  convstream dlq redrive -c convstream.yaml --reason wrong_type --from 2024-01-01 --to 2024-02-01",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Choice, err = letters.choice(); err != nil {
				return err
			}
			if cmd.Flags().Changed("limit") && opts.Limit < 1 {
				return usageError(fmt.Errorf("--limit %d leaves no letters; give 1 or more", opts.Limit))
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runDLQRedrive(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	letters.add(cmd)
	cmd.Flags().Int64Var(&opts.Limit, "limit", 0, "take `N` letters in hand at the most, the oldest that are chosen (default all)")
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "say what would become of the letters, and publish nothing")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	cmd.Flags().BoolVar(&opts.TakeOver, "take-over", false, "stop a live instance of the same pipeline, and go on in its place")
	return cmd
}

func runDLQRedrive(ctx context.Context, p *process, cfg config.Config, opts redriveOptions) error {
	started := time.Now()
	cfg.Staging = config.Staging{} // no page is read
	source, err := newSource(cfg)
	if err != nil {
		return usageError(err)
	}
	if err := p.checkChoice(ctx, cfg, opts.Choice); err != nil {
		return err
	}
	redrive := pipeline.Redrive{
		Chosen: opts.Choice.has, Limit: opts.Limit, TakeOver: opts.TakeOver,
		Parse: extractor.NewSplitter(source.Envelope(), source.Keys()).Row,
	}
	var found pipeline.Redriven
	if opts.DryRun {
		found, err = p.rehearse(ctx, cfg, redrive)
	} else {
		found, err = p.redrive(ctx, cfg, redrive)
	}
	if err != nil {
		return err
	}
	report := newRedriveReport(found, opts.DryRun, time.Since(started))
	if opts.JSON {
		err = printJSON(p.stdout, report)
	} else {
		err = report.print(p.stdout)
	}
	return errors.Join(err, report.verdict())
}

// checkChoice checks a choice against the ledger as it stands. One that names neither a route
// nor a window needs none.
func (p *process) checkChoice(ctx context.Context, cfg config.Config, c letterChoice) error {
	if c.route == "" && c.window == nil {
		return nil
	}
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	return c.check(cfg, ledger.Windows)
}

// redrive runs a pipeline over the dead letters, from claim to release.
func (p *process) redrive(ctx context.Context, cfg config.Config, o pipeline.Redrive) (found pipeline.Redriven, err error) {
	err = p.drive(ctx, cfg, time.Now().UnixMilli(), p.pipelineEvents(), func(m *machine) (err error) {
		p.log.Info().Str("pipeline", cfg.Pipeline).Str("run", m.run).Msg("redrive begins")
		found, err = m.pipeline.Redrive(ctx, m.kafka, o)
		return err
	})
	if errors.Is(err, errStopped) {
		err = fmt.Errorf("%w; what was redriven so far is committed, and the same command goes on behind it", context.Cause(ctx))
	}
	return found, err
}

// rehearse says what a redrive would do, and neither claims nor registers nor publishes anything.
func (p *process) rehearse(ctx context.Context, cfg config.Config, o pipeline.Redrive) (found pipeline.Redriven, err error) {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return found, err
	}
	defer r.Close()
	routes, err := routingOf(cfg)
	if err != nil {
		return found, usageError(err)
	}
	own, err := ownRules(cfg)
	if err != nil {
		return found, usageError(err)
	}
	kafkaConfig, err := kafkaConfig(cfg)
	if err != nil {
		return found, usageError(err)
	}
	kafkaConfig.Rehearsal = true
	p.warnOfFilters(cfg, routes)
	m := &machine{run: newRunID(time.Now())}
	if m.kafka, err = producer.Open(ctx, kafkaConfig); err != nil {
		return found, err
	}
	defer m.kafka.Close()
	if err := m.openHistory(cfg); err != nil {
		return found, err
	}
	defer m.unlock()
	defer m.history.Close()
	c := pipelineConfig(cfg, "")
	c.Routes, c.Rules = routes.derived(make([]uint32, len(routes.contracts))), own
	rehearsal := pipeline.New(c, nil, routes.contracts[0].contract, m.kafka, m.history, p.pipelineEvents())
	return rehearsal.RehearseRedrive(ctx, ledger.Windows, lettersOf{r, ledger}, o)
}

// lettersOf are the dead letters as a ledger that was read has them.
type lettersOf struct {
	reader *producer.Reader
	ledger *producer.Ledger
}

func (l lettersOf) Letters(ctx context.Context) iter.Seq2[conv.Letter, error] {
	return l.reader.Letters(ctx, l.ledger)
}

// redriveReport is what became of the letters, or would. --json prints it.
type redriveReport struct {
	Letters    int64            `json:"letters"`    // that were chosen
	Before     int64            `json:"before"`     // redriven by an earlier run
	Redriven   int64            `json:"redriven"`   // published
	Superseded int64            `json:"superseded"` // done with, because their rows are there otherwise
	Filtered   int64            `json:"filtered"`   // done with, because the filter of their route leaves them out now
	Invalid    map[string]int64 `json:"invalid"`    // rows that still break a contract, by reason
	Impossible map[string]int64 `json:"impossible"` // letters that do not hold a row to publish, by why not
	DryRun     bool             `json:"dry_run"`
	Seconds    float64          `json:"seconds"`

	left int64
}

func newRedriveReport(r pipeline.Redriven, dry bool, took time.Duration) redriveReport {
	return redriveReport{
		Letters: r.Chosen, Before: r.Before, Redriven: r.Published, Superseded: r.Superseded, Filtered: r.Filtered, Invalid: r.Invalid, Impossible: r.Impossible,
		DryRun: dry, Seconds: took.Seconds(), left: r.Left(),
	}
}

func (r redriveReport) print(w io.Writer) error {
	was, would, stay := "dead letters", "", "stay"
	if r.DryRun {
		was, would, stay = "dead letters, of which nothing was published (--dry-run)", "would be ", "would stay"
	}
	_, err := fmt.Fprintf(w, "%d %s: %d redriven before, %d %sredriven, %d %ssuperseded, %d %sleft out by the filter of their route, %d %s; this run took %s\n",
		r.Letters, was, r.Before, r.Redriven, would, r.Superseded, would, r.Filtered, would, r.left, stay, (time.Duration(r.Seconds * float64(time.Second))).Round(10*time.Millisecond))
	for _, reason := range slices.Sorted(maps.Keys(r.Invalid)) {
		fmt.Fprintf(w, "%d still break their contract: %s\n", r.Invalid[reason], reason)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Impossible)) {
		fmt.Fprintf(w, "%d cannot be redriven: %s\n", r.Impossible[why], why)
	}
	return err
}

// verdict is the error of letters that stay.
func (r redriveReport) verdict() error {
	if r.left == 0 {
		return nil
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(r.Invalid)) {
		parts = append(parts, fmt.Sprintf("%d %s", r.Invalid[reason], reason))
	}
	if n := r.left - sum(r.Invalid); n > 0 {
		parts = append(parts, fmt.Sprintf("%d that do not hold the whole row", n))
	}
	return &exitError{ExitIncomplete, fmt.Errorf("%d dead letters stay (%s); convstream dlq list says what is wrong with each", r.left, strings.Join(parts, ", "))}
}

func sum(counts map[string]int64) (n int64) {
	for _, some := range counts {
		n += some
	}
	return n
}
