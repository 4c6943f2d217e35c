package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
	"convstream/extractor/genesys"
	"convstream/internal/app/config"
	"convstream/internal/pipeline"
	"convstream/internal/route"
	"convstream/internal/rules"
	"convstream/producer"
)

// routing is what becomes of rows: the contract of every route, and which rows each takes.
type routing struct {
	contracts []routeContract   // the primary route's first
	selectors []*route.Selector // of the derived routes: one fewer
	columns   []string          // what has to be read of a row for all of them
	peeking   []peeking         // routes whose filters read private fields
	doubts    []string          // sentences about what is allowed in filters and keys, and probably not meant
}

// routingOf compiles what the configuration says of routes.
func routingOf(cfg config.Config) (*routing, error) {
	contracts, err := contractsOf(cfg)
	errs := []error{err}
	r := &routing{contracts: contracts}
	for _, derived := range cfg.Routes {
		selector, err := route.Compile(filterOf(cfg, derived), derived.Key)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %w", derived.Place, derived.Name, err))
		}
		r.selectors = append(r.selectors, selector)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := r.checkPrivacy(cfg); err != nil {
		return nil, err
	}
	if r.doubts, err = r.doubtsOf(cfg); err != nil {
		return nil, err
	}
	r.columns = r.union(cfg.Source.Dialect)
	return r, nil
}

// filterOf is the filter of a derived route.
func filterOf(cfg config.Config, derived config.Route) string {
	if derived.Filter == "" && derived.Name == config.SpeechRoute {
		return route.Speech(cfg.Source.Dialect)
	}
	return derived.Filter
}

// union lists the sources of all contracts without repeats, in contract order, then what only
// filters and keys read, and what convstream itself needs of a row of dialect reports.
func (r *routing) union(dialect string) (columns []string) {
	for _, c := range r.contracts {
		for _, source := range c.contract.Sources() {
			if !slices.Contains(columns, source) {
				columns = append(columns, source)
			}
		}
	}
	var more []string
	for _, s := range r.selectors {
		more = append(more, s.Fields()...)
	}
	if dialect == config.DialectReports {
		more = append(more, "conversation.id", "timestamp")
	}
	for _, field := range more {
		// A filter may read an object of which a contract names the fields.
		if !slices.ContainsFunc(columns, func(c string) bool { return c == field || strings.HasPrefix(c, field+".") }) {
			columns = append(columns, field)
		}
	}
	return columns
}

// known are the fields that derived routes read, and the objects around them.
func (r *routing) known() map[string]bool {
	known := map[string]bool{}
	for i, s := range r.selectors {
		for _, field := range slices.Concat(r.contracts[i+1].contract.Sources(), s.Fields()) {
			for at, c := range field {
				if c == '.' {
					known[field[:at]] = true
				}
			}
			known[field] = true
		}
	}
	return known
}

// register registers every contract, and returns the schema ids. The error names all contracts
// that break what their topics promise.
func (r *routing) register(ctx context.Context, registry *sr.Client) (ids []uint32, err error) {
	var broken []error
	for _, c := range r.contracts {
		id, err := avro.Register(ctx, registry, c.subject, c.contract, c.level)
		if err != nil {
			err = fmt.Errorf("route %s: %w", c.name, err)
			if _, incompatible := errors.AsType[*avro.IncompatibleError](err); !incompatible {
				return nil, err
			}
			broken = append(broken, err)
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(broken...)
}

// derived are the derived routes for the pipeline; ids are the schema ids of all contracts.
func (r *routing) derived(ids []uint32) (routes []pipeline.Route) {
	for i, s := range r.selectors {
		c := r.contracts[i+1]
		routes = append(routes, pipeline.Route{
			Name: c.name, SchemaID: ids[i+1], Contract: c.contract, Selector: s,
			Wider: !r.contracts[0].contract.Covers(c.contract), Own: ownSources(r.contracts[0].contract, c.contract),
		})
	}
	return routes
}

// ownSources are the sources that a derived contract reads and the primary one does not, and the
// objects around them. A source that the primary reads a part of, or something around, is read.
func ownSources(primary, derived *avro.Contract) map[string]bool {
	own, have := map[string]bool{}, primary.Sources()
	add := func(path string) {
		if !slices.ContainsFunc(have, func(h string) bool {
			return h == path || strings.HasPrefix(h, path+".") || strings.HasPrefix(path, h+".")
		}) {
			own[path] = true
		}
	}
	for _, source := range derived.Sources() {
		for at, c := range source {
			if c == '.' {
				add(source[:at])
			}
		}
		add(source)
	}
	return own
}

// redactor takes out of dead letters what any contract marks as private; nil where nothing is
// to be taken out.
func (r *routing) redactor(cfg config.Config) pipeline.Redactor {
	if cfg.Privacy.DeadLetters == config.Keep {
		return nil
	}
	if redactor := r.newRedactor(); !redactor.Idle() {
		return redactor
	}
	return nil
}

// ownRules are those of the user's JSON Schema; nil where there is none.
func ownRules(cfg config.Config) (pipeline.Rules, error) {
	if cfg.Contract.JSONSchema == "" {
		return nil, nil
	}
	r, err := rules.Load(cfg.Contract.JSONSchema)
	if err != nil {
		return nil, fmt.Errorf("contract.json_schema: %w", err)
	}
	return r, nil
}

// newSource is the client of the configured platform, which asks it for what the routes read.
func newSource(cfg config.Config) (*genesys.Client, error) {
	r, err := routingOf(cfg)
	if err != nil {
		return nil, err
	}
	return genesys.New(genesysConfig(cfg, r.columns))
}

// topicKeys name the topic of each route in the configuration, the primary route's first.
func topicKeys(cfg config.Config) []string {
	keys := []string{"kafka.topics.conversations"}
	for _, r := range cfg.Routes {
		key := r.Place + ".topic"
		if r.Name == config.SpeechRoute {
			key = "kafka.topics.speech"
		}
		keys = append(keys, key)
	}
	return keys
}

// routeTopics are the topics of the derived routes.
func routeTopics(cfg config.Config) (topics []producer.RouteTopic) {
	for _, r := range cfg.Routes {
		topics = append(topics, producer.RouteTopic{Name: r.Name, Topic: r.Topic, OwnKey: r.Key != ""})
	}
	return topics
}

// holdsRows says whether a topic is the row topic, or that of a derived route.
func holdsRows(cfg config.Config, topic string) bool {
	derived := slices.ContainsFunc(cfg.Routes, func(r config.Route) bool { return r.Topic == topic })
	return derived || topic == cfg.Kafka.Topics.Conversations
}
