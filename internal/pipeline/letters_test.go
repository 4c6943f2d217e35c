package pipeline_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// strict are rules that refuse rows of a word.
type strict string

func (s strict) Check(row *conv.Row) *conv.Reject {
	if slices.Contains(words(row), string(s)) {
		return &conv.Reject{Reason: conv.ReasonJSONSchema, Path: "/content", Expected: "another word", Found: "string"}
	}
	return nil
}

// blackout redacts every "secret", and cannot redact what is no object.
type blackout struct{}

func (blackout) Redact(dst []byte, row *conv.Row) ([]byte, bool) {
	if row.Raw[0] != '{' || row.Length > 0 {
		return dst, false
	}
	return append(dst, strings.ReplaceAll(string(row.Raw), "secret", "***")...), true
}

// letter is what a consumer sees of a dead letter.
type letter struct {
	Value, Route, Reason, Redacted, Encoding string
	Whole                                    bool // length and digest are of the value, or of the whole row that it is not
}

func (w *world) letters(rows []conv.Row) (all []letter) {
	for _, r := range w.kafkaRecords("dlq") {
		header := func(key string) string { return string(producer.Header(r, key)) }
		l := letter{Value: string(r.Value), Route: header(producer.RouteHeader), Reason: header(producer.ReasonHeader),
			Redacted: header(producer.RedactedHeader), Encoding: header(producer.EncodingHeader)}
		speaksOf := func(digest conv.Digest, length int) bool {
			return header(producer.DigestHeader) == hex.EncodeToString(digest[:]) && header(producer.LengthHeader) == strconv.Itoa(length)
		}
		l.Whole = l.Encoding == "" && speaksOf(sha256.Sum256(r.Value), len(r.Value))
		for i := range rows {
			if l.Encoding == "" {
				break
			}
			digest, length := conv.Digest(sha256.Sum256(rows[i].Raw)), len(rows[i].Raw)
			if rows[i].Length > 0 {
				digest, length = rows[i].Digest, int(rows[i].Length)
			}
			l.Whole = l.Whole || speaksOf(digest, length)
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b letter) int {
		return strings.Compare(a.Value+a.Encoding+a.Reason, b.Value+b.Encoding+b.Reason)
	})
	return all
}

func TestR71_ADeadLetterLeavesWithoutPrivateValuesOrNotAtAll(t *testing.T) {
	rows := func() []conv.Row {
		at := interval.From + 1
		redacted := makeRow("d", at, "refused ***") // it came so from the object storage
		redacted.Redacted = true
		return []conv.Row{
			makeRow("a", at, "refused secret"),
			makeRow("b", at, "refused"),
			{Raw: []byte(`"secret"`)},
			{Raw: []byte(`{"secret":`), Length: 50 << 20, Digest: conv.Digest{1}},
			makeRow("c", at, "voice broken secret"), // the route refuses it
			redacted,
		}
	}
	raw := func(id, content string) string { return string(makeRow(id, interval.From+1, content).Raw) }
	for name, c := range map[string]struct {
		redactor pipeline.Redactor
		want     []letter
	}{
		"redacted": {blackout{}, []letter{
			{Reason: conv.ReasonNoKey, Encoding: producer.EncodingWithheld, Whole: true},
			{Reason: conv.ReasonTooLarge, Encoding: producer.EncodingWithheld, Whole: true},
			{Value: raw("a", "refused ***"), Reason: conv.ReasonType, Redacted: "true", Whole: true},
			{Value: raw("b", "refused"), Reason: conv.ReasonType, Whole: true},
			{Value: raw("c", "voice broken ***"), Reason: conv.ReasonType, Route: "voice", Redacted: "true", Whole: true},
			{Value: raw("d", "refused ***"), Reason: conv.ReasonType, Redacted: "true", Whole: true},
		}},
		"kept": {nil, []letter{
			{Value: `"secret"`, Reason: conv.ReasonNoKey, Whole: true},
			{Value: raw("a", "refused secret"), Reason: conv.ReasonType, Whole: true},
			{Value: raw("b", "refused"), Reason: conv.ReasonType, Whole: true},
			{Value: raw("c", "voice broken secret"), Reason: conv.ReasonType, Route: "voice", Whole: true},
			{Value: raw("d", "refused ***"), Reason: conv.ReasonType, Redacted: "true", Whole: true},
			{Value: `{"secret":`, Reason: conv.ReasonTooLarge, Encoding: producer.EncodingHead, Whole: true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				s := w.routed("first")
				s.config.Redactor, s.config.Reconcile = c.redactor, false
				came := rows()
				source := &poisoned{platform: newPlatform(0, 5), extra: came}
				sum, err := w.run(t.Context(), source, s, w1, wordy{refuses: "refused"})
				if err != nil {
					t.Fatal(err)
				}
				if sum.Counters.Invalid != 5 || sum.Counters.Published != 1 || !sum.Counters.Balanced() {
					t.Errorf("%+v, want 5 invalid and 1 published, balanced", sum.Counters)
				}
				if diff := cmp.Diff(c.want, w.letters(came)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestR70_ARowThatBreaksTheUsersOwnSchemaIsADeadLetterAndReachesNoTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		s := w.routed("first")
		s.config.Rules, s.config.Reconcile = strict("keyless"), false
		sum, err := w.run(t.Context(), p, s, interval, wordy{refuses: "chat"})
		if err != nil {
			t.Fatal(err)
		}
		reasons := map[string]int{}
		for _, l := range w.letters(p.rows) {
			reasons[l.Route+" "+l.Reason]++
		}
		// Six rows in 42 are of each content, and two of chat. On an edge, both windows bring one.
		edges := map[string]int{}
		for i := range p.rows {
			if at := p.rows[i].Time; at > interval.From && (at-interval.From)%hour == 0 {
				edges[strings.Join(words(&p.rows[i]), " ")]++
			}
		}
		want := map[string]int{
			" json_schema":       6 + edges["voice keyless"],
			" wrong_type":        12 + edges["chat"] + edges["chat missing:queue"],
			"voice wrong_type":   6,
			"voice route_failed": 6,
		}
		if diff := cmp.Diff(want, reasons); diff != "" {
			t.Error(diff)
		}
		if sum.Counters.Published != 24 || len(w.kafkaRecords("copies")) != 24 || !sum.Counters.Balanced() {
			t.Errorf("%+v, and %d copies, want 24 rows and their copies", sum.Counters, len(w.kafkaRecords("copies")))
		}
	})
}
