package producer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// redrivenBlock is the ledger's record of the dead letters in a stretch of offsets that dlq
// redrive has done with. It is written in the transaction that publishes their rows, so that a
// redrive which was killed goes on behind them, and a second one finds nothing to do.
type redrivenBlock struct {
	Version   int    `json:"version"`
	Pipeline  string `json:"pipeline"`
	Org       string `json:"org"`
	Run       string `json:"run"` // the process that wrote it
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	First     int64  `json:"first"`   // offset that the first bit stands for
	Letters   int    `json:"letters"` // how many bits are set
	Bits      []byte `json:"bits"`    // bit i of byte j stands for offset first + 8j + i
	Updated   int64  `json:"updated"` // epoch ms
}

// redrivenKeys begins the ledger's record keys of redriven letters. The topic is in it: another
// one that is configured later has other letters at the same offsets.
func (c Config) redrivenKeys() string { return c.id() + "/redriven/" }

func (c Config) redrivenKey(b conv.LetterBlock) string {
	return fmt.Sprintf("%s%s/%d/%d", c.redrivenKeys(), c.Topics.DeadLetters, b.Partition, b.First)
}

// produceRedriven has the ledger know letters that are done with. It returns the blocks that
// change with it.
func (t *transaction) produceRedriven(letters []conv.LetterID) conv.LetterSet {
	p := t.p
	changed := p.ledger.Redriven.With(letters)
	for _, b := range changed.Blocks() {
		one := conv.LetterSet{b: changed[b]}
		t.produce(p.record(p.cfg.Topics.Checkpoints, p.cfg.redrivenKey(b), redrivenBlock{
			Version: ledgerVersion, Pipeline: p.cfg.Pipeline, Org: p.cfg.Org, Run: p.cfg.Run,
			Topic: p.cfg.Topics.DeadLetters, Partition: b.Partition, First: b.First,
			Letters: one.Len(), Bits: one[b], Updated: time.Now().UnixMilli(),
		}))
	}
	return changed
}

// applyRedriven takes a record of the ledger about redriven letters.
func (l *Ledger) applyRedriven(c Config, key string, value []byte) error {
	var b redrivenBlock
	if err := json.Unmarshal(value, &b); err != nil {
		return fmt.Errorf("read ledger record %q: %w", key, err)
	}
	if b.Version > ledgerVersion {
		return fmt.Errorf("read ledger record %q: written by a newer convstream (version %d, this one knows %d)", key, b.Version, ledgerVersion)
	}
	if b.Topic == c.Topics.DeadLetters {
		l.Redriven.Put(conv.LetterSet{{Partition: b.Partition, First: b.First}: b.Bits})
	}
	return nil
}

// originHeaders tell of a redriven row which window brought it, and which dead letter it was.
func (c Config) originHeaders(o *conv.Origin) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: WindowHeader, Value: []byte(c.windowKey(o.Window))},
		{Key: RedrivenHeader, Value: []byte(o.Letter.String())},
	}
}
