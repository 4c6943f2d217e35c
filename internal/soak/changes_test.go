package soak

import (
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/simulator"
)

// twoDays is a quiet platform of dialect reports.
func twoDays() scenario {
	interval := conv.Window{From: newYear - 12*day, To: newYear - 10*day}
	return scenario{
		dialect: genesys.DialectReports, pageSize: 50,
		platform: simulator.Config{Rows: 200, Window: interval, Seed: 3, Faults: simulator.Faults{PageRows: 50, JobTime: time.Second}},
		config: pipeline.Config{
			Org: "acme", Dialect: genesys.DialectReports, SchemaID: 7, Limit: 1_000_000, Overlap: time.Millisecond, Step: 24 * time.Hour,
			Lag: 15 * time.Minute, Windows: 2, Interval: time.Second, Bytes: 1 << 20, Reconcile: true, Threshold: 0.05,
		},
		extract: extractor.Defaults(),
	}
}

// run runs one process to its end, and expects it to end well.
func (st *stage) run(t *testing.T) pipeline.Summary {
	t.Helper()
	sum, err := st.backfill(t, nil)
	if err != nil || len(sum.Incomplete)+len(sum.Unverified) > 0 {
		t.Fatalf("process %d: incomplete %v, unverified %v, %v", st.runs, sum.Incomplete, sum.Unverified, err)
	}
	return sum
}

func TestR99_RowsOfAnotherShapeAreRevisionsAndNeedNoOtherConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, twoDays())
		defer st.close()
		st.run(t)
		want := st.truth()

		changed := st.platform
		from := time.UnixMilli(st.platform.Window.From + 30*hour)
		changed.Faults.Drift = []simulator.Drift{
			{From: from, Field: "attributes.custom.customer_segment", Change: "removed"},
			{From: from, Field: "attributes.custom.mood", Change: "added"},
			{From: from, Field: "metrics.queuetime.ms", Change: "to_string"},
		}
		st.play(t, changed)
		st.config.Reread = true
		sum := st.run(t)
		revisions := 0
		for row := range st.truth() {
			if want[row] == 0 {
				want[row] = 1
				revisions++
			}
		}
		if diff := cmp.Diff(want, st.published(t)); diff != "" {
			t.Errorf("rows that are not in Kafka once in each of their shapes:\n%.3000s", diff)
		}
		if sum.Counters.Revisions != int64(revisions) || revisions < 20 || revisions > 100 {
			t.Errorf("%d revisions, want one for each of the %d rows that lost their segment", sum.Counters.Revisions, revisions)
		}
		st.checkSpeech(t)
		st.checkDrift(t)
	})
}

// A flow that will set another attribute is announced: the contract has it first, and rows
// come without it, then with it.
func TestR105_AContractThatGainsANullableFieldDoublesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := twoDays()
		whole := s.platform.Window
		s.platform.Faults.Drift = []simulator.Drift{{From: time.UnixMilli(whole.To - 12*hour), Field: "attributes.custom.mood", Change: "added", Value: "calm"}}
		st := open(t, s)
		defer st.close()
		st.interval = conv.Window{From: whole.From, To: whole.From + day}
		first := st.run(t)

		st.agree(t, terms{gained: "attributes.custom.mood"})
		st.config.Reread = true
		again := st.run(t)
		if again.Counters.Published != first.Counters.Published || again.Counters.Revisions != 0 {
			t.Errorf("read once more under the new contract, %+v became %+v; want nothing published", first.Counters, again.Counters)
		}
		st.interval, st.config.Reread = whole, false
		st.run(t)

		rows, moods, ids := map[string]int{}, map[string]int{}, map[uint32]int{}
		st.each(t, "rows", func(k *kgo.Record, row map[string]any) {
			ids[binary.BigEndian.Uint32(k.Value[1:])]++
			rows[rowWords(row)]++
			moods[fmt.Sprint(maybe(row["gained"]))]++
		})
		if diff := cmp.Diff(st.truth(), rows); diff != "" {
			t.Errorf("rows that are not in Kafka once:\n%.3000s", diff)
		}
		if ids[7] != int(first.Counters.Published) || ids[9] == 0 || moods["calm"] == 0 || moods["calm"] >= ids[9] {
			t.Errorf("%v records by schema id and %v by mood; want the first day's under the old schema, and some of the second's with the new field", ids, moods)
		}
		for d := range st.told(t) {
			if d.kind == string(conv.DriftUnknown) {
				t.Errorf("%s is told to be unknown, and the contract has it", d.field)
			}
		}
	})
}
