package config

import (
	"strings"
	"testing"
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
