package dedupe_test

import (
	"errors"
	"fmt"
	"testing"

	"convstream/dedupe"
)

// Every answer is the naive one: under seals forced by a tiny limit and none at all, crashes,
// restarts, lost replies, failed commits, damage.
func TestAnswersAreThoseOfANaiveHistory(t *testing.T) {
	verdicts, losses, seals := map[dedupe.Verdict]int{}, uint64(0), 0
	for seed := range uint64(24) {
		limit := []int{0, 2000, 20_000, roomy}[seed%4]
		m := newModel(t, seed, limit, []float64{0.01, 0.5, 0.999999}[seed%3])
		for range 1500 {
			m.step()
		}
		m.verify()
		m.stop()
		for v, n := range m.verdicts {
			verdicts[v] += n
		}
		losses += m.losses
		seals += m.seals
	}
	for _, v := range []dedupe.Verdict{dedupe.New, dedupe.Revision, dedupe.Repeat, dedupe.Stale} {
		if verdicts[v] < 100 {
			t.Errorf("the runs met %v %d times: they prove little", v, verdicts[v])
		}
	}
	if losses < 10 || seals < 10 {
		t.Errorf("the runs met %d damaged segments and %d sealed ones: they prove little", losses, seals)
	}
}

var errDisk = errors.New("no space left on device")

// Whichever step of the disk fails, once or from then on, no entry is lost and no answer is
// wrong; neither is one after a crash right behind it.
func TestDiskFaultsLoseNothing(t *testing.T) {
	for _, lasting := range []bool{false, true} {
		for fault := 0; ; fault++ {
			steps, hit := 0, false
			m := newModel(t, 7, 3000, 0.01)
			m.setFault(func(op, name string) error {
				steps++
				if steps-1 == fault || lasting && steps > fault {
					hit = true
					return fmt.Errorf("%s %s: %w", op, name, errDisk)
				}
				return nil
			})
			for range 300 {
				m.step()
			}
			m.verify()
			m.crash()
			m.verify()
			m.stop()
			if !hit {
				if fault < 50 {
					t.Fatalf("the run has only %d steps: it proves little", fault)
				}
				break
			}
			if testing.Short() || lasting { // neighbours differ little
				fault += 9
			}
		}
	}
}
