package genesys

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"convstream/extractor"
	"convstream/internal/conv"
)

const (
	// callTimeout bounds a call whose answer is small. A results page may take longer.
	callTimeout = 2 * time.Minute

	// maxAnswer bounds what is read of such an answer, in bytes.
	maxAnswer = 1 << 20
)

// Client asks one organisation's API. It may be used by several goroutines.
type Client struct {
	http    *http.Client
	base    string
	tokens  *tokens
	secrets []string
	query   query
}

var _ extractor.Source = (*Client)(nil)

// New returns a Client. It asks nothing yet.
func New(c Config) (*Client, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Overlap == 0 {
		c.Overlap = defaultOverlap
	}
	client := newHTTPClient(c.HTTP)
	return &Client{
		http:    client,
		base:    strings.TrimRight(c.BaseURL, "/"),
		tokens:  newTokens(&c, client),
		secrets: secretsOf(&c),
		query:   newQuery(&c),
	}, nil
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
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// tokenTries is how many tokens a call may have refused. One refusal is a token that ended; a
// second can be one that ended for all while another goroutine's call was the first to hear of
// it; three tokens refused in a row are the client's own fault.
const tokenTries = 3

// do makes one call and returns an answer of success, whose body the caller closes. A token
// that the API refuses is replaced, and the call repeated.
func (c *Client) do(ctx context.Context, op extractor.Op, method, path string, body []byte) (*http.Response, error) {
	refused := ""
	for try := 1; ; try++ {
		token, err := c.tokens.get(ctx, refused)
		if err != nil {
			return nil, err
		}
		resp, err := c.send(ctx, op, method, path, body, token)
		if err != nil || resp.StatusCode/100 == 2 {
			return resp, err
		}
		err = c.refusal(op, resp, token)
		if resp.StatusCode != http.StatusUnauthorized || try == tokenTries {
			return nil, err
		}
		refused = token
	}
}

func (c *Client) send(ctx context.Context, op extractor.Op, method, path string, body []byte, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(op, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "convstream")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(op, err)
	}
	return resp, nil
}

// ask makes a call and decodes its small answer into out. The header belongs to the answer.
func (c *Client) ask(ctx context.Context, op extractor.Op, method, path string, body []byte, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.do(ctx, op, method, path, body)
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
		return nil, malformed(op, resp, "the answer is not the JSON it should be")
	}
	return resp.Header, nil
}

// Cancel deletes the job.
func (c *Client) Cancel(ctx context.Context, job conv.Job) error {
	_, err := c.ask(ctx, extractor.OpCancel, http.MethodDelete, jobPath(job), nil, nil)
	return err
}

// Page opens a results page.
func (c *Client) Page(ctx context.Context, job conv.Job, token string) (io.ReadCloser, error) {
	path := resultsPath(job)
	if token != "" {
		path += "?pageToken=" + url.QueryEscape(token)
	}
	resp, err := c.do(ctx, extractor.OpResults, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// withoutURL says what went wrong on the way, without the URL, which may hold a page token.
// What will not pass by waiting becomes an APIError.
func withoutURL(op extractor.Op, err error) error {
	var located *url.Error
	if errors.As(err, &located) {
		err = located.Err
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return &extractor.APIError{Op: op, Message: certificate.Error(), Hint: "check source.base_url, source.token_url and the proxy's certificate"}
	}
	return err
}
