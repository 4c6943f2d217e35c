package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// backfillOptions are what a backfill is told beside the configuration.
type backfillOptions struct {
	Interval conv.Window
	JSON     bool // print one summary object
	TakeOver bool // fence a live instance of the pipeline
}

func newBackfill(p *process) *cobra.Command {
	var (
		file, step string
		interval   intervalFlags
		opts       backfillOptions
		staged     bool
	)
	cmd := &cobra.Command{
		Use:   "backfill -c FILE --from T --to T",
		Short: "Publish every row of an interval that is not published yet",
		Long: `Publish every row of an interval that is not published yet.

It may be stopped and started again at any time: what the ledger calls settled is left
alone, and everything else goes on where it stood. The figures are the interval's, over all
runs. While another instance of the pipeline lives, it exits 4 and names it.

With --from-staging every window is read again, however it stands, from the pages that
staging.url keeps; the platform is not asked. Rows that are there already are repeats.`,
		Example: "  convstream backfill -c convstream.yaml --from 2024-01-01 --to 2024-02-01",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Interval, err = interval.window(); err != nil {
				return err
			}
			overlay := map[string]any{}
			if cmd.Flags().Changed("step") {
				overlay["window.step"] = step
			}
			cfg, err := p.configure(file, overlay)
			if err != nil {
				return err
			}
			if staged && cfg.Staging.URL == "" {
				return usageError(errors.New("--from-staging needs staging.url, the storage that keeps the pages"))
			}
			cfg.Staging.Read = staged
			return runBackfill(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	interval.add(cmd)
	cmd.Flags().StringVar(&step, "step", "", "cut the interval into jobs of `D`, such as 6h; wins over window.step")
	cmd.Flags().BoolVar(&staged, "from-staging", false, "read the pages that staging.url keeps, and not the platform")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	cmd.Flags().BoolVar(&opts.TakeOver, "take-over", false, "stop a live instance of the same pipeline, and go on in its place")
	return cmd
}

func runBackfill(ctx context.Context, p *process, cfg config.Config, opts backfillOptions) error {
	started := time.Now()
	events := p.pipelineEvents()
	if cfg.Staging.Read {
		events.Submitted = nil // the log says from which job the window is read
	}
	summary, err := p.backfill(ctx, cfg, opts.Interval, opts.TakeOver, events)
	if err != nil {
		return err
	}
	if opts.JSON {
		if err := printJSON(p.stdout, newSummary(summary, time.Since(started))); err != nil {
			return err
		}
	} else {
		if cfg.Staging.Read {
			fmt.Fprintln(p.stdout, "read from staging: the platform was not asked for its count")
			summary.Unasked = 0
		}
		printSummary(p.stdout, summary, cfg.Kafka.Topics.DLQ, time.Since(started))
	}
	return unfinished(summary)
}

// backfill runs a pipeline over the interval, from claim to release.
func (p *process) backfill(ctx context.Context, cfg config.Config, interval conv.Window, takeOver bool, events pipeline.Events) (pipeline.Summary, error) {
	var summary pipeline.Summary
	err := p.drive(ctx, cfg, interval.From, events, func(m *machine) (err error) {
		p.log.Info().Str("pipeline", cfg.Pipeline).Str("run", m.run).Stringer("interval", interval).Msg("backfill begins")
		summary, err = m.pipeline.Backfill(ctx, interval, takeOver)
		return err
	})
	if errors.Is(err, errStopped) {
		err = fmt.Errorf("%w; all that was read is committed, and the same command goes on behind it", context.Cause(ctx))
	}
	return summary, err
}

// errStopped says that a signal ended a run, and that all it had read is committed.
var errStopped = errors.New("stopped by a signal")

// drive assembles the parts, has the pipeline work, and puts everything away. oldest is the
// start of the oldest window in epoch ms. After a signal it returns errStopped, or an error
// that says that commits were failing.
func (p *process) drive(ctx context.Context, cfg config.Config, oldest int64, events pipeline.Events, work func(*machine) error) error {
	limitMemory(cfg)
	var doubt error
	events, stopPulse := withPulse(noteDoubt(events, &doubt), p.log)
	defer stopPulse()
	m, err := p.assemble(ctx, cfg, oldest, events)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		return errStopped // and not whoever was being asked when the signal came
	}
	if err != nil {
		return err
	}
	for _, route := range cfg.Routes {
		p.metrics.expect(route.Name)
	}
	stop := startStatus(ctx, cfg.Status.Listen, func() statusReport { return p.report(cfg, m) }, p.metrics.handler(), p.log)
	defer stop()
	err = work(m)
	cause := context.Cause(ctx)
	interrupted := errors.Is(cause, errInterrupted) && (errors.Is(err, cause) || errors.Is(err, context.Canceled))
	if closing := m.close(ctx, err == nil || interrupted && doubt == nil); closing != nil {
		p.log.Warn().Err(closing).Msg("closing")
	}
	var owned *producer.OwnedError
	switch {
	case errors.As(err, &owned):
		return &exitError{ExitOwned, err}
	case interrupted && doubt != nil:
		return fmt.Errorf("%w while commits failed (%w); the same command reads again what is not committed", cause, doubt)
	case interrupted:
		return errStopped
	}
	return err
}

// noteDoubt keeps in doubt the error of a commit for as long as nobody knows what became of
// it. The events it watches come from the goroutine that runs the pipeline.
func noteDoubt(events pipeline.Events, doubt *error) pipeline.Events {
	recovering, claimed := events.Recovering, events.Claimed
	events.Recovering = func(err error, wait time.Duration) {
		*doubt = err
		recovering(err, wait)
	}
	events.Claimed = func(windows int) {
		*doubt = nil
		claimed(windows)
	}
	return events
}

func (p *process) report(cfg config.Config, m *machine) statusReport {
	r := statusReport{Version: version(), Pipeline: cfg.Pipeline, Run: m.run, Events: p.metrics.counts()}
	for _, cp := range m.pipeline.Windows() {
		r.Windows = append(r.Windows, windowStatus{Window: cp.Window, State: cp.State, Counters: cp.Counters, Routes: cp.Routes})
	}
	return r
}
