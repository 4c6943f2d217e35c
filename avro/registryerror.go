package avro

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"
)

// RegistryError says what the schema registry refused, and the way out. It wraps the
// client's error: a *sr.ResponseError where the registry answered.
type RegistryError struct {
	Op     string // what was asked for, with the subject or the schema id
	Advice string
	Err    error
}

// Error leaves out the URL of the request, which may hold a password.
func (e *RegistryError) Error() string {
	return fmt.Sprintf("%s: %s; %s", e.Op, e.cause(), e.Advice)
}

// Unwrap returns the client's error.
func (e *RegistryError) Unwrap() error { return e.Err }

func (e *RegistryError) cause() string {
	var answer *sr.ResponseError
	if errors.As(e.Err, &answer) {
		const longest = 300 // a proxy may answer with a page of HTML
		return fmt.Sprintf("the registry answered %d: %.*s", answer.StatusCode, longest, answer)
	}
	var failed *url.Error
	if errors.As(e.Err, &failed) {
		return "no registry answers: " + failed.Err.Error()
	}
	if broken, ok := errors.AsType[*net.OpError](e.Err); ok {
		return "the registry's answer breaks off: " + broken.Error()
	}
	if unreadable(e.Err) {
		return errNoRegistry.Error()
	}
	return cmp.Or(errors.Unwrap(e.Err), e.Err).Error()
}

func registryError(op string, err error) error {
	return &RegistryError{Op: op, Advice: advice(err), Err: err}
}

// errNoRegistry says that the answer is of something else than a schema registry.
var errNoRegistry = errors.New("the answer is none of a schema registry")

func advice(err error) string {
	const elsewhere = "what answers there is no schema registry: check registry.url, and the path in it, " +
		"which some registries need, such as /apis/ccompat/v7"
	switch {
	case unreadable(err):
		return elsewhere
	case untrusted(err):
		return "check the host in registry.url, and that registry.tls.ca holds the CA of the registry's certificate"
	case refusedTLS(err):
		return "check registry.tls.cert and registry.tls.key, by which the registry knows its clients"
	case speaksNoTLS(err):
		return "what answers there speaks no TLS: check the port in registry.url, and whether it is https or http"
	}
	switch statusOf(err) {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return "what answers there sends to another address, or to a page to log in, and is not followed: " +
			"check registry.url, registry.username and registry.password"
	case http.StatusUnauthorized:
		return "check registry.username and registry.password"
	case http.StatusForbidden:
		return "grant the registry's user read and write on the subject"
	case http.StatusNotFound:
		if notRegistered(err) {
			return "check that registry.url is the registry that the topic was written with"
		}
		return elsewhere
	case http.StatusConflict:
		return "the contract is incompatible with a version already registered: mend the contract, " +
			"or change the subject's compatibility level"
	case http.StatusUnprocessableEntity:
		return "mend the contract's schema"
	}
	return "check registry.url, and that the registry is up"
}

// notRegistered says that a registry knows no such subject, version or schema. A 404 alone
// does not say so: any web server answers with it.
func notRegistered(err error) bool {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound {
		return false
	}
	switch answer.SchemaError() {
	case sr.ErrSubjectNotFound, sr.ErrVersionNotFound, sr.ErrSchemaNotFound:
		return true
	}
	return false
}

// unknownPath says that the registry does not know what was asked of it.
func unknownPath(err error) bool {
	status := statusOf(err)
	return status == http.StatusMethodNotAllowed || status == http.StatusNotFound && !notRegistered(err)
}

// unreadable says that what was answered is not what a registry answers.
func unreadable(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || shape || errors.Is(err, errNoRegistry)
}

// passing says that the same question may get another answer soon.
func passing(err error) bool {
	var refused *RegistryError
	if !errors.As(err, &refused) {
		return false
	}
	status := statusOf(err)
	lastWord := untrusted(err) || refusedTLS(err) || speaksNoTLS(err) || unreadable(err)
	return status == 0 && !lastWord || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// untrusted says that the registry's certificate is not one for its host from a known CA.
func untrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// refusedTLS says that the registry broke off the handshake. Mostly it wants a certificate that
// it knows. A server that has none of its own yet tells of an internal error, which passes.
func refusedTLS(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "remote error" && failed.Err.Error() != internalAlert
}

// internalAlert is the text of that alert, the type of which crypto/tls does not export.
const internalAlert = "tls: internal error"

// speaksNoTLS says that what answers took the handshake for something else.
func speaksNoTLS(err error) bool {
	_, other := errors.AsType[tls.RecordHeaderError](err)
	return other || errors.Is(err, http.ErrSchemeMismatch)
}

// statusOf is the HTTP status of the registry's answer, 0 where there was none.
func statusOf(err error) int {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
