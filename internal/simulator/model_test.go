package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"convstream/extractor"
	"convstream/internal/conv"
)

// models are the platform's: the type of each field of each model.
type models map[string]map[string]string

func readModels(t testing.TB) models {
	t.Helper()
	file, err := os.ReadFile("testdata/model.json")
	if err != nil {
		t.Fatal(err)
	}
	var m models
	if err := json.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// inner is the model that a type is of, itself or in an array; "" for none.
func (m models) inner(kind string) string {
	kind = strings.TrimSuffix(strings.TrimPrefix(kind, "array<"), ">")
	if m[kind] == nil {
		return ""
	}
	return kind
}

// fields lists the paths of all fields of a model, those of models inside it too.
func (m models) fields(model, above string) (paths []string) {
	for name, kind := range m[model] {
		paths = append(paths, above+name)
		if inner := m.inner(kind); inner != "" {
			paths = append(paths, m.fields(inner, above+name+".")...)
		}
	}
	slices.Sort(paths)
	return paths
}

// maker makes a value of every type. Of an array the first element has every field, so that a
// conversation has every field at least once.
type maker struct {
	models
	*dice
	words int // of enums so far: they take turns
}

func (m *maker) object(model string, whole bool) map[string]any {
	tree := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m.models[model])) {
		if kind := m.models[model][name]; whole || m.oneIn(2) {
			tree[name] = m.value(kind, whole)
		}
	}
	return tree
}

func (m *maker) value(kind string, whole bool) any {
	if inner, array := strings.CutPrefix(kind, "array<"); array {
		list := []any{}
		for n := range 1 + m.below(3) {
			list = append(list, m.value(strings.TrimSuffix(inner, ">"), whole && n == 0))
		}
		return list
	}
	if m.models[kind] != nil {
		return m.object(kind, whole)
	}
	if words, enum := strings.CutPrefix(kind, "enum["); enum {
		m.words++
		all := append(strings.Split(strings.TrimSuffix(words, "]"), "|"), "aWordOfTomorrow")
		return all[m.words%len(all)]
	}
	switch kind {
	case "string":
		return pick(m.dice, []string{"plain", "Zoë \"Ö\" 🙂\n\\/", "5", m.dice.text(1 + m.below(40))})
	case "boolean":
		return m.oneIn(2)
	case "double":
		return json.Number(pick(m.dice, []string{"4.882164478302002", "0.1", "-1e-7", "93"}))
	case "int32":
		return json.Number(pick(m.dice, []string{"-2147483648", "2147483647", "0", "42"}))
	case "int64":
		return json.Number(pick(m.dice, []string{"-9223372036854775808", "9223372036854775807", "9007199254740993", "7"}))
	case "date-time":
		return telling(m.below(2)).instant(day.From + int64(m.below(100*24*hour)))
	case "map<string,string>":
		return map[string]any{"k": "v", "a.b c": "5", "": "nothing", m.dice.text(6): "ü"}
	}
	panic(fmt.Sprintf("the model has a type %q that this test does not know", kind))
}

func TestEveryFieldOfTheModelArrives(t *testing.T) {
	m := readModels(t)
	known := 0
	for _, model := range m {
		known += len(model)
	}
	if len(m) != 49 || known != 387 {
		t.Errorf("the file has %d models with %d fields; it is the one with 49 and 387", len(m), known)
	}
	// The synchronous query tells of conversations without attributes. All other models are of
	// what is asked, and of what stands around the conversations of an answer.
	for model, fields := range map[string]int{"AnalyticsConversation": 225, "AnalyticsConversationWithoutAttributes": 224} {
		t.Run(model, func(t *testing.T) {
			want := m.fields(model, "")
			if len(want) != fields {
				t.Fatalf("%d fields lead from the model, want %d", len(want), fields)
			}
			p := newPublisher(t, Jobs)
			d := newDice(7)
			mk := &maker{models: m, dice: &d}
			for range 20 {
				tree := mk.object(model, true)
				for _, row := range p.page(t, m, tree) {
					published, reject := p.publish(row.Raw)
					if reject != nil {
						t.Fatalf("%s: %+v", row.Raw, reject)
					}
					p.wantAgreement(encodeTree(tree), published)
					arrived := map[string]bool{}
					note(arrived, m, model, "", published)
					for _, path := range want {
						if !arrived[path] {
							t.Fatalf("%s did not arrive", path)
						}
					}
				}
			}
		})
	}
}

// page puts a conversation on a page of the platform, and reads it from there.
func (p *publisher) page(t *testing.T, m models, tree map[string]any) (rows []conv.Row) {
	t.Helper()
	const model = "AnalyticsConversationAsyncQueryResponse"
	answer := map[string]any{"conversations": []any{tree}, "cursor": "c", "dataAvailabilityDate": canonical.instant(day.To)}
	for name := range answer {
		if m[model][name] == "" || len(m[model]) != len(answer) {
			t.Fatalf("the model of a page has %v", m[model])
		}
	}
	keys := extractor.Keys{ConversationID: "conversationId", Time: "conversationStart", End: "conversationEnd"}
	envelope := extractor.Envelope{Rows: "conversations", Next: "cursor", Available: "dataAvailabilityDate"}
	err := extractor.NewSplitter(envelope, keys).Split(bytes.NewReader(encodeTree(answer)), conv.Position{}, func(c conv.Chunk) error {
		rows = append(rows, c.Rows...)
		return nil
	})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows
}

// note marks the fields that a published conversation has anywhere.
func note(arrived map[string]bool, m models, model, above string, tree map[string]any) {
	for name, value := range tree {
		arrived[above+name] = true
		inner := m.inner(m[model][name])
		if inner == "" {
			continue
		}
		list, array := value.([]any)
		if !array {
			list = []any{value}
		}
		for _, item := range list {
			note(arrived, m, inner, above+name+".", item.(map[string]any))
		}
	}
}
