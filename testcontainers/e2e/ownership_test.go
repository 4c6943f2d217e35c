package e2e

import (
	"syscall"
	"testing"

	"convstream/internal/simulator"
	"convstream/testcontainers"
)

const ownedRows = 100_000

// owned is a world whose platform holds the first backfill in the middle of the results.
func owned(t *testing.T) (w *world, first *process, release func()) {
	t.Helper()
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	w = newWorld(t, env, newPlatform(t, ownedRows, simulator.Faults{PageRows: 1000}))
	held, release := w.platform.holding(t, resultBytes(ownedRows)/2)
	first = w.backfill(t, convstream)
	first.reach(t, held)
	return w, first, release
}

func TestRealASecondBackfillIsTurnedAwayWhileTheFirstLives(t *testing.T) {
	w, first, release := owned(t)
	owner := w.ledger(t).Claim.Run
	second := w.backfill(t, convstream)
	second.wantExit(t, 4)
	second.wantVerdict(t, owner, "--take-over")
	release()
	first.wantExit(t, 0)
	w.wantOnce(t, ownedRows)
}

func TestRealATakeOverFencesTheFirstWhichDoesNotFightBack(t *testing.T) {
	for _, c := range []struct {
		name       string
		rowsFollow bool
	}{
		{"while it waits for the platform", false},
		{"while it has rows to publish", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, first, release := owned(t)
			second := w.backfill(t, convstream, "--take-over")
			second.wantExit(t, 0)
			if c.rowsFollow {
				release()
			}
			first.wantExit(t, 4)
			first.wantVerdict(t, w.ledger(t).Claim.Run)
			w.wantOnce(t, ownedRows)
			if jobs := len(w.platform.Stats().Jobs); jobs != 1 {
				t.Errorf("%d jobs were submitted; the second run should have adopted the first one's", jobs)
			}
		})
	}
}

func TestRealAStoppedOwnerThatWakesAfterATakeOverPublishesNothing(t *testing.T) {
	w, first, release := owned(t)
	first.signal(t, syscall.SIGSTOP)
	second := w.backfill(t, convstream, "--take-over")
	second.wantExit(t, 0)
	release() // so that the first has rows to publish when it wakes
	first.signal(t, syscall.SIGCONT)
	first.wantExit(t, 4)
	first.wantVerdict(t, w.ledger(t).Claim.Run)
	w.wantOnce(t, ownedRows)
}

// A run that was stopped in the middle of a commit holds an open transaction when it is taken over.
func TestRealARunStoppedWhileItWritesIsTakenOver(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	w := newWorld(t, env, newPlatform(t, ownedRows, simulator.Faults{PageRows: 1000}))
	first := w.backfill(t, convstream)
	first.reach(t, w.writing(t.Context(), t, 1000))
	first.signal(t, syscall.SIGSTOP)
	second := w.backfill(t, convstream, "--take-over")
	second.wantExit(t, 0)
	first.signal(t, syscall.SIGCONT)
	first.wantExit(t, 4)
	w.wantOnce(t, ownedRows)
}
