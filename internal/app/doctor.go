package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
	"convstream/internal/app/config"
)

func newDoctor(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "doctor -c FILE",
		Short: "Try connections, permissions, topics and schema, and name what is wrong",
		Long: `Try connections, permissions, topics and schema, and name what is wrong.

One line for each check: ok, warning, or failed with the way out. It exits 1 if one has failed.
It claims nothing and writes nothing. At the platform it submits one job, of a second long past,
and aborts it.`,
		Args: cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, p.environ, nil)
			if err != nil {
				return usageError(err)
			}
			return runDoctor(cmd.Context(), p, cfg)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

// doctorPatience bounds one check.
const doctorPatience = 15 * time.Second

func runDoctor(ctx context.Context, p *process, cfg config.Config) error {
	d := &doctor{out: p.stdout, cfg: cfg}
	d.configuration()
	for _, check := range []func(context.Context){d.platform, d.kafka, d.registry, func(ctx context.Context) { d.pipeline(ctx, p) }} {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if d.failed > 0 {
		return fmt.Errorf("%d of %d checks have failed", d.failed, d.checks)
	}
	return nil
}

// doctor prints what its checks find.
type doctor struct {
	out            io.Writer
	cfg            config.Config
	checks, failed int
	begun          bool // the ledger's topic is there
}

func (d *doctor) say(status, check, format string, args ...any) {
	d.checks++
	fmt.Fprintf(d.out, "%-7s  %-16s  %s\n", status, check, oneLine(fmt.Errorf(format, args...)))
}

func (d *doctor) ok(check, format string, args ...any)   { d.say("ok", check, format, args...) }
func (d *doctor) warn(check, format string, args ...any) { d.say("warning", check, format, args...) }
func (d *doctor) fail(check, format string, args ...any) {
	d.failed++
	d.say("failed", check, format, args...)
}

// configuration tells of values that are allowed and probably not meant.
func (d *doctor) configuration() {
	for _, w := range d.cfg.Warnings {
		d.warn("configuration", "%s", w)
	}
	if len(d.cfg.Warnings) == 0 {
		d.ok("configuration", "pipeline %s of organisation %s, dialect %s", d.cfg.Pipeline, d.cfg.Source.Org, d.cfg.Source.Dialect)
	}
}

// registry looks whether the contract is registered or may be.
func (d *doctor) registry(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	const check = "registry"
	contract, err := avro.Default(d.cfg.Source.Dialect)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	registry, err := registryClient(d.cfg.Registry)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	subject := avro.Subject(d.cfg.Kafka.Topics.Conversations)
	schema := sr.Schema{Schema: contract.Schema(), Type: sr.TypeAvro}
	known, err := registry.LookupSchema(ctx, subject, schema)
	switch {
	case err == nil:
		d.ok(check, "subject %s has the contract as version %d, schema id %d", subject, known.Version, known.ID)
	case notFound(err):
		d.compatibility(ctx, registry, subject, schema)
	default:
		d.fail(check, "%w", &avro.RegistryError{Op: "look up schema of subject " + subject, Err: err,
			Advice: "check registry.url, registry.username and registry.password, and that the registry is up"})
	}
}

// compatibility looks whether a schema that the subject does not have may be registered.
func (d *doctor) compatibility(ctx context.Context, registry *sr.Client, subject string, schema sr.Schema) {
	const check = "registry"
	verdict, err := registry.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, schema)
	switch {
	case notFound(err):
		d.ok(check, "subject %s is new; the first run registers the contract", subject)
	case err != nil:
		d.warn(check, "%w", &avro.RegistryError{Op: "compare the contract with subject " + subject, Err: err,
			Advice: "the first run will tell whether the registry takes it"})
	case !verdict.Is:
		d.fail(check, "the contract is incompatible with the newest version of subject %s %v: name another topic in kafka.topics.conversations, "+
			"or change the subject's compatibility level", subject, verdict.Messages)
	default:
		d.ok(check, "the contract is compatible with the newest version of subject %s; the first run registers it", subject)
	}
}

// notFound says that the registry knows no such subject or schema.
func notFound(err error) bool {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	return ok && answer.StatusCode == http.StatusNotFound
}
