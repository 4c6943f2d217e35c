package route

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadsSayHowMuchOfEachPathCounts(t *testing.T) {
	whole := func(paths ...string) (reads []Read) {
		for _, p := range paths {
			reads = append(reads, Read{Path: p, Whole: true})
		}
		return reads
	}
	computed := func(path string) Read { return Read{Path: path, Whole: true, Computed: true} }
	for text, want := range map[string][]Read{
		`a.b["c.d"]`:                      whole("a.b.c.d"),
		`a[0].b`:                          whole("a.b"),
		`a == nil ? "x" : a.b`:            {{Path: "a"}, {Path: "a.b", Whole: true}},
		`a[len(a) - 1].b`:                 {{Path: "a", Whole: true}, {Path: "a.b", Whole: true}},
		`a ?? nil`:                        whole("a"),
		`string(a == b)`:                  whole("a", "b"),
		`string(count(a, .b != nil))`:     {{Path: "a"}, {Path: "a.b"}},
		`string(count(a, # == 1))`:        {{Path: "a"}, {Path: "a", Whole: true}},
		`find(a, .b == c)`:                {{Path: "a"}, {Path: "a.b", Whole: true}, {Path: "c", Whole: true}, {Path: "a", Whole: true}},
		`map(a, .b)[0]`:                   {{Path: "a"}, {Path: "a.b", Whole: true}},
		`a[k]`:                            append(whole("k"), computed("a")),
		`a[k].b`:                          append(whole("k"), computed("a"), Read{Path: "a.b", Whole: true}),
		`a["b" + "c"] + a.d`:              {computed("a"), {Path: "a.d", Whole: true}},
		`a[k + 1].b`:                      whole("k", "a.b"),
		`a[-k].b`:                         whole("k", "a.b"),
		`a[k * l].b`:                      whole("k", "l", "a.b"),
		`a[+k].b`:                         append(whole("k"), computed("a"), Read{Path: "a.b", Whole: true}),
		`a[k ? 0 : 1].b`:                  whole("k", "a.b"),
		`a[k ? 0 : "b"].b`:                append(whole("k"), computed("a"), Read{Path: "a.b", Whole: true}),
		`(a ?? b).c`:                      whole("a", "b"),
		`(k ? a : b)[0].c`:                whole("k", "a", "b"),
		`map([a], #.c)[0]`:                whole("a"),
		`map(map(a, .b), len(#))[0]`:      {{Path: "a"}, {Path: "a.b"}, {Path: "a.b", Whole: true}},
		`a[find(["b"], true)].b`:          {computed("a"), {Path: "a.b", Whole: true}},
		`a[map(["b"], #)[0]].b`:           {computed("a"), {Path: "a.b", Whole: true}},
		`a[string(k)].b`:                  append(whole("k"), computed("a"), Read{Path: "a.b", Whole: true}),
		`a[nil ?? "b"].b`:                 {computed("a"), {Path: "a.b", Whole: true}},
		`map(filter(a, .b), [.c])[0][0]`:  {{Path: "a"}, {Path: "a.b", Whole: true}, {Path: "a.c", Whole: true}},
		`string(any(a[number(k)].b, .c))`: {{Path: "k", Whole: true}, {Path: "a.b"}, {Path: "a.b.c", Whole: true}},
	} {
		if diff := cmp.Diff(want, mustCompile(t, "", text).Reads()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestAComparisonWithATextThatHoldsNoNumberIsListed(t *testing.T) {
	for filter, want := range map[string][]Comparison{
		`a.b > "x"`:                     {{"a.b", "x"}},
		`"x" != a["b"]`:                 {{"a.b", "x"}},
		`a in ["5", "x", "y"]`:          {{"a", "x"}, {"a", "y"}},
		`any(p, .s[0].n == "x")`:        {{"p.s.n", "x"}},
		`a + "x" == b and a == "x"`:     {{"a", "x"}},
		`a == "5" and b < "-1.5e3"`:     nil,
		`"x" in a and lower(a) == "x"`:  nil,
		`a startsWith "x" and b == nil`: nil,
	} {
		if diff := cmp.Diff(want, mustCompile(t, filter, "").Comparisons(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
}

// What a key is said to need is nil in the row, and so is the key.
func TestAKeyNeedsWhatItIsNilWithout(t *testing.T) {
	for key, want := range map[string][]string{
		`a.b`:                                  {"a.b"},
		`a + "/" + lower(b)`:                   {"a", "b"},
		`-a * 2`:                               {"a"},
		`string(p[0].x)`:                       {"p.x"},
		`find(p, .y == z).x`:                   {"p.x"},
		`a ?? b`:                               nil,
		`a == nil ? "x" : b`:                   nil,
		`string(len(a)) + string(count(b, c))`: nil,
		``:                                     nil,
	} {
		s := mustCompile(t, "", key)
		for _, read := range s.Reads() {
			if s.KeyNeeds(read.Path) != slices.Contains(want, read.Path) {
				t.Errorf("%s needs %s: %v", key, read.Path, s.KeyNeeds(read.Path))
			}
		}
		if got, err := s.Key(nil, rowOf(t, `{"conversationId":"c","z":1}`)); want != nil && err == nil {
			t.Errorf("%s is %q of a row without %q", key, got, want)
		}
	}
}
