package genesys

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestR28R29R30_TheGuidesFilterIsSentAsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		filter []Filter
		want   string
	}{
		"none": {nil, `{"type":"and","clauses":[]}`},
		"of the guide": {
			[]Filter{{"interaction.type", "eq", "voice"}, {"metrics.handledtime.ms", "gte", 0}},
			`{"type":"and","clauses":[{"type":"field","path":"interaction.type","operator":"eq","value":"voice"},` +
				`{"type":"field","path":"metrics.handledtime.ms","operator":"gte","value":0}]}`,
		},
		"types": {
			[]Filter{{"attributes.custom.vip", "eq", true}, {"attributes.custom.score", "gte", 1.5}, {"attributes.custom.n", "eq", uint64(math.MaxUint64)},
				{"attributes.custom.zip", "eq", "01234"}, {"attributes.custom.a.b", "eq", int64(-7)}},
			`{"type":"and","clauses":[{"type":"field","path":"attributes.custom.vip","operator":"eq","value":true},` +
				`{"type":"field","path":"attributes.custom.score","operator":"gte","value":1.5},` +
				`{"type":"field","path":"attributes.custom.n","operator":"eq","value":18446744073709551615},` +
				`{"type":"field","path":"attributes.custom.zip","operator":"eq","value":"01234"},` +
				`{"type":"field","path":"attributes.custom.a.b","operator":"eq","value":-7}]}`,
		},
		"neutral": {
			[]Filter{{"media_type", "eq", "voice"}},
			`{"type":"and","clauses":[{"type":"field","path":"interaction.type","operator":"eq","value":"voice"}]}`,
		},
	} {
		config := guideConfig()
		config.Filter = c.filter
		client, err := New(config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var body struct{ Filter json.RawMessage }
		if err := json.Unmarshal(client.Payload(day), &body); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(body.Filter)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if plain, err := New(guideConfig()); err != nil || (plain.QueryHash() == client.QueryHash()) != (len(c.filter) == 0) {
			t.Errorf("%s: the query's hash does not tell the filter, %v", name, err)
		}
	}
}

// Each condition is a filter of its own, so that all have to hold.
func TestJobsFiltersAreOnConversationsOrOnSegments(t *testing.T) {
	client := newJobsClient(t, &platform{}, Filter{"media_type", "eq", "voice"}, Filter{"division", "eq", "d-1"},
		Filter{"direction", "eq", "inbound"}, Filter{"queue", "eq", "q-1"})
	var body map[string]json.RawMessage
	if err := json.Unmarshal(client.Payload(hour), &body); err != nil {
		t.Fatal(err)
	}
	one := func(dimension, value string) string {
		return `{"type":"and","predicates":[{"type":"dimension","dimension":"` + dimension + `","operator":"matches","value":"` + value + `"}]}`
	}
	for member, want := range map[string]string{
		"conversationFilters": "[" + one("divisionId", "d-1") + "]",
		"segmentFilters":      "[" + one("mediaType", "voice") + "," + one("direction", "inbound") + "," + one("queueId", "q-1") + "]",
		"interval":            `"2024-01-01T01:00:00.000Z/2024-01-01T02:00:00.000Z"`,
	} {
		if diff := cmp.Diff(want, string(body[member])); diff != "" {
			t.Errorf("%s:\n%s", member, diff)
		}
	}
}

func TestR29_AFilterThatCannotWorkIsNamedByItsPlace(t *testing.T) {
	for name, c := range map[string]struct {
		dialect string
		filter  Filter
		want    []string
	}{
		"unknown path":       {DialectReports, Filter{"interaction.kind", "eq", "voice"}, []string{`source.filter[1].path is "interaction.kind"`, "media_type", "interaction.type"}},
		"no path":            {DialectReports, Filter{"", "eq", "voice"}, []string{`source.filter[1].path is ""`}},
		"no attribute":       {DialectReports, Filter{"attributes.custom.", "eq", "voice"}, []string{`source.filter[1].path`}},
		"wildcard":           {DialectReports, Filter{"attributes.custom.*", "eq", "voice"}, []string{`source.filter[1].path is "attributes.custom.*"`}},
		"whole object":       {DialectReports, Filter{"attributes.custom", "eq", "voice"}, []string{`source.filter[1].path is "attributes.custom"`}},
		"direction":          {DialectReports, Filter{"direction", "eq", "inbound"}, []string{`source.filter[1].path is "direction"`, `"jobs"`}},
		"division":           {DialectReports, Filter{"division", "eq", "d"}, []string{`source.filter[1].path is "division"`}},
		"queue":              {DialectReports, Filter{"queue", "eq", "q"}, []string{`source.filter[1].path is "queue"`}},
		"operator":           {DialectReports, Filter{"interaction.type", "like", "v"}, []string{`source.filter[1].operator is "like"`, "eq or gte"}},
		"no operator":        {DialectReports, Filter{"interaction.type", "", "v"}, []string{`source.filter[1].operator is ""`, "eq or gte"}},
		"gte of a word":      {DialectReports, Filter{"media_type", "gte", "voice"}, []string{`source.filter[1].operator is "gte"`, "want eq"}},
		"number for a word":  {DialectReports, Filter{"media_type", "eq", 5}, []string{`source.filter[1].value is 5`, "string"}},
		"null":               {DialectReports, Filter{"interaction.type", "eq", nil}, []string{`source.filter[1].value`}},
		"list":               {DialectReports, Filter{"interaction.type", "eq", []any{"voice"}}, []string{`source.filter[1].value is [voice]`}},
		"no JSON number":     {DialectReports, Filter{"metrics.queuetime.ms", "gte", math.Inf(1)}, []string{`source.filter[1].value is +Inf`}},
		"jobs: other's path": {DialectJobs, Filter{"interaction.type", "eq", "voice"}, []string{`source.filter[1].path is "interaction.type"`, "direction, division, media_type, queue"}},
		"jobs: gte":          {DialectJobs, Filter{"queue", "gte", "q"}, []string{`source.filter[1].operator is "gte"`, "want eq"}},
		"jobs: number":       {DialectJobs, Filter{"queue", "eq", 7}, []string{`source.filter[1].value is 7`, "string"}},
		"jobs: empty":        {DialectJobs, Filter{"queue", "eq", ""}, []string{`source.filter[1].value`}},
	} {
		config := guideConfig()
		config.PageSize, config.Dialect = 1, c.dialect
		config.Filter = []Filter{{"media_type", "eq", "voice"}, c.filter}
		_, err := New(config)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "filter[0]") {
			t.Errorf("%s: %q blames the entry that is right", name, err)
		}
	}
}

// The reports dialect counts all rows; a part of them it cannot count.
func TestR89_AFilteredQueryOfReportsHasNoBaseline(t *testing.T) {
	p := &platform{answer: answers{always(200, `{"count":12}`)}}
	client := newClient(t, p, Filter{"media_type", "eq", "voice"})
	if _, err := client.Baseline(t.Context(), day); !errors.Is(err, conv.ErrNoBaseline) || !strings.Contains(err.Error(), "source.filter") || len(p.requests) > 0 {
		t.Errorf("%v after %d requests", err, len(p.requests))
	}
}
