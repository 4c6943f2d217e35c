package app

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
)

func newRoot(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:   "convstream",
		Short: "Stream Genesys Cloud conversations into Kafka, exactly once",
		Long: `convstream streams Genesys Cloud conversation details into Kafka, exactly once, as Avro.

Results go to stdout, the log and errors to stderr.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 finished but a window is
incomplete or off its count, 4 another live instance owns the pipeline.`,
		SilenceErrors: true, // Main prints them
		SilenceUsage:  true,
	}
	root.AddCommand(
		newDemo(p),
		newRun(p),
		newBackfill(p),
		newPlan(p),
		newCheckpoints(p),
		newDoctor(p),
		newSchema(p),
		newReconcile(p),
		newVerify(p),
		newTail(p),
		newDrift(p),
		newDLQ(p),
		newSim(p),
		newVersion(p),
	)
	root.InitDefaultCompletionCmd()
	requireSubcommand(root)
	return root
}

// requireSubcommand makes every command that only groups others refuse to run alone. Cobra
// would print its help and exit 0, and a scheduler's typing error would look like success.
func requireSubcommand(cmd *cobra.Command) {
	if !cmd.HasSubCommands() {
		return
	}
	for _, sub := range cmd.Commands() {
		requireSubcommand(sub)
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A flag of the command that is missing hides that it is.
		if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return err
	})
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = action(func(cmd *cobra.Command, args []string) error {
		path := cmd.CommandPath()
		if len(args) == 0 {
			return usageError(fmt.Errorf("%s needs a command; %s --help lists them", path, path))
		}
		return unknownCommand(cmd, args[0])
	})
}

// unknownCommand is the error of a name that is none of cmd's commands. It may be one of theirs.
func unknownCommand(cmd *cobra.Command, name string) error {
	path := cmd.CommandPath()
	for _, sub := range cmd.Commands() {
		for _, below := range sub.Commands() {
			if below.Name() == name {
				return usageError(fmt.Errorf("unknown command %q for %q; did you mean %s %s?", name, path, sub.Name(), name))
			}
		}
	}
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usageError(fmt.Errorf("unknown command %q for %q; did you mean %s?", name, path, near[0]))
	}
	return usageError(fmt.Errorf("unknown command %q for %q; %s --help lists them", name, path, path))
}

// configFlag adds -c, which every command that talks to the world needs.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "", "configuration `FILE`, YAML")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag is added in the line above
	}
}

// configure loads the configuration, points the log at what it says, and logs its warnings.
func (p *process) configure(path string, overlay map[string]any) (config.Config, error) {
	cfg, err := config.Load(path, p.environ, overlay)
	if err != nil {
		return config.Config{}, usageError(err)
	}
	p.log = newLogger(p.stderr, cfg.Log)
	for _, w := range cfg.Warnings {
		p.log.Warn().Msg(w)
	}
	return cfg, nil
}

// printJSON writes v as one line.
func printJSON(w io.Writer, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
