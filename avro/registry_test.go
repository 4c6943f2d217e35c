package avro

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const subject = "genesys.conversations-value"

func registry(t testing.TB, opts ...srfake.Option) *srfake.Registry {
	t.Helper()
	r := srfake.New(opts...)
	t.Cleanup(r.Close)
	return r
}

func clientOf(t testing.TB, url string, opts ...sr.ClientOpt) *sr.Client {
	t.Helper()
	cl, err := sr.NewClient(append(opts, sr.URLs(url))...)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// refuse makes the registry answer requests of a method with a status.
func refuse(r *srfake.Registry, path string, status int, message string) {
	r.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, path) {
			return false
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"error_code": status, "message": message})
		return true
	})
}

func TestR100_SubjectIsTheTopicsValue(t *testing.T) {
	if got := Subject("genesys.conversations"); got != subject {
		t.Errorf("subject %q", got)
	}
}

func TestR100_TheContractIsRegisteredOnceAndFoundAfterwards(t *testing.T) {
	r := registry(t)
	var writes atomic.Int32
	r.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/versions") {
			writes.Add(1)
		}
		return false
	})
	c, cl := reports(t), clientOf(t, r.URL())
	first, err := Register(t.Context(), cl, subject, c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Register(t.Context(), cl, subject, c)
	if err != nil || second != first {
		t.Errorf("id %d became %d, %v", first, second, err)
	}
	if n := writes.Load(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	stored, ok := r.GetSchema(subject, 1)
	if !ok || stored.Schema.Schema != c.Schema() || uint32(stored.ID) != first {
		t.Errorf("the registry holds %+v", stored)
	}
}

func TestRegistryErrorsNameTheSubjectAndTheWayOut(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		status int
		want   []string
	}{
		"unauthorized": {"/" + subject, 401, []string{"401", "registry.username"}},
		"forbidden":    {"/versions", 403, []string{"403", "grant", "write"}},
		"incompatible": {"/versions", 409, []string{"409", "incompatible", "mend the contract"}},
		"invalid":      {"/versions", 422, []string{"422", "mend the contract's schema"}},
		"broken":       {"/" + subject, 500, []string{"500", "registry.url"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry(t)
			refuse(r, test.path, test.status, "the registry's reason")
			_, err := Register(t.Context(), clientOf(t, r.URL()), subject, reports(t))
			if err == nil {
				t.Fatal("the contract was registered")
			}
			for _, want := range append(test.want, subject, "the registry's reason") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			var answer *sr.ResponseError
			if !errors.As(err, &answer) || answer.StatusCode != test.status {
				t.Errorf("error %v does not carry status %d", err, test.status)
			}
		})
	}
}

func TestAnUnreachableRegistryIsNamedWithoutItsPassword(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	url := strings.Replace(gone.URL, "http://", "http://user:s3cret@", 1)
	_, err := Register(t.Context(), clientOf(t, url), subject, reports(t))
	var registryErr *RegistryError
	if !errors.As(err, &registryErr) {
		t.Fatalf("got %v; want a RegistryError", err)
	}
	text := err.Error()
	if strings.Contains(text, "s3cret") {
		t.Errorf("the password is in %q", text)
	}
	for _, want := range []string{subject, "no registry answers", "refused", "registry.url"} {
		if !strings.Contains(text, want) {
			t.Errorf("error %q does not say %q", text, want)
		}
	}
}

func TestAProxysPageIsCutShort(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		w.Write([]byte("<html>" + strings.Repeat("x", 5000)))
	}))
	defer proxy.Close()
	_, err := Register(t.Context(), clientOf(t, proxy.URL), subject, reports(t))
	if err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "502") {
		t.Errorf("got %v", err)
	}
}

func TestACancelledCallSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Register(ctx, clientOf(t, registry(t).URL()), subject, reports(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}

func TestCredentialsReachTheRegistry(t *testing.T) {
	r := registry(t, srfake.WithAuth("Basic dXNlcjpzM2NyZXQ=")) // user:s3cret
	if _, err := Register(t.Context(), clientOf(t, r.URL(), sr.BasicAuth("user", "s3cret")), subject, reports(t)); err != nil {
		t.Error(err)
	}
	_, err := Register(t.Context(), clientOf(t, r.URL(), sr.BasicAuth("user", "wr0ng")), subject, reports(t))
	if err == nil || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v; want an error without the password", err)
	}
}
