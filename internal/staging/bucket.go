package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob" // s3://
	"gocloud.dev/gcp"
)

// partSize is that of a part of an upload, in bytes: the least that S3 takes.
const partSize = 5 << 20

// Memory is what keeping the pages of one window needs, in bytes: the parts of an upload, of which
// S3's client holds up to five at a time, and the compressor's window.
const Memory = 32 << 20

// Bucket is a place in object storage. It may be used by several goroutines.
type Bucket struct {
	blob   *blob.Bucket
	place  string // for messages: without what else the URL holds
	hidden hidden

	root string                    // where the place is a folder: its path
	sync func(folder string) error // of the file system
}

// Open opens the place that a URL names: s3://BUCKET, gs://BUCKET, azblob://CONTAINER or
// file:///FOLDER, which is made if it is not there. The parameter prefix puts everything into
// a folder of the bucket. It fails if the place cannot be reached.
func Open(ctx context.Context, rawURL string) (*Bucket, error) {
	return openPlace(ctx, rawURL, true, syncFolder)
}

// OpenKept opens a place to read what is kept there. A folder that is not there is an error, and is
// not made: its name is misspelt.
func OpenKept(ctx context.Context, rawURL string) (*Bucket, error) {
	return openPlace(ctx, rawURL, false, syncFolder)
}

// openPlace opens a place; makes says that it is also written to, and sync syncs a folder.
func openPlace(ctx context.Context, rawURL string, makes bool, sync func(folder string) error) (*Bucket, error) {
	u, place, secrets, err := locate(rawURL)
	if err != nil {
		return nil, err
	}
	root, made := "", []string(nil)
	if u.Scheme == fileblob.Scheme {
		root = filepath.Clean(filepath.FromSlash(u.Path))
		if made = missing(root); len(made) > 0 && !makes {
			return nil, &Error{"open", place, errors.New("there is no such folder"), "check staging.url: nothing is kept there", true}
		}
	}
	b, err := reach(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("staging.url %s: %s; write it as s3://BUCKET, gs://BUCKET, azblob://CONTAINER or file:///FOLDER",
			place, query.ReplaceAllString(secrets.out(err), ""))
	}
	bucket := &Bucket{b, place, secrets, root, sync}
	err = bucket.look(ctx)
	switch {
	case absent(err):
		err = &Error{"open", place, errors.New("there is no such bucket"), checkAccess, true}
	case err != nil:
		err = bucket.failed("open", "", err)
	case makes && root != "":
		if err = bucket.tryWriting(); err == nil {
			err = bucket.persistMade(made)
		}
	}
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	return bucket, nil
}

// retrying is how long Google's client repeats a call by itself. Without a bound it would do so
// for ever, and nobody would hear of it.
const retrying = 10 * time.Second

// reach opens a bucket, and asks nothing of it yet.
func reach(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	mux := blob.DefaultURLMux()
	if u.Scheme == gcsblob.Scheme && os.Getenv("STORAGE_EMULATOR_HOST") == "" {
		if anonymous(u.Query()) { // gcsblob would look for credentials all the same
			mux = new(blob.URLMux)
			mux.RegisterBucket(gcsblob.Scheme, new(gcsblob.URLOpener))
		} else if _, err := gcp.DefaultCredentials(ctx); err != nil { // gcsblob writes this to standard output, and goes on
			return nil, err
		}
	}
	b, err := mux.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, err
	}
	var google *storage.Client
	if b.As(&google) {
		google.SetRetry(storage.WithMaxRetryDuration(retrying))
	}
	return b, nil
}

