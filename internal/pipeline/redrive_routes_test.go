package pipeline_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

// routeSums fails unless, in every window, each route has met what the primary route has published, and counts as many dead
// letters as there are. It returns the counters of route voice.
func (w *world) routeSums() (voice conv.RouteCounters) {
	w.t.Helper()
	letters := map[string]int64{}
	for _, r := range w.kafkaRecords("dlq") {
		letters[fmt.Sprintf("%s %s", producer.Header(r, producer.WindowHeader), producer.Header(r, producer.RouteHeader))]++
	}
	for window, cp := range w.ledger() {
		if !cp.Counters.Balanced() || cp.Counters.Invalid+cp.Counters.Redriven != letters["test/acme/"+window.String()+" "] {
			w.t.Errorf("window %s counts %+v", window, cp.Counters)
		}
		for name, c := range cp.Routes {
			if c.Total() != cp.Counters.Published || c.Invalid+c.Redriven != letters["test/acme/"+window.String()+" "+name] {
				w.t.Errorf("window %s: route %s counts %+v of %d rows", window, name, c, cp.Counters.Published)
			}
		}
		voice = voice.Add(cp.Routes["voice"])
	}
	return voice
}

// valuesOf are the values of a topic, in order.
func (w *world) valuesOf(topic string) (values []string) {
	for _, r := range w.kafkaRecords(topic) {
		values = append(values, string(r.Value))
	}
	slices.Sort(values)
	return values
}

func TestARedrivenRowReachesTheDerivedRoutesAndARoutesOwnLettersOnlyTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := mixedPlatform(42, 7)
		routed := func(run string) setup {
			s := w.routed(run)
			s.takeOver, s.config.Reconcile = true, false
			return s
		}
		if _, err := w.run(t.Context(), p, routed("first"), interval, wordy{refuses: "voice"}); err != nil {
			t.Fatal(err)
		}
		if n := len(w.valuesOf("voices")); n != 0 {
			t.Fatalf("%d rows of voice, which the primary contract refuses", n)
		}
		w.routeSums()
		first, err := w.redrive(t.Context(), routed("primary mended"), wordy{}, pipeline.Redrive{Chosen: func(l *conv.Letter) bool { return l.Route == "" }})
		if err != nil || first.Published != 24 || first.Left() != 0 {
			t.Fatalf("%+v, %v; want the 24 rows of voice", first, err)
		}
		w.want(p)
		if got, want := w.routeSums(), (conv.RouteCounters{Published: 12, Filtered: 12, Invalid: 18}); got != want {
			t.Errorf("route voice counts %+v, want %+v", got, want)
		}
		w.lettersLikeTheirRows(p)

		s := routed("route mended")
		s.config.Routes[0].Contract = wordy{before: "voice "}
		second, err := w.redrive(t.Context(), s, wordy{}, pipeline.Redrive{})
		want := pipeline.Redriven{
			Chosen: first.Chosen + 18, Before: first.Chosen, Published: 6, // the broken ones
			Invalid: map[string]int64{conv.ReasonRoute: 12}, Impossible: map[string]int64{},
		}
		if diff := cmp.Diff(want, second); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if got, want := w.routeSums(), (conv.RouteCounters{Published: 18, Filtered: 12, Invalid: 12, Redriven: 6}); got != want {
			t.Errorf("route voice counts %+v, want %+v", got, want)
		}
		w.want(p) // and no row is in the row topic again
		var voice, copies []string
		for i := range p.rows {
			said := words(&p.rows[i])
			copies = append(copies, "copy "+string(p.rows[i].Raw))
			if slices.Contains(said, "voice") && !slices.Contains(said, "keyless") {
				voice = append(voice, "voice "+string(p.rows[i].Raw))
			}
		}
		slices.Sort(voice)
		slices.Sort(copies)
		if diff := cmp.Diff(voice, w.valuesOf("voices")); diff != "" {
			t.Errorf("route voice:\n%s", diff)
		}
		if diff := cmp.Diff(copies, w.valuesOf("copies")); diff != "" {
			t.Errorf("route copy:\n%s", diff)
		}
	})
}

