package avro

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/sr"
)

// Subject names the registry's subject for the values of a topic (TopicNameStrategy).
func Subject(topic string) string { return topic + "-value" }

// registryPatience is how long a registry that does not answer, or that answers 5xx, is asked
// again. Whatever is started together with it may be ready sooner.
const registryPatience = 30 * time.Second

// Register returns the id of the contract's schema under the subject. A schema that the
// subject already has is found and not written again, so that reading rights are enough once
// it is there. A new one is compared with the subject's versions before it is written, and one
// that is not the newest with those after it, as a topic that goes back to it changes too: where
// it breaks the level the error is an *IncompatibleError, and nothing is written. The registry
// may be stricter; its refusals are a *RegistryError, as is its silence, which is waited out
// for half a minute.
func Register(ctx context.Context, cl *sr.Client, subject string, c *Contract, level Level) (uint32, error) {
	return patiently(ctx, func() (uint32, error) {
		verdict, err := compareWithRegistry(ctx, cl, subject, c, level)
		switch {
		case err != nil:
			return 0, err
		case len(verdict.Incompatible) > 0:
			return 0, &IncompatibleError{Subject: subject, Level: level, Found: verdict.Incompatible}
		case verdict.Known():
			return uint32(verdict.ID), nil
		}
		id, err := cl.RegisterSchema(ctx, subject, c.registered(), -1, -1)
		if err != nil {
			return 0, registryError("register schema of subject "+subject, err)
		}
		return uint32(id), nil
	})
}

// Verdict is what a registry holds for a contract, and against it.
type Verdict struct {
	ID           int               // of the schema; 0 where the subject does not have it
	Version      int               // of the schema in the subject; 0 where the subject does not have it
	Versions     []int             // that the contract was compared with, oldest first
	Incompatible []Incompatibility // by the rules of [Incompatibilities]
	Refused      []string          // what the registry says against it by its own rules
}

// Known says that the subject has the contract's schema already, as its newest or an older one.
func (v Verdict) Known() bool { return v.Version != 0 }

// Compatible says that the contract may be registered, or is and may be used.
func (v Verdict) Compatible() bool { return len(v.Incompatible)+len(v.Refused) == 0 }

// Check tells what Register would find, and writes nothing. It also asks for the registry's
// own verdict. Errors are those of Register, but never an *IncompatibleError.
func Check(ctx context.Context, cl *sr.Client, subject string, c *Contract, level Level) (Verdict, error) {
	return patiently(ctx, func() (Verdict, error) {
		verdict, err := compareWithRegistry(ctx, cl, subject, c, level)
		if err != nil || verdict.Known() {
			return verdict, err
		}
		verdict.Refused, err = refusals(ctx, cl, subject, c, len(verdict.Incompatible) > 0)
		return verdict, err
	})
}

// The versions that a registry can be told to compare with, as [sr.Client.CheckCompatibility]
// has them.
const (
	newestVersion = -1
	allVersions   = -2
)

// refusals is what the registry would say against the contract if it were registered, by the
// level that the registry has for the subject. Which versions are looked at does not follow from
// the level but from the question: asked for the newest, a registry whose level is transitive
// passes what it refuses to register, and asked for all, Apicurio refuses what it registers where
// the level is not transitive.
// A registry that gives no reasons adds nothing where the contract is broken by our own
// comparison, and one whose level is NONE registers what it calls incompatible.
func refusals(ctx context.Context, cl *sr.Client, subject string, c *Contract, broken bool) ([]string, error) {
	level, err := ownLevel(ctx, cl, subject)
	if err != nil {
		return nil, err
	}
	versions := newestVersion
	if strings.HasSuffix(level, "_TRANSITIVE") {
		versions = allVersions
	}
	own, err := cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, versions, c.registered())
	if versions == allVersions && unknownPath(err) {
		own, err = cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, newestVersion, c.registered())
	}
	switch {
	case notRegistered(err): // the subject is new
		return nil, nil
	case err != nil:
		return nil, registryError("compare schema of subject "+subject, err)
	case own.Is:
		return nil, nil
	case len(own.Messages) > 0:
		return own.Messages, nil
	case broken, level == sr.CompatNone.String():
		return nil, nil
	case level == "":
		return []string{"it calls the contract incompatible"}, nil
	}
	return []string{"it calls the contract incompatible at its own level, which is " + level + " for the subject"}, nil
}

