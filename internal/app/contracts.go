package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"convstream/avro"
	"convstream/internal/app/config"
)

// primaryRoute names the route of kafka.topics.conversations, as speech names that of
// kafka.topics.speech.
const primaryRoute = "conversations"

// routeContract is a route with the contract that its rows keep.
type routeContract struct {
	name     string // primaryRoute, or that of a derived route
	place    string // for messages: where the contract comes from
	topic    string
	subject  string // of the topic's values in the registry
	contract *avro.Contract
	level    avro.Level // what a changed contract has to keep
}

// contractsOf loads the contract of each route, the primary route's first. The error names
// every contract that is broken, by its key and its file.
func contractsOf(cfg config.Config) ([]routeContract, error) {
	var (
		routes []routeContract
		errs   []error
	)
	level, err := avro.ParseLevel(cfg.Registry.Compatibility)
	if err != nil {
		errs = append(errs, fmt.Errorf("registry.compatibility: %w", err))
	}
	add := func(key, name, topic, file string, own func(dialect string) (*avro.Contract, error)) {
		contract, err := loadContract(cfg, key, file, own)
		errs = append(errs, err)
		place := key + " (" + cmp.Or(file, ownContract) + ")"
		routes = append(routes, routeContract{name: name, place: place, topic: topic, subject: avro.Subject(topic), contract: contract, level: level})
	}
	add("contract.file", primaryRoute, cfg.Kafka.Topics.Conversations, cfg.Contract.File, avro.Default)
	if c := routes[0].contract; c != nil && cfg.Source.Dialect == config.DialectReports && !c.Identifies() {
		errs = append(errs, fmt.Errorf(`contract.file: %s: no field has "identity": true; in dialect reports a conversation may have several rows `+
			`of one instant, which would pass for revisions of one another: put it on the row's own id, as interaction.id`, cfg.Contract.File))
	}
	for _, r := range cfg.Routes {
		if r.Name == primaryRoute {
			errs = append(errs, fmt.Errorf("%s.name: %q is the route of kafka.topics.conversations; give this one another name", r.Place, r.Name))
			continue
		}
		key, file := r.Place+".contract", r.Contract
		if file == config.SpeechRoute {
			key, file = r.Place, ""
		}
		add(key, r.Name, r.Topic, file, avro.Speech)
		if r.Name == config.SpeechRoute {
			// Speech analytics is set up with the names of these fields.
			routes[len(routes)-1].level = level.Stable()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return routes, nil
}

// ownContract is what messages call one that no file holds.
const ownContract = "the contract that convstream brings"

// loadContract reads the contract of a file, or takes convstream's own where none is named,
// and gives it the key that it hashes with.
func loadContract(cfg config.Config, key, file string, own func(dialect string) (*avro.Contract, error)) (*avro.Contract, error) {
	load := func() (*avro.Contract, error) { return own(cfg.Source.Dialect) }
	name := ownContract
	if file != "" {
		load, name = func() (*avro.Contract, error) { return readContract(file) }, file
	}
	c, err := load()
	if err != nil {
		return nil, eachBehind(key, err)
	}
	if !c.Hashes() {
		return c, nil
	}
	secret := cfg.Privacy.Key.Reveal()
	if secret == "" {
		return nil, fmt.Errorf(`privacy.key: %s (%s) has fields with "privacy": "hash", which need a key; `+
			"set privacy.key or privacy.key_file, to what openssl rand -hex 32 prints", name, key)
	}
	return c.WithKey([]byte(secret)), nil
}

// readContract reads a contract from a file. Each error that it joins begins with the file's name.
func readContract(file string) (*avro.Contract, error) {
	avsc, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read contract: %w", err) // it names the file
	}
	c, err := avro.Parse(avsc)
	if err != nil {
		return nil, eachBehind(file, err)
	}
	return c, nil
}

// eachBehind puts a prefix before each of the errors that one joins, as each is told on a line
// of its own.
func eachBehind(prefix string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, fmt.Errorf("%s: %w", prefix, e))
	}
	return errors.Join(all...)
}
