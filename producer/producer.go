package producer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// Producer publishes batches of one pipeline, exactly once. It is not safe for concurrent
// use, but for Limits, Identity, History and Routed.
type Producer struct {
	cfg     Config
	host    Host
	started time.Time

	plain   *kgo.Client // metadata and admin requests
	adm     *kadm.Client
	cluster cluster

	tx     *kgo.Client // nil until claimed, and after any error
	own    int64       // offset of our claim in the ledger, -1 before there is one
	ledger *Ledger
	beat   time.Time // when the claim was last written
}

// Open connects to Kafka and looks at its topics. It neither fences nor writes; that is
// what Claim does.
func Open(ctx context.Context, cfg Config) (*Producer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	plain, err := kgo.NewClient(cfg.options(kgo.RequestRetries(3))...)
	if err != nil {
		return nil, fmt.Errorf("set up Kafka client: %w", err)
	}
	p := &Producer{cfg: cfg, host: thisHost(), started: time.Now(), plain: plain, adm: kadm.NewClient(plain), ledger: newLedger(), own: -1}
	if p.cluster, err = survey(ctx, p.adm, cfg); err != nil {
		plain.Close()
		return nil, err
	}
	return p, nil
}

// CheckRetention refuses a row topic that would soon delete rows as old as oldest (epoch ms).
func (p *Producer) CheckRetention(ctx context.Context, oldest int64) error {
	return checkRetention(ctx, p.adm, p.cfg, oldest, time.Now())
}

// Identity names the cluster and the topics that history is made of. What was remembered
// under another identity is worth nothing.
func (p *Producer) Identity() string {
	t := p.cluster.topics
	return strings.Join([]string{
		p.cluster.id, p.cfg.Org, t[p.cfg.Topics.Rows], t[p.cfg.Topics.DeadLetters], t[p.cfg.Topics.Checkpoints],
	}, "/")
}

// Limits says which records the topic of a route takes; "" is the primary.
func (p *Producer) Limits(route string) conv.Limits {
	if l, ok := p.cluster.routes[route]; ok {
		return l
	}
	return p.cluster.limits
}

// Claim makes this run the owner of the pipeline and returns the ledger's windows. While
// another run lives it returns an OwnedError, unless takeOver says to fence it.
func (p *Producer) Claim(ctx context.Context, takeOver bool) (map[conv.Window]conv.Checkpoint, error) {
	return p.acquire(ctx, func(c *Claim) error {
		if takeOver {
			return nil
		}
		return c.heldAgainst(p.cfg.Run, time.Now())
	})
}

// Recover finds out, after an error of Commit or Heartbeat, what was committed, and makes
// the producer usable again. It returns an OwnedError when another run has claimed the
// pipeline: fencing it back would never end.
func (p *Producer) Recover(ctx context.Context) (map[conv.Window]conv.Checkpoint, error) {
	return p.acquire(ctx, func(c *Claim) error { return c.lost(p.cfg.Run, time.Now()) })
}

