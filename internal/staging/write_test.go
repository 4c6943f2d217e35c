package staging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
)

// forgetful draws so many bytes of an object, keeps so many of them, and says that all is well.
type forgetful struct {
	flaky
	draws, keeps int64
}

func (f *forgetful) NewTypedWriter(_ context.Context, key, _ string, _ *driver.WriterOptions) (driver.Writer, error) {
	return &forgetting{to: f, key: key}, nil
}

func (f *forgetful) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	return &driver.Attributes{Size: int64(len(f.objects[key]))}, nil
}

type forgetting struct {
	driver.Writer
	to  *forgetful
	key string
}

func (f *forgetting) Close() error { return nil }

func (f *forgetting) Upload(r io.Reader) error {
	drawn, err := io.ReadAll(io.LimitReader(r, f.to.draws))
	f.to.objects[f.key] = drawn[:min(f.to.keeps, int64(len(drawn)))]
	return err
}

func TestR13_AnObjectThatTheStorageHasNotWholeDoesNotCountAsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		draws, keeps int64
		want         string
	}{
		"it draws half":            {4, 4, "staging: write forgetful:///page: it took 4 bytes, and no more"},
		"it draws all, keeps half": {100, 4, "staging: look at what was written of forgetful:///page: 8 bytes were written, and it has 4"},
		"it keeps all":             {100, 100, "<nil>"},
	} {
		synctest.Test(t, func(t *testing.T) { // which sees a write that never ends
			b := &Bucket{blob: blob.NewBucket(&forgetful{flaky{objects: map[string][]byte{}}, c.draws, c.keeps}), place: "forgetful://"}
			defer b.Close()
			if err := b.write(t.Context(), "page", "text/plain", text("12345678")); fmt.Sprint(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		})
	}
}

func TestAnObjectMayBeEmptyAndAPageMayEndWithEOF(t *testing.T) {
	for _, place := range []string{"mem://", "file://" + filepath.ToSlash(t.TempDir())} {
		b := open(t, place)
		if err := b.write(t.Context(), "empty", "text/plain", text("")); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		err := b.write(t.Context(), "half", "text/plain", func(w io.Writer) error {
			_, _ = io.WriteString(w, "half") // what follows is told
			return io.EOF
		})
		if got := keys(t, b); err != io.EOF || fmt.Sprint(got) != "[empty]" {
			t.Errorf("%s: %v, and it has %q", place, err, got)
		}
	}
}

// What an upload holds counts while the storage draws it; the server's share is small.
func TestR13_AnUploadToS3TakesNoMoreMemoryThanIsCountedWith(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	const size = 48 << 20
	parts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		said := ""
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			said = `<InitiateMultipartUploadResult><Bucket>pages</Bucket><Key>page</Key><UploadId>1</UploadId></InitiateMultipartUploadResult>`
		case r.Method == http.MethodPost:
			said = `<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>`
		case r.Method == http.MethodPut:
			parts++
			w.Header().Set("ETag", `"x"`)
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", fmt.Sprint(size))
		default:
			said = `<ListBucketResult></ListBucketResult>`
		}
		_, _ = io.WriteString(w, said) // fails if nobody listens any more
	}))
	defer server.Close()
	b := open(t, "s3://pages?region=us-east-1&use_path_style=true&endpoint="+server.URL)
	before, most := inUse(), uint64(0)
	err := b.write(t.Context(), "page", "text/plain", func(w io.Writer) error {
		z, err := compressor(io.Discard) // a page of this size, when it is compressed, is too slow to make
		if err != nil {
			return err
		}
		defer z.Close()
		piece := bytes.Repeat([]byte("x"), 1<<18)
		both := io.MultiWriter(w, z)
		for range size / len(piece) {
			if _, err := both.Write(piece); err != nil {
				return err
			}
			most = max(most, inUse())
		}
		return nil
	})
	grown := int64(most) - int64(before)
	if err != nil || parts < size/partSize || grown > Memory || grown < Memory/2 {
		t.Errorf("an upload in %d parts takes %d bytes of memory, and %d are counted with: %v", parts, grown, Memory, err)
	}
}

func TestR13_AFolderThatIsMadeIsSyncedAtTheStart(t *testing.T) {
	there := filepath.ToSlash(t.TempDir())
	var synced []string
	note := func(folder string) error {
		synced = append(synced, strings.TrimPrefix(filepath.ToSlash(folder), there))
		return nil
	}
	for range 2 { // the second time it is there
		b, err := openPlace(t.Context(), "file://"+there+"/a/b", true, note)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
	}
	if want := "[/a/b /a ]"; fmt.Sprint(synced) != want {
		t.Errorf("%q are synced, want %s", synced, want)
	}
}
