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
	)
	cmd := &cobra.Command{
		Use:   "backfill -c FILE --from T --to T",
		Short: "Publish every row of an interval that is not published yet",
		Args:  cobra.NoArgs,
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
			return runBackfill(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	interval.add(cmd)
	cmd.Flags().StringVar(&step, "step", "", "what one job covers, such as 6h: `D` wins over window.step")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	cmd.Flags().BoolVar(&opts.TakeOver, "take-over", false, "fence a live instance of the same pipeline")
	return cmd
}

func runBackfill(ctx context.Context, p *process, cfg config.Config, opts backfillOptions) error {
	started := time.Now()
	summary, err := p.backfill(ctx, cfg, opts.Interval, opts.TakeOver, p.pipelineEvents())
	if err != nil {
		return err
	}
	if opts.JSON {
		if err := printJSON(p.stdout, newSummary(summary, time.Since(started))); err != nil {
			return err
		}
	} else {
		printSummary(p.stdout, summary, time.Since(started))
	}
	return unfinished(summary)
}

// backfill runs a pipeline over the interval, from claim to release.
func (p *process) backfill(ctx context.Context, cfg config.Config, interval conv.Window, takeOver bool, events pipeline.Events) (pipeline.Summary, error) {
	limitMemory(cfg)
	m, err := p.assemble(ctx, cfg, interval.From, events)
	if err != nil {
		return pipeline.Summary{}, err
	}
	stop := startStatus(ctx, cfg.Status.Listen, func() statusReport { return p.report(cfg, m) }, p.log)
	defer stop()
	p.log.Info().Str("pipeline", cfg.Pipeline).Str("run", m.run).Stringer("interval", interval).Msg("backfill begins")
	summary, err := m.pipeline.Backfill(ctx, interval, takeOver)
	interrupted := errors.Is(err, errInterrupted)
	if closing := m.close(ctx, err == nil || interrupted); closing != nil {
		p.log.Warn().Err(closing).Msg("closing")
	}
	var owned *producer.OwnedError
	switch {
	case errors.As(err, &owned):
		return summary, &exitError{ExitOwned, err}
	case interrupted:
		return summary, fmt.Errorf("%w; all that was read is committed, and the same command goes on behind it", err)
	}
	return summary, err
}

func (p *process) report(cfg config.Config, m *machine) statusReport {
	r := statusReport{Version: version(), Pipeline: cfg.Pipeline, Run: m.run}
	for _, cp := range m.pipeline.Windows() {
		r.Windows = append(r.Windows, windowStatus{Window: cp.Window, State: cp.State, Counters: cp.Counters})
	}
	return r
}
