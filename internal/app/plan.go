package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
)

// planOptions are what a dry run is told beside the configuration.
type planOptions struct {
	Interval conv.Window
	JSON     bool // print one object
}

func newPlan(p *process) *cobra.Command {
	var (
		file, step string
		interval   intervalFlags
		opts       planOptions
	)
	cmd := &cobra.Command{
		Use:   "plan -c FILE --from T --to T",
		Short: "Say what a backfill would do and cost, and do nothing",
		Long: `Say what a backfill would do and cost, and do nothing.

It submits no job and claims nothing. Ledger and platform have less than half a second for
their answers; what has not come by then is left out, and it says so. A query that
convstream knows to be refused is refused here without asking anybody.`,
		Example: "  convstream plan -c convstream.yaml --from 2024-01-01 --to 2025-01-01 --step 6h",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Interval, err = interval.window(); err != nil {
				return err
			}
			overlay := map[string]any{}
			if cmd.Flags().Changed("step") {
				overlay["window.step"] = step
			}
			cfg, err := p.configure(file, overlay)
			if err != nil {
				return err
			}
			return runPlan(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	interval.add(cmd)
	cmd.Flags().StringVar(&step, "step", "", "cut the interval into jobs of `D`, such as 6h; wins over window.step")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object")
	return cmd
}

const (
	// planPatience is how long a dry run waits for platform and ledger together.
	planPatience = 400 * time.Millisecond
	// planSamples is how many of the platform's counts it asks for, each of
	// planSampleLength at most.
	planSamples      = 3
	planSampleLength = 31 * 24 * time.Hour
	// planShown is how many windows it names.
	planShown = 5
)

func runPlan(ctx context.Context, p *process, cfg config.Config, opts planOptions) error {
	prepared, err := prepare(cfg)
	if err != nil {
		return err
	}
	p.warnOfDoubts(prepared.routes)
	source := prepared.source
	d := dryRun{cfg: cfg, interval: opts.Interval, query: source.QueryHash(), now: time.Now().UnixMilli()}
	d.ask(ctx, p, source)
	if err := ctx.Err(); err != nil {
		return err
	}
	report := d.report(source.Payload)
	if opts.JSON {
		return printJSON(p.stdout, report)
	}
	printPlan(p.stdout, cfg, report)
	return nil
}

// ask reads the ledger and has the platform count, for as long as patience lasts.
func (d *dryRun) ask(ctx context.Context, p *process, source baseline) {
	ctx, cancel := context.WithTimeout(ctx, planPatience)
	defer cancel()
	var asked sync.WaitGroup
	asked.Go(func() {
		d.ledger, d.noLedger = answer(ctx, "Kafka", func() (plan.Ledger, error) { return p.ledgerNow(ctx, d.cfg) })
	})
	asked.Go(func() {
		d.samples, d.noCount = answer(ctx, "the platform", func() ([]plan.Counted, error) { return sample(ctx, source, d.sampled()) })
	})
	asked.Wait()
}

// answer is what a question comes to, unless ctx ends first. The question is left behind
// then: a Kafka client that closes waits for a broker that may not answer it either.
func answer[T any](ctx context.Context, who string, question func() (T, error)) (T, error) {
	type reply struct {
		answer T
		err    error
	}
	came := make(chan reply, 1)
	go func() {
		a, err := question()
		came <- reply{a, err}
	}()
	late := fmt.Errorf("%s did not answer within %s", who, planPatience)
	select {
	case r := <-came:
		if r.err != nil && ctx.Err() != nil {
			r.err = late
		}
		return r.answer, r.err
	case <-ctx.Done():
		var none T
		return none, late
	}
}

// ledgerNow reads the ledger as it stands.
func (p *process) ledgerNow(ctx context.Context, cfg config.Config) (plan.Ledger, error) {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return ledger.Windows, nil
}

// baseline is who counts the rows of a window.
type baseline interface {
	Baseline(ctx context.Context, w conv.Window) (int64, error)
}

// sample asks for the rows of each window, all at once. It returns those that were counted,
// or why none was.
func sample(ctx context.Context, source baseline, windows []conv.Window) ([]plan.Counted, error) {
	var (
		mu      sync.Mutex
		counted []plan.Counted
		failed  error
		asked   sync.WaitGroup
	)
	for _, w := range windows {
		asked.Go(func() {
			n, err := source.Baseline(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			counted = append(counted, plan.Counted{Window: w, Rows: n})
		})
	}
	asked.Wait()
	if len(counted) > 0 {
		return counted, nil
	}
	return nil, failed
}

// dryRun is what is known before a run.
type dryRun struct {
	cfg      config.Config
	interval conv.Window
	query    string // hash of the jobs' query
	now      int64  // epoch ms

	ledger   plan.Ledger
	noLedger error // why it could not be read
	samples  []plan.Counted
	noCount  error // why there are no samples
}

// sampled are the windows whose rows the platform is asked to count.
func (d *dryRun) sampled() []conv.Window {
	w := d.interval
	if d.jobs() {
		w = plan.Days(w)
	}
	return plan.Samples(w, planSamples, planSampleLength)
}

func (d *dryRun) jobs() bool { return d.cfg.Source.Dialect == config.DialectJobs }

// planReport is what a dry run says. --json prints it.
type planReport struct {
	Windows  int              `json:"windows"`
	Done     *int             `json:"done"` // null where the ledger did not answer
	Todo     int              `json:"todo"`
	First    []conv.Window    `json:"first"`   // of those to do
	Payload  json.RawMessage  `json:"payload"` // of the first job to submit; null where none is
	Requests map[string]int64 `json:"requests"`
	Seconds  float64          `json:"seconds"`
	Rows     *int64           `json:"rows"` // to do, estimated; null where the platform gave no count
	Whole    int64            `json:"-"`    // rows of the whole interval, which is what the platform is asked for; where Rows is not null
	Notes    []string         `json:"notes"`
}

// report says it. payload renders the request of a window.
func (d *dryRun) report(payload func(conv.Window) []byte) planReport {
	windows := plan.Windows(d.interval, d.cfg.Window.Step, d.ledger)
	var todo []conv.Window
	for _, w := range windows {
		if !d.ledger[w].State.Closed() {
			todo = append(todo, w)
		}
	}
	r := planReport{Windows: len(windows), Todo: len(todo), First: append([]conv.Window{}, todo[:min(len(todo), planShown)]...), Notes: []string{}}
	load := d.load(todo)
	if load.Submits > 0 {
		r.Payload = payload(load.First)
	}
	if d.noLedger == nil {
		done := len(windows) - len(todo)
		r.Done = &done
	} else {
		r.Notes = append(r.Notes, "the ledger was not read, so every window counts as to do: "+oneLine(d.noLedger))
	}
	if load.Rows >= 0 {
		r.Rows, r.Whole = &load.Rows, plan.Extrapolate(d.samples, d.interval.Duration())
	} else if len(todo) > 0 {
		r.Notes = append(r.Notes, "no estimate of the rows: "+oneLine(d.noCount))
	}
	cost := load.Cost(d.pace())
	r.Requests = map[string]int64{
		"submit": cost.Submits, "status": cost.Polls, "results": cost.Pages, "baseline": cost.Counts,
		"availability": cost.Watermark, "token": cost.Tokens,
	}
	r.Seconds = cost.Time.Seconds()
	return r
}

// load is what a run over the windows has before it.
func (d *dryRun) load(todo []conv.Window) plan.Load {
	w := d.cfg.Window
	c := plan.Course{
		Schedule: plan.Schedule{Step: w.Step, Settle: w.Settle, Conversations: d.jobs(), Compare: w.Reconcile},
		Query:    d.query, Narrow: w.Narrow,
		Counted: d.jobs() || len(d.cfg.Source.Filter) == 0, // the count of dialect reports knows no filter
	}
	l := c.Load(todo, d.ledger, d.now)
	l.Rows = plan.Extrapolate(d.samples, l.Length)
	if d.jobs() {
		l.PageRows = int64(d.cfg.Source.PageSize)
	}
	return l
}

func (d *dryRun) pace() plan.Pace {
	s := d.cfg.Source
	return plan.Pace{
		RequestsPerMinute: s.RequestsPerMinute, Windows: s.Concurrency,
		Initial: s.Poll.Initial, Max: s.Poll.Max, Jitter: s.Poll.Jitter,
	}
}

// printPlan says it for people.
func printPlan(w io.Writer, cfg config.Config, r planReport) {
	done := "none known to be"
	if r.Done != nil {
		done = fmt.Sprint(*r.Done)
	}
	fmt.Fprintf(w, "%d windows of dialect %s: %s done, %d to do\n", r.Windows, cfg.Source.Dialect, done, r.Todo)
	for _, note := range r.Notes {
		fmt.Fprintf(w, "%s\n", note)
	}
	if r.Todo == 0 {
		return
	}
	fmt.Fprintf(w, "first to do:\n")
	for _, first := range r.First {
		fmt.Fprintf(w, "  %s\n", first)
	}
	if more := r.Todo - len(r.First); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	if len(r.Payload) > 0 {
		fmt.Fprintf(w, "the body of the first submit:\n  %s\n", r.Payload)
	}
	switch {
	case r.Rows == nil:
	case r.Todo == r.Windows:
		fmt.Fprintf(w, "rows to do: about %s, by the platform's count\n", humanize.Comma(*r.Rows))
	default: // the platform was asked while the ledger was read
		fmt.Fprintf(w, "about %s rows in the whole interval by the platform's count; to do are about %s, if they are spread evenly over it\n",
			humanize.Comma(r.Whole), humanize.Comma(*r.Rows))
	}
	n := r.Requests
	fmt.Fprintf(w, "requests: %d submit + %d status + %d results + %d baseline + %d availability + %d token = %s\n",
		n["submit"], n["status"], n["results"], n["baseline"], n["availability"], n["token"], humanize.Comma(total(n)))
	fmt.Fprintf(w, "it takes at least %s at %d requests a minute and %d windows in flight, if every job has ended at poll %d\n",
		time.Duration(r.Seconds*float64(time.Second)).Round(time.Second), cfg.Source.RequestsPerMinute, cfg.Source.Concurrency, plan.AssumedPolls)
	if cfg.Source.Dialect == config.DialectReports {
		fmt.Fprintf(w, "how many rows a page has is the platform's choice: results counts one page for each window\n")
	}
}

func total(requests map[string]int64) (n int64) {
	for _, of := range requests {
		n += of
	}
	return n
}
