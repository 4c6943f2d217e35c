package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"convstream/internal/conv"
	"convstream/internal/plan"
)

// recoverFor is how long commits may fail before a run gives up: long enough for a cluster
// to restart, short enough for a person to be called.
const recoverFor = 15 * time.Minute

// keepOn claims the pipeline and works until the work is done, in as many epochs as it takes:
// one that ends with a failed commit is followed by another, from what the ledger then says.
func (p *Pipeline) keepOn(ctx context.Context, takeOver bool, work func(*epoch) error) error {
	windows, err := p.claim(ctx, takeOver)
	if err != nil {
		return err
	}
	p.found = maps.Clone(windows)
	p.finished.Clear()
	p.unread.Clear()
	var failing failures
	for {
		p.adopt(windows)
		began := time.Now()
		err := p.runEpoch(ctx, work)
		if time.Since(began) > recoverFor {
			failing.since = time.Time{} // heartbeats were committed meanwhile: this is another outage
		}
		var lost *commitFailed
		if !errors.As(err, &lost) {
			return err
		}
		if windows, err = p.recover(ctx, &failing, lost); err != nil {
			return err
		}
		for _, cp := range windows {
			p.countRefused(&cp) // of a batch that was committed, though its commit failed
		}
	}
}

// claims is how often a claim is tried whose commit fails.
const claims = 3

// claim makes this run the owner. The claim is a commit too, which the last words of a dead
// owner can spoil; its outcome is unknown then, and the next try finds it out.
func (p *Pipeline) claim(ctx context.Context, takeOver bool) (map[conv.Window]conv.Checkpoint, error) {
	for tries := 1; ; tries++ {
		windows, err := p.kafka.Claim(ctx, takeOver)
		var unsure interface{ Permanent() bool }
		if err == nil || tries == claims || !errors.As(err, &unsure) || unsure.Permanent() {
			return windows, err
		}
		wait := plan.Backoff(tries + 1)
		p.events.Recovering(err, wait)
		if !sleep(ctx, wait) {
			return nil, context.Cause(ctx)
		}
	}
}

// adopt takes the ledger as the truth.
func (p *Pipeline) adopt(windows map[conv.Window]conv.Checkpoint) {
	p.history.Forget()
	p.ledger.replace(windows)
	p.mixed = false
	for _, cp := range windows {
		p.observed.saw(cp.Job.Observation)
		p.mixed = p.mixed || cp.Query != "" && cp.Query != p.cfg.Query
	}
	p.history.Expect(p.ledger.spans())
}

// failures remembers how commits failed since the last one that succeeded, to tell an outage
// from a loop.
type failures struct {
	since     time.Time
	committed uint64
	permanent string // where the last permanent error struck
	tries     int
}

// recover asks the publisher what was committed, until it answers.
func (p *Pipeline) recover(ctx context.Context, f *failures, lost *commitFailed) (map[conv.Window]conv.Checkpoint, error) {
	if lost.committed != f.committed || f.since.IsZero() {
		*f = failures{since: time.Now(), committed: lost.committed}
	}
	if lost.permanent() {
		if lost.at == f.permanent {
			return nil, fmt.Errorf("Kafka refuses the same batch again, so trying on is no use: %w", lost.err)
		}
		f.permanent = lost.at
	}
	for err := lost.err; ; {
		f.tries++
		if time.Since(f.since) > recoverFor {
			return nil, fmt.Errorf("no commit succeeded in %s: %w", recoverFor, err)
		}
		wait := plan.Backoff(f.tries)
		if fenced(err) {
			wait = plan.Backoff(f.tries + 1) // another run may be about to write its claim, which decides
		}
		p.events.Recovering(err, wait)
		if !sleep(ctx, wait) {
			return nil, context.Cause(ctx)
		}
		var windows map[conv.Window]conv.Checkpoint
		if windows, err = p.kafka.Recover(ctx); err == nil {
			return windows, nil
		}
		var final interface{ Final() bool }
		if errors.As(err, &final) && final.Final() || ctx.Err() != nil {
			return nil, err
		}
	}
}

func fenced(err error) bool {
	var f interface{ Fenced() bool }
	return errors.As(err, &f) && f.Fenced()
}

// sleep waits, and says whether it was left in peace.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
