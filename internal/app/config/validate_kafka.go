package config

import (
	"math"
	"regexp"
	"strings"
)

func (l *loader) kafka() {
	k := &l.config.Kafka
	if len(k.Brokers) == 0 {
		l.problem("kafka.brokers", "missing; name at least one broker, HOST:PORT, here or in %s", variable("kafka.brokers"))
	}
	for _, b := range k.Brokers {
		if _, err := splitAddress(b); err != nil {
			l.problem("kafka.brokers", "%w", err)
		}
	}
	l.tls("kafka.tls", k.TLS)
	l.sasl()
	l.topics()
	between(l, "kafka.partitions", k.Partitions, 1, 10_000)
	between(l, "kafka.replication_factor", k.ReplicationFactor, 0, math.MaxInt16)
	l.oneOf("kafka.compression", k.Compression, "zstd", "snappy", "lz4", "gzip", "none")
	l.oneOf("kafka.record_timestamp", k.RecordTimestamp, TimestampEvent, TimestampIngest)
}

func (l *loader) sasl() {
	s := l.config.Kafka.SASL
	if s == nil {
		return
	}
	l.oneOf("kafka.sasl.mechanism", s.Mechanism, MechanismPlain, MechanismSCRAM256, MechanismSCRAM512)
	l.required("kafka.sasl.username", s.Username)
	l.secret("kafka.sasl.password", &s.Password, &s.PasswordFile)
	if s.Mechanism == MechanismPlain && l.config.Kafka.TLS == nil {
		l.warn("kafka.sasl.mechanism", "PLAIN without kafka.tls sends the password in clear text; add kafka.tls: {}")
	}
}

var topicPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func (l *loader) topics() {
	t := l.config.Kafka.Topics
	type named struct{ key, name string }
	topics := []named{
		{"kafka.topics.conversations", t.Conversations},
		{"kafka.topics.speech", t.Speech},
		{"kafka.topics.dlq", t.DLQ},
		{"kafka.topics.events", t.Events},
		{"kafka.topics.checkpoints", t.Checkpoints},
	}
	for _, r := range l.config.Routes {
		if r.Name != SpeechRoute {
			topics = append(topics, named{r.Place + ".topic", r.Topic})
		}
	}
	first := map[string]string{}
	for _, topic := range topics {
		if topic.key == "kafka.topics.speech" && topic.name == "" {
			continue // the route is off
		}
		// Kafka itself takes the dot and the underscore for the same letter in metrics, and
		// refuses the second of two such names.
		letter := strings.ReplaceAll(topic.name, "_", ".")
		if !topicPattern.MatchString(topic.name) || topic.name == "." || topic.name == ".." {
			l.problem(topic.key, "%q is no topic name; use up to 249 letters, digits, dots, dashes and underscores", topic.name)
		} else if other, taken := first[letter]; taken {
			l.problem(topic.key, "%q is the name in %s too; give every topic its own", topic.name, other)
		}
		first[letter] = topic.key
	}
}

func (l *loader) registry() {
	r := &l.config.Registry
	l.required("registry.url", r.URL)
	l.address("registry.url", r.URL, r.Username == "")
	r.URL = strings.TrimRight(r.URL, "/")
	l.tls("registry.tls", r.TLS)
	l.oneOf("registry.compatibility", r.Compatibility, "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE",
		"FULL", "FULL_TRANSITIVE", "NONE")
	if r.Username != "" && r.Password.Reveal() == "" {
		l.problem("registry.password", "missing; registry.username is given and needs it")
	}
	if r.Username == "" && r.Password.Reveal() != "" {
		l.problem("registry.username", "missing; registry.password is given and needs it")
	}
}
