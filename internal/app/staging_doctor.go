package app

import (
	"context"
)

// staging writes an object into the storage that keeps pages, and removes it.
func (d *doctor) staging(ctx context.Context) {
	if d.cfg.Staging.URL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	const check = "staging"
	bucket, err := openStaging(ctx, d.cfg)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	defer bucket.Close()
	if err := bucket.Probe(ctx, d.cfg.Source.Org); err != nil {
		d.fail(check, "%w", err)
		return
	}
	d.ok(check, "%s: objects can be written, listed, read and deleted", bucket)
}
