package staging

import (
	"context"
	"io"

	"convstream/extractor"
	"convstream/internal/conv"
)

// Stage keeps the pages of one organisation's results. It is an [extractor.Stage].
type Stage struct {
	bucket   *Bucket
	config   Config
	format   Format
	splitter *extractor.Splitter
	redactor Redactor
}

// NewStage keeps pages in a bucket: byte for byte where the redactor is nil or idle, and else
// with their rows redacted.
func NewStage(b *Bucket, c Config, f Format, r Redactor) *Stage {
	return &Stage{b, c, f, f.splitter(), r}
}

// Page keeps a page.
func (s *Stage) Page(ctx context.Context, w conv.Window, job conv.Job, page int, body io.Reader) error {
	return s.bucket.write(ctx, s.config.folder(w, job)+pageName(page), "application/zstd", func(out io.Writer) error {
		z, err := compressor(out)
		if err != nil {
			return err
		}
		if s.redactor == nil || s.redactor.Idle() {
			_, err = io.Copy(z, body)
		} else {
			err = s.redact(z, body, job, page)
		}
		if closing := z.Close(); err == nil {
			err = closing
		}
		return err
	})
}

// Result writes the manifest of a job whose pages are kept. Where some are not, because an
// earlier process read them without a stage, there is nothing to say.
func (s *Stage) Result(ctx context.Context, w conv.Window, job conv.Job, status conv.JobStatus, pages int) error {
	folder := s.config.folder(w, job)
	if whole, err := s.bucket.holds(ctx, folder, pages); err != nil || !whole {
		return err
	}
	m := Manifest{
		Version: manifestVersion, Org: s.config.Org, Dialect: s.config.Dialect, Query: s.config.Query,
		Window: w, Job: job, Status: status.Word, Partial: status.State == conv.JobPartial, Pages: pages,
	}
	if status.Count >= 0 {
		m.Count = &status.Count
	}
	return s.bucket.writeManifest(ctx, folder, m)
}

// holds says whether a folder has all pages of a result.
func (b *Bucket) holds(ctx context.Context, folder string, pages int) (bool, error) {
	n := 0
	err := b.list(ctx, folder, func(name string) {
		if i, isPage := pageNumber(name); isPage && i < pages {
			n++
		}
	})
	return n == pages, err
}
