package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"convstream/internal/conv"
)

// metrics count what a monitor watches. They hold kinds and numbers, and nothing of a row.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	drift    *prometheus.CounterVec
	letters  *prometheus.CounterVec
}

// The severities of an event as a label and in the status report.
const (
	severityAlert   = "alert"
	severityWarning = "warning"
)

const eventsTotal = "convstream_events_total"

// alerts are the kinds of event for which a person is called. Their counters start at 0: a
// monitor that sees the first one appear at 1 would take it for no change.
var alerts = []string{"boundary", "incomplete", "invalid", "reconcile"}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: eventsTotal,
			Help: "Events that a person may want to see, by kind and severity; those of severity alert are to be acted on.",
		}, []string{"kind", "severity"}),
		drift: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "convstream_drift_total",
			Help: "Fields that rows of a window departed from the contract in, by kind; each field counts once for a window.",
		}, []string{"kind"}),
		letters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "convstream_dead_letters_total",
			Help: "Dead letters that were committed to Kafka, by route and reason.",
		}, []string{"route", "reason"}),
	}
	m.registry.MustRegister(m.events, m.drift, m.letters)
	for _, kind := range []conv.DriftKind{conv.DriftMissing, conv.DriftUnknown, conv.DriftRetyped, conv.DriftZone} {
		m.drift.WithLabelValues(string(kind))
	}
	for _, kind := range alerts {
		m.events.WithLabelValues(kind, severityAlert)
	}
	m.expect(primaryRoute)
	return m
}

// expect has the counters of a route's dead letters start at 0, as those of alerts do.
func (m *metrics) expect(route string) {
	for _, reason := range reasons {
		m.letters.WithLabelValues(route, reason)
	}
}

// count counts an event.
func (m *metrics) count(e conv.Event) {
	m.events.WithLabelValues(e.Kind, severityOf(e)).Inc()
}

func severityOf(e conv.Event) string {
	if e.Severity == severityAlert {
		return severityAlert
	}
	return severityWarning
}

// eventCount is how often a kind of event has happened in this process.
type eventCount struct {
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Count    int64  `json:"count"`
}

// counts lists the counters, in order of kind and severity.
func (m *metrics) counts() []eventCount {
	var list []eventCount
	families, err := m.registry.Gather()
	if err != nil {
		return nil // counters of fixed labels cannot contradict each other
	}
	for _, family := range families {
		if family.GetName() != eventsTotal {
			continue
		}
		for _, metric := range family.GetMetric() {
			c := eventCount{Count: int64(metric.GetCounter().GetValue())}
			for _, label := range metric.GetLabel() {
				switch label.GetName() {
				case "kind":
					c.Kind = label.GetValue()
				case "severity":
					c.Severity = label.GetValue()
				}
			}
			list = append(list, c)
		}
	}
	return list
}

// handler serves the counters as Prometheus reads them.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
