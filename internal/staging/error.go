package staging

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"gocloud.dev/gcerrors"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
)

const checkAccess = "check staging.url, and the credentials and permissions of the storage"

// Error is a failure of the storage.
type Error struct {
	Op        string
	Place     string // bucket and key
	Err       error
	Hint      string // the way out, where asking again is none
	permanent bool
}

// Error names what was tried where, and the way out.
func (e *Error) Error() string {
	text := fmt.Sprintf("staging: %s %s: %s", e.Op, e.Place, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap is what the storage said.
func (e *Error) Unwrap() error { return e.Err }

// Permanent says that asking again does not help.
func (e *Error) Permanent() bool { return e.permanent }

func (b *Bucket) failed(op, key string, err error) *Error {
	e := &Error{Op: op, Place: b.place, Err: &told{err, b.hidden.out(err)}}
	if key != "" {
		e.Place += "/" + key
	}
	if refused(err) || b.root != "" && unwritable(err) {
		e.permanent, e.Hint = true, checkAccess
	}
	return e
}

// damaged says that an object is not what was written.
func (b *Bucket) damaged(key string, err error) error {
	return &Error{"read", b.place + "/" + key, fmt.Errorf("it is not what was written: %w", err),
		"delete its folder to have an older job of the window read, or backfill without --from-staging", true}
}

// absent says that an object, or the bucket, is not there. What Google does not permit counts as
// not found for gocloud.dev.
func absent(err error) bool {
	return gcerrors.Code(err) == gcerrors.NotFound && !forbidden(err) && !unresolved(err)
}

// unresolved says that the storage's host was not found, which may pass. By the same words
// gocloud.dev takes it, on Azure, for an object that is not there.
func unresolved(err error) bool { return strings.Contains(err.Error(), "no such host") }

// refused says that the storage would say the same again.
func refused(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return !unresolved(err)
	case gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.Unimplemented:
		return true
	}
	return forbidden(err)
}

// forbidden says that credentials are wrong, or lack a permission: gocloud.dev knows only some of
// the names that the storages have for that.
func forbidden(err error) bool {
	status := 0
	if azure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		status = azure.StatusCode
	} else if google, ok := errors.AsType[*googleapi.Error](err); ok {
		status = google.Code
	} else if amazon, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		status = amazon.HTTPStatusCode()
	}
	return status == http.StatusUnauthorized || status == http.StatusForbidden || noToken(err)
}

// noToken says that a token service refused the credentials. A key that it does not know is a bad
// request for it.
func noToken(err error) bool {
	var answer *http.Response
	if google, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		answer = google.Response
	} else if azure, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		answer = azure.RawResponse
	}
	if answer == nil {
		return false
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return answer.StatusCode < http.StatusInternalServerError
}
