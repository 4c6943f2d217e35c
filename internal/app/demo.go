package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// demoOptions are what the demonstration is told; it reads no configuration.
type demoOptions struct {
	Rows   int
	Faults bool // the platform misbehaves
	JSON   bool // print one summary object
}

func newDemo(p *process) *cobra.Command {
	var opts demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it at work, with everything embedded: platform, broker, registry",
		Args:  cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			if opts.Rows < 1 {
				return usageError(errors.New("--rows asks for no rows; give 1 or more"))
			}
			return runDemo(cmd.Context(), p, opts)
		}),
	}
	cmd.Flags().IntVar(&opts.Rows, "rows", 100_000, "how many rows the platform holds: `N`")
	cmd.Flags().BoolVar(&opts.Faults, "faults", false, "let the platform misbehave: 429, 503, cut connections, expired tokens, poison rows")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	return cmd
}

// demoDay is what the demonstration moves.
var demoDay = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01

func runDemo(ctx context.Context, p *process, opts demoOptions) error {
	name := strconv.Itoa(opts.Rows) + "-rows"
	if opts.Faults {
		name += "-faults"
	}
	stage, err := openStage(filepath.Join("state", "demo", name), opts)
	if err != nil {
		return err
	}
	defer stage.close()
	if !opts.JSON {
		stage.introduce(p.stdout, opts)
	}
	level := zerolog.WarnLevel // the bars and the summary tell the rest
	if opts.Faults {
		level = zerolog.FatalLevel // faults, and the alerts that follow, are what was asked for
	}
	p.log = p.log.Level(level)
	events, bars := withProgress(p.pipelineEvents(), p.stderr, opts.Rows)
	events.Drifted = nil // rows of some media lack fields; the events topic tells
	started := time.Now()
	summary, err := p.backfill(ctx, stage.config, demoDay, false, events)
	bars.stop()
	if err != nil {
		return err
	}
	if opts.JSON {
		return errors.Join(printJSON(p.stdout, newSummary(summary, time.Since(started))), unfinished(summary))
	}
	printSummary(p.stdout, summary, "", time.Since(started)) // the broker is gone when it ends
	if opts.Faults {
		printFaults(p.stdout, stage.sim.Stats().Faults, p.metrics.counts())
	}
	if err := p.showRows(ctx, stage.config, 3); err != nil {
		return err
	}
	stage.takeLeave(p.stdout, opts)
	return unfinished(summary)
}

// stage is everything that the demonstration embeds.
type stage struct {
	dir      string
	lock     *flock.Flock
	kafka    *kfake.Cluster
	sim      *simulator.Simulator
	platform *httpServer
	registry *httpServer
	config   config.Config
}

// openStage starts platform, broker and registry on loopback ports. The broker keeps its
// data in dir, so that a second demonstration finds the rows of the first.
func openStage(dir string, opts demoOptions) (s *stage, err error) {
	s = &stage{dir: dir}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	data := filepath.Join(dir, "kafka")
	if s.lock, err = lockDir(dir); err != nil {
		return s, fmt.Errorf("%w; wait for the other demonstration, or start this one in a folder that can be written", err)
	}
	s.kafka, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID("convstream-demo"), kfake.DataDir(data))
	if err != nil {
		return s, fmt.Errorf("start the embedded broker in %s: %w; delete the folder to begin anew", data, err)
	}
	platform := simulator.Config{Rows: opts.Rows, Window: demoDay, Seed: 1}
	if opts.Faults {
		platform.Faults = simulator.DefaultFaults()
		platform.Faults.PageRows = max(500, opts.Rows/100)
	}
	if s.sim, err = simulator.New(platform); err != nil {
		return s, err
	}
	if s.platform, err = serve(s.sim); err != nil {
		return s, err
	}
	if s.registry, err = serve(srfake.NewRegistry().Handler()); err != nil {
		return s, err
	}
	s.config, err = config.Load("", nil, map[string]any{
		"pipeline":                   "demo",
		"source.org":                 "acme",
		"source.base_url":            s.platform.url,
		"source.token_url":           s.platform.url + "/oauth/token",
		"source.client_id":           simulator.DefaultClientID,
		"source.client_secret":       simulator.DefaultClientSecret,
		"source.requests_per_minute": "10000",
		"source.poll.initial":        "100ms",
		"source.poll.jitter":         "50ms",
		"source.retry.initial":       "100ms",
		"window.step":                "6h",
		"kafka.brokers":              []any{s.kafka.ListenAddrs()[0]},
		"registry.url":               s.registry.url,
		"state_dir":                  dir,
		"status.listen":              "127.0.0.1:0",
	})
	return s, err
}

