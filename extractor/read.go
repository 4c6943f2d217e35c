package extractor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"convstream/internal/conv"
)

const (
	// brokenPages is how often in a row a page may break without a new row having come,
	// before its job is given up.
	brokenPages = 8

	// idleTimeout is how long a page may send nothing while it is being read.
	idleTimeout = time.Minute

	// rowTimeout is how long a page may be waited for without a row getting whole: bytes
	// alone are no progress.
	rowTimeout = 15 * time.Minute
)

var (
	errIdle  = fmt.Errorf("no byte came for %s", idleTimeout)
	errDrips = fmt.Errorf("no row got whole for %s", rowTimeout)
)

// Read reads the job's result from the page of position from, and hands its rows to emit
// while they arrive. Position.Row is not looked at: the page's rows come from its first, and
// so they do again when the page breaks and has to be read again.
//
// A page that breaks is asked for again with the same token. conv.ErrJobGone says that the
// platform no longer knows job or token, that the page never gets whole, or that its token
// leads back. An error of emit ends Read and is returned as it is.
func (e *Extractor) Read(ctx context.Context, w conv.Window, job conv.Job, from conv.Position, emit func(conv.Chunk) error) error {
	r := &reading{Extractor: e, window: w, job: job, status: e.ending(job), emit: emit}
	at := conv.Position{Token: from.Token, Page: from.Page}
	ctx = context.WithValue(ctx, jobKey{}, job.Submitted)
	for {
		next, err := r.page(ctx, at)
		if err != nil {
			return err
		}
		if next == "" {
			return r.finish(ctx, at.Page+1)
		}
		at = conv.Position{Token: next, Page: at.Page + 1}
	}
}

// reading is one call of Read.
type reading struct {
	*Extractor
	window conv.Window
	job    conv.Job
	status conv.JobStatus // how the job ended
	emit   func(conv.Chunk) error
	circle circle
}

// page reads the page at to its end, as often as it takes, and returns the next token.
func (r *reading) page(ctx context.Context, at conv.Position) (next string, err error) {
	steps := newSteps(r.config.Retry)
	most := 0 // rows that any attempt has seen
	for failures := 1; ; failures++ {
		p := &attemptedPage{reading: r, at: at}
		err := p.read(ctx)
		var broken *PageError
		switch {
		case err == nil:
			return p.next, nil
		case p.stopped:
			return "", err
		case ctx.Err() != nil:
			return "", ctx.Err()
		case gone(err), faulty(err):
			return "", fmt.Errorf("%w: %w", conv.ErrJobGone, err)
		case !errors.As(err, &broken):
			return "", err
		}
		if p.rows > most {
			most, failures = p.rows, 1
			steps.Reset()
		}
		if failures == brokenPages {
			return "", fmt.Errorf("%w: page %d was broken %d times: %w", conv.ErrJobGone, at.Page, brokenPages, err)
		}
		wait := steps.NextBackOff()
		r.hooks.Retrying(OpResults, r.window, wait, err)
		if err := sleep(ctx, wait); err != nil {
			return "", err
		}
	}
}

// attemptedPage is one attempt to read a page.
type attemptedPage struct {
	*reading
	at      conv.Position // Row counts the rows handed on
	rows    int           // that have come
	body    *watched
	next    string
	stopped bool // by emit, or by a token that leads back
}

func (p *attemptedPage) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, err := call(ctx, p.Extractor, OpResults, p.window, func(ctx context.Context) (io.ReadCloser, error) {
		return p.source.Page(ctx, p.job, p.at.Token)
	})
	if err != nil {
		return err
	}
	defer body.Close()
	idle := time.AfterFunc(idleTimeout, func() { cancel(errIdle) })
	defer idle.Stop()
	p.body = &watched{ctx: ctx, body: body, idle: idle}
	if p.config.Stage != nil {
		return p.staged(ctx, body)
	}
	return p.splitter.Split(p.body, p.at, p.pass)
}

// pass hands a chunk on.
func (p *attemptedPage) pass(c conv.Chunk) error {
	if c.End && !p.circle.extend(p.at.Token, c.Next) {
		p.stopped = true
		return fmt.Errorf("%w: the page token behind page %d leads back to a page already read", conv.ErrJobGone, p.at.Page)
	}
	if err := p.emit(c); err != nil {
		p.stopped = true
		return err
	}
	p.at.Row += len(c.Rows)
	if p.config.Stage == nil {
		p.came(len(c.Rows))
	}
	if c.End {
		p.next = c.Next
		p.hooks.PageRead(p.window, p.job, p.at, c.Page)
	}
	return nil
}

// came counts rows that have come.
func (p *attemptedPage) came(rows int) {
	if rows > 0 {
		p.rows += rows
		p.body.waited = 0
	}
}

// circle notices tokens that lead back to a page already read, in constant memory: it
// remembers one token, and moves on to a later one at growing distances, so that it comes to
// remember one on the circle and then meets it again.
type circle struct {
	token           string
	steps, distance int
}

// extend says whether next may follow the page of token asked.
func (c *circle) extend(asked, next string) bool {
	if next == "" {
		return true
	}
	if c.steps == c.distance {
		c.token, c.steps, c.distance = asked, 0, 2*c.distance+1
	}
	c.steps++
	return next != asked && next != c.token
}

// watched is a body that fails when nothing, or no row, comes for too long. Only the time in
// Read counts, as the rows may be taken slowly.
type watched struct {
	ctx    context.Context
	body   io.Reader
	idle   *time.Timer
	waited time.Duration // since the last row
}

func (b *watched) Read(p []byte) (int, error) {
	b.idle.Reset(idleTimeout)
	start := time.Now()
	n, err := b.body.Read(p)
	b.waited += time.Since(start)
	b.idle.Stop()
	switch {
	case err == nil && b.waited >= rowTimeout:
		err = errDrips
	case err != nil && err != io.EOF && context.Cause(b.ctx) == errIdle:
		err = errIdle
	}
	return n, err
}
