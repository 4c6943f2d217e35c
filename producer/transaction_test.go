package producer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func embedded(t *testing.T) (*kfake.Cluster, Config) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, Config{
		Brokers: c.ListenAddrs(), Pipeline: "test", Org: "acme", Run: "first", CreateTopics: true, Partitions: 2, Compression: "none",
		Topics: Topics{Rows: "rows", DeadLetters: "dlq", Events: "events", Checkpoints: "ledger"},
	}
}

// heard lets go when the client logs that it aborts what is buffered, the moment from which
// the end of a transaction waits.
type heard struct{ letGo func() }

func (heard) Level() kgo.LogLevel { return kgo.LogLevelInfo }

func (h heard) Log(_ kgo.LogLevel, msg string, _ ...any) {
	if strings.HasPrefix(msg, "producer state set to aborting") {
		h.letGo()
	}
}

// The client hears of the topic's partition, sends the claim, and is held up before it has
// stored what it heard, until the claim is acknowledged and its transaction ends.
func TestATransactionIsCommittedBeforeItsClientHasStoredThePartition(t *testing.T) {
	if !transactional {
		t.Skip("the negative control has no transactions")
	}
	cluster, cfg := embedded(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	held := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(held) })
	commits := make(chan bool, 1)
	cluster.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		commits <- r.(*kmsg.EndTxnRequest).Commit
		letGo()
		return nil, nil, false
	})
	p.tx, err = kgo.NewClient(p.cfg.options(append(p.transactional(),
		kgo.WithLogger(heard{letGo}),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(r *kgo.Record, _ int) int {
				if string(r.Key) == "late" {
					select {
					case <-held:
					case <-ctx.Done():
					}
				}
				return 0
			}
		})),
	)...)...)
	if err != nil {
		t.Fatal(err)
	}

	tr := p.begin(ctx)
	defer tr.close()
	tr.produce(p.claimRecord(false))
	p.tx.Produce(ctx, &kgo.Record{Topic: cfg.Topics.Checkpoints, Key: []byte("late")}, nil) // waits behind the claim
	tr.flush()
	tr.end()
	if tr.err != nil {
		t.Fatal(tr.err)
	}
	if !<-commits {
		t.Error("the transaction was aborted, and its end returned no error")
	}
	if c, err := p.newestClaim(ctx, newLedger()); err != nil || c == nil || c.Run != cfg.Run {
		t.Errorf("the ledger's claim is %+v, %v; want that of run %s", c, err, cfg.Run)
	}
}

// The broker aborts the transaction of the claim and answers as if it had committed it.
func TestAClaimThatCannotBeReadBackIsNoClaim(t *testing.T) {
	if !transactional {
		t.Skip("the negative control has no transactions")
	}
	cluster, cfg := embedded(t)
	for name, acquire := range map[string]func(*Producer) error{
		"claim":   func(p *Producer) error { _, err := p.Claim(t.Context(), true); return err },
		"recover": func(p *Producer) error { _, err := p.Recover(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			cluster.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.DropControl()
				r.(*kmsg.EndTxnRequest).Commit = false
				return nil, nil, false
			})
			if err := acquire(p); !errors.Is(err, errClaimMissing) {
				t.Errorf("%v, want that the claim is missing", err)
			}
			if _, err := p.Recover(t.Context()); err != nil {
				t.Errorf("the next try: %v", err)
			}
		})
	}
}
