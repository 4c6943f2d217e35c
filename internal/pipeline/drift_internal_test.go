package pipeline

import (
	"testing"

	"convstream/internal/conv"
)

// A row of the steady state: it departs as the rows before it did.
func TestDriftThatIsKnownIsCountedWithoutAllocating(t *testing.T) {
	r := &worker{epoch: &epoch{Pipeline: &Pipeline{events: Events{}.orNothing()}}}
	all := make([]conv.Deviation, conv.MaxDrift+10)
	for i := range all {
		all[i] = conv.Deviation{Kind: conv.DriftUnknown, Field: "field " + string(rune('A'+i))}
	}
	r.deviations = all
	r.countDrift(0)
	row := &conv.Row{HasTime: true}
	allocs := testing.AllocsPerRun(100, func() {
		r.deviations = append(r.deviations[:0], all[:20]...)
		r.noteZone(row)
		r.countDrift(1)
	})
	if allocs != 0 {
		t.Errorf("a row allocates %.1f times, want none", allocs)
	}
	if d := r.cp.Drift[3]; d.Count != 102 || r.cp.DriftMore != 10 {
		t.Errorf("the field is counted in %d rows, and %d more found no place; want 102 and 10", d.Count, r.cp.DriftMore)
	}
}

func TestATimestampWithoutAZoneCountsOnceARowAlsoWhereTheContractSawIt(t *testing.T) {
	for name, c := range map[string]struct {
		conversations bool
		seen          []conv.Deviation
		want          int
	}{
		"seen":                   {false, []conv.Deviation{{Kind: conv.DriftZone, Field: "timestamp"}}, 1},
		"seen in another field":  {false, []conv.Deviation{{Kind: conv.DriftZone, Field: "other"}}, 2},
		"not seen":               {false, nil, 1},
		"seen of a conversation": {true, []conv.Deviation{{Kind: conv.DriftZone, Field: "conversationStart"}}, 1},
	} {
		r := &worker{epoch: &epoch{Pipeline: &Pipeline{cfg: Config{Conversations: c.conversations}}}, deviations: c.seen}
		r.noteZone(&conv.Row{HasTime: true})
		if len(r.deviations) != c.want {
			t.Errorf("%s: %+v, want %d", name, r.deviations, c.want)
		}
	}
	r := &worker{epoch: &epoch{Pipeline: &Pipeline{}}}
	r.noteZone(&conv.Row{HasTime: true, Zoned: true})
	r.noteZone(&conv.Row{})
	if len(r.deviations) != 0 {
		t.Errorf("%+v of a row with a zone and of one without a time, want none", r.deviations)
	}
}
