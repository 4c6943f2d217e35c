package genesys

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

type answers = []func(*http.Request) *http.Response

func repeat(n int, f func(*http.Request) *http.Response) (a answers) {
	for range n {
		a = append(a, f)
	}
	return a
}

var running = always(200, `{"status":"running"}`)

func TestR10_TokenIsFetchedOnceForManyCalls(t *testing.T) {
	p := &platform{answer: repeat(20, running)}
	client := newClient(t, p)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := client.Status(context.Background(), job); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p.tokens != 1 {
		t.Errorf("%d tokens were fetched", p.tokens)
	}
}

func TestR11_TokenIsRenewedBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: repeat(3, running), token: func(n int) *http.Response { return issue(n, 300) }}
		client := newClient(t, p)
		for i, want := range []string{"Bearer token-1", "Bearer token-1", "Bearer token-2"} {
			if _, err := client.Status(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			if got := p.requests[i].Header.Get("Authorization"); got != want {
				t.Errorf("call %d: %s, want %s", i, got, want)
			}
			time.Sleep(135 * time.Second) // 0, 135 and 270 s: its last 30 s are not used
		}
	})
}

func TestR11_RefusedTokenIsReplacedAndTheCallRepeated(t *testing.T) {
	p := &platform{answer: answers{always(401, `{"code":"bad.credentials"}`), always(202, `{"queryId":"q"}`)}}
	if _, err := newClient(t, p).Submit(context.Background(), day); err != nil {
		t.Fatal(err)
	}
	if got := p.requests[1].Header.Get("Authorization"); got != "Bearer token-2" || p.tokens != 2 {
		t.Errorf("repeated with %q after %d tokens", got, p.tokens)
	}
	if p.bodies[0] != p.bodies[1] || p.bodies[1] == "" {
		t.Error("the body was not sent again")
	}
}

func TestThirdRefusalOfATokenIsFinal(t *testing.T) {
	p := &platform{answer: repeat(5, always(401, `{"code":"bad.credentials","message":"Invalid login token-3"}`))}
	_, err := newClient(t, p).Status(context.Background(), job)
	var api *extractor.APIError
	if !errors.As(err, &api) || !api.Denied() || api.Temporary() || len(p.requests) != 3 {
		t.Fatalf("%d requests, %v", len(p.requests), err)
	}
	if strings.Contains(err.Error(), "token-3") || !strings.Contains(err.Error(), "source.region") {
		t.Errorf("error is %q", err)
	}
}

// refusedBeside returns a client of which every Status call but that of the job named other is refused so many times,
// while one of other is answered each time: tokens end again and again, and each of them works for somebody.
func refusedBeside(t *testing.T, refusals int) (client *Client, refused *int) {
	t.Helper()
	p, config := &platform{answer: repeat(2*refusals+2, running)}, guideConfig()
	refused = new(int)
	config.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet || strings.HasSuffix(r.URL.Path, "other") || *refused == refusals {
			return p.RoundTrip(r)
		}
		*refused++
		if _, err := client.Status(context.Background(), conv.Job{ID: "other"}); err != nil {
			return nil, err
		}
		return reply(401, `{"code":"bad.credentials"}`), nil
	})}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, refused
}

func TestR11_ACallIsNotGivenUpWhileTokensWorkForOthers(t *testing.T) {
	client, refused := refusedBeside(t, tokensMost-1)
	if _, err := client.Status(context.Background(), job); err != nil || *refused != tokensMost-1 {
		t.Errorf("%d refusals, %v", *refused, err)
	}
}

func TestACallThatNoTokenHelpsIsGivenUp(t *testing.T) {
	client, refused := refusedBeside(t, 3*tokensMost)
	var api *extractor.APIError
	if _, err := client.Status(context.Background(), job); !errors.As(err, &api) || !api.Denied() || *refused != tokensMost {
		t.Errorf("%d refusals, %v; want an end after %d", *refused, err, tokensMost)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestGoroutinesThatWereRefusedTogetherFetchOneToken(t *testing.T) {
	const together = 10
	p := &platform{answer: repeat(2*together, func(r *http.Request) *http.Response {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			return reply(401, "")
		}
		return reply(200, `{"status":"running"}`)
	})}
	var first, all sync.WaitGroup
	first.Add(together)
	config := guideConfig()
	config.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			first.Done()
			first.Wait()
		}
		return p.RoundTrip(r)
	})}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for range together {
		all.Go(func() {
			if _, err := client.Status(context.Background(), job); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if p.tokens != 2 {
		t.Errorf("%d tokens were fetched", p.tokens)
	}
}

func TestWrongCredentialsAreOneClearError(t *testing.T) {
	for _, status := range []int{200, 400, 401} {
		p := &platform{token: func(int) *http.Response {
			return reply(status, `{"error":"invalid_client","error_description":"authentication failed for `+secret+`"}`)
		}}
		_, err := newClient(t, p).Submit(context.Background(), day)
		var api *extractor.APIError
		if !errors.As(err, &api) || api.Op != extractor.OpToken || api.Temporary() || p.tokens != 1 {
			t.Fatalf("%d: %d tokens, %v", status, p.tokens, err)
		}
		for _, want := range []string{"invalid_client", "source.client_id", "source.client_secret"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%d: %q does not say %q", status, err, want)
			}
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%d: %q holds the secret", status, err)
		}
	}
}

// Windows that wait for the same token hear together that there is none.
func TestARefusalOfATokenIsOneForAllWhoWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{token: func(int) *http.Response {
			time.Sleep(time.Second)
			return reply(400, `{"error":"invalid_client"}`)
		}}
		client := newClient(t, p)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				var api *extractor.APIError
				if _, err := client.Status(t.Context(), job); !errors.As(err, &api) || api.Code != "invalid_client" {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if p.tokens != 1 {
			t.Errorf("%d tokens were asked for", p.tokens)
		}
		if _, err := client.Status(t.Context(), job); err == nil || p.tokens != 2 {
			t.Errorf("%v after %d requests: who comes later asks anew", err, p.tokens)
		}
	})
}

func TestThatOneGaveUpOnATokenIsNothingToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: answers{running}}
		config := guideConfig()
		config.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(2 * time.Second):
				return p.RoundTrip(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})}
		client, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var first sync.WaitGroup
		first.Go(func() {
			if _, err := client.Status(ctx, job); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		if _, err := client.Status(t.Context(), job); err != nil {
			t.Error(err)
		}
		first.Wait()
	})
}

func TestBusyTokenEndpointIsPushBack(t *testing.T) {
	p := &platform{token: func(int) *http.Response { return reply(429, "", "Retry-After: 7") }}
	_, err := newClient(t, p).Submit(context.Background(), day)
	var api *extractor.APIError
	if !errors.As(err, &api) || !api.PushedBack() || api.RetryAfter != 7*time.Second {
		t.Error(err)
	}
}

func TestCallerThatGivesUpDoesNotWaitForAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, &platform{})
		client.tokens.turn <- struct{}{} // another goroutine is fetching, for ever
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Status(ctx, job); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
