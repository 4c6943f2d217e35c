package staging

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"

	"convstream/internal/conv"
)

// azure is a container behind a server that refuses everything, as Azure does where a key lacks a permission.
func azure(t *testing.T) *Bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-ms-error-code", "AuthorizationPermissionMismatch")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\"?>\n<Error>\n<Code>AuthorizationPermissionMismatch</Code>\n</Error>") // fails if nobody listens any more
	}))
	t.Cleanup(server.Close)
	client, err := container.NewClientWithNoCredential(server.URL+"/account/pages", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return &Bucket{blob: b, place: "azblob://pages"}
}

func TestR13_APageThatAzureRefusesIsOneErrorInOneLine(t *testing.T) {
	b := azure(t)
	err := NewStage(b, config, reports, nil).Page(t.Context(), window, job("j", 1), 0, strings.NewReader(page))
	var storage *Error
	if !errors.As(err, &storage) || !storage.Permanent() {
		t.Errorf("%v is not for good", err)
	}
	key := "azblob://pages/" + config.folder(window, job("j", 1)) + pageName(0)
	if want := "staging: write " + key + ": AuthorizationPermissionMismatch: 403 Forbidden; " + checkAccess; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestR13_APageThatBreaksOffIsNotSentToAzure(t *testing.T) {
	broken := errors.New("the page broke off")
	err := azure(t).write(t.Context(), "a/page", "text/plain", func(w io.Writer) error {
		_, _ = io.WriteString(w, "half") // what follows is told
		return broken
	})
	if err != broken {
		t.Errorf("%v, want that of the page", err)
	}
}

// google has Google Cloud Storage answer what a function says.
func google(t *testing.T, says func(*http.Request) (status int, body string)) {
	t.Helper()
	throughTransport(t, func(r *http.Request) (*http.Response, error) {
		status, body := says(r)
		return answer(r, status, body), nil
	})
}

// throughTransport has Google's client send its requests to a function.
func throughTransport(t *testing.T, by transport) {
	t.Helper()
	before := http.DefaultTransport
	http.DefaultTransport = by
	t.Cleanup(func() { http.DefaultTransport = before })
	t.Setenv("STORAGE_EMULATOR_HOST", "storage.test")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const denied = `{"error":{"code":403,"message":"account@example.com does not have storage.objects.list access"}}`

func TestR13_ABucketOfGoogleThatMayNotBeListedIsNotCalledAbsent(t *testing.T) {
	google(t, func(*http.Request) (int, string) { return http.StatusForbidden, denied })
	_, err := Open(t.Context(), "gs://pages")
	if err == nil || !strings.Contains(err.Error(), "does not have storage.objects.list access") || !strings.Contains(err.Error(), checkAccess) {
		t.Error(err)
	}
	google(t, func(*http.Request) (int, string) { return http.StatusNotFound, `{"error":{"code":404,"message":"no"}}` })
	_, err = Open(t.Context(), "gs://pages")
	if err == nil || !strings.Contains(err.Error(), "gs://pages: there is no such bucket; "+checkAccess) {
		t.Error(err)
	}
}

func TestR13_AManifestOfGoogleThatMayNotBeReadIsNotCalledAbsent(t *testing.T) {
	google(t, func(r *http.Request) (int, string) {
		if strings.HasPrefix(r.URL.Path, "/storage/v1/b/pages/o") {
			return http.StatusOK, "{}"
		}
		return http.StatusForbidden, denied
	})
	b := open(t, "gs://pages")
	if m, err := b.readManifest(t.Context(), "acme/"); err == nil || m != nil {
		t.Errorf("%v, %v", m, err)
	}
	google(t, func(*http.Request) (int, string) { return http.StatusNotFound, "" })
	if m, err := b.readManifest(t.Context(), "acme/"); err != nil || m != nil {
		t.Errorf("one that is not there: %v, %v", m, err)
	}
}

func TestR13_AnOutageOfGoogleIsToldWithinAMinute(t *testing.T) {
	calls := 0
	google(t, func(*http.Request) (int, string) {
		if calls++; calls == 1 {
			return http.StatusOK, "{}"
		}
		return http.StatusServiceUnavailable, ""
	})
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "gs://pages")
		began, told := time.Now(), 0
		a := archive(b, config)
		a.hooks.Retrying = func(conv.Window, time.Duration, error) {
			if told++; told == 1 && time.Since(began) > time.Minute {
				t.Errorf("the first failure is told after %s", time.Since(began))
			}
		}
		_, err := a.Submit(t.Context(), window)
		var storage *Error
		if !errors.As(err, &storage) || storage.Permanent() || told == 0 {
			t.Errorf("%v, told %d times", err, told)
		}
		if took := time.Since(began); took > patience+time.Minute {
			t.Errorf("it is given up after %s", took)
		}
	})
}

// silently says what was written to standard output meanwhile.
func silently(t *testing.T, do func()) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	before := os.Stdout
	os.Stdout = out
	defer func() { os.Stdout = before }()
	do()
	said, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

func TestWithoutCredentialsGoogleIsRefusedAndStandardOutputLeftAlone(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent.json"))
	said := silently(t, func() {
		_, err := Open(t.Context(), "gs://pages")
		if err == nil || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
			t.Error(err)
		}
	})
	if said != "" {
		t.Errorf("standard output has %q", said)
	}
}

func TestGoogleIsAskedWithoutCredentialsWhereTheURLSaysSo(t *testing.T) {
	for _, query := range []string{"anonymous=true", "anonymous=1&prefix=mine", "access_id=-"} {
		asked := 0
		throughTransport(t, func(r *http.Request) (*http.Response, error) {
			if asked++; r.Header.Get("Authorization") != "" {
				t.Errorf("%s: credentials are sent", query)
			}
			return answer(r, http.StatusOK, "{}"), nil
		})
		t.Setenv("STORAGE_EMULATOR_HOST", "")
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent.json"))
		if said := silently(t, func() { open(t, "gs://pages?"+query) }); said != "" || asked == 0 {
			t.Errorf("%s: standard output has %q, asked %d times", query, said, asked)
		}
	}
}
