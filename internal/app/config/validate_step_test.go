package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAStepOfDialectJobsFitsTheDaysThatThePlatformCounts(t *testing.T) {
	for step, ok := range map[string]bool{"1h": true, "6h": true, "24h": true, "48h": true, "5h": false, "36h": false, "25h": false} {
		for _, dialect := range []string{DialectReports, DialectJobs} {
			_, err := Load("", nil, map[string]any{
				"pipeline": "p", "source.org": "acme", "source.dialect": dialect, "source.region": "eu-central-1",
				"source.client_id": "id", "source.client_secret": "secret", "window.step": step,
				"kafka.brokers": []any{"127.0.0.1:9092"}, "registry.url": "http://127.0.0.1:8081",
			})
			if want := ok || dialect == DialectReports; (err == nil) != want {
				t.Errorf("%s, step %s: %v", dialect, step, err)
			}
			if err != nil && !(strings.Contains(err.Error(), "window.step") && strings.Contains(err.Error(), step)) {
				t.Errorf("step %s: %v names neither the key nor the value", step, err)
			}
		}
	}
}

func TestAnOverlapLeavesOutTheDefaultWidthsThatItLeavesNoUseFor(t *testing.T) {
	for overlap, want := range map[string][]time.Duration{
		"59m": {6 * time.Hour, time.Hour}, "1h": {6 * time.Hour}, "2h": {6 * time.Hour}, "6h": {}, "7h": {},
	} {
		c := mustLoad(t, minimal, "CONVSTREAM_WINDOW_OVERLAP="+overlap)
		if diff := cmp.Diff(want, c.Window.Narrow); diff != "" {
			t.Errorf("overlap %s: %s", overlap, diff)
		}
		left := 2 - len(want)
		if len(c.Warnings) != left {
			t.Errorf("overlap %s: warnings %q", overlap, c.Warnings)
		}
		for _, w := range c.Warnings {
			if !strings.Contains(w, "CONVSTREAM_WINDOW_OVERLAP: window.overlap: ") || !strings.Contains(w, "window.narrow") {
				t.Errorf("overlap %s: the warning names not what was written and what comes of it: %s", overlap, w)
			}
		}
	}
}

func TestDialectJobsHasNoOverlapThatWidthsCouldBeWithin(t *testing.T) {
	jobs := []string{"CONVSTREAM_SOURCE_DIALECT=jobs", "CONVSTREAM_WINDOW_OVERLAP=2h"}
	for narrow, want := range map[string][]time.Duration{"": {6 * time.Hour, time.Hour}, "3h,2h,30m": {3 * time.Hour, 2 * time.Hour, 30 * time.Minute}} {
		environ := jobs
		if narrow != "" {
			environ = append(environ[:2:2], "CONVSTREAM_WINDOW_NARROW="+narrow)
		}
		c := mustLoad(t, minimal, environ...)
		if diff := cmp.Diff(want, c.Window.Narrow); diff != "" {
			t.Errorf("narrow %q: %s", narrow, diff)
		}
	}
	_, err := load(t, minimal, append(jobs, "CONVSTREAM_WINDOW_NARROW=30s"), nil)
	if err == nil || !strings.Contains(err.Error(), "window.narrow: 30s") || strings.Contains(err.Error(), "source.limit") {
		t.Errorf("a width below a minute, where source.limit has no effect: %v", err)
	}
}
