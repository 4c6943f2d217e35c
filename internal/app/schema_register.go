package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"convstream/avro"
	"convstream/internal/app/config"
)

func newSchemaRegister(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "register -c FILE",
		Short: "Register the contracts, as the next run would",
		Long: `Register the contracts of all routes, as the next run would.

Nothing is written where one of them is incompatible, or where a run would not start. What is registered is found, so that the
command can be repeated. A run that is going on keeps the schema that it was started with.`,
		Example: "  convstream schema register -c convstream.yaml",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runSchemaRegister(cmd.Context(), p, cfg)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

func runSchemaRegister(ctx context.Context, p *process, cfg config.Config) error {
	prepared, err := prepare(cfg)
	if err != nil {
		return err
	}
	registry, err := registryClient(cfg.Registry)
	if err != nil {
		return usageError(err)
	}
	routes := prepared.routes.contracts
	verdicts, err := schemaVerdicts(ctx, registry, routes)
	if err != nil {
		return err
	}
	if err := incompatibility(verdicts); err != nil {
		for _, v := range verdicts {
			v.print(p.stdout)
		}
		return err
	}
	for _, r := range routes {
		if _, err := avro.Register(ctx, registry, r.subject, r.contract, r.level); err != nil {
			return err
		}
		v, err := avro.Check(ctx, registry, r.subject, r.contract, r.level)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "subject %s: id %d, version %d\n", r.subject, v.ID, v.Version)
	}
	return nil
}
