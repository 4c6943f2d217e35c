package genesys

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/extractor"
	"convstream/internal/conv"
)

// Pages that do not arrive whole, as net/http delivers them: the same token is asked for
// again, and every row comes.
func TestR72R77_APageThatArrivesBrokenIsAskedForAgain(t *testing.T) {
	page := func(token string) []byte {
		first, next := map[string]int{"": 0, "t/1": 500, "t+2": 1000}[token], map[string]string{"": `"t/1"`, "t/1": `"t+2"`, "t+2": "null"}[token]
		var rows []string
		for i := range 500 {
			rows = append(rows, fmt.Sprintf(`{"conversation.id":"c-%d","timestamp":"2024-01-01T08:15:32.100Z"}`, first+i))
		}
		return fmt.Appendf(nil, `{"data":[%s],"nextPageToken":%s}`, strings.Join(rows, ","), next)
	}
	gzipped := func(b []byte) []byte {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(b)
		_ = w.Close()
		return packed.Bytes()
	}
	for name, fault := range map[string]func(http.ResponseWriter, []byte){
		"truncated gzip": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzipped(b)
			_, _ = w.Write(packed[:len(packed)/2])
		},
		"gzip without its checksum": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzipped(b)
			_, _ = w.Write(packed[:len(packed)-8])
		},
		"no gzip": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b)
		},
		"no JSON amid the page": func(w http.ResponseWriter, b []byte) {
			_, _ = w.Write(bytes.Replace(b, []byte(`{"conversation.id":"c-750"`), []byte(`{"conversation.id":<c-750>`), 1))
		},
		"connection cut": func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(b[:len(b)/2])
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			server := newLoopback(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/oauth/token" {
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600}`))
					return
				}
				token := r.URL.Query().Get("pageToken")
				asked = append(asked, token)
				if len(asked) == 2 {
					fault(w, page(token))
					return
				}
				_, _ = w.Write(page(token))
			})
			config := guideConfig()
			config.BaseURL, config.TokenURL = server, server+"/oauth/token"
			client, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			pace := extractor.Defaults()
			pace.Retry.Initial = time.Millisecond
			ids := map[string]bool{}
			err = extractor.New(client, pace, extractor.Hooks{}).Read(t.Context(), day, job, conv.Position{}, func(c conv.Chunk) error {
				for _, r := range c.Rows {
					ids[string(r.ConversationID)] = true
				}
				return nil
			})
			if err != nil || len(ids) != 1500 {
				t.Errorf("%d of 1500 rows, %v", len(ids), err)
			}
			if diff := cmp.Diff([]string{"", "t/1", "t/1", "t+2"}, asked); diff != "" {
				t.Errorf("tokens asked for:\n%s", diff)
			}
		})
	}
}

// What cannot be reached is named by the key that it is configured with.
func TestAnAddressThatCannotBeReachedIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	foreign := httptest.NewUnstartedServer(http.NotFoundHandler())
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshake
	foreign.StartTLS()
	defer foreign.Close()
	tokens := newLoopback(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600}`))
	})
	unknown := &http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
	}}}
	for name, c := range map[string]struct {
		base, token string
		client      *http.Client
		want        []string
	}{
		"token: refused":     {gone, gone + "/oauth/token", nil, []string{"source.token_url (" + gone + ")", "connection refused"}},
		"base: refused":      {gone, tokens, nil, []string{"source.base_url (" + gone + ")", "connection refused"}},
		"token: certificate": {foreign.URL, foreign.URL, nil, []string{"source.token_url (" + foreign.URL + ")", "certificate"}},
		"base: certificate":  {foreign.URL, tokens, nil, []string{"source.base_url (" + foreign.URL + ")", "certificate"}},
		"token: no host":     {"https://api.typo.example", "https://login.typo.example", unknown, []string{"source.token_url (https://login.typo.example)", "no such host"}},
	} {
		config := guideConfig()
		config.BaseURL, config.TokenURL, config.HTTP = c.base, c.token, c.client
		client, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Page(t.Context(), job, "page-token")
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
		if err != nil && (strings.Contains(err.Error(), "page-token") || strings.Contains(err.Error(), "report-queries")) {
			t.Errorf("%s: %v holds the path", name, err)
		}
	}
}

// A call has two minutes from its turn on. The time that it waited before is none that the
// platform took.
func TestR18_ACallsTimeBeginsWithItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		p := &platform{answer: answers{always(429, "", "Retry-After: 600"), always(202, `{"jobId":"j"}`)}}
		config := jobsConfig()
		config.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == jobsPath {
				if at = append(at, time.Now()); len(at) == 2 {
					<-r.Context().Done() // no answer comes
					return nil, context.Cause(r.Context())
				}
			}
			return p.RoundTrip(r)
		})}
		client, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		var causes []error
		hooks := extractor.Hooks{Retrying: func(_ extractor.Op, _ conv.Window, _ time.Duration, err error) { causes = append(causes, err) }}
		got, err := extractor.New(client, extractor.Defaults(), hooks).Submit(t.Context(), day)
		if err != nil || got.ID != "j" || len(at) != 3 || len(causes) != 2 {
			t.Fatalf("%+v, %v, %d requests, retried for %v", got, err, len(at), causes)
		}
		if d := at[1].Sub(at[0]); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("the second request came after %s, want the ten minutes that were asked for", d)
		}
		if d := at[2].Sub(at[1]); d < 2*time.Minute || d > 2*time.Minute+5*time.Second || !strings.Contains(causes[1].Error(), "2m0s") {
			t.Errorf("the request without an answer took %s: %v", d, causes[1])
		}
	})
}

func TestR10_ScopesOfTheTokenAreToldAndNotAskedFor(t *testing.T) {
	for scope, want := range map[string][]string{
		`,"scope":"analytics:report:view analytics:report:run"`: {"analytics:report:view", "analytics:report:run"},
		`,"scope":""`: {}, ``: {}, `,"scope":null`: {}, `,"scope":["a"]`: {},
	} {
		var asked string
		p := &platform{token: func(int) *http.Response {
			return reply(200, `{"access_token":"t","expires_in":300`+scope+`}`)
		}}
		config := guideConfig()
		config.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			asked = string(body)
			return p.RoundTrip(r)
		})}
		client, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := client.Scopes(t.Context()); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: scopes %q, %v", scope, got, err)
			}
		}
		if asked != "grant_type=client_credentials" || p.tokens != 1 {
			t.Errorf("asked %d times for a token with %q", p.tokens, asked)
		}
	}
	p := &platform{token: func(int) *http.Response { return reply(401, `{"error":"invalid_client"}`) }}
	if _, err := newClient(t, p).Scopes(t.Context()); err == nil {
		t.Error("a client without a token has scopes")
	}
}
