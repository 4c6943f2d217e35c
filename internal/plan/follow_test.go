package plan

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func at(hours int64) int64 { return jan1 + hours*hour }

func window(from, to int64) conv.Window { return conv.Window{From: at(from), To: at(to)} }

func ledgerOf(checkpoints ...conv.Checkpoint) Ledger {
	l := Ledger{}
	for _, cp := range checkpoints {
		l[cp.Window] = cp
	}
	return l
}

func TestTheFirstWindowOfAnEmptyLedgerIsTheLastWholeStep(t *testing.T) {
	s := Schedule{Step: 6 * time.Hour, Compare: true}
	due, next := s.Due(Ledger{}, at(14), at(15))
	if diff := cmp.Diff([]conv.Window{window(6, 12)}, due); diff != "" || next != math.MaxInt64 {
		t.Errorf("next %d, due:\n%s", next, diff)
	}
}

func TestNewWindowsFollowTheNewestUpToTheHorizon(t *testing.T) {
	s := Schedule{Step: 6 * time.Hour, Compare: true}
	l := ledgerOf(conv.Checkpoint{Window: window(0, 4), State: conv.Settled})
	due, _ := s.Due(l, at(18), at(19))
	if diff := cmp.Diff([]conv.Window{window(4, 6), window(6, 12), window(12, 18)}, due); diff != "" {
		t.Error(diff)
	}
	if due, _ = s.Due(l, at(6)-1, at(19)); len(due) != 0 {
		t.Errorf("due a millisecond before its end: %v", due)
	}
}

func TestWhenAWindowOfTheLedgerIsDue(t *testing.T) {
	const never = math.MaxInt64
	settle := 72 * time.Hour
	w := window(0, 24)
	settles := w.To + settle.Milliseconds()
	parent := w
	now := at(500)
	for name, c := range map[string]struct {
		cp            conv.Checkpoint
		others        []conv.Checkpoint
		conversations bool
		quiet         bool // no comparison
		want          int64
	}{
		"begun":                      {cp: conv.Checkpoint{State: conv.Paging}, want: math.MinInt64},
		"settled":                    {cp: conv.Checkpoint{State: conv.Settled}, want: never},
		"provisional":                {cp: conv.Checkpoint{State: conv.Reconciled, Updated: w.To}, conversations: true, want: settles},
		"provisional by their clock": {cp: conv.Checkpoint{State: conv.Reconciled, Updated: settles + 5}, conversations: true, want: settles + 5 + reread.Milliseconds()},
		"incomplete":                 {cp: conv.Checkpoint{State: conv.Incomplete, Updated: w.To}, want: settles},
		"incomplete for good":        {cp: conv.Checkpoint{State: conv.Incomplete, Updated: settles}, want: never},
		"unverified":                 {cp: conv.Checkpoint{State: conv.Unverified, Updated: w.To}, want: settles},
		"not compared":               {cp: conv.Checkpoint{State: conv.Published}, want: math.MinInt64},
		"not to be compared":         {cp: conv.Checkpoint{State: conv.Published}, quiet: true, want: never},
		"day is published":           {cp: conv.Checkpoint{State: conv.Published}, conversations: true, want: math.MinInt64},
		"narrowed, a child not begun": {cp: conv.Checkpoint{State: conv.Narrowed, Nested: []conv.Window{window(0, 12), window(12, 24)}},
			others: []conv.Checkpoint{{Window: window(0, 12), State: conv.Settled, Parent: &parent}}, want: math.MinInt64},
		"narrowed, all children closed": {cp: conv.Checkpoint{State: conv.Narrowed, Nested: []conv.Window{window(0, 24)}},
			others: nil, want: math.MinInt64},
	} {
		c.cp.Window = w
		if name == "narrowed, all children closed" {
			c.cp.Nested = []conv.Window{window(0, 12), window(12, 24)}
			for _, child := range c.cp.Nested {
				c.others = append(c.others, conv.Checkpoint{Window: child, State: conv.Settled, Parent: &parent})
			}
		}
		s := Schedule{Step: 24 * time.Hour, Settle: settle, Conversations: c.conversations, Compare: !c.quiet}
		l := ledgerOf(append(c.others, c.cp)...)
		if got := s.at(w, &c.cp, l, now); got != c.want {
			t.Errorf("%s: due at %d, want %d", name, got, c.want)
		}
	}
}

func TestAnHourOfADayThatIsNotOverWaitsForTheDay(t *testing.T) {
	s := Schedule{Step: 12 * time.Hour, Settle: 72 * time.Hour, Conversations: true, Compare: true}
	morning := conv.Checkpoint{Window: window(0, 12), State: conv.Published, Job: conv.Job{PlatformTime: at(13)}}
	due, next := s.Due(ledgerOf(morning), at(20), at(21))
	if len(due) != 0 || next != at(24+72) {
		t.Errorf("due %v, next %s, want nothing before its day settles", due, conv.FormatInstant(next))
	}
	evening := conv.Checkpoint{Window: window(12, 24), State: conv.Published, Job: conv.Job{PlatformTime: at(25)}}
	due, _ = s.Due(ledgerOf(morning, evening), at(26), at(27))
	if diff := cmp.Diff([]conv.Window{morning.Window, evening.Window}, due); diff != "" {
		t.Error(diff)
	}
	// Read once more, it does not come again and again while its day stays open.
	morning.Job.PlatformTime = at(24 + 73)
	if due, next = s.Due(ledgerOf(morning), at(20), at(24+74)); len(due) != 0 || next != math.MaxInt64 {
		t.Errorf("due %v, next %d, want never", due, next)
	}
}

// Whatever the ledger holds, what is due is worth doing: the same call with every due window
// settled finds nothing to do.
func TestARunThatDidWhatWasDueHasNothingToDo(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	states := []conv.State{conv.Planned, conv.Submitted, conv.Paging, conv.Published, conv.Reconciled, conv.Settled, conv.Incomplete, conv.Unverified}
	for range 3000 {
		l := Ledger{}
		for range rng.IntN(6) {
			from := rng.Int64N(100)
			w := window(from, from+1+rng.Int64N(30))
			l[w] = conv.Checkpoint{Window: w, State: states[rng.IntN(len(states))], Updated: at(rng.Int64N(150)), Job: conv.Job{PlatformTime: at(rng.Int64N(150))}}
		}
		s := Schedule{
			Step: time.Duration(1+rng.IntN(30)) * time.Hour, Settle: time.Duration(rng.IntN(80)) * time.Hour,
			Conversations: rng.IntN(2) == 0, Compare: rng.IntN(2) == 0,
		}
		now := at(100 + rng.Int64N(100))
		horizon := now - rng.Int64N(50)*hour
		due, next := s.Due(l, horizon, now)
		if next <= now {
			t.Fatalf("next %d is not behind now %d", next, now)
		}
		for _, w := range due {
			if _, known := l[w]; !known && w.To > horizon {
				t.Fatalf("window %s lies beyond the horizon %s", w, conv.FormatInstant(horizon))
			}
			l[w] = conv.Checkpoint{Window: w, State: conv.Settled}
		}
		if again, _ := s.Due(l, horizon, now); len(again) > 0 {
			// A day may have become whole by what was done.
			for _, w := range again {
				if cp := l[w]; !s.Conversations || cp.State != conv.Published {
					t.Fatalf("%s (%s) is due again", w, cp.State)
				}
			}
		}
	}
}
