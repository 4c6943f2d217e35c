// Package producertest holds the promises of package producer as tests that run on any
// Kafka: on the embedded one in every test run, and on real brokers in the real suite.
package producertest
