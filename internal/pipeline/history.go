package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"convstream/dedupe"
	"convstream/internal/conv"
)

// load makes the history ready for rows of an instant: it reads back from Kafka the rows of
// every window that the ledger says may hold rows of that time, unless they are there.
func (p *Pipeline) load(ctx context.Context, ms int64) error {
	if p.history.Missing(ms) == nil {
		return nil
	}
	select {
	case p.loading <- struct{}{}:
		defer func() { <-p.loading }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		missing := p.history.Missing(ms)
		if missing == nil {
			return nil
		}
		for _, s := range missing {
			if err := p.loadSpan(ctx, s); err != nil {
				err = fmt.Errorf("load the history of window %s: %w", s.ID, err)
				if ctx.Err() != nil {
					return err
				}
				return p.failed(err, "history") // an outage is no reason to end the run
			}
		}
	}
}

// newest asks the history what was published last of a key of time ms, after reading back what
// it lacks.
func (p *Pipeline) newest(ctx context.Context, key conv.Key, ms int64) (observation uint32, held bool, err error) {
	for {
		if err := p.load(ctx, ms); err != nil {
			return 0, false, err
		}
		if observation, held, err = p.history.Newest(key, ms); !errors.Is(err, dedupe.ErrNotReady) {
			return observation, held, err
		}
	}
}

func (p *Pipeline) loadSpan(ctx context.Context, s dedupe.Span) error {
	start, rows := time.Now(), 0
	w, err := conv.ParseWindow(s.ID)
	if err != nil {
		return err
	}
	stored := p.kafka.History(ctx, p.ledger.at(w).Ranges)
	if err := p.history.Load(s, entries(stored, &rows)); err != nil {
		return err
	}
	p.events.Loaded(s.ID, rows, time.Since(start))
	return nil
}

func entries(stored iter.Seq2[conv.Stored, error], n *int) iter.Seq2[dedupe.Entry, error] {
	return func(yield func(dedupe.Entry, error) bool) {
		for s, err := range stored {
			*n++
			e := dedupe.Entry{Key: s.Key, Time: s.Time, Fingerprint: s.Fingerprint, Observation: s.Observation, Dead: s.Dead}
			if !yield(e, err) {
				return
			}
		}
	}
}
