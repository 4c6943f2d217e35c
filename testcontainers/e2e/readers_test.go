package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/simulator"
	"convstream/testcontainers"
	"convstream/testcontainers/readers"
)

// seen is a row as a reader has to see it, but for where it lies.
type seen struct {
	Key       string
	Timestamp int64
	Value     map[string]any
}

func TestRealIndependentReadersDecodeTheTruth(t *testing.T) {
	const rows = 20_000
	f := faults()
	f.PageRows = 1000
	env := withRegistry(t)
	w := newWorld(t, env, newPlatform(t, rows, f))
	w.backfill(t, convstream).wantExit(t, 0)
	want := map[string]seen{}
	for row := range w.platform.Truth(day) {
		want[row.InteractionID.String()] = truthOf(row)
	}
	w.wantRead(t, w.topics.Rows, "interaction_id", want, readers.All()...)
}

func TestRealIndependentReadersDecodeWholeConversations(t *testing.T) {
	const conversations = 500
	f := faults()
	f.PageRows, f.Offsets, f.Zoneless = 100, true, true
	env := withRegistry(t)
	w := newWorldOf(t, env, newPlatform(t, conversations, f), jobs("step: 6h"))
	w.backfill(t, convstream).wantExit(t, 0)
	contract := newestContract(t, env, w.topics.Rows).Whole()
	want := map[string]seen{}
	for c := range w.platform.Conversations(day) {
		value, err := contract.Of(c.Body)
		if err != nil {
			t.Fatalf("conversation %s: %v", c.ID, err)
		}
		want[c.ID.String()] = seen{c.ID.String(), c.Start, value.(map[string]any)}
	}
	w.wantRead(t, w.topics.Rows, "conversationId", want, readers.All()...)
}

func withRegistry(t *testing.T) *testcontainers.Env {
	t.Helper()
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	if !env.RealRegistry {
		t.Fatal("the registry is a fake")
	}
	return env
}

// wantRead fails the test unless each reader finds the rows in the topic, by the field that tells them apart, once each
// and nothing else.
func (w *world) wantRead(t *testing.T, topic, id string, want map[string]seen, by ...readers.Reader) {
	t.Helper()
	for _, reader := range by {
		t.Run(reader.Name, func(t *testing.T) {
			read, err := reader.Read(t.Context(), w.env.Brokers, w.env.RegistryURL, topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(read) != len(want) {
				t.Errorf("%d records, want %d", len(read), len(want))
			}
			got := map[string]seen{}
			for _, r := range read {
				if r.Key == nil {
					t.Fatalf("partition %d offset %d has no key", r.Partition, r.Offset)
				}
				id, _ := r.Value[id].(string)
				got[id] = seen{*r.Key, r.Timestamp, r.Value}
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(sameNumber)); diff != "" {
				t.Errorf("the reader differs from the platform (-platform +reader):\n%.4000s", diff)
			}
		})
	}
}

// sameNumber says whether two numbers are the same digits, or spell the same fraction.
func sameNumber(a, b json.Number) bool {
	if !strings.ContainsAny(string(a+b), ".eE") {
		return a == b
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

// truthOf says in the contract's terms what the platform says in its own.
func truthOf(r simulator.Row) seen {
	conversation := r.ConversationID.String()
	return seen{conversation, r.Time, map[string]any{
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
