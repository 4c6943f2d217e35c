package genesys

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"convstream/extractor"
)

// tokens keeps the access token. One goroutine at a time fetches it; the others wait for
// that one, each no longer than its own context lasts.
type tokens struct {
	client  clientcredentials.Config
	http    *http.Client
	secrets []string
	turn    chan struct{} // holds one element while a goroutine has its turn

	token *oauth2.Token // guarded by turn, as is renew
	renew time.Time     // when the token is to be replaced; zero if its life is not known
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
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	due := t.token == nil || !t.renew.IsZero() && !time.Now().Before(t.renew)
	if due || t.token.AccessToken == refused {
		if err := t.fetch(ctx); err != nil {
			return "", err
		}
	}
	return t.token.AccessToken, nil
}

// early is how long before its end a token is replaced: a minute, or a tenth of a life
// shorter than ten.
func early(life time.Duration) time.Duration { return min(time.Minute, life/10) }

func (t *tokens) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	token, err := t.client.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return t.refusal(err)
	}
	t.token, t.renew = token, time.Time{}
	if !token.Expiry.IsZero() {
		t.renew = token.Expiry.Add(-early(time.Until(token.Expiry)))
	}
	return nil
}

// refusal turns the token endpoint's answer into an APIError.
func (t *tokens) refusal(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return withoutURL(extractor.OpToken, err)
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
