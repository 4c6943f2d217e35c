package app

import (
	"convstream/extractor/genesys"
	"convstream/internal/app/config"
	"convstream/internal/pipeline"
)

// prepared is what a start makes of the configuration before it asks anybody.
type prepared struct {
	routes *routing
	rules  pipeline.Rules // of the user's own JSON Schema; nil for none
	source *genesys.Client
}

// prepare builds it: contracts, filters, keys, what they may read, and the user's own rules. What
// judges a contract before it is used prepares as a start does, so that nothing passes there
// which a start refuses.
func prepare(cfg config.Config) (prepared, error) {
	var (
		p   prepared
		err error
	)
	if p.routes, err = routingOf(cfg); err != nil {
		return prepared{}, usageError(err)
	}
	if p.rules, err = ownRules(cfg); err != nil {
		return prepared{}, usageError(err)
	}
	if p.source, err = genesys.New(genesysConfig(cfg, p.routes.columns)); err != nil {
		return prepared{}, usageError(err)
	}
	return p, nil
}
