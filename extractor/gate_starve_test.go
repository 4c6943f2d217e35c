package extractor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Two jobs page all the time, faster than the budget has turns. What is no page waits for a few
// of them at the most.
func TestR45_PagesOfTwoJobsStarveNothingElse(t *testing.T) {
	for _, op := range []Op{OpStatus, OpSubmit, OpToken, OpCancel, OpBaseline} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, paced(60))
			ctx, cancel := context.WithCancel(t.Context())
			for job := range int64(2) {
				paging := context.WithValue(ctx, jobKey{}, job)
				go func() {
					for ctx.Err() == nil {
						l.join(paging, OpResults)
					}
				}()
			}
			synctest.Wait()
			start := time.Now()
			l.join(t.Context(), op)
			waited := time.Since(start)
			cancel()
			synctest.Wait()
			if most := l.gate.lead + 5*time.Second; waited > most {
				t.Errorf("a %s waited %s, want %s at most", op, waited, most)
			}
		})
	}
}
