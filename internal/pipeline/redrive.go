package pipeline

import (
	"context"
	"errors"
	"iter"

	"convstream/internal/conv"
)

// Letters reads dead letters back.
type Letters interface {
	// Letters hands over the pipeline's dead letters up to where their topic ends now, those of a
	// partition in the order in which they were written. Which are redriven is known as of the call.
	Letters(ctx context.Context) iter.Seq2[conv.Letter, error]
}

// Redrive says which dead letters are published again, and how.
type Redrive struct {
	// Chosen says whether a letter is to be published again; nil chooses all.
	Chosen func(*conv.Letter) bool
	Limit  int64 // most letters that are taken in hand, 0 for all that are chosen
	// Parse reads the bytes of a row as they would have been read in a page.
	Parse    func(text []byte) (conv.Row, error)
	TakeOver bool // fence a live instance of the pipeline
}

// Redriven is what became of the chosen dead letters.
type Redriven struct {
	Chosen     int64            // all of them
	Before     int64            // were redriven by an earlier run
	Published  int64            // their rows keep the contract now, and were published
	Superseded int64            // their rows, or newer contents of them, are there otherwise
	Filtered   int64            // the filter of their route leaves their rows out now
	Invalid    map[string]int64 // still dead letters, by reason
	Impossible map[string]int64 // letters that do not hold a row to publish, by why not
}

// Left is how many of the letters still wait for somebody.
func (r *Redriven) Left() (n int64) {
	for _, m := range []map[string]int64{r.Invalid, r.Impossible} {
		for _, some := range m {
			n += some
		}
	}
	return n
}

// Redrive publishes dead letters again, under the present contracts and rules, in the window
// that brought them. Which letters are done with is committed with their rows, so a letter is
// published once, however often and by whomever it is redriven. A row that was published since,
// or of which a later job brought other content, is not published.
func (p *Pipeline) Redrive(ctx context.Context, letters Letters, o Redrive) (Redriven, error) {
	run := redriving{Redrive: o, done: [outcomes]conv.LetterSet{{}, {}, {}}}
	err := p.keepOn(ctx, o.TakeOver, func(e *epoch) error {
		e.events.Claimed(len(e.ledger.all()))
		return e.redrive(&run, letters)
	})
	return run.sum, err
}

// RehearseRedrive says what Redrive would do as the ledger stands. It claims and publishes
// nothing. What it keeps in memory grows with the letters: 64 bytes for each.
func (p *Pipeline) RehearseRedrive(ctx context.Context, ledger map[conv.Window]conv.Checkpoint, letters Letters, o Redrive) (Redriven, error) {
	run := redriving{Redrive: o, rehearsal: true}
	p.adopt(ledger)
	defer p.history.Forget()
	e := &epoch{Pipeline: p, intake: ctx, ctx: ctx}
	err := e.redrive(&run, letters)
	return run.sum, err
}

// redriving is one call of Redrive, over all its epochs. The sets of done remember what became of
// letters whose commit may have been reported as failed.
type redriving struct {
	Redrive
	rehearsal bool
	sum       Redriven // of the present epoch, which goes through the letters from the first
	done      [outcomes]conv.LetterSet
}

// outcome is what became of a letter that is done with.
type outcome uint8

const (
	published outcome = iota
	superseded
	filtered
	outcomes
)

// count is where an outcome is counted.
func (r *Redriven) count(o outcome) *int64 {
	switch o {
	case published:
		return &r.Published
	case superseded:
		return &r.Superseded
	default:
		return &r.Filtered
	}
}

// redrive takes the letters in hand, from the first to the last.
func (e *epoch) redrive(run *redriving, letters Letters) error {
	run.sum = Redriven{Invalid: map[string]int64{}, Impossible: map[string]int64{}}
	r := e.redriver(run)
	defer r.age.Stop()
	err := r.takeLetters(letters.Letters(e.ctx))
	if flushed := r.flushLetters(); err == nil {
		err = flushed
	}
	if errors.Is(err, errEpochOver) || errors.Is(context.Cause(e.ctx), errEpochOver) {
		return nil // the committer knows why
	}
	return err
}

func (r *redriver) takeLetters(letters iter.Seq2[conv.Letter, error]) error {
	sum, run := &r.run.sum, r.run
	for l, err := range letters {
		switch {
		case err != nil && r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		case err != nil:
			return r.failed(err, "dead letters") // an outage is no reason to end the run
		case run.Chosen != nil && !run.Chosen(&l):
			continue
		}
		sum.Chosen++
		if err := r.takeInHand(&l); err != nil {
			return err
		}
		if r.full() {
			if err := r.flushLetters(); err != nil {
				return err
			}
		}
		if run.Limit > 0 && sum.Chosen-sum.Before == run.Limit {
			return nil
		}
	}
	return nil
}

// takeInHand decides what becomes of a letter.
func (r *redriver) takeInHand(l *conv.Letter) error {
	sum := &r.run.sum
	if l.Redriven {
		for o := range outcomes {
			if r.run.done[o].Has(l.ID) {
				*sum.count(o)++
				return nil
			}
		}
		sum.Before++
		return nil
	}
	row, impossible := r.rowOf(l)
	if impossible != "" {
		sum.Impossible[impossible]++
		return nil
	}
	became, reject, err := r.decide(l, &row)
	switch {
	case err != nil:
		return err
	case reject != nil:
		sum.Invalid[reject.Reason]++
		return nil
	}
	*sum.count(became)++
	r.done[became] = append(r.done[became], l.ID)
	r.batch.Redriven = append(r.batch.Redriven, l.ID)
	return nil
}
