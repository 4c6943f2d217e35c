package app

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"convstream/internal/conv"
)

func TestARunSaysEveryHalfMinuteHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		quiet := &process{log: zerolog.Nop()}
		events, stop := withPulse(quiet.pipelineEvents(), zerolog.New(&out))
		events.Claimed(4)
		events.Committed(conv.Checkpoint{Window: monday}, 600, 2, 0)
		time.Sleep(31 * time.Second)
		events.Committed(conv.Checkpoint{Window: monday}, 301, 1, 0)
		events.Closed(conv.Checkpoint{Window: monday})
		events.Closed(conv.Checkpoint{Window: monday}) // again, after it was read again
		time.Sleep(30 * time.Second)
		events.Idle(time.Time{})
		time.Sleep(time.Hour) // of which there is nothing to say
		events.Claimed(1)
		time.Sleep(30 * time.Second)
		stop()

		var got []map[string]any
		for d := json.NewDecoder(&out); d.More(); {
			var entry map[string]any
			if err := d.Decode(&entry); err != nil {
				t.Fatal(err)
			}
			got = append(got, entry)
		}
		line := func(rows, dead, ended, windows, rate float64) map[string]any {
			return map[string]any{
				"level": "info", "message": "progress", "rows": rows, "dead_letters": dead, "windows_ended": ended, "windows": windows, "rows_per_second": rate,
			}
		}
		want := []map[string]any{line(600, 2, 0, 4, 20), line(901, 3, 1, 4, 10), line(901, 3, 0, 1, 0)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	})
}
