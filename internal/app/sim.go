package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// simOptions are what the stand-in for Genesys Cloud is told.
type simOptions struct {
	Listen   string // host:port
	Faults   string // YAML file, "" for none
	Platform simulator.Config
}

func newSim(p *process) *cobra.Command {
	var (
		opts     simOptions
		interval intervalFlags
	)
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run a stand-in for Genesys Cloud, for tests and for trying things out",
		Args:  cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Platform.Window, err = interval.window(); err != nil {
				return err
			}
			if opts.Platform.Rows < 0 {
				return usageError(fmt.Errorf("--rows: %d is negative; give 0 or more", opts.Platform.Rows))
			}
			return runSim(cmd.Context(), p, opts)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8099", "serve on `ADDR`, HOST:PORT")
	flags.IntVar(&opts.Platform.Rows, "rows", 10_000, "how many rows there are: `N`")
	flags.StringVar(&interval.from, "from", "2024-01-01", "the first row is at `T` or later")
	flags.StringVar(&interval.to, "to", "2024-01-02", "the last row is before `T`")
	flags.Uint64Var(&opts.Platform.Seed, "seed", 1, "the same seed `S` makes the same rows")
	flags.StringVar(&opts.Platform.ClientID, "client-id", simulator.DefaultClientID, "`ID` that tokens are given to")
	flags.StringVar(&opts.Platform.ClientSecret, "client-secret", simulator.DefaultClientSecret, "`S` that tokens are given for")
	flags.StringVar(&opts.Faults, "faults", "", "YAML `FILE` of what goes wrong (default nothing)")
	return cmd
}

func runSim(ctx context.Context, p *process, opts simOptions) error {
	if opts.Faults != "" {
		faults, err := simulator.LoadFaults(opts.Faults)
		if err != nil {
			return usageError(fmt.Errorf("--faults: %w", err))
		}
		opts.Platform.Faults = faults
	}
	sim, err := simulator.New(opts.Platform)
	if err != nil {
		return usageError(err)
	}
	return serveSim(ctx, p, opts, sim)
}

// serveSim serves handler until ctx ends.
func serveSim(ctx context.Context, p *process, opts simOptions, handler http.Handler) error {
	if host, _, err := net.SplitHostPort(opts.Listen); err != nil {
		return usageError(fmt.Errorf("--listen: %q is no address; write it as HOST:PORT", opts.Listen))
	} else if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		p.log.Warn().Str("listen", opts.Listen).Msg("the simulator can be reached from other machines; listen on 127.0.0.1 to keep it here")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", opts.Listen)
	if err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutdown(server)
	})
	fmt.Fprintf(p.stdout, "simulator ready: http://%s (%d rows, %s..%s, client id %s)\n", ln.Addr(), opts.Platform.Rows,
		conv.FormatInstant(opts.Platform.Window.From), conv.FormatInstant(opts.Platform.Window.To), opts.Platform.ClientID)
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve simulator: %w", err)
	}
	<-stopped
	return nil
}

// shutdown lets requests in flight finish, for a while.
func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
	}
}
