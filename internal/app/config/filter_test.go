package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/extractor/genesys"
)

// filtered is minimal with a filter whose lines follow the key, which stands on line 4.
func filtered(t *testing.T, lines string) string {
	t.Helper()
	return edit(t, "  region:", "  filter:"+lines+"\n  region:")
}

// The guide's sample has a string and a number, and both have to stay what they are.
func TestR29R30_AFilterKeepsTheJSONTypeOfItsValues(t *testing.T) {
	want := []genesys.Filter{
		{Path: "interaction.type", Operator: "eq", Value: "voice"},
		{Path: "metrics.handledtime.ms", Operator: "gte", Value: 0},
		{Path: "attributes.custom.vip", Operator: "eq", Value: true},
		{Path: "attributes.custom.zip", Operator: "eq", Value: "01067"},
		{Path: "attributes.custom.score", Operator: "gte", Value: 0.5},
	}
	const block = `
    - {path: interaction.type, operator: eq, value: "voice"}
    - path: metrics.handledtime.ms
      operator: gte
      value: 0
    - {path: attributes.custom.vip, operator: eq, value: true}
    - {path: attributes.custom.zip, operator: eq, value: "${ZIP}"}
    - {path: attributes.custom.score, operator: gte, value: 0.5}`
	const text = `[{"path":"interaction.type","operator":"eq","value":"voice"},{"path":"metrics.handledtime.ms","operator":"gte","value":0},
		{"path":"attributes.custom.vip","operator":"eq","value":true},{"path":"attributes.custom.zip","operator":"eq","value":"01067"},
		{"path":"attributes.custom.score","operator":"gte","value":0.5}]`
	for name, got := range map[string]Config{
		"in the file":             mustLoad(t, filtered(t, block), "ZIP=01067"),
		"as JSON in a variable":   mustLoad(t, minimal, "CONVSTREAM_SOURCE_FILTER="+text),
		"as YAML in a variable":   mustLoad(t, minimal, "CONVSTREAM_SOURCE_FILTER="+strings.ReplaceAll(block, "${ZIP}", "01067")),
		"variable over the file":  mustLoad(t, filtered(t, " [{path: direction, operator: eq, value: inbound}]"), "CONVSTREAM_SOURCE_FILTER="+text),
		"by an alias in the file": mustLoad(t, strings.Replace(filtered(t, block), `"voice"}`, "&v voice}", 1), "ZIP=01067"),
	} {
		if diff := cmp.Diff(want, got.Source.Filter); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, environ := range map[string]string{"empty": "", "an empty list": "[]"} {
		c := mustLoad(t, filtered(t, block), "ZIP=1", "CONVSTREAM_SOURCE_FILTER="+environ)
		if diff := cmp.Diff([]genesys.Filter(nil), c.Source.Filter); diff != "" {
			t.Errorf("a variable that is %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestR29_AFilterThatIsWrongIsNamedByItsEntryAndLine(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  string
		want []string
	}{
		"no list":              {filtered(t, " voice"), "", []string{".yaml:4: source.filter:", "list"}},
		"a section":            {filtered(t, " {path: a, operator: eq, value: b}"), "", []string{".yaml:4: source.filter:", "is a list"}},
		"an entry that is one": {filtered(t, "\n    - voice"), "", []string{".yaml:5: source.filter[0]:", "path, operator and value"}},
		"no path":              {filtered(t, "\n    - {path: direction, operator: eq, value: x}\n    - {operator: eq, value: x}"), "", []string{".yaml:6: source.filter[1].path:", "missing"}},
		"no value":             {filtered(t, "\n    - path: direction\n      operator: eq\n      value:"), "", []string{".yaml:7: source.filter[0].value:", "missing"}},
		"unknown member":       {filtered(t, "\n    - path: direction\n      operator: eq\n      value: x\n      type: and"), "", []string{".yaml:8: source.filter[0].type:", "unknown"}},
		"path as number":       {filtered(t, " [{path: 5, operator: eq, value: x}]"), "", []string{"source.filter[0].path:", "quotes"}},
		"wildcard":             {filtered(t, " [{path: attributes.custom.*, operator: eq, value: x}]"), "", []string{"source.filter[0].path:", `"attributes.custom.*"`}},
		"unknown operator":     {filtered(t, "\n    - path: timestamp\n      operator: lt\n      value: x"), "", []string{".yaml:6: source.filter[0].operator:", `"lt"`, "eq", "gte"}},
		"unknown path":         {filtered(t, "\n    - operator: eq\n      path: colour\n      value: x"), "", []string{".yaml:6: source.filter[0].path:", `"colour"`, "media_type"}},
		"path of the other":    {filtered(t, "\n    - {path: direction, operator: eq, value: x}"), "", []string{".yaml:5: source.filter[0].path:", `"direction"`, "jobs"}},
		"two wrong ones":       {filtered(t, "\n    - {path: a, operator: eq, value: x}\n    - {path: b, operator: eq, value: x}"), "", []string{".yaml:5: source.filter[0].path:", ".yaml:6: source.filter[1].path:"}},
		"a list of values":     {filtered(t, " [{path: direction, operator: eq, value: [a]}]"), "", []string{"source.filter[0].value:", "number"}},
		"a date":               {filtered(t, " [{path: timestamp, operator: gte, value: 2024-01-01}]"), "", []string{"source.filter[0].value:", "quotes"}},
		"reference to nothing": {filtered(t, ` [{path: direction, operator: eq, value: "${NO_SUCH}"}]`), "", []string{"source.filter:", "NO_SUCH"}},
		"in a variable":        {filtered(t, " [{path: a, operator: eq, value: b}]"), "CONVSTREAM_SOURCE_FILTER=[{path: timestamp, operator: le, value: b}]", []string{"CONVSTREAM_SOURCE_FILTER: source.filter[0].operator:", `"le"`}},
		"a variable, no YAML":  {minimal, "CONVSTREAM_SOURCE_FILTER=[{", []string{"CONVSTREAM_SOURCE_FILTER: source.filter:", "YAML"}},
		"gte in jobs":          {filtered(t, " [{path: media_type, operator: gte, value: x}]"), "CONVSTREAM_SOURCE_DIALECT=jobs", []string{"source.filter[0].operator:", "eq"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text, []string{c.env}, nil)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestR93_AFilterThatTheCountDoesNotKnowIsWarnedOf(t *testing.T) {
	text := filtered(t, " [{path: media_type, operator: eq, value: voice}]")
	c := mustLoad(t, text)
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], ".yaml:4: source.filter:") || !strings.Contains(c.Warnings[0], "window.reconcile: false") {
		t.Errorf("warnings %q", c.Warnings)
	}
	for _, without := range []string{"CONVSTREAM_WINDOW_RECONCILE=false", "CONVSTREAM_SOURCE_DIALECT=jobs"} {
		if c := mustLoad(t, text, without); len(c.Warnings) != 0 {
			t.Errorf("with %s, warnings %q", without, c.Warnings)
		}
	}
}

func TestTheExamplesFilterLoads(t *testing.T) {
	text := strings.Replace(Example(), "#filter:", "filter:", 1)
	for _, dialect := range []string{DialectReports, DialectJobs} {
		c := mustLoad(t, text, "GENESYS_CLIENT_ID=me", "GENESYS_CLIENT_SECRET=s", "CONVSTREAM_SOURCE_DIALECT="+dialect)
		if diff := cmp.Diff([]genesys.Filter{{Path: "media_type", Operator: "eq", Value: "voice"}}, c.Source.Filter); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dialect, diff)
		}
	}
}