// acquire is the one way to become the owner, at the start and after every error. admit
// judges the newest claim, which is read twice: before fencing, so that a living owner is
// not disturbed, and after it, because another run may have claimed in between.
func (p *Producer) acquire(ctx context.Context, admit func(*Claim) error) (map[conv.Window]conv.Checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	p.drop()
	ledger := newLedger()
	before, err := p.newestClaim(ctx, ledger)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.cluster.check(before), admit(before)); err != nil {
		return nil, err
	}
	if before == nil {
		if err := p.refuseLostLedger(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := kgo.NewClient(p.cfg.options(p.transactional()...)...)
	if err != nil {
		return nil, fmt.Errorf("set up transactional client: %w", err)
	}
	p.tx, p.ledger = tx, ledger
	if err := p.fence(ctx, before, admit); err != nil {
		p.drop()
		return nil, err
	}
	return maps.Clone(ledger.Windows), nil
}

// fence shuts out every other holder of the transactional id, writes our claim and reads
// the ledger up to it.
func (p *Producer) fence(ctx context.Context, before *Claim, admit func(*Claim) error) error {
	if transactional {
		stop := context.AfterFunc(ctx, p.tx.Close)
		_, _, err := p.tx.ProducerID(ctx)
		stop()
		if err != nil {
			return fmt.Errorf("fence other writers of %s: %w", p.cfg.id(), err)
		}
	}
	if err := awaitStable(ctx, p.adm, p.cfg.Topics.Checkpoints); err != nil {
		return err
	}
	after, err := p.newestClaim(ctx, p.ledger)
	if err != nil {
		return err
	}
	if after != nil && (before == nil || after.Run != before.Run || after.Heartbeat != before.Heartbeat) {
		if err := admit(after); err != nil {
			return err
		}
	}
	offset, err := p.writeClaim(ctx, false)
	if err != nil {
		return fmt.Errorf("claim pipeline %s: %w", p.cfg.id(), err)
	}
	p.own = offset
	if err := p.ledger.catchUp(ctx, p.cfg, offset+1); err != nil {
		return err
	}
	if c := p.ledger.Claim; c == nil || c.Run != p.cfg.Run || c.Heartbeat != p.beat.UnixMilli() {
		return fmt.Errorf("claim pipeline %s: %w", p.cfg.id(), errClaimMissing)
	}
	return nil
}

// errClaimMissing says that a claim which was reported as committed cannot be read. Whoever
// worked on it would be an owner that no other run sees.
var errClaimMissing = errors.New("the claim was committed, and is not in the ledger")

// refuseLostLedger returns an error if the ledger knows nothing of a pipeline whose commits
// the events topic remembers: the ledger topic was deleted, and "nothing published yet" would
// publish every row again.
func (p *Producer) refuseLostLedger(ctx context.Context) error {
	start, end, err := bounds(ctx, p.adm, p.cfg.Topics.Events)
	if err != nil {
		return err
	}
	var spans []span
	for partition, last := range end {
		if s := (span{p.cfg.Topics.Events, partition, start[partition], last - 1}); s.first <= s.last {
			spans = append(spans, s)
		}
	}
	return read(ctx, p.cfg, spans, func(r *kgo.Record) error {
		if string(r.Key) == p.cfg.id() {
			return &MismatchError{What: p.cfg.Topics.Checkpoints, Known: "one that knew pipeline " + p.cfg.id(), Found: "one that does not"}
		}
		return nil
	})
}

// newestClaim reads the ledger to its last stable offset. Before fencing that may hide the
// newest heartbeats behind another pipeline's open transaction; behind awaitStable it does not.
func (p *Producer) newestClaim(ctx context.Context, l *Ledger) (*Claim, error) {
	start, end, err := bounds(ctx, p.adm, p.cfg.Topics.Checkpoints)
	if err != nil {
		return nil, err
	}
	if end[0] <= p.own {
		return nil, fmt.Errorf("read ledger %s: it ends at offset %d, before our own claim at %d", p.cfg.Topics.Checkpoints, end[0], p.own)
	}
	l.next = max(l.next, start[0])
	if err := l.catchUp(ctx, p.cfg, end[0]); err != nil {
		return nil, err
	}
	return l.Claim, nil
}

// transactional are the options of the client that writes.
func (p *Producer) transactional() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ProducerBatchCompression(p.cfg.codecs()...),
		kgo.ProducerBatchMaxBytes(p.cluster.batch),
		kgo.MaxBufferedRecords(1 << 20), // a batch is bounded in bytes, by its maker
		kgo.ProducerLinger(0),
	}
	if transactional {
		opts = append(opts, kgo.TransactionalID(p.cfg.id()), kgo.TransactionTimeout(transactionTimeout))
	}
	return opts
}

// drop closes the transactional client. A transaction that it has open is left to the
// broker: the next claim aborts it.
func (p *Producer) drop() {
	if p.tx != nil {
		p.tx.Close()
		p.tx = nil
	}
}

// Release gives the pipeline up, so that the next run need not wait for the claim to grow
// old, and closes the producer.
func (p *Producer) Release(ctx context.Context) error {
	defer p.Close()
	if p.tx == nil {
		return nil
	}
	_, err := p.writeClaim(ctx, true)
	return err
}

// Close closes the producer without giving the pipeline up.
func (p *Producer) Close() {
	p.drop()
	p.plain.Close()
}

// History reads back what was published in the ranges, and perhaps more, for the dedupe
// history. Ranges that retention has deleted are passed over.
func (p *Producer) History(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Stored, error] {
	return func(yield func(conv.Stored, error) bool) {
		err := history(ctx, p.cfg, p.adm, ranges, func(s conv.Stored) error {
			if !yield(s, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(conv.Stored{}, err)
		}
	}
}

// Dead is [Producer.History] without the rows.
func (p *Producer) Dead(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Stored, error] {
	var letters []conv.Range
	for _, r := range ranges {
		if r.Topic == p.cfg.Topics.DeadLetters {
			letters = append(letters, r)
		}
	}
	return p.History(ctx, letters)
}

// Routed reads back what was published in the ranges to the topics of derived routes, and the
// dead letters of these routes. Ranges that retention has deleted are passed over.
func (p *Producer) Routed(ctx context.Context, ranges []conv.Range) iter.Seq2[conv.Routed, error] {
	return func(yield func(conv.Routed, error) bool) {
		err := routed(ctx, p.cfg, p.adm, ranges, func(s conv.Routed) error {
			if !yield(s, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(conv.Routed{}, err)
		}
	}
}

var errStopped = errors.New("the reader wants no more")
