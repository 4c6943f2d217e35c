package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
)

func newSchema(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print contracts, compare them with the registry, register them",
	}
	cmd.AddCommand(newSchemaShow(p), newSchemaJSON(p), newSchemaCheck(p), newSchemaRegister(p))
	return cmd
}

// contractFlags choose a contract without a network.
type contractFlags struct {
	file, dialect, route string
}

func (f *contractFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE`, YAML (default convstream's own contracts)")
	cmd.Flags().StringVar(&f.dialect, "dialect", config.DialectReports, "without -c: `DIALECT` whose contract it is, reports or jobs")
	routeFlag(cmd, &f.route, primaryRoute)
}

func routeFlag(cmd *cobra.Command, route *string, preset string) {
	cmd.Flags().StringVar(route, "route", preset, "`NAME` of the route: conversations, speech, or one of routes")
}

// chosen is the contract that the flags name.
func (f *contractFlags) chosen(cmd *cobra.Command, p *process) (routeContract, error) {
	cfg := config.Config{
		Source:   config.Source{Dialect: f.dialect},
		Routes:   []config.Route{{Name: config.SpeechRoute, Contract: config.SpeechRoute}},
		Registry: config.Registry{Compatibility: "NONE"},
	}
	switch f.dialect {
	case config.DialectReports, config.DialectJobs:
	default:
		return routeContract{}, usageError(fmt.Errorf("--dialect: %q is no dialect; use reports or jobs", f.dialect))
	}
	if f.file != "" {
		if cmd.Flags().Changed("dialect") {
			return routeContract{}, usageError(fmt.Errorf("--dialect %s: the dialect stands in the configuration; leave --dialect or -c out", f.dialect))
		}
		var err error
		if cfg, err = p.configure(f.file, nil); err != nil {
			return routeContract{}, err
		}
	}
	routes, err := contractsOf(cfg)
	if err != nil {
		return routeContract{}, usageError(err)
	}
	chosen, err := routesNamed(routes, f.route)
	if err != nil {
		return routeContract{}, err
	}
	return chosen[0], nil
}

// routesNamed picks the route of a name; all where it is "".
func routesNamed(routes []routeContract, name string) ([]routeContract, error) {
	if name == "" {
		return routes, nil
	}
	var names []string
	for i, r := range routes {
		if r.name == name {
			return routes[i : i+1], nil
		}
		names = append(names, r.name)
	}
	return nil, usageError(fmt.Errorf("--route: there is no route %q; use one of %s", name, strings.Join(names, ", ")))
}

func newSchemaShow(p *process) *cobra.Command {
	var flags contractFlags
	cmd := &cobra.Command{
		Use:   "show [-c FILE]",
		Short: "Print the contract in use, as an Avro schema file",
		Long: `Print the contract in use, as an Avro schema file.

It needs neither the registry nor Kafka. What it prints can be edited and named in
contract.file, or as the contract of a route.`,
		Example: "  convstream schema show > conversations.avsc\n  convstream schema show -c convstream.yaml --route speech",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			r, err := flags.chosen(cmd, p)
			if err != nil {
				return err
			}
			return p.printIndented(r.contract.Schema())
		}),
	}
	flags.add(cmd)
	return cmd
}

func newSchemaJSON(p *process) *cobra.Command {
	var flags contractFlags
	cmd := &cobra.Command{
		Use:   "jsonschema [-c FILE]",
		Short: "Print the JSON Schema that the contract holds rows to",
		Long: `Print the JSON Schema, of draft 2020-12, that the contract holds rows to.

A row that it accepts is published, and one that it refuses is a dead letter. What
contract.json_schema asks of rows comes on top.`,
		Example: "  convstream schema jsonschema -c convstream.yaml",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			r, err := flags.chosen(cmd, p)
			if err != nil {
				return err
			}
			schema, err := r.contract.JSONSchema()
			if err != nil {
				return err
			}
			return p.printIndented(string(schema))
		}),
	}
	flags.add(cmd)
	return cmd
}

// printIndented writes JSON for people.
func (p *process) printIndented(schema string) error {
	text, err := indented(schema)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(p.stdout, text); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}
