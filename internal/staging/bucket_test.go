package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "gocloud.dev/blob/memblob"
)

func open(t *testing.T, url string) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// keys lists what a bucket holds.
func keys(t *testing.T, b *Bucket) (list []string) {
	t.Helper()
	for o := b.blob.List(nil); ; {
		next, err := o.Next(t.Context())
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, next.Key)
	}
}

func put(t *testing.T, b *Bucket, key, text string) {
	t.Helper()
	if err := b.blob.WriteAll(t.Context(), key, []byte(text), nil); err != nil {
		t.Fatal(err)
	}
}

// text fills an object.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestR13_AWriteThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, place := range []string{"mem://", "file://" + filepath.ToSlash(dir) + "/made"} {
		b := open(t, place)
		put(t, b, "a/page", "earlier")
		broken := errors.New("the page broke off")
		err := b.write(t.Context(), "a/page", "text/plain", func(w io.Writer) error {
			_, _ = io.WriteString(w, strings.Repeat("half", 10_000))
			return broken
		})
		if err != broken {
			t.Errorf("%s: %v", place, err)
		}
		if diff := cmp.Diff([]string{"a/page"}, keys(t, b)); diff != "" {
			t.Errorf("%s: %s", place, diff)
		}
		if text, err := b.blob.ReadAll(t.Context(), "a/page"); string(text) != "earlier" || err != nil {
			t.Errorf("%s: %q, %v", place, text, err)
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "made", "a"))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestFilesOfAFolderAreForTheirOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	b := open(t, "file://"+filepath.ToSlash(dir)+"/made?prefix=of/mine")
	if err := b.write(t.Context(), "acme/page", "text/plain", text("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"made/of/mine/acme/page": 0o600, "made/of/mine/acme": 0o700 | os.ModeDir} {
		if at, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path))); err != nil || at.Mode() != want {
			t.Errorf("%s: %v, %v", path, at, err)
		}
	}
	if b.String() != "file://"+filepath.ToSlash(dir)+"/made/of/mine" {
		t.Error(b)
	}
}

func TestAURLThatCannotBeUsedIsRefusedWithoutItsSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"s3://user:geheim@bucket":                           "user or password",
		"://geheim":                                         "no URL",
		"ftp://bucket?password=geheim":                      "staging.url ftp://bucket",
		"azblob://c?sas=geheim":                             "staging.url azblob://c",
		"file:///proc/no?prefix=a&secret=geheim":            "staging.url file:///proc/no/a",
		"s3://bucket/path?region=eu-central-1&token=geheim": "staging.url s3://bucket/path",
		"s3://bucket?anonymous=geheim":                      `anonymous: strconv.ParseBool: parsing "***"`,
		"s3://bucket?anonymous=geheim%22geheim":             `anonymous: strconv.ParseBool: parsing "***"`,
		"s3://bucket?profile=geheim":                        "profile, ***",
		"s3://bucket?geheim":                                `unknown query parameter "***"`,
		"azblob://c?storage_account=a&protocol=geheim":      `invalid protocol "***"`,
	} {
		_, err := Open(t.Context(), raw)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestWhatTheQueryOfTheURLHoldsStandsInNoError(t *testing.T) {
	_, place, secrets, err := locate("s3://bucket?region=eu-central-1&prefix=convstream&endpoint=https://geheim.example&other=geheim.example&use_path_style=true")
	if err != nil || place != "s3://bucket/convstream" {
		t.Fatal(place, err)
	}
	b := &Bucket{place: place, hidden: secrets}
	cause := errors.New("https://geheim.example in eu-central-1 below convstream: true, and geheim.example")
	err = b.failed("write", "acme/page", cause)
	if text := err.Error(); text != "staging: write s3://bucket/convstream/acme/page: *** in eu-central-1 below convstream: true, and ***" || !errors.Is(err, cause) {
		t.Error(text)
	}
}

func TestAnErrorOfTheStorageNamesTheObjectAndNoSecret(t *testing.T) {
	b := open(t, "mem://")
	var err error = b.failed("write", "acme/page", fmt.Errorf("put: %w", &url.Error{Op: "Put", URL: "https://host/acme?sig=geheim", Err: context.DeadlineExceeded}))
	if text := err.Error(); text != "staging: write mem:///acme/page: context deadline exceeded" {
		t.Error(text)
	}
	_, err = b.read(t.Context(), "acme/absent")
	var storage *Error
	if !errors.As(err, &storage) || !storage.Permanent() || !strings.Contains(err.Error(), "mem:///acme/absent") {
		t.Error(err)
	}
}