// anonymous says that a URL asks Google for a client without credentials, in the words of gcsblob.
func anonymous(q url.Values) bool {
	asked, _ := strconv.ParseBool(q.Get("anonymous")) // gcsblob refuses what is neither
	return asked || q.Get("access_id") == "-"
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
	if u.Scheme == fileblob.Scheme {
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

// look asks whether the bucket is there.
func (b *Bucket) look(ctx context.Context) error {
	_, err := answered(ctx, func(ctx context.Context) ([]*blob.ListObject, error) {
		page, _, err := b.blob.ListPage(ctx, blob.FirstPageToken, 1, nil)
		return page, err
	})
	return err
}

// write writes an object, whole or not at all, and looks whether it is there. An error of fill
// that is not the object's own is returned as it is.
//
// The storage draws the object from a pipe. To write into a writer of gocloud.dev would be
// simpler, but that of Azure panics when it is closed and the upload has failed.
func (b *Bucket) write(ctx context.Context, key, contentType string, fill func(io.Writer) error) error {
	call := watching(ctx)
	defer call.end()
	from, to := io.Pipe()
	out, filled := &object{to: to}, make(chan error, 1)
	go func() {
		err := fill(out)
		if err != nil {
			call.end() // so that nothing is left of it
		}
		_ = to.CloseWithError(err) // returns none
		filled <- err
	}()
	in := &upload{from: from, call: call}
	uploading := call.told(b.blob.Upload(call.ctx, key, in, &blob.WriterOptions{
		ContentType: contentType, BufferSize: partSize, MaxConcurrency: 1, BeforeWrite: in.begin,
	}))
	_ = from.Close() // ends a fill that goes on
	if err := <-filled; err != nil && out.err == nil {
		return err
	}
	if uploading == nil && out.err != nil {
		uploading = fmt.Errorf("it took %d bytes, and no more", out.size)
	}
	if uploading == nil && in.file != nil {
		uploading = b.persist(filepath.Dir(in.file.Name()))
	}
	if uploading != nil {
		return b.unwritten(ctx, "write", key, uploading)
	}
	at, err := answered(ctx, func(ctx context.Context) (*blob.Attributes, error) { return b.blob.Attributes(ctx, key) })
	if err == nil && at.Size != out.size {
		err = fmt.Errorf("%d bytes were written, and it has %d", out.size, at.Size)
	}
	if err != nil {
		return b.unwritten(ctx, "look at what was written of", key, err)
	}
	return nil
}

// unwritten is the failure of a write. Where something is not found and the bucket is there, the
// storage has lost an upload that was going on, as Google does, or the object: another write begins
// anew.
func (b *Bucket) unwritten(ctx context.Context, op, key string, err error) error {
	e := b.failed(op, key, err)
	if absent(err) && !absent(b.look(ctx)) {
		e.permanent, e.Hint = false, ""
	}
	return e
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

// upload is what the storage draws an object from.
type upload struct {
	from io.Reader
	file *os.File // what it is written to, where the place is a folder
	call *watch
}

func (u *upload) begin(as func(any) bool) error {
	if as(&u.file) {
		return u.file.Chmod(0o600)
	}
	return nil
}

// Read has a file synced at the end of the object: before it gets its name, and instead of it
// where that fails.
func (u *upload) Read(p []byte) (int, error) {
	u.call.pause()
	n, err := u.from.Read(p)
	u.call.resume()
	if err == io.EOF && u.file != nil {
		if syncing := u.file.Sync(); syncing != nil {
			u.call.end() // so that nothing is left of it
			err = syncing
		}
	}
	return n, err
}

// read opens an object. The errors of its reader are an [*Error] too.
func (b *Bucket) read(ctx context.Context, key string) (io.ReadCloser, error) {
	call := watching(ctx)
	r, err := b.blob.NewReader(call.ctx, key, nil)
	call.pause()
	if err != nil {
		err = call.told(err)
		call.end()
		return nil, b.failed("read", key, err)
	}
	return &opened{r, call, b, key}, nil
}

type opened struct {
	io.ReadCloser
	call   *watch
	bucket *Bucket
	key    string
}

// Read leaves out the time that its caller takes between two of them.
func (o *opened) Read(p []byte) (int, error) {
	o.call.resume()
	n, err := o.ReadCloser.Read(p)
	o.call.pause()
	if err != nil && err != io.EOF {
		err = o.bucket.failed("read", o.key, o.call.told(err))
	}
	return n, err
}

func (o *opened) Close() error {
	defer o.call.end()
	return o.ReadCloser.Close()
}

// list lists what a folder holds: its objects, and its folders with a slash at their end.
func (b *Bucket) list(ctx context.Context, folder string, each func(name string)) error {
	objects := b.blob.List(&blob.ListOptions{Prefix: folder, Delimiter: "/"})
	for {
		o, err := answered(ctx, objects.Next)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return b.failed("list", folder, err)
		}
		each(strings.TrimPrefix(o.Key, folder))
	}
}
