package staging_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/simulator"
	"convstream/internal/staging"
)

// store keeps a whole result of the given pages, redacted.
func (w *world) store(win conv.Window, job conv.Job, pages ...string) {
	w.t.Helper()
	names, format := w.staging(w.client())
	s := staging.NewStage(w.bucket, names, format, w.redactor)
	for i, text := range pages {
		if err := s.Page(w.t.Context(), win, job, i, strings.NewReader(text)); err != nil {
			w.t.Fatal(err)
		}
	}
	done := conv.JobStatus{State: conv.JobDone, Word: "completed", Progress: -1, Count: -1}
	if err := s.Result(w.t.Context(), win, job, done, len(pages)); err != nil {
		w.t.Fatal(err)
	}
}

func TestR13_RowsThatCannotBeRedactedAreAsManyDeadLettersAsThereWereRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, genesys.DialectReports, simulator.Faults{})
		private(t, w)
		midnight := span.From + 24*hour
		later := func(id string) conv.Job {
			at := span.To + hour
			return conv.Job{ID: id, Submitted: at, PlatformTime: at, Observation: uint32(at / 1000)}
		}
		w.store(conv.Window{From: span.From, To: midnight}, later("first"),
			`{"data":["of page 0"],"nextPageToken":"t1"}`, `{"data":["of page 1",["of page 1"]],"nextPageToken":null}`)
		w.store(conv.Window{From: midnight, To: span.To}, later("second"),
			`{"data":["of another job"],"nextPageToken":null}`)
		k := w.newTopics()
		notes := func() (notes []string) {
			k.read("dlq", func(r *kgo.Record) { notes = append(notes, string(r.Value)) })
			return notes
		}
		k.must(run{name: "staging", source: w.archive(), reread: true})
		if got := notes(); len(got) != 4 {
			t.Errorf("4 rows are the dead letters %q", got)
		}
		k.must(run{name: "staging again", source: w.archive(), reread: true})
		if got := notes(); len(got) != 4 {
			t.Errorf("read again, 4 rows are the dead letters %q", got)
		}
	})
}
