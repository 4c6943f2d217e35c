package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

func newRun(p *process) *cobra.Command {
	var (
		file     string
		takeOver bool
	)
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Follow the platform: publish every row soon after it can be had, for ever",
		Long: `Follow the platform: publish every row soon after it can be had, for ever.

New windows follow the newest that the ledger knows. With an empty ledger it begins with the
last whole window.step; backfill publishes what lies before. Windows that may still change, or
that are incomplete, are read again when they settle.

SIGTERM or SIGINT stops it. What was read is committed then, and it exits 0: a stop on request is
no failure. While another instance of the pipeline lives, it waits for that one to end. If it is
fenced itself, by the --take-over of another, it exits 4.`,
		Args: cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runRun(cmd.Context(), p, cfg, takeOver)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "stop a live instance of the same pipeline at once, instead of waiting for its end")
	return cmd
}

func runRun(ctx context.Context, p *process, cfg config.Config, takeOver bool) error {
	// The oldest window that is read is a step that has just ended, or in dialect jobs one that
	// has just settled.
	reach := 2*cfg.Window.Step + cfg.Window.Lag
	if cfg.Source.Dialect == config.DialectJobs {
		reach += cfg.Window.Settle
	}
	oldest := time.Now().Add(-reach).UnixMilli()
	var begun *pipeline.Pipeline
	events := withStart(p.pipelineEvents(), func() []conv.Checkpoint { return begun.Windows() }, p.log)
	err := p.drive(ctx, cfg, oldest, events, func(m *machine) error {
		p.log.Info().Str("pipeline", cfg.Pipeline).Str("run", m.run).Msg("run begins")
		begun = m.pipeline
		return p.follow(ctx, m.pipeline, takeOver)
	})
	if errors.Is(err, errStopped) {
		p.log.Info().Str("cause", context.Cause(ctx).Error()).Msg("run ends; all that was read is committed")
		return nil
	}
	return err
}

// withStart adds one line to the log, when a run has found out what there is to do: behind
// which window of the ledger it goes on, and how many windows are due.
func withStart(events pipeline.Events, known func() []conv.Checkpoint, log zerolog.Logger) pipeline.Events {
	said := false // Claimed and Idle do not come at once
	say := func(due int) {
		if said {
			return
		}
		said = true
		begun := slices.DeleteFunc(known(), func(cp conv.Checkpoint) bool { return cp.State == conv.Planned })
		if len(begun) == 0 {
			log.Info().Int("due", due).Msg("no window was begun yet; the run begins with the oldest that is due")
			return
		}
		newest := slices.MaxFunc(begun, func(a, b conv.Checkpoint) int { return cmp.Compare(a.Window.To, b.Window.To) })
		log.Info().Stringer("behind", newest.Root()).Int("due", due).Msg("the run goes on behind the newest window that was begun")
	}
	claimed, idle := events.Claimed, events.Idle
	events.Claimed = func(windows int) {
		say(windows)
		claimed(windows)
	}
	events.Idle = func(next time.Time) {
		say(0)
		idle(next)
	}
	return events
}

// follower follows the platform until ctx ends.
type follower interface {
	Follow(ctx context.Context, takeOver bool) error
}

const (
	// ownerAsked is how often a run that waits for another looks whether it still lives, and
	// ownerTold how often it says so.
	ownerAsked = 3 * time.Second
	ownerTold  = time.Minute
)

// follow waits for a live owner of the pipeline to end, and follows the platform then.
func (p *process) follow(ctx context.Context, f follower, takeOver bool) error {
	var told time.Time
	for {
		err := f.Follow(ctx, takeOver)
		owned, ok := errors.AsType[*producer.OwnedError](err)
		if !ok || owned.Fenced {
			return err
		}
		if told.IsZero() || time.Since(told) >= ownerTold {
			told = time.Now()
			p.log.Info().Str("owner", owned.Claim.Run).Str("host", owned.Claim.Host.Name).Int("pid", owned.Claim.Host.PID).
				Msg("another instance owns the pipeline; waiting for it to end")
		}
		select {
		case <-time.After(ownerAsked):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
