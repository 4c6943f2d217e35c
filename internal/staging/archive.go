package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"convstream/extractor"
	"convstream/internal/conv"
)

// patience is how long a read of the storage is repeated that goes on failing.
const patience = 15 * time.Minute

// Hooks are told what happens. They may be called from several goroutines.
type Hooks struct {
	// Found says what stands for the window's rows. Foreign is set where another query than the
	// present one asked for them.
	Found func(w conv.Window, m *Manifest, foreign bool)

	// Retrying comes before the wait that follows a failed call of the storage.
	Retrying func(w conv.Window, wait time.Duration, err error)
}

// Archive reads what a [Stage] has kept, as if its jobs were submitted again: it takes the place
// of the platform in a pipeline. Rows keep the observation of the job that brought them, so that
// none of them overwrites what a later job saw.
type Archive struct {
	bucket   *Bucket
	config   Config
	splitter *extractor.Splitter
	retry    extractor.Retry
	hooks    Hooks

	mu      sync.Mutex
	windows []conv.Window // all that are kept, in order of time
	listed  bool
}

// NewArchive reads from a bucket.
func NewArchive(b *Bucket, c Config, f Format, retry extractor.Retry, hooks Hooks) *Archive {
	return &Archive{bucket: b, config: c, splitter: f.splitter(), retry: retry, hooks: hooks}
}

// Submit finds the newest job of the window that is kept whole, one of the same query if there is
// such. conv.ErrNotStaged says that none is; conv.ErrNoJob that it was asked for in narrower
// windows.
func (a *Archive) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	return asking(ctx, a, w, func() (conv.Job, error) {
		m, err := a.newest(ctx, w)
		if err != nil {
			return conv.Job{}, err
		}
		if m != nil {
			a.hooks.Found(w, m, m.Query != a.config.Query)
			return m.Job, nil
		}
		covered, err := a.narrower(ctx, w, 0)
		switch {
		case err != nil:
			return conv.Job{}, err
		case covered:
			return conv.Job{}, fmt.Errorf("%w: %s has narrower windows of it", conv.ErrNoJob, a.bucket)
		}
		return conv.Job{}, fmt.Errorf("%w: %s/%s has no job that was read to its end; backfill without --from-staging asks the platform",
			conv.ErrNotStaged, a.bucket, a.config.jobs(w))
	})
}

// newest is the manifest to take for a window; nil for none.
func (a *Archive) newest(ctx context.Context, w conv.Window) (*Manifest, error) {
	jobs := a.config.jobs(w)
	var folders []string
	err := a.bucket.list(ctx, jobs, func(name string) { folders = append(folders, jobs+name) })
	if err != nil {
		return nil, err
	}
	slices.Sort(folders)
	var foreign *Manifest
	for _, folder := range slices.Backward(folders) {
		m, err := a.bucket.readManifest(ctx, folder)
		if err != nil {
			return nil, err
		}
		if m == nil || foreign != nil && m.Query != a.config.Query {
			continue
		}
		whole, err := a.bucket.holds(ctx, folder, m.Pages)
		switch {
		case err != nil:
			return nil, err
		case whole && m.Query == a.config.Query:
			return m, nil
		case whole:
			foreign = m
		}
	}
	return foreign, nil
}

// narrower says whether narrower windows cover one, each with a job that came after an
// observation.
func (a *Archive) narrower(ctx context.Context, w conv.Window, after uint32) (bool, error) {
	parts, err := a.inside(ctx, w)
	if err != nil {
		return false, err
	}
	reach := w.From
	for _, p := range parts {
		if p.From > reach {
			return false, nil
		}
		later := false
		err := a.bucket.list(ctx, a.config.jobs(p), func(name string) {
			later = later || observationOf(name) > after
		})
		if err != nil {
			return false, err
		}
		if later {
			reach = max(reach, p.To)
		}
	}
	return reach == w.To, nil
}

