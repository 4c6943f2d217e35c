package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/avro"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/producer"
)

// checkSpeech fails unless the derived topic holds each voice row of the row topic once, under
// the same key and headers, and nothing else, and the ledger accounts for every row.
func (st *stage) checkSpeech(t *testing.T) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	st.each(t, "rows", st.contract, func(k *kgo.Record, row map[string]any) {
		if st.voice(row) {
			delete(row, "metrics_queuetime_ms") // the speech contract leaves it out
			want[st.wordsOf(k, row)]++
		}
	})
	st.each(t, "speech", st.speech, func(k *kgo.Record, row map[string]any) { got[st.wordsOf(k, row)]++ })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: the speech topic is not what the filter makes of the row topic:\n%.3000s", st.dialect, diff)
	}
	for w, cp := range st.ledger(t) {
		if c := cp.Routes["speech"]; c.Total() != cp.Counters.Published || c.Invalid != 0 {
			t.Errorf("window %s: %d rows are published, and the speech route counts %+v", w, cp.Counters.Published, c)
		}
	}
}

// each decodes every record of a topic.
func (st *stage) each(t *testing.T, topic string, contract *avro.Contract, do func(*kgo.Record, map[string]any)) {
	t.Helper()
	codec, err := goavro.NewCodec(contract.Schema())
	if err != nil {
		t.Fatal(err)
	}
	r := st.reader(t)
	defer r.Close()
	err = r.Records(context.Background(), topic, nil, func(k *kgo.Record) error {
		native, _, err := codec.NativeFromBinary(k.Value[5:])
		if err == nil {
			do(k, native.(map[string]any))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// voice says whether a decoded row has a voice part.
func (st *stage) voice(row map[string]any) bool {
	if st.dialect == genesys.DialectReports {
		return row["interaction_type"] == "voice"
	}
	participants, _ := maybe(row["participants"]).([]any)
	for _, p := range participants {
		sessions, _ := maybe(asMap(element(p))["sessions"]).([]any)
		for _, s := range sessions {
			if maybe(asMap(element(s))["mediaType"]) == "voice" {
				return true
			}
		}
	}
	return false
}

func (st *stage) wordsOf(k *kgo.Record, row map[string]any) string {
	words := conversationWords
	if st.dialect == genesys.DialectReports {
		words = rowWords
	}
	text := fmt.Sprintf("%s %d %s", k.Key, k.Timestamp.UnixMilli(), words(row))
	for _, h := range k.Headers {
		text += fmt.Sprintf(" %s=%x", h.Key, h.Value)
	}
	return text
}

func (st *stage) ledger(t *testing.T) map[conv.Window]conv.Checkpoint {
	t.Helper()
	r := st.reader(t)
	defer r.Close()
	ledger, err := r.Ledger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Windows
}

// departure is what is told once.
type departure struct {
	window      conv.Window
	kind, field string
}

// told counts the drift events.
func (st *stage) told(t *testing.T) map[departure]int {
	t.Helper()
	told := map[departure]int{}
	r := st.reader(t)
	defer r.Close()
	err := r.Records(context.Background(), "events", nil, func(k *kgo.Record) error {
		var e conv.Event
		if err := json.Unmarshal(k.Value, &e); err != nil || e.Kind != "drift" {
			return err
		}
		kind, _ := e.Detail["kind"].(string)
		field, _ := e.Detail["field"].(string)
		told[departure{*e.Window, kind, field}]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// checkDrift fails unless every window has told, once, of each field that changed for one of
// its rows, and of nothing else.
func (st *stage) checkDrift(t *testing.T) {
	t.Helper()
	told := st.told(t)
	for d, n := range told {
		if !st.drifts(d) || n != 1 {
			t.Errorf("%d events tell of %s %s in window %s, want one of what has changed", n, d.kind, d.field, d.window)
		}
	}
	kinds := map[string]conv.DriftKind{"added": conv.DriftUnknown, "removed": conv.DriftMissing, "to_string": conv.DriftRetyped}
	silent := map[departure]bool{}
	st.each(t, "rows", st.contract, func(k *kgo.Record, row map[string]any) {
		_, brought, err := producer.ParseWindowHeader(producer.Header(k, producer.WindowHeader))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range st.platform.Faults.Drift {
			turned := d.Change != "to_string" || maybe(row["metrics_queuetime_ms"]) != nil // null stays null
			want := departure{brought, string(kinds[d.Change]), d.Field}
			if !k.Timestamp.Before(d.From) && turned && told[want] == 0 {
				silent[want] = true
			}
		}
	})
	for d := range silent {
		t.Errorf("window %s has brought rows of which %s is %s, and does not tell it", d.window, d.field, d.kind)
	}
}

// drifts says whether the scenario has such drift.
func (st *stage) drifts(d departure) bool {
	switch conv.DriftKind(d.kind) {
	case conv.DriftZone:
		return st.platform.Faults.Zoneless
	case conv.DriftMissing: // rows of some media never have them
		return strings.HasPrefix(d.field, "attributes.custom.") || strings.HasPrefix(d.field, "metrics.")
	}
	for _, change := range st.platform.Faults.Drift {
		if change.Field == d.field {
			return true
		}
	}
	return false
}
