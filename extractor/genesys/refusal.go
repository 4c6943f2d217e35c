package genesys

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"convstream/extractor"
)

const (
	maxErrorBody = 4 << 10 // bytes read of a refusal
	maxMessage   = 500     // bytes kept of its text

	refusalTimeout = 10 * time.Second
)

// refusal turns an answer that is no success into an APIError, and closes it. A body that
// does not come is not waited for: the status says enough.
func (c *Client) refusal(op extractor.Op, resp *http.Response, token string) *extractor.APIError {
	late := time.AfterFunc(refusalTimeout, func() { _ = resp.Body.Close() })
	defer late.Stop()
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is better than nothing
	e := newAPIError(op, resp, body, append([]string{token}, c.secrets...))
	e.Hint = hint(op, resp.StatusCode)
	return e
}

// newAPIError reads what the platform says of a refusal. Gateways answer in other forms than
// the platform, so nothing of it is taken for granted.
func newAPIError(op extractor.Op, resp *http.Response, body []byte, secrets []string) *extractor.APIError {
	var said struct {
		Message   string `json:"message"`
		Code      string `json:"code"`
		ContextID string `json:"contextId"`
		Limit     struct {
			Key       string `json:"key"`
			Namespace string `json:"namespace"`
		} `json:"limit"`
	}
	if json.Unmarshal(body, &said) != nil && said.Message == "" {
		// JSON that was cut off may spell the slashes of a secret so that nobody would find it.
		plain := strings.ReplaceAll(string(body), `\/`, "/")
		said.Message = strings.Join(strings.Fields(strings.ToValidUTF8(plain, "?")), " ")
	}
	if said.Limit.Key != "" {
		said.Message += " [limit " + said.Limit.Namespace + "/" + said.Limit.Key + "]"
	}
	e := &extractor.APIError{
		Op:          op,
		Status:      resp.StatusCode,
		Code:        cmp.Or(quote(said.Code, secrets), http.StatusText(resp.StatusCode)),
		Message:     quote(said.Message, secrets),
		Correlation: quote(cmp.Or(said.ContextID, resp.Header.Get("ININ-Correlation-Id")), secrets),
	}
	e.RetryAfter, e.HasRetryAfter = retryAfter(resp.Header, said.Message)
	return e
}

// quote is what is kept of a text of the platform that may hold secrets. They go before it is
// cut, lest a part of one stay.
func quote(text string, secrets []string) string { return cut(blot(text, secrets)) }

// cut bounds what is kept of a text of the platform.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "")
}

// hint is the way out of a refusal.
func hint(op extractor.Op, status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "a fresh token was refused too: check that source.base_url or source.region is that of the OAuth client's organisation, and that the client is not disabled"
	case status == http.StatusForbidden:
		return "the OAuth client's role needs " + permission[op] +
			"; other causes: no licence with Analytics (CX 1, CX 2, CX 3 or Analytics), or Analytics switched off for the organisation"
	case status >= 300 && status < 400:
		return "the API does not redirect: check source.base_url"
	}
	return ""
}

// permission is what each call asks of the OAuth client's role.
var permission = map[extractor.Op]string{
	extractor.OpSubmit:   "permission analytics:report:run",
	extractor.OpStatus:   "permission analytics:report:view",
	extractor.OpResults:  "permission analytics:report:view",
	extractor.OpBaseline: "permission analytics:report:view",
	extractor.OpCancel:   "permission analytics:report:delete",
}

// malformed is an answer of success that says nothing usable. Asking again could leave a
// job behind with every submission, so a submission is not repeated.
func malformed(op extractor.Op, resp *http.Response, problem string) error {
	if op == extractor.OpSubmit {
		return &extractor.APIError{
			Op: op, Status: resp.StatusCode, Message: problem,
			Hint:        "check that source.base_url is the platform's API",
			Correlation: resp.Header.Get("ININ-Correlation-Id"),
		}
	}
	return errors.New(problem)
}

// maxRetryAfter bounds what the platform may ask us to wait before it is asked again.
const maxRetryAfter = 15 * time.Minute

// retryMessage is where the platform says how long to wait when the header is missing.
var retryMessage = regexp.MustCompile(`[Rr]etry the request in \[(\d+)\] seconds`)

// retryAfter reads the header, as seconds or as a date, or else the message.
func retryAfter(h http.Header, message string) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(answered(h))), maxRetryAfter), true
	}
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		m := retryMessage.FindStringSubmatch(message)
		if m == nil {
			return 0, false
		}
		if seconds, err = strconv.ParseUint(m[1], 10, 31); err != nil {
			return 0, false
		}
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
}

// answered is when an answer was given by the platform's clock, or by ours if it does not
// say.
func answered(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}

// blot keeps secrets out of a text, should an answer echo them, also one that the end of the
// text cuts off.
func blot(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, "[secret]")
		for n := min(len(secret), len(text)); n >= leastTelling; n-- {
			if strings.HasSuffix(text, secret[:n]) {
				text = text[:len(text)-n] + "[secret]"
				break
			}
		}
	}
	return text
}

// leastTelling is how much of a secret may stand at a text's end, by chance or not.
const leastTelling = 6

// secretsOf are the forms in which an answer could echo the client's secret.
func secretsOf(c *Config) []string {
	basic := url.QueryEscape(c.ClientID) + ":" + url.QueryEscape(c.ClientSecret)
	return []string{base64.StdEncoding.EncodeToString([]byte(basic)), c.ClientSecret}
}
