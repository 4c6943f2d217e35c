package simulator

import (
	"fmt"
	"net/http"
	"strconv"
)

// apiError is the platform's error body with its status.
type apiError struct {
	Message           string            `json:"message"`
	Code              string            `json:"code"`
	Status            int               `json:"status"`
	MessageWithParams string            `json:"messageWithParams,omitempty"`
	MessageParams     map[string]string `json:"messageParams,omitempty"`
	ContextID         string            `json:"contextId"`
	Details           []errorDetail     `json:"details"`
	Errors            []apiError        `json:"errors"`
	Limit             *limit            `json:"limit,omitempty"`

	headers map[string]string // beside those of every answer
}

// errorDetail names the field of the request that an error is about.
type errorDetail struct {
	ErrorCode string `json:"errorCode"`
	FieldName string `json:"fieldName"`
}

// limit names a limit that a request ran into.
type limit struct {
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	Value     int    `json:"value"`
}

var (
	unauthorised = apiError{Status: http.StatusUnauthorized, Code: "bad.credentials", Message: "Invalid login credentials."}
	unavailable  = apiError{Status: http.StatusServiceUnavailable, Code: "service.unavailable", Message: "Service Unavailable - Server is temporarily unavailable."}
	notFound     = apiError{Status: http.StatusNotFound, Code: "not.found", Message: "The requested resource was not found."}
	notReady     = apiError{Status: http.StatusConflict, Code: "conflict", Message: "The query has no results to page."}
	goneByNow    = apiError{Status: http.StatusGone, Code: "gone", Message: "The results of the query have expired."}
	badToken     = invalid("pageToken", "is no page token of this query")
)

// invalid is the refusal of a request for one of its members or parameters.
func invalid(name, format string, args ...any) apiError {
	return apiError{
		Status:  http.StatusBadRequest,
		Code:    "invalid.value",
		Message: name + ": " + fmt.Sprintf(format, args...),
		Details: []errorDetail{{ErrorCode: "invalid.value", FieldName: name}},
	}
}

// tooMany asks the client to wait; below 0 seconds it does not say how long.
func tooMany(seconds int) *apiError {
	e := &apiError{Status: http.StatusTooManyRequests, Code: "too.many.requests", Message: "Rate limit exceeded the maximum."}
	if seconds >= 0 {
		e.Code = "too.many.requests.retry.after"
		e.Message = fmt.Sprintf("Rate limit exceeded the maximum. Retry the request in [%d] seconds", seconds)
		e.headers = map[string]string{"Retry-After": strconv.Itoa(seconds)}
	}
	return e
}

func (e apiError) write(w http.ResponseWriter) {
	e.ContextID = w.Header().Get("ININ-Correlation-Id")
	if e.Details == nil {
		e.Details = []errorDetail{}
	}
	e.Errors = []apiError{}
	for name, value := range e.headers {
		w.Header().Set(name, value)
	}
	writeJSON(w, e.Status, e)
}
