package avro

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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

// direct carries requests to a handler of this process, without a connection, so that waits in
// a bubble take no time.
type direct struct{ http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, req)
	return answer.Result(), nil
}

// directTo is a client of a registry in this process.
func directTo(t testing.TB, r http.RoundTripper) *sr.Client {
	t.Helper()
	return clientOf(t, "http://registry", sr.HTTPClient(&http.Client{Transport: r}))
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
	first, err := Register(t.Context(), cl, subject, c, level(t, "BACKWARD"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Register(t.Context(), cl, subject, c, level(t, "BACKWARD"))
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
		"elsewhere":    {"/" + subject, 302, []string{"302", "another address", "registry.url", "registry.username"}},
		"forbidden":    {"/versions", 403, []string{"403", "grant", "write"}},
		"incompatible": {"/versions", 409, []string{"409", "incompatible", "mend the contract"}},
		"invalid":      {"/versions", 422, []string{"422", "mend the contract's schema"}},
		"broken":       {"/" + subject, 500, []string{"500", "registry.url"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := srfake.NewRegistry()
			refuse(r, test.path, test.status, "the registry's reason")
			var err error
			synctest.Test(t, func(t *testing.T) {
				_, err = Register(t.Context(), directTo(t, direct{r.Handler()}), subject, reports(t), level(t, "BACKWARD"))
			})
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

// roundTrip answers requests by a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestAnUnreachableRegistryIsNamedWithoutItsPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		gone := roundTrip(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, syscall.ECONNREFUSED
		})
		cl := clientOf(t, "http://user:s3cret@registry", sr.HTTPClient(&http.Client{Transport: gone}))
		_, err := Register(t.Context(), cl, subject, reports(t), level(t, "BACKWARD"))
		if waited := time.Since(began); waited < registryPatience/2 || waited > registryPatience || tries < 5 {
			t.Errorf("it was asked %d times in %s", tries, waited)
		}
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
	})
}

func TestARegistryThatIsSlowToStartIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, r := time.Now(), srfake.NewRegistry()
		starting := roundTrip(func(req *http.Request) (*http.Response, error) {
			switch up := time.Since(began); {
			case up < 5*time.Second:
				return nil, syscall.ECONNREFUSED
			case up < 15*time.Second:
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
			}
			return direct{r.Handler()}.RoundTrip(req)
		})
		id, err := Register(t.Context(), directTo(t, starting), subject, reports(t), level(t, "BACKWARD"))
		stored, ok := r.GetSchema(subject, 1)
		if err != nil || !ok || id != uint32(stored.ID) {
			t.Errorf("id %d, %v; the registry holds %+v", id, err, stored)
		}
	})
}

func TestWhatTheRegistrySaidLastIsToldWhenADeadlineEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := Check(ctx, directTo(t, failing), subject, reports(t), level(t, "BACKWARD"))
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "503") {
			t.Errorf("got %v; want what the registry said, which is 503", err)
		}
	})
}

func TestARefusalIsNotTriedAgain(t *testing.T) {
	for _, status := range []int{401, 403, 404, 409, 422} {
		tries := 0
		refusing := roundTrip(func(*http.Request) (*http.Response, error) {
			tries++
			return &http.Response{StatusCode: status, Body: http.NoBody}, nil
		})
		_, err := Register(t.Context(), directTo(t, refusing), subject, reports(t), level(t, "BACKWARD"))
		if err == nil || tries != 1 {
			t.Errorf("status %d: asked %d times, %v", status, tries, err)
		}
	}
}

