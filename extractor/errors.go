package extractor

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// APIError is a refusal by the platform.
type APIError struct {
	Op          Op
	Status      int    // HTTP status; 0 where no answer came and asking again would not help
	Code        string // the platform's word for it, such as "too.many.requests"
	Message     string // the platform's explanation, shortened
	Hint        string // the way out
	Correlation string // what the platform's support asks for

	RetryAfter    time.Duration // how long the platform asks to wait, where HasRetryAfter
	HasRetryAfter bool
}

// Error renders all of it but Op, which the caller knows.
func (e *APIError) Error() string {
	var b strings.Builder
	if e.Status != 0 {
		fmt.Fprintf(&b, "HTTP %d ", e.Status)
	}
	b.WriteString(e.Code)
	text := strings.TrimSpace(b.String())
	for _, part := range []string{e.Message, e.Hint} {
		if part != "" {
			text += ": " + part
		}
	}
	if e.Correlation != "" {
		text += " (correlation id " + e.Correlation + ")"
	}
	return strings.TrimPrefix(text, ": ")
}

// PushedBack says that the platform is busy and wants to be asked later. It never fails a
// window.
func (e *APIError) PushedBack() bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable
}

// Temporary says that the same call may succeed later.
func (e *APIError) Temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return e.Status >= 500
}

// Denied says that credentials or permissions do not suffice.
func (e *APIError) Denied() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Gone says that the platform no longer knows the job. What it answers for a job or a page
// token that has expired, or to the DELETE of a job that has ended, is documented nowhere, so
// any refusal of a job's call that is neither temporary nor one of permissions counts.
func (e *APIError) Gone() bool {
	switch e.Op {
	case OpStatus, OpResults, OpCancel:
		return e.Status >= 400 && e.Status < 500 && !e.Denied() && !e.Temporary()
	}
	return false
}

// PageError says that a results page is broken: it is no JSON, not the JSON that a page
// should be, or was cut off. Nothing of it is lost by asking for it again.
type PageError struct {
	Offset int64 // byte of the page at which it was noticed
	Reason string
	Err    error // why reading failed, nil where the bytes themselves are wrong
}

// Error names the place and the reason.
func (e *PageError) Error() string {
	return fmt.Sprintf("page is broken at byte %d: %s", e.Offset, e.Reason)
}

// Unwrap is the reader's error.
func (e *PageError) Unwrap() error { return e.Err }

// faulty says that the platform answers, and that it cannot do what it was asked for.
func faulty(err error) bool {
	var api *APIError
	return errors.As(err, &api) && api.Status >= 500 && api.Temporary() && !api.PushedBack()
}

func pushedBack(err error) bool {
	var api *APIError
	return errors.As(err, &api) && api.PushedBack()
}

func gone(err error) bool {
	var api *APIError
	return errors.As(err, &api) && api.Gone()
}
