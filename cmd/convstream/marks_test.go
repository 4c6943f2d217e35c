package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"convstream/internal/simulator"
)

// maskedContract masks a field that the contract of the row topic publishes in plain, and one that narrow takes out of it.
const maskedContract = `{"type": "record", "name": "Masked", "fields": [
	{"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
	{"name": "segment", "type": ["null", "string"], "default": null, "source": "attributes.custom.customer_segment", "privacy": "mask"},
	{"name": "priority", "type": ["null", "string"], "default": null, "source": "attributes.custom.case_priority", "privacy": "mask"}
]}`

// maskingWorld has a route with that contract, and a platform of which a tenth of the rows have no type.
func maskingWorld(t *testing.T) *world {
	t.Helper()
	w := unfitWorld(t, 400)
	w.write(filepath.Join(w.dir, "masked.avsc"), maskedContract)
	w.configure(`routes: [{name: masked, topic: genesys.masked, contract: masked.avsc}]`)
	return w
}

// narrow leaves the priority out of the contract that mend has configured.
func (w *world) narrow() {
	w.t.Helper()
	file := filepath.Join(w.dir, "mended.avsc")
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	var contract map[string]any
	if err := json.Unmarshal(text, &contract); err != nil {
		w.t.Fatal(err)
	}
	fields := contract["fields"].([]any)
	contract["fields"] = slices.DeleteFunc(fields, func(f any) bool { return f.(map[string]any)["name"] == "attributes_custom_case_priority" })
	narrowed, err := json.Marshal(contract)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(file, string(narrowed))
}

// pageText is what a folder keeps of pages.
func pageText(t *testing.T, dir string) string {
	t.Helper()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var all []byte
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".zst") {
			return err
		}
		packed, err := os.ReadFile(path)
		if err == nil {
			all, err = z.DecodeAll(packed, all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// segments lists what a topic says of the segment of each row, by the row's id.
func (w *world) segments(topic, id, segment string) map[string][]string {
	w.t.Helper()
	of := map[string][]string{}
	w.decoded(topic, func(_ string, _ int, row map[string]any) {
		key, text := row[id].(string), ""
		if union, ok := row[segment].(map[string]any); ok {
			text = union["string"].(string)
		}
		of[key] = append(of[key], text)
	})
	for _, all := range of {
		slices.Sort(all)
	}
	return of
}

// holdsSegments wants the row topic to hold so many rows, with the segments that the platform
// has, and the route's topic the same rows with each of these concealed.
func (w *world) holdsSegments(rows int) {
	w.t.Helper()
	plain := w.segments("genesys.conversations", "interaction_id", "attributes_custom_customer_segment")
	masked := map[string][]string{}
	seen := 0
	for id, all := range plain {
		for _, segment := range all {
			seen++
			if segment != "" {
				segment = "***"
			}
			masked[id] = append(masked[id], segment)
		}
		slices.Sort(masked[id])
	}
	if seen != rows {
		w.t.Errorf("the row topic holds %d rows, want %d", seen, rows)
	}
	if diff := gocmp.Diff(masked, w.segments("genesys.masked", "id", "segment")); diff != "" {
		w.t.Errorf("the route's topic (-want +got): %.2000s", diff)
	}
	known := map[string]bool{"": true}
	for _, row := range w.truth() {
		known[row.Segment] = true
	}
	if len(known) < 3 {
		w.t.Fatalf("the platform knows the segments %v alone", known)
	}
	var strange []string
	for _, all := range plain {
		for _, segment := range all {
			if !known[segment] {
				strange = append(strange, segment)
			}
		}
	}
	if len(strange) > 0 {
		w.t.Errorf("%d rows have segments that no row of the platform has, the first %q", len(strange), strange[0])
	}
}

func TestR71_ARedrivenRowIsPlainWhereItsContractIsAndConcealedWhereTheRoutesIs(t *testing.T) {
	t.Parallel()
	w := maskingWorld(t)
	w.backfill().must(t, 0)
	w.mend()
	if r := w.redrive(0); r.Redriven != 40 {
		t.Errorf("%+v, want 40 rows", r)
	}
	w.holdsSegments(400)
}

func TestR13_ReadingFromStagingPublishesNothingAgainWhereARouteMasksWhatTheRowTopicHasInPlain(t *testing.T) {
	t.Parallel()
	w := maskingWorld(t)
	w.mend()
	w.narrow()
	pages := filepath.Join(w.dir, "pages")
	// The route speech publishes the priority in plain, and would get what the pages have.
	env := []string{"CONVSTREAM_STAGING_URL=file://" + filepath.ToSlash(pages), "CONVSTREAM_KAFKA_TOPICS_SPEECH="}
	first := w.run(env, append([]string{"backfill", "--json"}, interval...)...).must(t, 0).figures(t)
	if first.Published != 400 {
		t.Fatalf("%+v", first)
	}
	text := pageText(t, pages)
	for _, row := range w.truth() {
		if row.Priority != "" && strings.Contains(text, row.Priority) {
			t.Fatalf("the pages hold priority %q, which the route alone reads, and conceals", row.Priority)
		}
	}
	again := w.run(env, append([]string{"backfill", "--json", "--from-staging"}, interval...)...).must(t, 0).figures(t)
	if again.Published != 400 || again.Revisions != 0 || again.Fetched != 2*first.Fetched {
		t.Errorf("the figures were %+v, and are %+v", first, again)
	}
	w.holdsSegments(400)
}

func TestR24_AKeyThatReadsWhatAContractMarksIsAMistakeOfTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 10}})
	w.write(filepath.Join(w.dir, "masked.avsc"), maskedContract)
	w.configure(`routes: [{name: masked, topic: genesys.masked, contract: masked.avsc, key: 'attributes.custom.customer_segment ?? "none"'}]`)
	w.backfill().must(t, 2).saysOnce(t, "routes[0] (", "key '", "attributes.custom.customer_segment", "routes[0].contract", "privacy")
	if topics, err := w.admin().ListTopics(t.Context()); err != nil || len(topics) > 0 {
		t.Errorf("it made %v, %v", topics.Names(), err)
	}
}
