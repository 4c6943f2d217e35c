package producertest

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/producer"
)

func wantOwnedBy(t testing.TB, err error, run string) {
	t.Helper()
	var owned *producer.OwnedError
	if !errors.As(err, &owned) || owned.Claim.Run != run {
		t.Fatalf("error %v, want an OwnedError that names run %s", err, run)
	}
}

func secondTurnedAway(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	other := cfg
	other.Run = "second"
	_, err := open(t, other).Claim(t.Context(), false)
	wantOwnedBy(t, err, "first")
	mustCommit(t, p, batch(5, 10)) // the first was not disturbed
	wantRows(t, cfg, 10)
}

func released(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	if err := p.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.Run = "second"
	q := open(t, cfg)
	if _, err := q.Claim(t.Context(), false); err != nil {
		t.Fatalf("claim a released pipeline: %v", err)
	}
}

func takeOver(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	other := cfg
	other.Run = "second"
	q := open(t, other)
	if _, err := q.Claim(t.Context(), true); err != nil {
		t.Fatalf("take over: %v", err)
	}
	if err := p.Commit(t.Context(), batch(5, 10)); err == nil {
		t.Fatal("the fenced run committed")
	}
	_, err := p.Recover(t.Context())
	wantOwnedBy(t, err, "second")
	mustCommit(t, q, batch(5, 8)) // and the second was not fenced back
	wantRows(t, cfg, 8)
}

// zombie holds a client as a stopped process would: after the take-over it first aborts,
// then begins, produces and commits.
func zombie(t *testing.T, b Broker) {
	cfg := b.config(t)
	opts := []kgo.Opt{kgo.SeedBrokers(cfg.Brokers...), kgo.TransactionalID(cfg.Pipeline + "/" + cfg.Org), kgo.DefaultProduceTopic(cfg.Topics.Rows)}
	if cfg.Dial != nil {
		opts = append(opts, kgo.Dialer(cfg.Dial))
	}
	open(t, cfg) // makes the topics
	stopped, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Close()
	if err := stopped.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := stopped.ProduceSync(t.Context(), kgo.StringRecord("from the dead")).FirstErr(); err != nil {
		t.Fatal(err)
	}

	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	if err := stopped.ProduceSync(t.Context(), kgo.StringRecord("more from the dead")).FirstErr(); err == nil {
		t.Error("the zombie's record was acknowledged")
	}
	if err := stopped.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("the zombie's commit succeeded")
	}
	mustCommit(t, p, batch(5, 10))
	wantRows(t, cfg, 10)
}

// fencedByNobody: another client took the transactional id and died before it wrote a
// claim. The newest claim is still ours, so we go on.
func fencedByNobody(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	mustCommit(t, p, batch(0, 5))
	opts := []kgo.Opt{kgo.SeedBrokers(cfg.Brokers...), kgo.TransactionalID(cfg.Pipeline + "/" + cfg.Org)}
	if cfg.Dial != nil {
		opts = append(opts, kgo.Dialer(cfg.Dial))
	}
	intruder, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer intruder.Close()
	if _, _, err := intruder.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(t.Context(), batch(5, 10)); err == nil {
		t.Fatal("committed with a fenced client")
	}
	windows, err := p.Recover(t.Context())
	if err != nil {
		t.Fatalf("recover: %v", err)
	}
	if got := windows[day].Position.Row; got != 5 {
		t.Errorf("the ledger stands at row %d, want 5: the failed batch is not in it", got)
	}
	mustCommit(t, p, batch(5, 10))
	wantRows(t, cfg, 10)
}
