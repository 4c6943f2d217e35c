package e2e

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/simulator"
	"convstream/testcontainers"
	"convstream/testcontainers/readers"
)

// truth is a row as a reader has to see it, but for where it lies.
type truth struct {
	Key       string
	Timestamp int64
	Value     map[string]any
}

func TestRealIndependentReadersDecodeTheTruth(t *testing.T) {
	const rows = 20_000
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	if !env.RealRegistry {
		t.Fatal("the registry is a fake")
	}
	f := faults()
	f.PageRows = 1000
	w := newWorld(t, env, newPlatform(t, rows, f))
	w.backfill(t, convstream).wantExit(t, 0)
	want := map[string]truth{}
	for row := range w.platform.Truth(day) {
		want[row.InteractionID.String()] = truthOf(row)
	}
	for _, reader := range readers.All() {
		t.Run(reader.Name, func(t *testing.T) {
			read, err := reader.Read(t.Context(), env.Brokers, env.RegistryURL, w.topics.Rows)
			if err != nil {
				t.Fatal(err)
			}
			if len(read) != rows {
				t.Errorf("%d records, want %d", len(read), rows)
			}
			got := map[string]truth{}
			for _, r := range read {
				if r.Key == nil {
					t.Fatalf("partition %d offset %d has no key", r.Partition, r.Offset)
				}
				id, _ := r.Value["interaction_id"].(string)
				got[id] = truth{*r.Key, r.Timestamp, r.Value}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the reader differs from the platform (-platform +reader):\n%.4000s", diff)
			}
		})
	}
}

// truthOf says in the contract's terms what the platform says in its own.
func truthOf(r simulator.Row) truth {
	conversation := r.ConversationID.String()
	return truth{conversation, r.Time, map[string]any{
		"interaction_id":                     r.InteractionID.String(),
		"interaction_type":                   r.Type,
		"conversation_id":                    conversation,
		"timestamp":                          json.Number(strconv.FormatInt(r.Time, 10)),
		"attributes_custom_customer_segment": text(r.Segment),
		"attributes_custom_case_priority":    text(r.Priority),
		"metrics_queuetime_ms":               metric(r.Queue),
		"metrics_handledtime_ms":             metric(r.Handled),
	}}
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func metric(n int64) any {
	if n < 0 {
		return nil
	}
	return json.Number(strconv.FormatInt(n, 10))
}
