package avro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"
)

// Subject names the registry's subject for the values of a topic (TopicNameStrategy).
func Subject(topic string) string { return topic + "-value" }

// Register returns the id of the contract's schema under the subject. A schema that the
// subject already has is found and not written again, so that reading rights are enough once
// it is there. Errors are a *RegistryError.
func Register(ctx context.Context, cl *sr.Client, subject string, c *Contract) (uint32, error) {
	schema := sr.Schema{Schema: c.Schema(), Type: sr.TypeAvro}
	known, err := cl.LookupSchema(ctx, subject, schema)
	if err == nil {
		return uint32(known.ID), nil
	}
	if statusOf(err) != http.StatusNotFound {
		return 0, registryError("look up schema of subject "+subject, err)
	}
	id, err := cl.RegisterSchema(ctx, subject, schema, -1, -1)
	if err != nil {
		return 0, registryError("register schema of subject "+subject, err)
	}
	return uint32(id), nil
}

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
	return cmp.Or(errors.Unwrap(e.Err), e.Err).Error()
}

func registryError(op string, err error) error {
	return &RegistryError{Op: op, Advice: advice(statusOf(err)), Err: err}
}

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "check registry.username and registry.password"
	case http.StatusForbidden:
		return "grant the registry's user read and write on the subject"
	case http.StatusNotFound:
		return "check that registry.url is the registry that the topic was written with"
	case http.StatusConflict:
		return "the contract is incompatible with a version already registered: mend the contract, " +
			"or change the subject's compatibility level"
	case http.StatusUnprocessableEntity:
		return "mend the contract's schema"
	}
	return "check registry.url, and that the registry is up"
}

// statusOf is the HTTP status of the registry's answer, 0 where there was none.
func statusOf(err error) int {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
