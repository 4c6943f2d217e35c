package app

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"convstream/avro"
	"convstream/internal/pipeline"
	"convstream/internal/route"
)

// derivedOf is the derived route that a contract makes beside a primary one.
func derivedOf(primary, derived *avro.Contract) pipeline.Route {
	r := routing{contracts: []routeContract{{contract: primary}, {contract: derived}}, selectors: []*route.Selector{nil}}
	return r.derived([]uint32{1, 2})[0]
}

func TestARouteIsWiderWhenItReadsWhatThePrimaryContractDoesNot(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		primary, err := avro.Default(dialect)
		if err != nil {
			t.Fatal(err)
		}
		speech, err := avro.Speech(dialect)
		if err != nil {
			t.Fatal(err)
		}
		if r := derivedOf(primary, speech); r.Wider || len(r.Own) > 0 {
			t.Errorf("%s: speech reads more than the default contract (%v), and would cost each row a second encoding", dialect, r.Own)
		}
		if r := derivedOf(speech, primary); !r.Wider || len(r.Own) == 0 {
			t.Errorf("%s: the default contract reads no more than speech", dialect)
		}
	}
}

// parsed is a contract of optional strings, "source" or "source: privacy".
func parsed(t *testing.T, sources ...string) *avro.Contract {
	t.Helper()
	var fields []string
	for i, s := range sources {
		source, privacy, marked := strings.Cut(s, ": ")
		field := `{"name":"f` + string(rune('a'+i)) + `","type":["null","string"],"default":null,"source":"` + source + `"`
		if marked {
			field += `,"privacy":"` + privacy + `"`
		}
		fields = append(fields, field+"}")
	}
	c, err := avro.Parse([]byte(`{"type":"record","name":"row","fields":[` + strings.Join(fields, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARouteThatPublishesInPlainWhatThePrimaryConcealsIsWider(t *testing.T) {
	plain, masked, dropped := parsed(t, "a", "b"), parsed(t, "a", "b: mask"), parsed(t, "a", "b: drop")
	for name, c := range map[string]struct {
		primary, derived *avro.Contract
		wider            bool
	}{
		"equal":                  {plain, plain, false},
		"the route masks":        {plain, masked, false},
		"the primary masks":      {masked, plain, true},
		"both mask":              {masked, masked, false},
		"the primary drops":      {dropped, plain, true},
		"the route drops it too": {dropped, dropped, false},
	} {
		r := derivedOf(c.primary, c.derived)
		if r.Wider != c.wider {
			t.Errorf("%s: wider is %v", name, r.Wider)
		}
		if len(r.Own) > 0 {
			t.Errorf("%s: %v are sources that the primary does not read", name, r.Own)
		}
	}
}

func TestTheOwnSourcesOfARouteAreThoseOfWhichThePrimaryReadsNothing(t *testing.T) {
	r := derivedOf(parsed(t, "a", "b.c", "d"), parsed(t, "a", "b.e", "d.f", "g.h.i", "g.k"))
	want := []string{"b.e", "g", "g.h", "g.h.i", "g.k"}
	if got := slices.Sorted(maps.Keys(r.Own)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
