package genesys

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

// clocked notes when each request went out.
type clocked struct {
	*platform
	mu    sync.Mutex
	start time.Time
	at    []time.Duration
	paths []string
}

func (c *clocked) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.at, c.paths = append(c.at, time.Since(c.start)), append(c.paths, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	return c.platform.RoundTrip(r)
}

// extraction is an Extractor over p that has so many requests a minute.
func extraction(t *testing.T, p *platform, perMinute int) (*extractor.Extractor, *clocked) {
	t.Helper()
	wire := &clocked{platform: p, start: time.Now()}
	config := jobsConfig()
	config.HTTP = &http.Client{Transport: wire}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	c := extractor.Defaults()
	c.RequestsPerMinute = perMinute
	return extractor.New(client, c, extractor.Hooks{}), wire
}

// A submission whose token is refused is four requests: two for tokens, and two of its own.
func TestR45_RequestsForTokensAndRepeatedOnesTakeTurnsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: answers{always(401, `{"code":"bad.credentials"}`), always(202, `{"jobId":"j"}`)}}
		x, wire := extraction(t, p, 1)
		if _, err := x.Submit(t.Context(), day); err != nil {
			t.Fatal(err)
		}
		if len(wire.at) != 4 || p.tokens != 2 {
			t.Fatalf("requests were %v", wire.paths)
		}
		for i := 1; i < len(wire.at); i++ {
			if d := wire.at[i] - wire.at[i-1]; d < time.Minute {
				t.Errorf("request %d came %s behind the one before", i, d)
			}
		}
	})
}

// Windows that start together need one token, and are pushed back together when the token
// endpoint is busy: it is asked once per wait, and for no other reason.
func TestR4_ABusyTokenEndpointIsAskedOncePerWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{
			answer: repeat(6, always(202, `{"jobId":"j"}`)),
			token: func(n int) *http.Response {
				if n <= 3 {
					return reply([]int{429, 503}[n%2], "", "Retry-After: 20")
				}
				return issue(n, 3600)
			},
		}
		x, wire := extraction(t, p, 6000)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := x.Submit(t.Context(), day); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if p.tokens != 4 || len(p.requests) != 6 || x.Pushed() != 3 {
			t.Errorf("%d requests for tokens and %d others, %d pushed back; want 4, 6 and 3", p.tokens, len(p.requests), x.Pushed())
		}
		for i := 1; i < 4; i++ {
			if d := wire.at[i] - wire.at[i-1]; d < 20*time.Second || d > 23*time.Second {
				t.Errorf("token %d was asked for %s behind the one before", i, d)
			}
		}
	})
}

func TestNoTokenIsFetchedBecauseOfPushBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: append(repeat(5, always(429, "", "Retry-After: 10")), always(202, `{"jobId":"j"}`))}
		x, _ := extraction(t, p, 6000)
		if _, err := x.Submit(t.Context(), day); err != nil {
			t.Fatal(err)
		}
		if p.tokens != 1 || x.Pushed() != 5 {
			t.Errorf("%d tokens were fetched, %d requests pushed back", p.tokens, x.Pushed())
		}
	})
}

// Requests in flight are refused their token while the platform pushes back. Whoever fetches
// the next token waits for no one who waits for that token.
func TestTokensAreRenewedWhileThePlatformPushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		for n := range 400 {
			p.answer = append(p.answer, func(r *http.Request) *http.Response {
				switch {
				case n%5 == 1:
					return reply(429, "", "Retry-After: 3")
				case n%3 == 0:
					return reply(401, `{"code":"bad.credentials"}`)
				}
				return reply(202, `{"jobId":"j"}`)
			})
		}
		x, _ := extraction(t, p, 6000)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 5 {
					var api *extractor.APIError
					if _, err := x.Submit(ctx, day); err != nil && !(errors.As(err, &api) && api.Status == 401) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	})
}

// A permission for cleanup that is missing is told of, and costs the window nothing.
func TestR9_ARefusedDELETENamesItsPermission(t *testing.T) {
	p := &platform{answer: answers{always(403, `{"code":"missing.permissions"}`)}}
	var told error
	x := extractor.New(newClient(t, p), extractor.Defaults(), extractor.Hooks{CancelRefused: func(_ conv.Job, err error) { told = err }})
	err := x.Cancel(t.Context(), day, job)
	var api *extractor.APIError
	if err != nil || !errors.As(told, &api) || api.Status != 403 {
		t.Fatalf("%v, told of %v", err, told)
	}
	if want := reportsPermissions[extractor.OpCancel]; api.Hint != "the OAuth client's role needs "+want {
		t.Errorf("hint is %q", api.Hint)
	}
}