// inside lists the narrower windows of one that are kept, in order of time. All windows are
// listed once: there may be many.
func (a *Archive) inside(ctx context.Context, w conv.Window) ([]conv.Window, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.listed {
		a.windows = a.windows[:0]
		err := a.bucket.list(ctx, a.config.windows(), func(name string) {
			if p, ok := parseWindow(name); ok {
				a.windows = append(a.windows, p)
			}
		})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(a.windows, conv.Window.Compare)
		a.listed = true
	}
	var parts []conv.Window
	first, _ := slices.BinarySearchFunc(a.windows, w.From, func(p conv.Window, from int64) int { return cmp.Compare(p.From, from) })
	for _, p := range a.windows[first:] {
		if p.From >= w.To {
			break
		}
		if p != w && w.Covers(p) {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// Await says how the job ended: as partial also where it lacked rows by a later count, so that
// its window was read again in narrower ones. conv.ErrJobGone where it is not kept whole, as one
// that the platform has yet to finish.
func (a *Archive) Await(ctx context.Context, w conv.Window, job conv.Job) (conv.JobStatus, error) {
	return asking(ctx, a, w, func() (conv.JobStatus, error) {
		m, err := a.manifest(ctx, w, job)
		if err != nil {
			return conv.JobStatus{}, err
		}
		status := m.status()
		narrowed, err := a.narrower(ctx, w, job.Observation)
		if narrowed && !m.Partial {
			status.State, status.Word = conv.JobPartial, status.Word+", and read again in narrower windows"
		}
		return status, err
	})
}

func (a *Archive) manifest(ctx context.Context, w conv.Window, job conv.Job) (*Manifest, error) {
	folder := a.config.folder(w, job)
	m, err := a.bucket.readManifest(ctx, folder)
	if err == nil && m == nil {
		err = fmt.Errorf("%w: %s/%s has no %s", conv.ErrJobGone, a.bucket, folder, manifestName)
	}
	return m, err
}

// Read hands on the job's rows from the page of a position on, and the end of every page. A page
// that could not be read to its end is handed on again.
func (a *Archive) Read(ctx context.Context, w conv.Window, job conv.Job, from conv.Position, emit func(conv.Chunk) error) error {
	m, err := asking(ctx, a, w, func() (*Manifest, error) { return a.manifest(ctx, w, job) })
	if err != nil {
		return err
	}
	folder := a.config.folder(w, job)
	at := conv.Position{Token: from.Token, Page: from.Page}
	for ; at.Page < m.Pages; at.Page++ {
		waits, rows := a.waits(), 0
		next, err := repeating(ctx, a, w, waits, func() (string, error) {
			return a.page(ctx, folder+pageName(at.Page), at, func(c conv.Chunk) error {
				if came := c.At.Row + len(c.Rows); came > rows {
					rows = came
					waits.Reset() // however long it takes to have them published
				}
				return emit(c)
			})
		})
		if err != nil {
			return err
		}
		if last := at.Page == m.Pages-1; last != (next == "") {
			return a.bucket.damaged(folder+manifestName, fmt.Errorf("it says %d pages, and what follows page %d tells otherwise", m.Pages, at.Page))
		}
		at.Token = next
	}
	return nil
}

// page hands on one page and returns the token of the next.
func (a *Archive) page(ctx context.Context, key string, at conv.Position, emit func(conv.Chunk) error) (next string, err error) {
	r, err := a.bucket.read(ctx, key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var stopped error
	err = split(r, a.splitter, at, func(c conv.Chunk) error {
		if c.End {
			next = c.Next
		}
		stopped = emit(c)
		return stopped
	})
	var storage *Error
	switch {
	case err == nil:
		return next, nil
	case stopped != nil:
		return "", stopped
	case errors.As(err, &storage):
		return "", storage
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	return "", a.bucket.damaged(key, err)
}

// waits are those between failures of the storage, until they have lasted for as long as the
// patience does. It is a [backoff.BackOff].
type waits struct {
	backoff.ExponentialBackOff
	failing time.Time // since when; zero where the storage has answered since
}

func (a *Archive) waits() *waits {
	return &waits{ExponentialBackOff: backoff.ExponentialBackOff{InitialInterval: a.retry.Initial, Multiplier: 2, MaxInterval: a.retry.Max}}
}

// NextBackOff is the wait that follows a failure.
func (w *waits) NextBackOff() time.Duration {
	now := time.Now()
	if w.failing.IsZero() {
		w.failing = now
	}
	left := patience - now.Sub(w.failing)
	if left <= 0 {
		return backoff.Stop
	}
	return min(w.ExponentialBackOff.NextBackOff(), left)
}

// Reset begins anew: the storage has answered.
func (w *waits) Reset() {
	w.failing = time.Time{}
	w.ExponentialBackOff.Reset()
}

// asking asks the storage, and again after a failure that may pass.
func asking[T any](ctx context.Context, a *Archive, w conv.Window, ask func() (T, error)) (T, error) {
	return repeating(ctx, a, w, a.waits(), ask)
}

// repeating is asking with the waits that its caller resets.
func repeating[T any](ctx context.Context, a *Archive, w conv.Window, between *waits, ask func() (T, error)) (T, error) {
	return backoff.Retry(ctx, func() (T, error) {
		v, err := ask()
		var storage *Error
		if err != nil && (!errors.As(err, &storage) || storage.permanent) {
			err = backoff.Permanent(err)
		}
		return v, err
	}, backoff.WithBackOff(between), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, wait time.Duration) {
		a.hooks.Retrying(w, wait, err)
	}))
}

// Baseline is none: what the platform counts says nothing of what is kept.
func (a *Archive) Baseline(context.Context, conv.Window) (int64, error) {
	return 0, conv.ErrNoBaseline
}

// Availability is now: all that is kept can be had.
func (a *Archive) Availability(context.Context) (int64, error) { return time.Now().UnixMilli(), nil }

// Pushed is none.
func (a *Archive) Pushed() uint64 { return 0 }

// Cancel leaves a job of the platform alone.
func (a *Archive) Cancel(context.Context, conv.Window, conv.Job) error { return nil }
