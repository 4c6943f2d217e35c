package staging

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
)

// silent takes a request whole, and never answers.
func silent(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestR13_AStorageThatNeverAnswersIsAFailureThatPasses(t *testing.T) {
	const openly = "the bucket is opened"
	for name, call := range map[string]func(context.Context, *Bucket) error{
		openly: func(ctx context.Context, _ *Bucket) error {
			_, err := Open(ctx, "gs://pages")
			return err
		},
		"an object is written": func(ctx context.Context, b *Bucket) error {
			return b.write(ctx, "a/page", "text/plain", text("x"))
		},
		"an object is opened": func(ctx context.Context, b *Bucket) error {
			_, err := b.read(ctx, "a/page")
			return err
		},
		"a manifest is read": func(ctx context.Context, b *Bucket) error {
			_, err := b.readManifest(ctx, "a/")
			return err
		},
		"a folder is listed": func(ctx context.Context, b *Bucket) error {
			return b.list(ctx, "a/", func(string) {})
		},
	} {
		t.Run(name, func(t *testing.T) {
			answers := name != openly
			throughTransport(t, func(r *http.Request) (*http.Response, error) {
				if answers {
					return answer(r, http.StatusOK, "{}"), nil
				}
				return silent(r)
			})
			synctest.Test(t, func(t *testing.T) {
				var b *Bucket
				if answers {
					b = open(t, "gs://pages")
				}
				answers = false
				began := time.Now()
				endsSilent(t, call(t.Context(), b))
				if took := time.Since(began); took != silence {
					t.Errorf("it was waited for for %s", took)
				}
			})
		})
	}
}

func TestR13_AzureThatNeverAnswersIsAFailureThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := azureBy(t, silent, nil)
		endsSilent(t, b.write(t.Context(), "a/page", "text/plain", text(strings.Repeat("x", 2*partSize))))
	})
}

func endsSilent(t *testing.T, err error) {
	t.Helper()
	var storage *Error
	if !errors.As(err, &storage) || storage.Permanent() || !errors.Is(err, errSilent) || errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// slow draws an object, and gives one, four bytes at a time, with a wait before each, and one
// before it tells what it has.
type slow struct {
	flaky
	wait time.Duration
}

func (s *slow) sleep(ctx context.Context) error {
	select {
	case <-time.After(s.wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) NewTypedWriter(ctx context.Context, key, _ string, _ *driver.WriterOptions) (driver.Writer, error) {
	return &drawing{ctx: ctx, to: s, key: key}, nil
}

func (s *slow) NewRangeReader(ctx context.Context, key string, _, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	text := string(s.objects[key])
	return &giving{Reader: strings.NewReader(text), size: int64(len(text)), ctx: ctx, from: s}, nil
}

func (s *slow) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	return &driver.Attributes{Size: int64(len(s.objects[key]))}, s.sleep(ctx)
}

type drawing struct {
	driver.Writer
	ctx context.Context
	to  *slow
	key string
}

func (d *drawing) Close() error { return d.ctx.Err() }

func (d *drawing) Upload(r io.Reader) error {
	for p := make([]byte, 4); ; {
		if err := d.to.sleep(d.ctx); err != nil {
			return err
		}
		n, err := r.Read(p)
		d.to.objects[d.key] = append(d.to.objects[d.key], p[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type giving struct {
	*strings.Reader
	size int64
	ctx  context.Context
	from *slow
}

func (g *giving) Close() error                         { return nil }
func (g *giving) As(any) bool                          { return false }
func (g *giving) Attributes() *driver.ReaderAttributes { return &driver.ReaderAttributes{Size: g.size} }
func (g *giving) WriteTo(w io.Writer) (int64, error)   { return io.Copy(w, struct{ io.Reader }{g}) }

func (g *giving) Read(p []byte) (int, error) {
	if err := g.from.sleep(g.ctx); err != nil {
		return 0, err
	}
	return g.Reader.Read(p[:min(4, len(p))])
}

func TestR13_AStorageThatIsSlowIsWaitedForAndThePageIsNoPartOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		storage, page time.Duration // waits: of the storage before each call, and of the page between two writes or reads
		silent        bool
	}{
		"slow":   {silence - time.Second, 0, false},
		"silent": {silence + time.Second, 0, true},
		"a page": {time.Second, 3 * silence, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			const piece, pieces = "1234", 5
			b := &Bucket{blob: blob.NewBucket(&slow{flaky{objects: map[string][]byte{}}, c.storage}), place: "slow://"}
			defer b.Close()
			err := b.write(t.Context(), "page", "text/plain", func(w io.Writer) error {
				for range pieces {
					if _, err := io.WriteString(w, piece); err != nil {
						return err
					}
					time.Sleep(c.page)
				}
				return nil
			})
			if !c.silent && err != nil {
				t.Errorf("%s: a write ends with %v", name, err)
			}
			var got strings.Builder
			r, reading := b.read(t.Context(), "page")
			if reading != nil {
				t.Fatal(reading)
			}
			defer r.Close()
			for p := make([]byte, len(piece)); reading == nil; {
				time.Sleep(c.page) // also before the first
				var n int
				n, reading = r.Read(p)
				got.Write(p[:n])
			}
			switch {
			case c.silent:
				endsSilent(t, err)
				endsSilent(t, reading)
			case reading != io.EOF || got.String() != strings.Repeat(piece, pieces):
				t.Errorf("%s: %q is read, and then %v", name, got.String(), reading)
			}
		})
	}
}