func (s *stage) close() {
	if s.platform != nil {
		s.platform.close()
	}
	if s.registry != nil {
		s.registry.close()
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.lock != nil {
		_ = s.lock.Unlock()
	}
}

func (s *stage) introduce(w io.Writer, opts demoOptions) {
	fmt.Fprintf(w, `A day of %d conversation rows goes from a simulated Genesys Cloud through asynchronous
jobs into an embedded Kafka, exactly once, as Avro.
  platform  %s
  kafka     %s
  registry  %s

`, opts.Rows, s.platform.url, s.kafka.ListenAddrs()[0], s.registry.url)
}

func (s *stage) takeLeave(w io.Writer, opts demoOptions) {
	demo := programPath(os.Args[0]) + " demo"
	again := fmt.Sprintf("%s --rows %d", demo, opts.Rows)
	next := again + " --faults\n      the same on a bad day: 429, 503, cut connections, poison rows"
	if opts.Faults {
		again += " --faults"
		next = demo + " --rows 1000000\n      more of everything"
	}
	fmt.Fprintf(w, `
The rows lie in %s, in topic genesys.conversations of the embedded broker.
What to try next:
  %s
  %s
      once more: it finds every row there and publishes none. Or press Ctrl-C in the middle,
      or kill -9 it, and start it again: no row is lost or doubled
  docs/configuration.md
      the same with your Kafka and your Genesys Cloud
`, filepath.Join(s.dir, "kafka"), next, again)
}

// programPath is how to start the program again that was started as name.
func programPath(name string) string {
	if strings.Contains(name, "go-build") { // go run makes it, and removes it
		return "go run ./cmd/convstream"
	}
	return name
}

// printFaults says what the platform did wrong, and how often, and which events came of it.
func printFaults(w io.Writer, faults map[string]int, events []eventCount) {
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		if n := faults[kind]; n > 0 {
			list = append(list, fmt.Sprintf("%s %d", kind, n))
		}
	}
	fmt.Fprintf(w, "faults that the platform has played: %s\n", cmp.Or(strings.Join(list, ", "), "none, as it was asked for nothing new"))
	list = nil
	for _, e := range events {
		if e.Count > 0 {
			list = append(list, fmt.Sprintf("%s (%s) %d%s", e.Kind, e.Severity, e.Count, eventMeaning[e.Kind]))
		}
	}
	fmt.Fprintf(w, "events that came of them: %s\n", cmp.Or(strings.Join(list, "; "), "none"))
}

// eventMeaning explains the alerts that faults bring about.
var eventMeaning = map[string]string{
	"boundary":   ", as a result held rows outside the times that were asked for",
	"incomplete": ", as a window could not be read whole",
	"invalid":    ", as many rows of a window became dead letters",
	"reconcile":  ", as the topic and the platform's count differed",
}

// showRows prints the newest rows, decoded.
func (p *process) showRows(ctx context.Context, cfg config.Config, n int) error {
	r, err := p.reader(cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	registry, err := registryClient(cfg.Registry)
	if err != nil {
		return err
	}
	records, err := newest(ctx, r, cfg.Kafka.Topics.Conversations, n)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\n%d of the rows, as a consumer decodes them:\n", len(records))
	decoder := avro.NewDecoder(registry)
	for _, rec := range records {
		line, err := decoder.Decode(ctx, rec.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "  %s\n", line)
	}
	return nil
}

// httpServer is a handler on a loopback port.
type httpServer struct {
	url    string
	server *http.Server
	done   chan struct{}
}

func serve(h http.Handler) (*httpServer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &httpServer{
		url:    "http://" + ln.Addr().String(),
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(ln) // it ends with close
	}()
	return s, nil
}

func (s *httpServer) close() {
	_ = s.server.Close()
	<-s.done
}
