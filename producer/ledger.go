package producer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

const ledgerVersion = 1

// Ledger is the newest word on a pipeline: who owns it, and where each window stands.
type Ledger struct {
	Claim   *Claim // nil where no run ever claimed the pipeline
	Windows map[conv.Window]conv.Checkpoint
	Seq     uint64 // the highest commit so far

	Redriven conv.LetterSet // the dead letters that dlq redrive has done with

	next int64 // offset in the ledger topic up to which it was read
}

func newLedger() *Ledger {
	return &Ledger{Windows: map[conv.Window]conv.Checkpoint{}, Redriven: conv.LetterSet{}}
}

// windowKey is the ledger's record key of a window.
func (c Config) windowKey(w conv.Window) string {
	return c.id() + "/" + w.String()
}

// claimKey is the ledger's record key of the claim.
func (c Config) claimKey() string { return c.id() + "/owner" }

// apply takes one record of the ledger topic. Records of other pipelines are passed over.
func (l *Ledger) apply(c Config, r *kgo.Record) error {
	key := string(r.Key)
	switch {
	case !strings.HasPrefix(key, c.id()+"/"), len(r.Value) == 0:
		return nil
	case key == c.claimKey():
		claim, err := parseClaim(r.Value)
		if err != nil {
			return err
		}
		l.Claim = claim
		l.Seq = max(l.Seq, claim.Seq)
	case strings.HasPrefix(key, c.redrivenKeys()):
		return l.applyRedriven(c, key, r.Value)
	default:
		var cp conv.Checkpoint
		if err := json.Unmarshal(r.Value, &cp); err != nil {
			return fmt.Errorf("read ledger record %q: %w", key, err)
		}
		if cp.Version > ledgerVersion {
			return fmt.Errorf("read ledger record %q: written by a newer convstream (version %d, this one knows %d)",
				key, cp.Version, ledgerVersion)
		}
		l.Windows[cp.Window] = cp
		l.Seq = max(l.Seq, cp.Seq)
	}
	return nil
}

// catchUp reads the ledger topic from where it was read to before end, an offset that a
// read_committed reader can reach.
func (l *Ledger) catchUp(ctx context.Context, c Config, end int64) error {
	part := span{topic: c.Topics.Checkpoints, first: l.next, last: end - 1}
	if part.first > part.last {
		return nil
	}
	err := read(ctx, c, []span{part}, func(r *kgo.Record) error { return l.apply(c, r) })
	if err != nil {
		return fmt.Errorf("read ledger %s: %w", c.Topics.Checkpoints, err)
	}
	l.next = end
	return nil
}
