package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"convstream/testcontainers"
)

// The negative control: kills at the same moments, once with the program as it is shipped and once with one that has
// transactions off. If the latter made no doubles, the tests that find none would prove nothing.
func TestRealWithoutTransactionsTheSameKillsMakeDoubles(t *testing.T) {
	const rows, kills = 200_000, 5
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	killed := func(t *testing.T, program string) *world {
		dice, f := random(t), faults()
		f.PageRows = 1000
		w := newWorld(t, env, newPlatform(t, rows, f))
		for range kills {
			ctx, stop := context.WithCancel(t.Context())
			w.backfill(t, program).killWhen(t, w.writing(ctx, t, 1000+dice.Int64N(20_000)))
			stop()
		}
		w.backfill(t, program).wantExit(t, 0)
		return w
	}
	t.Run("with transactions", func(t *testing.T) { killed(t, convstream).wantOnce(t, rows) })
	t.Run("without", func(t *testing.T) {
		got := killed(t, negativeControl).verify(t, 1)
		t.Logf("DOUBLES without transactions: %d of %d rows", got.Doubled, rows)
		if got.Doubled == 0 || got.Distinct != rows {
			t.Errorf("verify finds %+v, want doubles of %d rows", got, rows)
		}
	})
}

// killWriting ends a process with SIGKILL in the middle of what it writes: so many bytes of results were served, and with
// the next rows in the topic the commit that tells the ledger of them is a moment away.
func (w *world) killWriting(t *testing.T, p *process, at int64) {
	t.Helper()
	p.reach(t, w.platform.passing(at))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p.killWhen(t, w.writing(ctx, t, 1))
	t.Logf("killed behind byte %d of the results, %d rows committed", at, published(w.ledger(t)))
}

// writing returns a channel that is closed when the row topic has so many more records than now: rows are being written,
// and the commit that tells the ledger of them is a moment away.
func (w *world) writing(ctx context.Context, t *testing.T, more int64) <-chan struct{} {
	t.Helper()
	adm := kadm.NewClient(w.env.Client(t))
	end := func() (sum int64) {
		ends, err := adm.ListEndOffsets(ctx, w.topics.Rows)
		if err != nil || ends.Error() != nil {
			return 0 // the topic is not there yet
		}
		ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
		return sum
	}
	before, begun := end(), make(chan struct{})
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if end() >= before+more {
					close(begun)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return begun
}
