package producer

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// Commit publishes a batch and its checkpoint in one transaction. On success the batch's
// checkpoint holds its Seq, Run and Ranges. Any error is a *CommitError and leaves the
// outcome unknown: call Recover, which returns what the ledger says.
//
// A commit is never cancelled: ctx gives its values only, and the commit has a deadline of
// its own, shorter than the broker's.
func (p *Producer) Commit(ctx context.Context, b *conv.Batch) error {
	if p.tx == nil {
		return &CommitError{Step: "begin", Err: errNotClaimed}
	}
	t := p.begin(ctx)
	defer t.close()
	t.produceRows(b)
	t.flush()

	stored := t.stored()
	checkpoints := p.nextCheckpoints(b, stored)
	for _, cp := range checkpoints {
		t.produce(p.record(p.cfg.Topics.Checkpoints, p.cfg.windowKey(cp.Window), cp))
		t.produce(p.checkpointEvent(cp, stored))
	}
	redriven := t.produceRedriven(b.Redriven)
	if time.Since(p.beat) >= heartbeatEvery {
		t.produce(p.claimRecord(false))
	}
	t.flush()
	t.end()
	if t.err != nil {
		p.drop()
		return t.err
	}
	b.Checkpoint, b.Others = checkpoints[0], checkpoints[1:]
	for _, cp := range checkpoints {
		p.ledger.Seq = cp.Seq
		p.ledger.Windows[cp.Window] = cp
	}
	p.ledger.Redriven.Put(redriven)
	return nil
}

// Heartbeat renews the claim when it is due, so that no other run takes this one for dead
// while it waits for the platform. Errors are those of Commit.
func (p *Producer) Heartbeat(ctx context.Context) error {
	if p.tx == nil {
		return &CommitError{Step: "begin", Err: errNotClaimed}
	}
	if time.Since(p.beat) < heartbeatEvery {
		return nil
	}
	_, err := p.writeClaim(ctx, false)
	return err
}

// writeClaim commits the claim alone and returns its offset in the ledger.
func (p *Producer) writeClaim(ctx context.Context, released bool) (offset int64, err error) {
	t := p.begin(ctx)
	defer t.close()
	t.produce(p.claimRecord(released))
	t.flush()
	t.end()
	if t.err != nil {
		p.drop()
		return 0, t.err
	}
	return t.offsets[partition{p.cfg.Topics.Checkpoints, 0}].last, nil
}

// nextCheckpoints completes the checkpoints of a batch with what only the commit knows. Each is
// given a number of its own.
func (p *Producer) nextCheckpoints(b *conv.Batch, stored []conv.Range) []conv.Checkpoint {
	next := make([]conv.Checkpoint, 0, 1+len(b.Others))
	for _, cp := range append([]conv.Checkpoint{b.Checkpoint}, b.Others...) {
		attempt := cp.Attempt
		if b.Redriven != nil {
			attempt = conv.Redriving // far behind what the attempt has written
		}
		cp = cp.Clone()
		cp.Version = ledgerVersion
		cp.Pipeline, cp.Org, cp.Run = p.cfg.Pipeline, p.cfg.Org, p.cfg.Run
		cp.Seq = p.ledger.Seq + 1 + uint64(len(next))
		cp.Updated = time.Now().UnixMilli()
		cp.Ranges = slices.Clone(p.ledger.Windows[cp.Window].Ranges)
		for _, r := range stored {
			r.Attempt = attempt
			cp.Ranges = widen(cp.Ranges, r)
		}
		next = append(next, cp)
	}
	return next
}

// widen adds a range to those of a window: it lengthens the one of the same attempt, and
// never touches those of earlier attempts.
func widen(ranges []conv.Range, r conv.Range) []conv.Range {
	for i := range ranges {
		have := &ranges[i]
		if have.Topic == r.Topic && have.Partition == r.Partition && have.Attempt == r.Attempt {
			have.First = min(have.First, r.First)
			have.Last = max(have.Last, r.Last)
			return ranges
		}
	}
	ranges = append(ranges, r)
	slices.SortFunc(ranges, compareRanges)
	return ranges
}

// record is a JSON record of now.
func (p *Producer) record(topic, key string, value any) *kgo.Record {
	data, err := json.Marshal(value)
	if err != nil {
		panic("marshal " + topic + " record: " + err.Error()) // our own types: cannot fail
	}
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: data, Timestamp: time.Now()}
}

func (p *Producer) claimRecord(released bool) *kgo.Record {
	p.beat = time.Now()
	return p.record(p.cfg.Topics.Checkpoints, p.cfg.claimKey(), Claim{
		Version:   ledgerVersion,
		Pipeline:  p.cfg.Pipeline,
		Org:       p.cfg.Org,
		Run:       p.cfg.Run,
		Seq:       p.ledger.Seq,
		Host:      p.host,
		Started:   p.started.UnixMilli(),
		Heartbeat: p.beat.UnixMilli(),
		Released:  released,
		Cluster:   p.cluster.id,
		Topics:    p.cluster.topics,
	})
}

// checkpointEvent tells the events topic of a commit: its seq is the checkpoint id that
// replay and rewind go back to.
func (p *Producer) checkpointEvent(cp conv.Checkpoint, stored []conv.Range) *kgo.Record {
	return p.eventRecord(conv.Event{
		Kind:   "checkpoint",
		Window: &cp.Window,
		Detail: map[string]any{
			"id": cp.Seq, "run": cp.Run, "state": cp.State, "job": cp.Job.ID, "position": cp.Position,
			"counters": cp.Counters, "written": stored,
		},
	})
}

func (p *Producer) eventRecord(e conv.Event) *kgo.Record {
	e.Pipeline, e.Org = p.cfg.Pipeline, p.cfg.Org
	if e.Time == 0 {
		e.Time = time.Now().UnixMilli()
	}
	return p.record(p.cfg.Topics.Events, p.cfg.id(), e)
}
