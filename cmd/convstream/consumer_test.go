package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/internal/simulator"
)

// admin is a client for what the program has no command for.
func (w *world) admin() *kadm.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// consume returns every record of a topic that a read_committed consumer is given.
func (w *world) consume(topic string) []*kgo.Record {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	ends, err := w.admin().ListCommittedOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		w.t.Fatal(err, ends.Error())
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset - 1
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords()) // a log may end in one
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	var records []*kgo.Record
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			w.t.Fatalf("consume %s: %v; partitions and last offsets that did not come: %v", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if last, ok := left[r.Partition]; ok && r.Offset >= last {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// header returns the text of a record's header.
func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// row is what a consumer makes of a record, or of a row of the platform. Absent texts are
// "" and absent metrics -1, as the simulator has them.
type row struct {
	Interaction, Conversation, Type string
	Time                            int64
	Segment, Priority               string
	Queue, Handled                  int64
}

// published decodes the row topic with goavro and the registry's schema: no code of the
// program that wrote it has a part in it.
func (w *world) published() []row {
	w.t.Helper()
	codecs := map[int]*goavro.Codec{}
	var rows []row
	for _, rec := range w.consume("genesys.conversations") {
		id, body, err := new(sr.ConfluentHeader).DecodeID(rec.Value)
		if err != nil {
			w.t.Fatalf("%d/%d is not in Confluent's wire format: %v: %.16x", rec.Partition, rec.Offset, err, rec.Value)
		}
		if codecs[id] == nil {
			codecs[id] = w.codec(id)
		}
		native, rest, err := codecs[id].NativeFromBinary(body)
		if err != nil || len(rest) > 0 {
			w.t.Fatalf("%d/%d: %v, %d bytes left", rec.Partition, rec.Offset, err, len(rest))
		}
		r := readRow(native.(map[string]any))
		if string(rec.Key) != r.Conversation || rec.Timestamp.UnixMilli() != r.Time {
			w.t.Errorf("%d/%d has key %q and time %d, its row says %+v", rec.Partition, rec.Offset, rec.Key, rec.Timestamp.UnixMilli(), r)
		}
		rows = append(rows, r)
	}
	return rows
}

func (w *world) codec(id int) *goavro.Codec {
	w.t.Helper()
	var answer struct{ Schema string }
	if err := json.Unmarshal(w.fetch(fmt.Sprintf("%s/schemas/ids/%d", w.registry, id)), &answer); err != nil {
		w.t.Fatal(err)
	}
	codec, err := goavro.NewCodec(answer.Schema)
	if err != nil {
		w.t.Fatal(err)
	}
	return codec
}

func readRow(native map[string]any) row {
	text := func(field string) string {
		union, _ := native[field].(map[string]any)
		s, _ := union["string"].(string)
		return s
	}
	metric := func(field string) int64 {
		if union, ok := native[field].(map[string]any); ok {
			return union["long"].(int64)
		}
		return -1
	}
	return row{
		Interaction:  native["interaction_id"].(string),
		Conversation: native["conversation_id"].(string),
		Type:         native["interaction_type"].(string),
		Time:         native["timestamp"].(time.Time).UnixMilli(),
		Segment:      text("attributes_custom_customer_segment"),
		Priority:     text("attributes_custom_case_priority"),
		Queue:        metric("metrics_queuetime_ms"),
		Handled:      metric("metrics_handledtime_ms"),
	}
}

// truth are the platform's rows, as a job submitted now would bring them.
func (w *world) truth() []row {
	var rows []row
	for r := range w.sim.Truth(day) {
		rows = append(rows, trueRow(r))
	}
	return rows
}

func trueRow(r simulator.Row) row {
	return row{
		Interaction: r.InteractionID.String(), Conversation: r.ConversationID.String(), Type: r.Type, Time: r.Time,
		Segment: r.Segment, Priority: r.Priority, Queue: r.Queue, Handled: r.Handled,
	}
}

// holdsTheTruth wants the row topic to hold every row of the platform, once, and no other.
func (w *world) holdsTheTruth(t *testing.T) {
	t.Helper()
	sameRows(t, w.truth(), w.published())
}

func sameRows(t *testing.T, want, got []row) {
	t.Helper()
	byID := func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Interaction, b.Interaction), cmp.Compare(a.Handled, b.Handled))
	}
	slices.SortFunc(want, byID)
	slices.SortFunc(got, byID)
	if !slices.Equal(want, got) {
		diff := gocmp.Diff(want, got)
		t.Errorf("the topic holds %d rows, the platform %d (-platform +topic):\n%.4000s", len(got), len(want), diff)
	}
}