// None of these is waited for: the next answer would be the same.
func TestATLSThatDoesNotComeAboutNamesTheSettingThatMendsIt(t *testing.T) {
	nobody := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	encrypted, demanding, plain := httptest.NewUnstartedServer(nobody), httptest.NewUnstartedServer(nobody), httptest.NewServer(nobody)
	// TLS 1.3 would tell of it behind the handshake, where the connection may be found broken first; that is tried again.
	demanding.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	for _, s := range []*httptest.Server{encrypted, demanding, plain} {
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		if s != plain {
			s.StartTLS()
		}
		t.Cleanup(s.Close)
	}
	for name, c := range map[string]struct {
		url   string
		trust http.RoundTripper
		want  []string
	}{
		"an unknown CA":           {encrypted.URL, http.DefaultTransport, []string{"x509: ", "registry.tls.ca"}},
		"a certificate is wanted": {demanding.URL, demanding.Client().Transport, []string{"remote error: tls: ", "registry.tls.cert", "registry.tls.key"}},
		"no TLS at all":           {strings.Replace(plain.URL, "http:", "https:", 1), http.DefaultTransport, []string{"HTTP response", "speaks no TLS", "registry.url"}},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			counting := roundTrip(func(req *http.Request) (*http.Response, error) {
				tries++
				return c.trust.RoundTrip(req)
			})
			_, err := Register(t.Context(), clientOf(t, c.url, sr.HTTPClient(&http.Client{Transport: counting})), subject, reports(t), level(t, "BACKWARD"))
			if err == nil || tries != 1 {
				t.Fatalf("asked %d times: %v", tries, err)
			}
			for _, want := range append(c.want, subject) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAServerWhoseCertificateIsNotThereYetIsWaitedFor(t *testing.T) {
	r, handshakes := srfake.NewRegistry(), 0
	s := httptest.NewUnstartedServer(r.Handler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if handshakes++; handshakes < 3 {
			return nil, errors.New("the certificate is being fetched") // the client is told of an internal error
		}
		return nil, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := Register(t.Context(), clientOf(t, s.URL, sr.HTTPClient(s.Client())), subject, reports(t), level(t, "BACKWARD"))
	if err != nil || handshakes < 3 {
		t.Errorf("after %d handshakes: %v", handshakes, err)
	}
}

func TestWhatIsNoRegistryIsTakenForNone(t *testing.T) {
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		})
	}
	for name, elsewhere := range map[string]http.Handler{
		"a web server":            answer(404, "<html>404 page not found"),
		"another API":             answer(404, `{"status":404,"error":"Not Found"}`),
		"a code of its own":       answer(404, `{"error_code":404,"message":"HTTP 404 Not Found"}`),
		"a page for everything":   answer(200, "<html>Welcome"),
		"an API that knows it":    answer(200, `{}`),
		"an API with other types": answer(200, `{"version":"one"}`),
	} {
		t.Run(name, func(t *testing.T) {
			for _, ask := range []func(*sr.Client) error{
				func(cl *sr.Client) error {
					_, err := Register(t.Context(), cl, subject, reports(t), level(t, "BACKWARD"))
					return err
				},
				func(cl *sr.Client) error {
					_, err := Check(t.Context(), cl, subject, reports(t), level(t, "BACKWARD"))
					return err
				},
			} {
				err := ask(directTo(t, direct{elsewhere}))
				if err == nil || !strings.Contains(err.Error(), "no schema registry") || !strings.Contains(err.Error(), "registry.url") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestAProxysPageIsCutShort(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		w.Write([]byte("<html>" + strings.Repeat("x", 5000)))
	})
	_, err := Register(t.Context(), directTo(t, direct{page}), subject, reports(t), level(t, "BACKWARD"))
	if err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "407") {
		t.Errorf("got %v", err)
	}
}

func TestACancelledCallSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Register(ctx, clientOf(t, registry(t).URL()), subject, reports(t), level(t, "BACKWARD")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}

func TestCredentialsReachTheRegistry(t *testing.T) {
	r := registry(t, srfake.WithAuth("Basic dXNlcjpzM2NyZXQ=")) // user:s3cret
	if _, err := Register(t.Context(), clientOf(t, r.URL(), sr.BasicAuth("user", "s3cret")), subject, reports(t), level(t, "BACKWARD")); err != nil {
		t.Error(err)
	}
	_, err := Register(t.Context(), clientOf(t, r.URL(), sr.BasicAuth("user", "wr0ng")), subject, reports(t), level(t, "BACKWARD"))
	if err == nil || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v; want an error without the password", err)
	}
}
