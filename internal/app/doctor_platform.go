package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

const (
	// probeAge is how long ago the second is that a job is submitted for: long past, and not
	// so long that the platform has deleted it.
	probeAge = 30 * 24 * time.Hour

	// mostSkew is how far the platform's clock and ours may differ.
	mostSkew = 5 * time.Second
)

// scopes are those that the guide gives a service account of dialect reports.
var scopes = []string{"analytics:report:view", "analytics:report:run"}

// platform tries every call that a run makes.
func (d *doctor) platform(ctx context.Context) {
	source, err := newSource(d.cfg)
	if err != nil {
		d.fail("platform", "%w", err)
		return
	}
	if !d.token(ctx, source) {
		return
	}
	day := plan.Days(conv.Window{From: time.Now().Add(-probeAge).UnixMilli(), To: time.Now().Add(-probeAge).UnixMilli() + 1})
	if d.jobs() {
		d.probe(ctx, "availability", func(ctx context.Context) (string, error) {
			at, err := source.Availability(ctx)
			return "the platform has all data before " + conv.FormatInstant(at), err
		})
		d.probe(ctx, "count", func(ctx context.Context) (string, error) {
			_, err := source.Baseline(ctx, day)
			return "the platform counts the conversations of a day", err
		})
	} else {
		d.probe(ctx, "count", func(ctx context.Context) (string, error) {
			_, err := source.Baseline(ctx, day)
			return "the platform counts the rows of a day", err
		})
	}
	d.job(ctx, source, conv.Window{From: day.From, To: day.From + time.Second.Milliseconds()})
}

func (d *doctor) jobs() bool { return d.cfg.Source.Dialect == config.DialectJobs }

// token fetches an access token, and looks at its scopes where its answer names any.
func (d *doctor) token(ctx context.Context, source *genesys.Client) bool {
	asking, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	named, err := source.Scopes(asking)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		d.refused("token", err)
		return false
	}
	var lacking []string
	for _, scope := range scopes {
		if !d.jobs() && len(named) > 0 && !slices.Contains(named, scope) {
			lacking = append(lacking, scope)
		}
	}
	if len(lacking) > 0 {
		d.warn("token", "the token's scopes are %s and lack %s: add them to the OAuth client, if the calls below fail", strings.Join(named, " "), strings.Join(lacking, " and "))
		return true
	}
	d.ok("token", "%s issues one", d.cfg.Source.TokenURL)
	return true
}

// probe makes one call and says what it found, or what the platform refused. Of one that was
// interrupted there is nothing to say.
func (d *doctor) probe(ctx context.Context, check string, call func(context.Context) (string, error)) bool {
	calling, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	found, err := call(calling)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		d.refused(check, err)
		return false
	}
	d.ok(check, "%s", found)
	return true
}

// refused judges an error of the platform. Its text names the permission that is missing, and
// the other possible causes.
func (d *doctor) refused(check string, err error) {
	api, answered := errors.AsType[*extractor.APIError](err)
	switch {
	case errors.Is(err, conv.ErrNoBaseline):
		d.warn(check, "%w: windows would stay unverified; window.reconcile: false does without", err)
	case answered && api.PushedBack():
		d.warn(check, "the platform is busy (%w); ask again later", err)
	case errors.Is(err, context.DeadlineExceeded):
		d.fail(check, "no answer within %s (%w); check source.region or source.base_url, and the way there", doctorPatience, err)
	case !answered && isNetworkError(err): // its text names the key of the address
		d.fail(check, "%w; check it, or source.region, and that the platform can be reached from here", err)
	default:
		d.fail(check, "%w", err)
	}
}

// isNetworkError says that nobody answered: the address is wrong, or the way there is blocked.
func isNetworkError(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// job submits a job, asks for its state once and aborts it. A signal ends it no sooner than the
// job: whoever goes away while it is submitted would not know what to abort.
func (d *doctor) job(ctx context.Context, source *genesys.Client, w conv.Window) {
	if ctx.Err() != nil {
		return
	}
	var job conv.Job
	submitted := d.probe(context.WithoutCancel(ctx), "submit", func(ctx context.Context) (found string, err error) {
		job, err = source.Submit(ctx, w)
		return "job " + job.ID + " for the second from " + conv.FormatInstant(w.From), err
	})
	if !submitted {
		return
	}
	d.clock(job)
	d.probe(ctx, "status", func(ctx context.Context) (string, error) {
		s, err := source.Status(ctx, job)
		return "the job is " + s.Word, err
	})
	d.abort(context.WithoutCancel(ctx), source, job)
}

// abort aborts the job, or says that it stays.
func (d *doctor) abort(ctx context.Context, source canceller, job conv.Job) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	err := cancelTwice(ctx, source, job)
	api, answered := errors.AsType[*extractor.APIError](err)
	switch {
	case err == nil:
		d.ok("abort", "the job is aborted")
	case answered && api.Gone():
		d.ok("abort", "the job had ended before it could be aborted")
	case answered && api.Status == http.StatusForbidden:
		d.warn("abort", "job %s stays at the platform: %w; a run does without, and jobs that it gives up run on at the platform", job.ID, err)
	default:
		d.refused("abort", fmt.Errorf("job %s stays at the platform: %w", job.ID, err))
	}
}

// canceller aborts jobs.
type canceller interface {
	Cancel(ctx context.Context, job conv.Job) error
}

// cancelTwice aborts a job, and tries once more after an error that may pass.
func cancelTwice(ctx context.Context, source canceller, job conv.Job) error {
	err := source.Cancel(ctx, job)
	api, answered := errors.AsType[*extractor.APIError](err)
	if err == nil || answered && !api.Temporary() {
		return err
	}
	wait := time.Second
	if answered && api.HasRetryAfter {
		wait = api.RetryAfter
	}
	if until, _ := ctx.Deadline(); time.Until(until) <= wait {
		return err // the second try would never come
	}
	select {
	case <-time.After(wait):
		return source.Cancel(ctx, job)
	case <-ctx.Done():
		return err
	}
}

// clock compares the platform's clock with ours. The platform tells whole seconds.
func (d *doctor) clock(job conv.Job) {
	ahead := time.Duration(job.PlatformTime-job.Submitted) * time.Millisecond
	if ahead.Abs() > mostSkew {
		d.warn("clock", "the platform's clock is %s ahead of this machine's: set this machine's clock by a time server", ahead.Round(time.Second))
		return
	}
	d.ok("clock", "the platform's clock and this machine's differ by no more than %s", mostSkew)
}
