package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
		`a[len(a) - 1].b`:                 {{Path: "a"}, {Path: "a.b", Whole: true}},
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
		`map(map(a, .b), len(#))[0]`:      {{Path: "a"}, {Path: "a.b"}},
		`map(filter(a, .b), [.c])[0][0]`:  {{Path: "a"}, {Path: "a.b", Whole: true}, {Path: "a.c", Whole: true}},
		`string(any(a[number(k)].b, .c))`: {{Path: "k", Whole: true}, {Path: "a.b"}, {Path: "a.b.c", Whole: true}},
	} {
		if diff := cmp.Diff(want, mustCompile(t, "", text).Reads()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