// ownLevel is the level that the registry itself holds a subject to, "" where it does not say:
// a user who may register may not always read it. A failure that passes is an error, as without
// the level the wrong versions would be compared.
func ownLevel(ctx context.Context, cl *sr.Client, subject string) (string, error) {
	own := cl.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	switch err := registryError("read level of subject "+subject, own.Err); {
	case own.Err == nil && own.Level != 0:
		return own.Level.String(), nil
	case own.Err == nil, strings.Contains(own.Err.Error(), "unknown compatibility level"): // for which sr has no type
		return "", nil
	case passing(err):
		return "", err
	}
	return "", nil
}

// registered is the contract as the registry gets it.
func (c *Contract) registered() sr.Schema { return sr.Schema{Schema: c.Schema(), Type: sr.TypeAvro} }

// patiently asks again where the registry has no answer that could be the last word. Where ctx has a
// deadline, what the registry said last is told rather than that the time is over.
func patiently[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	var said error
	steps := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, RandomizationFactor: 0.3, Multiplier: 2, MaxInterval: 5 * time.Second}
	answer, err := backoff.Retry(ctx, func() (T, error) {
		answer, err := ask()
		if ctx.Err() == nil {
			said = err
		}
		if err != nil && !passing(err) {
			err = backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithBackOff(steps), backoff.WithMaxElapsedTime(registryPatience))
	if said != nil && errors.Is(err, context.DeadlineExceeded) {
		err = said
	}
	return answer, err
}

// compareWithRegistry looks the contract up, and compares it with the subject's versions; one
// that the subject has, with those after it.
func compareWithRegistry(ctx context.Context, cl *sr.Client, subject string, c *Contract, level Level) (v Verdict, err error) {
	known, err := cl.LookupSchema(ctx, subject, c.registered())
	if err == nil && known.Version == 0 {
		err = errNoRegistry
	}
	switch {
	case err == nil:
		v.ID, v.Version = known.ID, known.Version
	case !notRegistered(err):
		return v, registryError("look up schema of subject "+subject, err)
	}
	others, err := versionsAfter(ctx, cl, subject, v.Version, level)
	if err != nil {
		return v, err
	}
	for _, o := range others {
		v.Versions = append(v.Versions, o.number)
	}
	if v.Incompatible, err = level.compare(others, c.Schema()); err != nil {
		return v, fmt.Errorf("compare schema of subject %s: %w; name another topic, or set registry.compatibility to NONE", subject, err)
	}
	return v, nil
}

// versionsAfter reads the versions of a subject that the level looks at, of those after the given
// one, oldest first.
func versionsAfter(ctx context.Context, cl *sr.Client, subject string, known int, level Level) (others []version, err error) {
	if level.asksNothing() {
		return nil, nil
	}
	numbers := []int{newestVersion}
	if level.transitive || known > 0 {
		numbers, err = cl.SubjectVersions(ctx, subject)
		if err != nil && !notRegistered(err) {
			return nil, registryError("list versions of subject "+subject, err)
		}
		slices.Sort(numbers)
		numbers = slices.DeleteFunc(numbers, func(n int) bool { return n <= known })
		if !level.transitive && len(numbers) > 0 {
			numbers = numbers[len(numbers)-1:]
		}
	}
	for _, n := range numbers {
		registered, err := cl.SchemaByVersion(ctx, subject, n)
		switch {
		case notRegistered(err): // the subject has none, or this one has just been deleted
			continue
		case err != nil:
			return nil, registryError("read versions of subject "+subject, err)
		case registered.Type != sr.TypeAvro:
			return nil, fmt.Errorf("subject %s: version %d is %s, not AVRO; name another topic", subject, registered.Version, registered.Type)
		case len(registered.References) > 0:
			return nil, fmt.Errorf("subject %s: version %d takes types from other subjects, which convstream does not read; "+
				"name another topic, or set registry.compatibility to NONE", subject, registered.Version)
		}
		others = append(others, version{number: registered.Version, schema: registered.Schema.Schema})
	}
	return others, nil
}

// IncompatibleError says that a contract breaks with the versions of its subject.
type IncompatibleError struct {
	Subject string
	Level   Level
	Found   []Incompatibility
}

// Error has one line for each field that offends.
func (e *IncompatibleError) Error() string {
	var lines []string
	for _, err := range e.Unwrap() {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns an error for each field that offends.
func (e *IncompatibleError) Unwrap() (errs []error) {
	for _, i := range e.Found {
		errs = append(errs, fmt.Errorf("the contract breaks %s of subject %s: %s", e.Level, e.Subject, i))
	}
	return errs
}
