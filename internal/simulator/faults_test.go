package simulator

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func TestFaultsAreReadFromYAML(t *testing.T) {
	got, err := load(t, `
too_many: {results: 0.1, token: 0.05}
cut: {submit: 0.2}
retry_after: 2
script:
  partial: [1, 4]
  gone: [{job: 2, pages: 3}]
oversize: 1
job_time: 1500ms
page_rows: 100
gzip: true
`)
	want := Faults{
		TooMany: Rates{Results: 0.1, Token: 0.05}, Cut: Rates{Submit: 0.2}, RetryAfter: 2,
		Script:   Script{Partial: []int{1, 4}, Gone: []Gone{{Job: 2, Pages: 3}}},
		Oversize: 1, JobTime: 1_500_000_000, PageRows: 100, Gzip: true,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if got, err := load(t, ""); err != nil || !cmp.Equal(got, Faults{}) {
		t.Errorf("an empty file gives %+v, %v", got, err)
	}
}

// Every key is shown, and what is shown is taken.
func TestTheDocsShowEveryFault(t *testing.T) {
	text, err := os.ReadFile("../../docs/sim.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(text), "\n#\n")
	got, err := load(t, strings.ReplaceAll("\n"+shown, "\n# ", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	var unset func(prefix string, v reflect.Value)
	unset = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			key := prefix + v.Type().Field(i).Tag.Get("yaml")
			if key == "script" {
				unset("script.", v.Field(i))
			} else if v.Field(i).IsZero() {
				t.Errorf("docs/sim.yaml does not show %s", key)
			}
		}
	}
	unset("", reflect.ValueOf(got))
}

func TestFaultsThatCannotBeAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"too_may: {results: 0.1}":                          "too_may",
		"script: {parial: [1]}":                            "parial",
		"too_many: {result: 0.1}":                          `"result"`,
		"cut: {results: 1.5}":                              "cut.results: 1.5",
		"cut: {results: -0.5}":                             "cut.results: -0.5",
		"cut: {results: 0.6}\nunavailable: {results: 0.6}": "results: its probabilities",
		"expired: {token: 0.1}":                            "expired.token",
		"page_rows: -1":                                    "page_rows: -1",
		"job_time: -1s":                                    "job_time",
		"job_time: 5":                                      "line 1",
		"script: {failed: [0]}":                            "job 0",
		"script: {gone: [{job: 1}]}":                       "script.gone",
		"[1]":                                              "line 1",
		"garbled: {submit: 0.1}":                           "garbled.submit",
		"truncated: {token: 0.1}":                          "truncated.token",
		"edges: none":                                      `edges: "none"`,
		"limit_answer: shout":                              `limit_answer: "shout"`,
		"missing_permissions: [x]":                         "missing_permissions[0]",
		"watermark: {lag: 1h, at: 2024-01-01T00:00:00Z}":   "watermark: has both",
		"watermark: {lag: -1h}":                            "watermark.lag",
		"watermark: {at: noon}":                            "noon",
		"drip: {bytes: 5}":                                 "drip: 5 bytes",
		"drip: {every: 5s}":                                "drip: 0 bytes",
		"drip: {bytes: -1}":                                "drip.bytes: -1",
		"empty_pages: 1":                                   "empty_pages: 1",
		"empty_pages: -2":                                  "empty_pages: -2",
		"row_padding: -1":                                  "row_padding",
		"requests_per_minute: -1":                          "requests_per_minute",
		"jobs_in_flight: -1":                               "jobs_in_flight",
		"late: -1":                                         "late: -1",
		"late_after: -1":                                   "late_after",
		"removed: -1":                                      "removed: -1",
		"removed_after: -1":                                "removed_after",
		"script: {endless: [0]}":                           "job 0",
		"script: {stalled: [{job: 1}]}":                    "script.stalled: job 1",
		"script: {stalled: [{job: 1, for: 1s, progress: up}]}": `progress "up"`,
		"script: {unknown: [{job: 1}]}":                        "script.unknown",
		"script: {vanished: [{job: 0}]}":                       "script.vanished",
		"script: {vanished: [{job: 1, after: -1s}]}":           "script.vanished",
		"script: {expires: [{job: 1}]}":                        "script.expires",
		"script: {loops: [{job: 1, from: 3, to: 1}]}":          "script.loops",
		"script: {loops: [{job: 1, from: 3, to: 4}]}":          "script.loops",
		"script: {loops: [{from: 3, to: 3}]}":                  "script.loops",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names %s", text, err, want)
		}
	}
	if _, err := LoadFaults(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a missing file is no error")
	}
}

func load(t *testing.T, text string) (Faults, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadFaults(path)
}

func TestAConfigThatCannotBeIsRefused(t *testing.T) {
	for want, cfg := range map[string]Config{
		"rows":      {Rows: -1, Window: day},
		"window":    {Rows: 1, Window: conv.Window{From: 5, To: 5}},
		"page_rows": {Rows: 1, Window: day, Faults: Faults{PageRows: -1}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want+": ") && !strings.Contains(err.Error(), want+" ") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	start(t, Config{Rows: 10_000, Faults: DefaultFaults()})
}
