package simulator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestPoisonRowsComeInPagesAndInTheBaselineButAreNotTrue(t *testing.T) {
	c := start(t, Config{Rows: 400, Faults: Faults{Oversize: 2, OversizeBytes: 5000, Future: 3, Keyless: 4}})
	plain := start(t, Config{Rows: 400})
	if diff := cmp.Diff(slices.Collect(plain.sim.Truth(day)), slices.Collect(c.sim.Truth(day))); diff != "" {
		t.Errorf("poison changes the truth: %s", diff)
	}
	var found count
	c.decode(c.want(200, "GET", baselinePath(day), ""), &found)
	oversize, future, keyless := poisonOf(c.rows(body(day)))
	if oversize != 2 || future != 3 || keyless != 4 || found.Count != 409 {
		t.Errorf("oversize %d, future %d, keyless %d, baseline %d", oversize, future, keyless, found.Count)
	}
	oversize, future, keyless = 0, 0, 0
	for from := day.From; from < day.To; from += hour {
		o, f, k := poisonOf(c.rows(body(conv.Window{From: from, To: from + hour})))
		oversize, future, keyless = oversize+o, future+f, keyless+k
	}
	if oversize != 2 || future != 3 || keyless != 4 {
		t.Errorf("by the hour: oversize %d, future %d, keyless %d", oversize, future, keyless)
	}
}

func poisonOf(rows []Row) (oversize, future, keyless int) {
	for _, r := range rows {
		if len(r.Segment) == 5000 {
			oversize++
		}
		if r.Time >= day.To {
			future++
		}
		if r.ConversationID == (ID{}) {
			keyless++
		}
	}
	return oversize, future, keyless
}

func TestEveryRowHasAPositionAmongThePoison(t *testing.T) {
	for _, poison := range []int{0, 1, 7, 100, 250} {
		w := newWorld(Config{Rows: 100, Window: day, Faults: Faults{Keyless: poison}})
		trues := 0
		for pos := range 100 + poison {
			r, _ := w.element(pos, view{})
			if r.Poison != "" {
				continue
			}
			if r != w.row(trues, view{}) || w.behind(trues) != pos {
				t.Errorf("%d poison rows: row %d is not at position %d", poison, trues, pos)
			}
			trues++
		}
		if trues != 100 {
			t.Errorf("%d poison rows: %d true ones", poison, trues)
		}
	}
}

func TestAPoisonRowHasTheSameBytesInEveryJob(t *testing.T) {
	c := start(t, Config{Rows: 400, Faults: Faults{Keyless: 20}})
	keyless := func(w conv.Window) (raws []string) {
		for _, raw := range c.read(c.submit(body(w)))[0].Data {
			if decodeRow(t, raw).ConversationID == (ID{}) {
				raws = append(raws, string(raw))
			}
		}
		return raws
	}
	all := keyless(day)
	half := keyless(conv.Window{From: day.From + 12*hour, To: day.To})
	if len(all) != 20 || len(half) < 5 || !slices.Equal(all[20-len(half):], half) {
		t.Errorf("%q\nthen %q", all, half)
	}
}

func TestRevisedRowsAreOtherOnesForLaterJobs(t *testing.T) {
	c := start(t, Config{Rows: 1000, Faults: Faults{Revise: 30, ReviseAfter: 2}})
	before := slices.Collect(start(t, Config{Rows: 1000}).sim.Truth(day))
	for range 2 {
		if diff := cmp.Diff(before, c.rows(body(day))); diff != "" {
			t.Errorf("before the revision: %s", diff)
		}
	}
	after := c.rows(body(day))
	changed := 0
	for i, r := range after {
		if before[i] == r {
			continue
		}
		changed++
		if r.Handled = before[i].Handled; before[i] != r {
			t.Errorf("row %d: more than the handled time was revised", i)
		}
	}
	if changed != 30 {
		t.Errorf("%d rows were revised", changed)
	}
	if diff := cmp.Diff(slices.Collect(c.sim.Truth(day)), after); diff != "" {
		t.Errorf("the truth is not what a job submitted now sees: %s", diff)
	}
}
