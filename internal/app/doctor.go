package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
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

One line for each check: ok, warning, or failed with the way out. It exits 1 if one has failed,
and 2 if a run would not start with the configuration; then only Kafka and staging are tried.
It claims nothing and writes nothing, but for one object in staging.url that it deletes. At the
platform it submits one job, of a second long past, and aborts it.`,
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
	checks := []func(context.Context){d.platform, d.kafka, d.registry, d.staging, func(ctx context.Context) { d.pipeline(ctx, p) }}
	if d.routes == nil { // it is not known what the others would be asked
		checks = []func(context.Context){d.kafka, d.staging}
	}
	for _, check := range checks {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if d.failed == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d checks have failed", d.failed, d.checks)
	if d.routes == nil {
		return usageError(err)
	}
	return err
}

// doctor prints what its checks find.
type doctor struct {
	out            io.Writer
	cfg            config.Config
	checks, failed int
	begun          bool     // the ledger's topic is there
	routes         *routing // nil where the configuration's contracts, filters, keys or rules are broken
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

// configuration looks whether a run would start with it, and tells of values that are allowed and
// probably not meant.
func (d *doctor) configuration() {
	const check = "configuration"
	prepared, err := prepare(d.cfg)
	doubts := slices.Clone(d.cfg.Warnings)
	if d.routes = prepared.routes; err != nil {
		d.fail(check, "%w", err)
	} else {
		doubts = append(doubts, d.routes.doubts...)
	}
	for _, doubt := range doubts {
		d.warn(check, "%s", doubt)
	}
	if err == nil && len(doubts) == 0 {
		d.ok(check, "pipeline %s of organisation %s, dialect %s", d.cfg.Pipeline, d.cfg.Source.Org, d.cfg.Source.Dialect)
	}
}

// registry looks whether the contract of each route is registered or may be.
func (d *doctor) registry(ctx context.Context) {
	const check = "registry"
	registry, err := registryClient(d.cfg.Registry)
	if err != nil {
		d.fail(check, "%w", err)
		return
	}
	for i, c := range d.routes.contracts {
		if err := d.subject(ctx, registry, c, topicKeys(d.cfg)[i]); err != nil {
			d.fail(check, "%w", err)
			return // it would be the same of the others
		}
	}
}

// registryPatience bounds how long a doctor waits for the registry, which a run waits for longer.
const registryPatience = 5 * time.Second

// subject looks what the registry holds for a contract, and against it. topicKey names the
// contract's topic in the configuration.
func (d *doctor) subject(ctx context.Context, registry *sr.Client, c routeContract, topicKey string) error {
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	const check = "registry"
	verdict, err := avro.Check(ctx, registry, c.subject, c.contract, c.level)
	switch {
	case forbidden(err):
		d.warn(check, "%w; the first run will tell whether the registry takes the contract of route %s", err, c.name)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the registry gives no answer in %s: check registry.url, registry.tls, and that the registry is up", registryPatience)
	case err != nil:
		return err
	case !verdict.Compatible():
		reasons := verdict.Refused
		for _, i := range verdict.Incompatible {
			reasons = append(reasons, i.String())
		}
		d.fail(check, "the contract of route %s is incompatible with subject %s: %s; mend the contract, name another topic in %s, or change registry.compatibility",
			c.name, c.subject, strings.Join(reasons, "; "), topicKey)
	case verdict.Known():
		d.ok(check, "subject %s has the contract as version %d, schema id %d", c.subject, verdict.Version, verdict.ID)
	case len(verdict.Versions) == 0:
		d.ok(check, "subject %s is new; the first run registers the contract", c.subject)
	default:
		d.ok(check, "the contract of route %s is compatible with subject %s; the next run registers it", c.name, c.subject)
	}
	return nil
}

// forbidden says that the registry's user may not ask.
func forbidden(err error) bool {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	return ok && answer.StatusCode == http.StatusForbidden
}
