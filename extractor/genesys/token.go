package genesys

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"convstream/extractor"
)

// tokens keeps the access token. One goroutine at a time fetches it; the others wait for
// that one, each no longer than its own context lasts, and share what became of it.
type tokens struct {
	client  clientcredentials.Config
	http    *http.Client
	secrets []string
	fetches atomic.Uint64 // that have ended
	turn    chan struct{} // holds one element while a goroutine has its turn

	// Guarded by turn.
	token  *oauth2.Token
	renew  time.Time // when the token is to be replaced; zero if its life is not known
	failed error     // what the last fetch failed with
}

func newTokens(c *Config, client *http.Client) *tokens {
	return &tokens{
		client: clientcredentials.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret,
			TokenURL:     c.TokenURL,
			AuthStyle:    oauth2.AuthStyleInHeader,
		},
		http:    client,
		secrets: secretsOf(c),
		turn:    make(chan struct{}, 1),
	}
}

// get returns an access token. A token that the API has refused is passed as refused, and
// is replaced unless another goroutine has done so.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	before := t.fetches.Load()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	due := t.token == nil || !t.renew.IsZero() && !time.Now().Before(t.renew)
	if due || t.token.AccessToken == refused {
		if t.failed != nil && t.fetches.Load() != before {
			return "", t.failed // while this goroutine waited
		}
		if err := t.fetch(ctx); err != nil {
			return "", err
		}
	}
	return t.token.AccessToken, nil
}

// scopes are those that the token's answer names.
func (t *tokens) scopes(ctx context.Context) ([]string, error) {
	if _, err := t.get(ctx, ""); err != nil {
		return nil, err
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	scope, _ := t.token.Extra("scope").(string)
	return strings.Fields(scope), nil
}

// early is how long before its end a token is replaced: a minute, or a tenth of a life
// shorter than ten.
func early(life time.Duration) time.Duration { return min(time.Minute, life/10) }

// fetch asks for a token when that request has its turn.
func (t *tokens) fetch(ctx context.Context) error {
	report, err := extractor.Pass(ctx, extractor.OpToken)
	if err != nil {
		return err
	}
	token, err := t.ask(ctx)
	report(err)
	if ctx.Err() == nil { // that one gave up is nothing to others
		t.failed = err
		t.fetches.Add(1)
	}
	if err != nil {
		return err
	}
	t.token, t.renew = token, time.Time{}
	if !token.Expiry.IsZero() {
		t.renew = token.Expiry.Add(-early(time.Until(token.Expiry)))
	}
	return nil
}

func (t *tokens) ask(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errNoAnswer)
	defer cancel()
	token, err := t.client.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return nil, t.refusal(err)
	}
	return token, nil
}

// refusal turns the token endpoint's answer into an APIError.
func (t *tokens) refusal(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return onTheWay("source.token_url", t.client.TokenURL, err)
	}
	e := newAPIError(extractor.OpToken, refused.Response, refused.Body, t.secrets)
	e.Code = cmp.Or(quote(refused.ErrorCode, t.secrets), e.Code)
	e.Message = cmp.Or(quote(refused.ErrorDescription, t.secrets), e.Message)
	if e.Status < 400 {
		e.Status = http.StatusUnauthorized // an error under a status of success
	}
	if e.Status < 500 && !e.Temporary() {
		e.Hint = "the token endpoint refused the client: check source.client_id, source.client_secret and source.region"
	}
	return e
}
