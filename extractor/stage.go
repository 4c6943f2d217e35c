package extractor

import (
	"context"
	"io"

	"convstream/internal/conv"
)

// Stage keeps the pages of results before any row of theirs is handed on. An error of it is
// waited out as the network's failures are, unless it has a method Permanent that says true.
type Stage interface {
	// Page keeps a page of the job's result, which body reads from its first byte to its
	// last. When it returns nil the page is kept for good; otherwise nothing of it is. Keeping
	// a page again replaces it.
	Page(ctx context.Context, w conv.Window, job conv.Job, page int, body io.Reader) error

	// Result notes that the job's result, of so many pages, was read to its end, and how the
	// job ended.
	Result(ctx context.Context, w conv.Window, job conv.Job, status conv.JobStatus, pages int) error
}

// staged receives a page whole, has it kept, and then hands on its rows. So none of them is
// published whose page is not kept, and a Stage that fails is waited for without asking the
// platform again.
func (p *attemptedPage) staged(ctx context.Context, body io.Closer) error {
	page, err := newSpool(p.config.Spool)
	if err != nil {
		return err
	}
	defer page.Close()
	if err := p.receive(page); err != nil {
		return err
	}
	_ = body.Close() // the connection is not needed any more
	_, err = call(ctx, p.Extractor, OpStore, p.window, func(ctx context.Context) (struct{}, error) {
		r, err := page.reader()
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, p.config.Stage.Page(ctx, p.window, p.job, p.at.Page, r)
	})
	if err == nil {
		var r io.Reader
		if r, err = page.reader(); err == nil {
			err = p.splitter.Split(r, p.at, p.pass)
		}
	}
	if page.err != nil {
		return page.err // it is this machine that failed, and not the platform's page
	}
	return err
}

// receive takes in a page to its end, which has to be a page.
func (p *attemptedPage) receive(into *spool) error {
	err := p.splitter.Split(io.TeeReader(p.body, into), p.at, func(c conv.Chunk) error {
		p.came(len(c.Rows))
		return nil
	})
	if into.err != nil {
		return into.err
	}
	return err
}

// finish notes that all pages of the result are kept.
func (r *reading) finish(ctx context.Context, pages int) error {
	if r.config.Stage == nil {
		return nil
	}
	_, err := call(ctx, r.Extractor, OpStore, r.window, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.config.Stage.Result(ctx, r.window, r.job, r.status, pages)
	})
	return err
}

// ended remembers how a job ended, for the Stage.
func (e *Extractor) ended(job conv.Job, s conv.JobStatus) {
	if e.config.Stage != nil && (s.State == conv.JobDone || s.State == conv.JobPartial) {
		e.endings.Store(job.ID, s)
	}
}

// ending is how the job ended, as far as this process was told.
func (e *Extractor) ending(job conv.Job) conv.JobStatus {
	if s, told := e.endings.LoadAndDelete(job.ID); told {
		return s.(conv.JobStatus)
	}
	return conv.JobStatus{State: conv.JobDone, Progress: -1, Count: -1}
}
