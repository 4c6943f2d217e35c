package staging

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// hidden are texts that may not stand in a message, the longest first.
type hidden []string

// short is what no secret is shorter than. Such words stay in messages, as "true" does.
const short = 6

// hiddenIn is what the query of staging.url holds, which may be what opens the storage to
// anybody: all but the names of its parameters, and the values of those that are no secret and
// help to see what is wrong.
func hiddenIn(q url.Values) (h hidden) {
	for key, values := range q {
		for _, v := range values {
			switch {
			case v == "": // what stands alone may be anything
				v = key
			case key == "prefix" || key == "region":
				continue
			}
			if len(v) >= short {
				quoted := strconv.Quote(v)
				h = append(h, v, quoted[1:len(quoted)-1], url.QueryEscape(v))
			}
		}
	}
	slices.SortFunc(h, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(h)
}

// out is what a message may say of an error, in one line. The URL of a request that failed is
// left out, and of an answer of Azure all but its code and reason: it would fill twenty lines.
// The URL of Azure's token service names the tenant, and is left out as well.
func (h hidden) out(err error) string {
	if located, ok := errors.AsType[*url.Error](err); ok {
		err = located.Err
	}
	text := err.Error()
	if azure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		text = ofAzure(azure)
	} else if azure, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		text = ofTokens(azure)
	}
	for _, secret := range h {
		text = strings.ReplaceAll(text, secret, "***")
	}
	words := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.HasPrefix(word, "-----") }) // a ruled line
	return strings.Join(words, " ")
}

// ofAzure is what an answer of Azure says.
func ofAzure(err *azcore.ResponseError) string {
	status := fmt.Sprintf("status %d", err.StatusCode)
	if r := err.RawResponse; r != nil {
		status = r.Status
	}
	if err.ErrorCode == "" { // a proxy has none
		return "the answer is " + status
	}
	return err.ErrorCode + ": " + status
}

// address is a URL in a message.
var address = regexp.MustCompile(`https?://[^\s"]*[^\s".:;,)]`)

// ofTokens is what Azure's token service says against credentials, or why it said nothing.
func ofTokens(err *azidentity.AuthenticationFailedError) string {
	if err.RawResponse == nil {
		return address.ReplaceAllString(err.Error(), "***")
	}
	var answer struct {
		Description string `json:"error_description"`
	}
	body, _ := runtime.Payload(err.RawResponse) // without it the status has to do
	_ = json.Unmarshal(body, &answer)           // a proxy answers otherwise
	text := "Azure's token service answers " + err.RawResponse.Status
	if answer.Description != "" {
		text += ": " + address.ReplaceAllString(answer.Description, "***")
	}
	return text
}

// told is an error with the text that a message may have of it.
type told struct {
	error
	text string
}

func (t *told) Error() string { return t.text }

func (t *told) Unwrap() error { return t.error }
