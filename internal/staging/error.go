package staging

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
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

func (b *Bucket) failed(op, key string, err error) error {
	e := &Error{Op: op, Place: b.place, Err: &told{err, b.hidden.out(err)}}
	if key != "" {
		e.Place += "/" + key
	}
	if refused(err) {
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
	return gcerrors.Code(err) == gcerrors.NotFound && !forbidden(err)
}

// refused says that the storage would say the same again.
func refused(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound, gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.Unimplemented:
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
	if token, ok := errors.AsType[*oauth2.RetrieveError](err); ok && token.Response != nil {
		return token.Response.StatusCode < http.StatusInternalServerError // a key that is not known is a bad request
	}
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
