package soak

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/producer"
)

// checkSpeech fails unless the derived topic holds each voice row of the row topic once, under
// the same key and headers, and nothing else, and the ledger accounts for every row.
func (st *stage) checkSpeech(t *testing.T) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	st.each(t, "rows", func(k *kgo.Record, row map[string]any) {
		if st.voice(row) {
			delete(row, "metrics_queuetime_ms") // the speech contract leaves it out
			want[st.wordsOf(k, row)]++
		}
	})
	st.each(t, "speech", func(k *kgo.Record, row map[string]any) { got[st.wordsOf(k, row)]++ })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: the speech topic is not what the filter makes of the row topic:\n%.3000s", st.dialect, diff)
	}
	for w, cp := range st.ledger(t).Windows {
		if c := cp.Routes["speech"]; c.Total() != cp.Counters.Published || c.Invalid != 0 {
			t.Errorf("window %s: %d rows are published, and the speech route counts %+v", w, cp.Counters.Published, c)
		}
	}
}

// each decodes every record of a topic.
func (st *stage) each(t *testing.T, topic string, do func(*kgo.Record, map[string]any)) {
	t.Helper()
	st.records(t, topic, func(k *kgo.Record) error {
		id := binary.BigEndian.Uint32(k.Value[1:])
		codec := st.codecs[id]
		if codec == nil {
			return fmt.Errorf("schema id %d", id)
		}
		native, rest, err := codec.NativeFromBinary(k.Value[5:])
		if err != nil || len(rest) > 0 {
			return fmt.Errorf("schema id %d: %d bytes left, %v", id, len(rest), err)
		}
		do(k, native.(map[string]any))
		return nil
	})
}

// records hands over every record of a topic.
func (st *stage) records(t *testing.T, topic string, see func(*kgo.Record) error) {
	t.Helper()
	r := st.reader(t)
	defer r.Close()
	if err := r.Records(context.Background(), topic, nil, see); err != nil {
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

// wordsOf are the words of a record, and what it says beside its value.
func (st *stage) wordsOf(k *kgo.Record, row map[string]any) string {
	text := fmt.Sprintf("%s %d %s", k.Key, k.Timestamp.UnixMilli(), st.words(row))
	for _, h := range k.Headers {
		if h.Key != producer.RedrivenHeader { // one of them may be redriven alone
			text += fmt.Sprintf(" %s=%x", h.Key, h.Value)
		}
	}
	return text
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
	st.events(t, "drift", func(e *conv.Event) {
		kind, _ := e.Detail["kind"].(string)
		field, _ := e.Detail["field"].(string)
		told[departure{*e.Window, kind, field}]++
	})
	return told
}

// events hands over what the events topic has of a kind.
func (st *stage) events(t *testing.T, kind string, see func(*conv.Event)) {
	t.Helper()
	st.records(t, "events", func(k *kgo.Record) error {
		var e conv.Event
		err := json.Unmarshal(k.Value, &e)
		if err == nil && e.Kind == kind {
			see(&e)
		}
		return err
	})
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
	st.each(t, "rows", func(k *kgo.Record, row map[string]any) {
		for _, d := range st.platform.Faults.Drift {
			turned := d.Change != "to_string" || maybe(row["metrics_queuetime_ms"]) != nil // null stays null
			want := departure{broughtBy(t, k), string(kinds[d.Change]), d.Field}
			if !k.Timestamp.Before(d.From) && turned && told[want] == 0 && !st.contracted(d, k) {
				silent[want] = true
			}
		}
	})
	for d := range silent {
		t.Errorf("window %s has brought rows of which %s is %s, and does not tell it", d.window, d.field, d.kind)
	}
}

// contracted says whether a change may have been no drift for a row: its contract has the field
// by then, or one before has refused such rows. Of those no drift is told when they are redriven,
// or when the page is read again that a process was in the middle of.
func (st *stage) contracted(d simulator.Drift, k *kgo.Record) bool {
	at := st.terms[len(st.terms)-1]
	gained := at.gained == d.Field && binary.BigEndian.Uint32(k.Value[1:]) == st.config.SchemaID
	refused := d.Change == "removed" && st.terms[0].primary.source == d.Field
	return gained || refused
}

// drifts says whether the scenario has such drift.
func (st *stage) drifts(d departure) bool {
	demanded, gained := st.terms[0].primary, st.terms[len(st.terms)-1].gained
	switch conv.DriftKind(d.kind) {
	case conv.DriftZone:
		return st.platform.Faults.Zoneless
	case conv.DriftMissing: // rows of some media never have them
		return strings.HasPrefix(d.field, "attributes.custom.") || strings.HasPrefix(d.field, "metrics.") || d.field == gained
	case conv.DriftRetyped:
		if demanded.avro != "" && demanded.source == d.field {
			return true
		}
	}
	for _, change := range st.platform.Faults.Drift {
		if change.Field == d.field {
			return true
		}
	}
	return false
}
