package genesys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"convstream/extractor"
)

const (
	// callTimeout bounds a request whose answer is small, from its turn to the answer's last
	// byte. A results page may take longer.
	callTimeout = 2 * time.Minute

	// maxAnswer bounds what is read of such an answer, in bytes. The answer with a count may
	// hold a conversation, which can be large.
	maxAnswer = 16 << 20
)

// wire makes the dialects' HTTP requests.
type wire struct {
	http        *http.Client
	base        string
	tokens      *tokens
	secrets     []string
	taken       atomic.Uint64           // tokens, by answers of success
	permissions map[extractor.Op]string // what each call asks of the OAuth client's role
}

func newWire(c *Config, permissions map[extractor.Op]string) *wire {
	client := newHTTPClient(c.HTTP)
	return &wire{
		http:        client,
		base:        strings.TrimRight(c.BaseURL, "/"),
		tokens:      newTokens(c, client),
		secrets:     secretsOf(c),
		permissions: permissions,
	}
}

// newHTTPClient is given, or one of our own, that follows no redirect: what answers with
// one is not the API, and must not be handed rows or tokens.
func newHTTPClient(given *http.Client) *http.Client {
	var client http.Client
	if given != nil {
		client = *given
	} else {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 16
		transport.ResponseHeaderTimeout = 2 * time.Minute
		// A connection that was cut silently would be used for every repetition.
		transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// request is one call of the API.
type request struct {
	op      extractor.Op
	method  string
	path    string
	body    []byte
	timeout time.Duration // of each attempt; 0 is none
}

// Scopes lists the scopes that the access token was issued with: none where the platform
// does not tell. It fetches a token if there is none.
func (c *wire) Scopes(ctx context.Context) ([]string, error) { return c.tokens.scopes(ctx) }

// tokenTries is how many tokens a call may have refused while the API takes no token at all. One
// refusal is a token that ended; a second can be one that ended for all while another goroutine's
// call was the first to hear of it; three in a row are the client's own fault. Where other calls
// get through meanwhile, tokens are good and end too soon, and the call is given more of them.
const (
	tokenTries = 3
	tokensMost = 12
)

// do makes one call and returns an answer of success, whose body the caller closes. A token
// that the API refuses is replaced, and the call repeated.
func (c *wire) do(ctx context.Context, r request) (*http.Response, error) {
	refused, inARow, taken := "", 0, c.taken.Load()
	for try := 1; ; try++ {
		token, err := c.tokens.get(ctx, refused)
		if err != nil {
			return nil, err
		}
		resp, err := c.pass(ctx, r, token)
		if err == nil {
			c.taken.Add(1)
		}
		if now := c.taken.Load(); now != taken {
			inARow, taken = 0, now
		}
		inARow++
		var api *extractor.APIError
		if !errors.As(err, &api) || api.Status != http.StatusUnauthorized || inARow == tokenTries || try == tokensMost {
			return resp, err
		}
		refused = token
	}
}

// pass makes one request when it has its turn.
func (c *wire) pass(ctx context.Context, r request, token string) (*http.Response, error) {
	report, err := extractor.Pass(ctx, r.op)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, r, token)
	if err == nil && resp.StatusCode/100 != 2 {
		err = c.refusal(r.op, resp, token)
	}
	report(err)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (c *wire) send(ctx context.Context, r request, token string) (*http.Response, error) {
	cancel := context.CancelFunc(func() {})
	if r.timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, r.timeout, errNoAnswer)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		cancel()
		return nil, onTheWay("source.base_url", c.base, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "convstream")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, onTheWay("source.base_url", c.base, err)
	}
	resp.Body = &ending{resp.Body, cancel}
	return resp, nil
}

// errNoAnswer is that of a request that took too long.
var errNoAnswer = fmt.Errorf("no whole answer came within %s", callTimeout)

// ending is a body that frees its request's context with its end.
type ending struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *ending) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// ask makes a call and decodes its small answer into out. The header belongs to the answer.
func (c *wire) ask(ctx context.Context, r request, out any) (http.Header, error) {
	r.timeout = callTimeout
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, malformed(r.op, resp.Header, "the answer is not the JSON it should be")
	}
	return resp.Header, nil
}

// open makes a call and returns the answer's body.
func (c *wire) open(ctx context.Context, r request) (io.ReadCloser, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// onTheWay says what went wrong on the way to an address, by the key that it is configured
// with. The rest of the URL may hold a page token and is left out.
func onTheWay(key, address string, err error) error {
	var located *url.Error
	if errors.As(err, &located) {
		err = located.Err
	}
	host := address
	if u, parsed := url.Parse(address); parsed == nil {
		host = u.Scheme + "://" + u.Host
	}
	return fmt.Errorf("%s (%s): %w", key, host, err)
}