// lettersLikeTheirRows fails unless the letters that a redrive has made tell of the row as it came, where it came from, and
// of which letter it was made.
func (w *world) lettersLikeTheirRows(p *platform) {
	w.t.Helper()
	came := map[string][]string{}
	where := []string{producer.WindowHeader, producer.JobHeader, producer.PageHeader, producer.RowHeader, producer.DigestHeader, producer.LengthHeader}
	made := 0
	for _, r := range w.kafkaRecords("dlq") {
		var texts []string
		for _, header := range where {
			texts = append(texts, string(producer.Header(r, header)))
		}
		from := producer.Header(r, producer.RedrivenHeader)
		if from == nil {
			came[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = texts
			continue
		}
		made++
		digest := sha256.Sum256(r.Value)
		if !slices.Equal(texts, came[string(from)]) || texts[4] != hex.EncodeToString(digest[:]) {
			w.t.Errorf("a letter made of letter %s says %q, which says %q", from, texts, came[string(from)])
		}
	}
	if made != 12 {
		w.t.Errorf("the redrive made %d letters, want those of 6 broken and 6 keyless rows", made)
	}
}

func TestALetterThatItsRouteLeavesOutNowIsCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(8, 7)
		p.rows[0] = makeRow("conv-0000", p.rows[0].Time, "unsure voice")
		p.rows[1] = makeRow("conv-0001", p.rows[1].Time, "unsure chat")
		if _, err := w.run(t.Context(), p, w.routed("first"), interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		s := w.routed("redrive")
		s.takeOver, s.config.Routes[0].Selector = true, sure{}
		sum, err := w.redrive(t.Context(), s, wordy{}, pipeline.Redrive{})
		want := pipeline.Redriven{Chosen: 2, Published: 1, Filtered: 1, Invalid: map[string]int64{}, Impossible: map[string]int64{}}
		if diff := cmp.Diff(want, sum); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		w.routeSums()
	})
}

// sure is a selector of rows of voice, which can say it of all.
type sure struct{ voices }

func (sure) Select(row *conv.Row) (bool, error) { return slices.Contains(words(row), "voice"), nil }

func TestALetterOfARouteNeverFollowsNewerContentThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(8, 7)
		p.rows[0] = makeRow("conv-0000", p.rows[0].Time, "voice broken")
		p.short = 3 // the windows stay incomplete
		if _, err := w.run(t.Context(), p, w.routed("first"), interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		p.rows[0], p.short = makeRow("conv-0000", p.rows[0].Time, "voice again"), 0
		s := w.routed("second")
		s.takeOver = true
		if _, err := w.run(t.Context(), p, s, interval, wordy{}); err != nil {
			t.Fatal(err)
		}
		s = w.routed("redrive")
		s.takeOver, s.config.Routes[0].Contract = true, wordy{before: "voice "}
		sum, err := w.redrive(t.Context(), s, wordy{}, pipeline.Redrive{})
		if err != nil || sum.Superseded != 1 || sum.Published != 0 {
			t.Errorf("%+v, %v; want the letter superseded", sum, err)
		}
		if got, want := w.valuesOf("voices"), []string{"voice " + string(p.rows[0].Raw)}; !slices.Equal(got, want) {
			t.Errorf("route voice holds %q, want %q", got, want)
		}
		if got, want := w.routeSums(), (conv.RouteCounters{Published: 1, Filtered: 8, Redriven: 1}); got != want {
			t.Errorf("route voice counts %+v, want %+v", got, want)
		}
	})
}

// told is a contract that writes down whether the private values of a row were replaced before.
type told struct{ wordy }

func (c told) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	dst, facts := c.wordy.Encode(dst, id, row, drift)
	if facts.Reject == nil {
		dst = fmt.Appendf(dst, " redacted: %t", row.Redacted)
	}
	return dst, facts
}

func TestARedactedLetterIsRedrivenAsOneAndItsDigestTellsNothingOfWhatWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		row := makeRow("a", interval.From+1, "voice broken refused secret")
		source := &poisoned{platform: newPlatform(0, 5), extra: []conv.Row{row}}
		s := w.routed("first")
		s.config.Redactor, s.config.Reconcile = blackout{}, false
		if _, err := w.run(t.Context(), source, s, w1, wordy{refuses: "refused"}); err != nil {
			t.Fatal(err)
		}
		s = w.routed("redrive")
		s.takeOver, s.config.Redactor = true, blackout{}
		if sum, err := w.redrive(t.Context(), s, told{}, pipeline.Redrive{}); err != nil || sum.Published != 1 {
			t.Fatalf("%+v, %v", sum, err)
		}
		redacted := string(makeRow("a", interval.From+1, "voice broken refused ***").Raw)
		if got, want := w.valuesOf("rows"), []string{redacted + " redacted: true"}; !slices.Equal(got, want) {
			t.Errorf("the topic holds %q, want %q", got, want)
		}
		digest := sha256.Sum256([]byte(redacted))
		letters := w.kafkaRecords("dlq")
		if len(letters) != 2 {
			t.Fatalf("%d letters, want the first and that of the route", len(letters))
		}
		for _, r := range letters {
			if got := string(producer.Header(r, producer.DigestHeader)); got != hex.EncodeToString(digest[:]) || string(r.Value) != redacted {
				t.Errorf("letter of route %q: %s has digest %s, want that of %s", producer.Header(r, producer.RouteHeader), r.Value, got, redacted)
			}
		}
	})
}
