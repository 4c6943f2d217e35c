package genesys

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"convstream/extractor"
)

const (
	maxErrorBody = 8 << 10 // bytes read of a refusal
	maxMessage   = 500     // bytes kept of its text, and as many of its particulars

	refusalTimeout = 10 * time.Second
)

// refusal turns an answer that is no success into an APIError, and closes it. A body that
// does not come is not waited for: the status says enough.
func (c *wire) refusal(op extractor.Op, resp *http.Response, token string) *extractor.APIError {
	late := time.AfterFunc(refusalTimeout, func() { _ = resp.Body.Close() })
	defer late.Stop()
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is better than nothing
	e := newAPIError(op, resp, body, append([]string{token}, c.secrets...))
	e.Hint = hint(resp.StatusCode, c.permissions[op])
	return e
}

// errorBody is what the platform says of a refusal. Gateways answer in other forms, and the
// platform leaves members out, so nothing of it is taken for granted.
type errorBody struct {
	Message       string
	Code          string
	ContextID     string
	MessageParams map[string]json.RawMessage
	Details       []struct{ ErrorCode, FieldName, EntityName string }
	Errors        []struct{ Message string }
	Limit         struct {
		Key, Namespace string
		Value          json.RawMessage
	}
}

// newAPIError reads what the platform says of a refusal.
func newAPIError(op extractor.Op, resp *http.Response, body []byte, secrets []string) *extractor.APIError {
	var said errorBody
	if json.Unmarshal(body, &said) != nil && said.Message == "" {
		// JSON that was cut off may spell the slashes of a secret so that nobody would find it.
		plain := strings.ReplaceAll(string(body), `\/`, "/")
		said.Message = strings.Join(strings.Fields(strings.ToValidUTF8(plain, "?")), " ")
	}
	limits := limitsOf(resp)
	message, particulars := quote(said.Message, secrets), said.particulars()
	if limits.known() {
		particulars = append(particulars, fmt.Sprintf("%d of %d requests used", limits.count, limits.allowed))
	}
	if len(particulars) > 0 {
		message = strings.TrimSpace(message + " " + quote("["+strings.Join(particulars, "; ")+"]", secrets))
	}
	e := &extractor.APIError{
		Op:          op,
		Status:      resp.StatusCode,
		Code:        cmp.Or(quote(said.Code, secrets), http.StatusText(resp.StatusCode)),
		Message:     message,
		Correlation: quote(cmp.Or(said.ContextID, resp.Header.Get("ININ-Correlation-Id")), secrets),
	}
	e.RetryAfter, e.HasRetryAfter = retryAfter(resp.Header, said.Message, limits)
	return e
}

// particulars are what the platform says beside its message: which permission or division is
// missing, which field is wrong, which limit was hit. What the message has already is left out.
func (b *errorBody) particulars() (list []string) {
	add := func(name, value string) {
		if value = strings.TrimSpace(value); value != "" && !strings.Contains(b.Message, value) {
			list = append(list, strings.TrimSpace(name+" "+value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.MessageParams)) {
		add(name, said(b.MessageParams[name]))
	}
	for _, d := range b.Details {
		add(strings.TrimSpace(d.FieldName+" "+d.EntityName), d.ErrorCode)
	}
	for _, e := range b.Errors {
		add("", e.Message)
	}
	if b.Limit.Key != "" {
		list = append(list, strings.TrimSpace("limit "+b.Limit.Namespace+"/"+b.Limit.Key+" "+said(b.Limit.Value)))
	}
	return list
}

// quote is what is kept of a text of the platform that may hold secrets. They go before it is
// cut, lest a part of one stay.
func quote(text string, secrets []string) string { return cut(blot(text, secrets)) }

// cut bounds what is kept of a text of the platform.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "")
}

// hint is the way out of a refusal.
func hint(status int, permission string) string {
	switch {
	case status == http.StatusUnauthorized:
		return "a fresh token was refused too: check that source.base_url or source.region is that of the OAuth client's organisation, and that the client is not disabled"
	case status == http.StatusForbidden:
		return "the OAuth client's role needs " + permission
	case status >= 300 && status < 400:
		return "the API does not redirect: check source.base_url"
	}
	return ""
}

// licence is what else a refused permission can come from.
const licence = "; other causes: no licence with Analytics (CX 1, CX 2, CX 3 or Analytics), or Analytics switched off for the organisation"

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
