package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"convstream/internal/conv"
)

// asked is a publisher that notes when it is asked what was committed.
type asked struct {
	Publisher
	at time.Time
}

func (a *asked) Recover(context.Context) (map[conv.Window]conv.Checkpoint, error) {
	a.at = time.Now()
	return nil, nil
}

// fencing is the error of a commit whose producer another one has fenced.
type fencing bool

func (fencing) Error() string  { return "commit: PRODUCER_FENCED" }
func (f fencing) Fenced() bool { return bool(f) }

func TestARunThatIsFencedLetsTheOtherWriteItsClaimFirst(t *testing.T) {
	for wantWait, err := range map[bool]error{true: fencing(true), false: errors.New("connection reset")} {
		synctest.Test(t, func(t *testing.T) {
			kafka := &asked{}
			p := &Pipeline{kafka: kafka, events: Events{}.orNothing()}
			began := time.Now()
			if _, got := p.recover(t.Context(), &failures{}, &commitFailed{err: err}); got != nil {
				t.Fatal(got)
			}
			if waited := kafka.at.Sub(began); (waited > 0) != wantWait {
				t.Errorf("%v: the ledger was asked after %s", err, waited)
			}
		})
	}
}
