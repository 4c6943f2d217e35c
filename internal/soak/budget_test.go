package soak

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/simulator"
)

// A month of windows of one hour, four in flight, each of sixty pages.
func TestR45_AMonthOfHoursKeepsWithinTheBudgetAndUsesIt(t *testing.T) {
	if testing.Short() {
		t.Skip("45,000 requests; make test makes them")
	}
	const perMinute, hours, pages = 300, 30 * 24, 60
	// A job of conversations brings those that lasted into its hour too: more rows, on longer pages.
	for dialect, pageRows := range map[string]int{genesys.DialectReports: 1, genesys.DialectJobs: 5} {
		t.Run(dialect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				interval := conv.Window{From: newYear - 40*day, To: newYear - 40*day + hours*hour}
				st := open(t, scenario{
					dialect: dialect, pageSize: pageRows,
					platform: simulator.Config{
						Rows: hours * pages, Window: interval, Seed: 1,
						Faults: simulator.Faults{PageRows: pageRows, NoBoundaryRepeats: true, JobTime: 3 * time.Second},
					},
					config: pipeline.Config{
						Org: "acme", Dialect: dialect, SchemaID: 7, Overlap: time.Millisecond, Step: time.Hour,
						Lag: 15 * time.Minute, Settle: 72 * time.Hour, Windows: 4, Interval: time.Second, Bytes: 8 << 20,
						Reconcile: true, Threshold: 0.05, Conversations: dialect == genesys.DialectJobs,
					},
					extract: extractor.Defaults(),
				})
				defer st.close()
				sum, err := st.backfill(t, nil)
				if err != nil || len(sum.Incomplete)+len(sum.Unverified) > 0 || sum.Windows != hours {
					t.Fatalf("%d windows, %d incomplete, %d unverified, %v", sum.Windows, len(sum.Incomplete), len(sum.Unverified), err)
				}
				stats := st.sim.Stats()
				asked := 0
				for _, byStatus := range stats.Requests {
					for _, n := range byStatus {
						asked += n
					}
				}
				minutes := time.Since(time.UnixMilli(newYear)).Minutes()
				used := float64(asked) / (perMinute * minutes)
				t.Logf("%d requests in %.1f minutes: %.1f %% of the budget; at most %d in any minute", asked, minutes, 100*used, stats.Busiest)
				if stats.Busiest > perMinute {
					t.Errorf("%d requests in one minute, above %d", stats.Busiest, perMinute)
				}
				if used < 0.95 || math.IsNaN(used) {
					t.Errorf("%.1f %% of the budget were used while there was work, want 95", 100*used)
				}
			})
		})
	}
}
