package app

import (
	"context"
	"path/filepath"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/internal/staging"
)

// stagingBytes is what keeping the pages of one window needs in memory.
const stagingBytes = staging.Memory

// openStaging opens the storage that keeps pages; nil where none is configured.
func openStaging(ctx context.Context, cfg config.Config) (*staging.Bucket, error) {
	if cfg.Staging.URL == "" {
		return nil, nil
	}
	if cfg.Staging.Read {
		return staging.OpenKept(ctx, cfg.Staging.URL)
	}
	return staging.Open(ctx, cfg.Staging.URL)
}

// rows is what a pipeline reads from: the platform, whose pages the bucket keeps if there is
// one, or with --from-staging the bucket alone.
func (p *process) rows(cfg config.Config, source *genesys.Client, routes *routing, bucket *staging.Bucket) pipeline.Extractor {
	x := extractorConfig(cfg)
	names := staging.Config{Org: cfg.Source.Org, Dialect: cfg.Source.Dialect, Query: source.QueryHash()}
	format := staging.Format{Envelope: source.Envelope(), Keys: source.Keys()}
	if cfg.Staging.Read {
		return staging.NewArchive(bucket, names, format, x.Retry, p.stagingHooks())
	}
	if bucket != nil {
		x.Stage = staging.NewStage(bucket, names, format, pageRedactor(cfg, routes))
		x.Spool = filepath.Join(cfg.StateDir, cfg.Pipeline, cfg.Source.Org)
	}
	return extractor.New(source, x, p.extractorHooks())
}

// pageRedactor takes out of staged pages what any contract marks as private; nil where pages are
// kept as they came.
func pageRedactor(cfg config.Config, routes *routing) staging.Redactor {
	if cfg.Privacy.Staging == config.Keep {
		return nil
	}
	return routes.newRedactor()
}

// stagingHooks logs what is read from the storage.
func (p *process) stagingHooks() staging.Hooks {
	return staging.Hooks{
		Found: func(w conv.Window, m *staging.Manifest, foreign bool) {
			e := p.log.Info()
			if foreign {
				e = p.log.Warn()
			}
			e.Stringer("window", w).Str("job", m.Job.ID).Str("submitted", conv.FormatInstant(m.Job.PlatformTime)).Int("pages", m.Pages).
				Bool("same_query", !foreign).Msg("window is read from staging, from the pages of this job")
		},
		Retrying: func(w conv.Window, wait time.Duration, err error) {
			p.log.Warn().Stringer("window", w).Int64("wait_ms", wholeMS(wait)).Err(err).Msg("staging is asked again")
		},
	}
}
