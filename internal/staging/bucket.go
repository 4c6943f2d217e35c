package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/fileblob"  // file://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"
)

// partSize is what an upload holds in memory, in bytes: the least that S3 takes as a part.
const partSize = 5 << 20

// Bucket is a place in object storage. It may be used by several goroutines.
type Bucket struct {
	blob   *blob.Bucket
	place  string // for messages: without what else the URL holds
	hidden hidden
}

// Open opens the place that a URL names: s3://BUCKET, gs://BUCKET, azblob://CONTAINER or
// file:///FOLDER, which is made if it is not there. The parameter prefix puts everything into
// a folder of the bucket. It fails if the place cannot be reached.
func Open(ctx context.Context, rawURL string) (*Bucket, error) {
	u, place, secrets, err := locate(rawURL)
	if err != nil {
		return nil, err
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		problem := query.ReplaceAllString(secrets.out(err), "")
		return nil, fmt.Errorf("staging.url %s: %s; write it as s3://BUCKET, gs://BUCKET, azblob://CONTAINER or file:///FOLDER", place, problem)
	}
	bucket := &Bucket{b, place, secrets}
	there, err := b.IsAccessible(ctx)
	if err == nil && !there {
		err = &Error{"open", place, errors.New("there is no such bucket"), checkAccess, true}
	} else if err != nil {
		err = bucket.failed("open", "", err)
	}
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	return bucket, nil
}

// query is that of a URL in a message.
var query = regexp.MustCompile(`\?[^\s":]*`)

// locate parses a URL, completes it, and says what of it may stand in a message and what may not.
func locate(raw string) (u *url.URL, place string, secrets hidden, err error) {
	u, err = url.Parse(raw)
	if err != nil {
		return nil, "", nil, errors.New("staging.url is no URL; write it as s3://BUCKET, gs://BUCKET, azblob://CONTAINER or file:///FOLDER")
	}
	if u.User != nil {
		return nil, "", nil, errors.New("staging.url holds a user or password; credentials come from the provider's own environment and files")
	}
	q := u.Query()
	secrets = hiddenIn(q)
	prefix := q.Get("prefix")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
		q.Set("prefix", prefix)
	}
	if u.Scheme == "file" {
		for key, value := range map[string]string{"create_dir": "true", "dir_file_mode": "0700"} {
			if !q.Has(key) {
				q.Set(key, value)
			}
		}
		q.Set("no_tmp_dir", "true") // a rename from another file system would fail
		q.Set("metadata", "skip")   // there is none
	}
	u.RawQuery = q.Encode()
	place = u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")
	if prefix != "" {
		place += "/" + strings.TrimSuffix(prefix, "/")
	}
	return u, place, secrets, nil
}

// String is the place without what else its URL holds.
func (b *Bucket) String() string { return b.place }

// Close gives the bucket up.
func (b *Bucket) Close() error { return b.blob.Close() }

// write writes an object, whole or not at all, and looks whether it is there. An error of fill
// that is not the object's own is returned as it is.
func (b *Bucket) write(ctx context.Context, key, contentType string, fill func(io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	w, err := b.blob.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: contentType, BufferSize: partSize, MaxConcurrency: 1,
		BeforeWrite: func(as func(any) bool) error {
			if as(&file) { // the place is a folder
				return file.Chmod(0o600)
			}
			return nil
		},
	})
	if err != nil {
		return b.failed("write", key, err)
	}
	out := &object{to: w}
	err = fill(out)
	if out.err == nil && err == nil && file != nil {
		out.err = file.Sync() // before it gets its name
	}
	if err != nil || out.err != nil {
		cancel() // so that nothing is left of it
		_ = w.Close()
		if out.err != nil {
			return b.failed("write", key, out.err)
		}
		return err
	}
	if err := w.Close(); err != nil {
		return b.failed("write", key, err)
	}
	at, err := b.blob.Attributes(ctx, key)
	if err == nil && at.Size != out.size {
		err = fmt.Errorf("%d bytes were written, and it has %d", out.size, at.Size)
	}
	if err != nil {
		return b.failed("look at what was written of", key, err)
	}
	return nil
}

// object is what is being written.
type object struct {
	to   io.Writer
	size int64
	err  error
}

func (o *object) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	o.size += int64(n)
	if err != nil {
		o.err = err
	}
	return n, err
}

// read opens an object. The errors of its reader are an [*Error] too.
func (b *Bucket) read(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := b.blob.NewReader(ctx, key, nil)
	if err != nil {
		return nil, b.failed("read", key, err)
	}
	return &opened{r, b, key}, nil
}

type opened struct {
	io.ReadCloser
	bucket *Bucket
	key    string
}

func (o *opened) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = o.bucket.failed("read", o.key, err)
	}
	return n, err
}

// list lists what a folder holds: its objects, and its folders with a slash at their end.
func (b *Bucket) list(ctx context.Context, folder string, each func(name string)) error {
	objects := b.blob.List(&blob.ListOptions{Prefix: folder, Delimiter: "/"})
	for {
		o, err := objects.Next(ctx)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return b.failed("list", folder, err)
		}
		each(strings.TrimPrefix(o.Key, folder))
	}
}

const checkAccess = "check staging.url, and the credentials and permissions of the storage"

// Error is a failure of the storage.
type Error struct {
	Op        string
	Place     string // bucket and key
	Err       error
	Hint      string // the way out, where asking again is none
	permanent bool
}

// Error names what was tried where, and the way out.
func (e *Error) Error() string {
	text := fmt.Sprintf("staging: %s %s: %s", e.Op, e.Place, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap is what the storage said.
func (e *Error) Unwrap() error { return e.Err }

// Permanent says that asking again does not help.
func (e *Error) Permanent() bool { return e.permanent }

func (b *Bucket) failed(op, key string, err error) error {
	e := &Error{Op: op, Place: b.place, Err: &told{err, b.hidden.out(err)}}
	if key != "" {
		e.Place += "/" + key
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound, gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.Unimplemented:
		e.permanent, e.Hint = true, checkAccess
	}
	return e
}

// damaged says that an object is not what was written.
func (b *Bucket) damaged(key string, err error) error {
	return &Error{"read", b.place + "/" + key, fmt.Errorf("it is not what was written: %w", err),
		"delete its folder to have an older job of the window read, or backfill without --from-staging", true}
}

// absent says that an object is not there.
func absent(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }
