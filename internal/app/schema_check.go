package app

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
	"convstream/internal/app/config"
)

// schemaCheckOptions are what a check is told beside the configuration.
type schemaCheckOptions struct {
	Contract string // file of a candidate for Route; "": what is configured
	Route    string // "": all; the primary where there is a candidate
	JSON     bool   // print one object
}

func newSchemaCheck(p *process) *cobra.Command {
	var (
		file string
		opts schemaCheckOptions
	)
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Compare contracts with what the registry holds, and write nothing",
		Long: `Compare contracts with what the registry holds, and write nothing.

Each route's contract is compared with the versions of its subject, at the level that
registry.compatibility names; that of speech has to keep every field as well. The registry
is asked for its own verdict too. --contract compares a file that is not configured yet.
Fields that come, go or are read from elsewhere are listed. It exits 1 where a contract is
incompatible, and 2 where a run would not start with it, whatever the registry holds.`,
		Example: "  convstream schema check -c convstream.yaml\n  convstream schema check -c convstream.yaml --contract new.avsc",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runSchemaCheck(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&opts.Contract, "contract", "", "`FILE` of a contract to compare instead of the configured one (of conversations, or --route)")
	routeFlag(cmd, &opts.Route, "")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	return cmd
}

// candidate makes the configuration name a file as the contract of a route.
func candidate(cfg config.Config, route, file string) config.Config {
	if route == primaryRoute {
		cfg.Contract.File = file
		return cfg
	}
	routes := append([]config.Route(nil), cfg.Routes...)
	for i := range routes {
		if routes[i].Name == route {
			routes[i].Contract = file
		}
	}
	cfg.Routes = routes
	return cfg
}

func runSchemaCheck(ctx context.Context, p *process, cfg config.Config, opts schemaCheckOptions) error {
	if opts.Contract != "" {
		if opts.Route == "" {
			opts.Route = primaryRoute
		}
		cfg = candidate(cfg, opts.Route, opts.Contract)
	}
	prepared, err := prepare(cfg)
	if err != nil {
		return err
	}
	routes, err := routesNamed(prepared.routes.contracts, opts.Route)
	if err != nil {
		return err
	}
	registry, err := registryClient(cfg.Registry)
	if err != nil {
		return usageError(err)
	}
	verdicts, err := schemaVerdicts(ctx, registry, routes)
	if err != nil {
		return err
	}
	p.warnOfDoubts(prepared.routes)
	for i := range verdicts {
		verdicts[i].Changes = fieldChanges(ctx, registry, routes[i], verdicts[i])
	}
	broken := incompatibility(verdicts)
	if opts.JSON {
		if err := printJSON(p.stdout, schemaReport{Compatible: broken == nil, Routes: verdicts}); err != nil {
			return err
		}
		return broken
	}
	for _, v := range verdicts {
		v.print(p.stdout)
	}
	return broken
}

// incompatibility is the error of contracts that may not be registered.
func incompatibility(verdicts []schemaVerdict) error {
	var broken []string
	var level, speech, refused bool // which ways out there are
	for _, v := range verdicts {
		if v.Compatible {
			continue
		}
		broken = append(broken, v.Route)
		level = level || v.Route != config.SpeechRoute && len(v.Incompatible) > 0
		speech = speech || v.Route == config.SpeechRoute && len(v.Incompatible) > 0
		refused = refused || len(v.Incompatible) == 0
	}
	if len(broken) == 0 {
		return nil
	}
	out := "mend it as said"
	if level {
		out += ", or set registry.compatibility to a level that allows the change"
	}
	if speech {
		out += "; the contract of speech is held to FULL with every field kept, whatever registry.compatibility is, and only NONE lets it go"
	}
	if refused {
		out += "; what the registry itself refuses goes by the level that it has for the subject, not by registry.compatibility"
	}
	return fmt.Errorf("incompatible: the contract of %s; %s", strings.Join(broken, ", "), out)
}

// schemaReport is what a check prints.
type schemaReport struct {
	Compatible bool            `json:"compatible"` // all routes
	Routes     []schemaVerdict `json:"routes"`
}

// schemaVerdict is what the registry holds for a route's contract, and against it.
type schemaVerdict struct {
	Route        string                 `json:"route"`
	Subject      string                 `json:"subject"`
	Level        string                 `json:"level"`
	Compatible   bool                   `json:"compatible"`
	ID           int                    `json:"id,omitempty"`      // where the subject has the schema
	Version      int                    `json:"version,omitempty"` // where the subject has the schema
	ComparedWith []int                  `json:"compared_with"`     // versions, oldest first
	Incompatible []avro.Incompatibility `json:"incompatible"`
	Refused      []string               `json:"refused"` // what the registry itself has against it
	Changes      []string               `json:"changes"` // of fields, against the newest version; of a compatible contract
}

// schemaVerdicts compares the contracts of routes with the registry.
func schemaVerdicts(ctx context.Context, registry *sr.Client, routes []routeContract) ([]schemaVerdict, error) {
	var verdicts []schemaVerdict
	for _, r := range routes {
		v, err := avro.Check(ctx, registry, r.subject, r.contract, r.level)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, schemaVerdict{
			Route: r.name, Subject: r.subject, Level: r.level.String(), Compatible: v.Compatible(), ID: v.ID, Version: v.Version,
			ComparedWith: append([]int{}, v.Versions...), Incompatible: append([]avro.Incompatibility{}, v.Incompatible...), Refused: append([]string{}, v.Refused...), Changes: []string{},
		})
	}
	return verdicts, nil
}

func (v schemaVerdict) print(w io.Writer) {
	what := fmt.Sprintf("compatible with version %s at level %s", versionList(v.ComparedWith), v.Level)
	switch {
	case !v.Compatible:
		what = fmt.Sprintf("incompatible at level %s", v.Level)
	case v.Version != 0:
		what = fmt.Sprintf("registered as version %d, id %d", v.Version, v.ID)
	case v.Level == "NONE":
		what = "the level is NONE: nothing is compared"
	case len(v.ComparedWith) == 0:
		what = "the subject is new"
	}
	fmt.Fprintf(w, "%-14s  %s: %s\n", v.Route, v.Subject, what)
	for _, i := range v.Incompatible {
		fmt.Fprintf(w, "  %s\n", i)
	}
	for _, c := range v.Changes {
		fmt.Fprintf(w, "  %s\n", c)
	}
	for _, r := range v.Refused {
		fmt.Fprintf(w, "  the registry: %s\n", oneLine(fmt.Errorf("%s", r)))
	}
}

func versionList(versions []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(versions), " ", ", "), "[]")
}
