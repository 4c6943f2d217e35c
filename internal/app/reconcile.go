package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"convstream/extractor"
	"convstream/internal/app/config"
	"convstream/internal/conv"
	"convstream/internal/plan"
	"convstream/producer"
)

// reconcileOptions are what a reconciliation is told beside the configuration.
type reconcileOptions struct {
	Interval conv.Window
	JSON     bool // print one object
}

func newReconcile(p *process) *cobra.Command {
	var (
		file     string
		interval intervalFlags
		opts     reconcileOptions
	)
	cmd := &cobra.Command{
		Use:   "reconcile -c FILE --from T --to T",
		Short: "Compare the platform's own counts with what the topic holds",
		Long: `Compare the platform's own counts with what the topic holds.

It counts distinct rows and dead letters, window by window, or by whole UTC days in dialect
jobs, those of a longer window together, and asks the platform for its count of the same time
under the same filter. It reads both topics from their start, claims and changes nothing, and
may run beside an instance at work.

It exits 3 if a window is not published whole, if the platform gives no count of it, or if the
two counts differ by more than window.reconcile_threshold; by anything, where a day of dialect
jobs is settled.`,
		Example: "  convstream reconcile -c convstream.yaml --from 2024-01-01 --to 2024-02-01",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Interval, err = interval.window(); err != nil {
				return err
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runReconcile(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	interval.add(cmd)
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object as the last line")
	return cmd
}

func runReconcile(ctx context.Context, p *process, cfg config.Config, opts reconcileOptions) error {
	source, err := newSource(cfg)
	if err != nil {
		return usageError(err)
	}
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	spans := comparedSpans(cfg, opts.Interval, ledger.Windows)
	held, err := countTopics(ctx, r, cfg, windowsOf(spans), ledger.Redriven)
	if err != nil {
		return err
	}
	platform := extractor.New(source, extractorConfig(cfg), p.extractorHooks())
	report := reconcileReport{Windows: []comparison{}}
	for i, s := range spans {
		c := comparison{Window: s.window, Held: held.held[i], Conversations: held.callers[i], DeadLetters: held.dead[i]}
		if cfg.Source.Dialect == config.DialectReports {
			c.bounds = held.bounds[i]
		}
		n, err := platform.Baseline(ctx, s.window)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.compare(n, err, s.vanished, s.threshold(cfg))
		if !s.published { // how far it is off says how much is missing
			c.Verdict = verdictOpen
		}
		report.add(c)
	}
	if opts.JSON {
		err = printJSON(p.stdout, report)
	} else {
		err = printReconcile(p.stdout, report)
	}
	return errors.Join(err, report.verdict())
}

// countTopics reads the topics and counts what they hold of each window.
func countTopics(ctx context.Context, r *producer.Reader, cfg config.Config, windows []conv.Window, redriven conv.LetterSet) (*tally, error) {
	t := newTally(cfg.Source.Org, cfg.Source.Dialect == config.DialectJobs, windows)
	t.redriven = redriven
	if err := r.Records(ctx, cfg.Kafka.Topics.DLQ, nil, t.deadLetter); err != nil {
		return nil, err
	}
	topic := cfg.Kafka.Topics.Conversations
	ends, err := r.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	for partition := range ends {
		if err := r.Records(ctx, topic, map[int32]int64{partition: 0}, t.row); err != nil {
			return nil, err
		}
		t.endPartition()
	}
	t.end()
	return t, nil
}

// span is a stretch of time that the platform counts as one, as the ledger has it.
type span struct {
	window    conv.Window
	published bool  // every row is in Kafka, as far as is known
	settled   bool  // and nothing that may still change is waited for
	vanished  int64 // rows in Kafka that the platform no longer has
}

// threshold is the share of the platform's count that may be missing or too much. Windows of
// reports settle with what the configuration allows.
func (s span) threshold(cfg config.Config) float64 {
	if s.settled && cfg.Source.Dialect == config.DialectJobs {
		return 0
	}
	return cfg.Window.ReconcileThreshold
}

func windowsOf(spans []span) []conv.Window {
	windows := make([]conv.Window, len(spans))
	for i, s := range spans {
		windows[i] = s.window
	}
	return windows
}

// comparedSpans lists what an interval is compared by: whole UTC days in dialect jobs,
// because the platform counts no other stretch, and else its windows, a narrowed one with all
// that was cut from it. What no run has begun is one span from end to end.
func comparedSpans(cfg config.Config, interval conv.Window, ledger plan.Ledger) []span {
	whole := wholeWindows(ledger)
	var spans []span
	if cfg.Source.Dialect == config.DialectJobs {
		for _, days := range wholeDays(interval, ledger) {
			spans = append(spans, spanOf(days, whole))
		}
		return spans
	}
	extends := false // the last span is one that no run has begun
	for _, w := range plan.Windows(interval, cfg.Window.Step, ledger) {
		_, begun := ledger[w]
		if last := len(spans) - 1; extends && !begun && spans[last].window.To == w.From {
			spans[last].window.To = w.To
			continue
		}
		extends = !begun
		spans = append(spans, spanOf(w, whole))
	}
	return spans
}

// wholeDays lists the days of an interval. Days that share a window are one stretch, with all
// other days of that window: rows that have vanished from it may be of any of them.
func wholeDays(interval conv.Window, ledger plan.Ledger) []conv.Window {
	asked := plan.Days(interval)
	days := plan.Cut(asked, 24*time.Hour)
	for w, cp := range ledger {
		if len(cp.Nested) == 0 { // a narrowed one's children are compared in its place
			days = append(days, plan.Days(w))
		}
	}
	slices.SortFunc(days, conv.Window.Compare)
	var stretches []conv.Window
	for _, d := range days {
		if last := len(stretches) - 1; last >= 0 && stretches[last].Overlaps(d) {
			stretches[last].To = max(stretches[last].To, d.To)
		} else {
			stretches = append(stretches, d)
		}
	}
	return slices.DeleteFunc(stretches, func(w conv.Window) bool { return !w.Overlaps(asked) })
}

// wholeWindows lists the windows of the ledger that hold all their rows, those of the newest
// jobs first.
func wholeWindows(ledger plan.Ledger) []conv.Checkpoint {
	var whole []conv.Checkpoint
	for _, cp := range ledger {
		if cp.State.Whole() && len(cp.Nested) == 0 { // a narrowed one's children hold its rows
			whole = append(whole, cp)
		}
	}
	slices.SortFunc(whole, func(a, b conv.Checkpoint) int {
		return cmp.Or(cmp.Compare(b.Job.Observation, a.Job.Observation), a.Window.Compare(b.Window))
	})
	return whole
}

// spanOf is a stretch of time as the windows that hold all their rows make it up. Of what has
// vanished, windows that overlap speak twice: the newest job's word counts.
func spanOf(w conv.Window, whole []conv.Checkpoint) span {
	s := span{window: w, settled: true}
	var windows []conv.Window
	for _, cp := range whole {
		if !cp.Window.Overlaps(w) {
			continue
		}
		if w.Covers(cp.Window) && !slices.ContainsFunc(windows, cp.Window.Overlaps) {
			s.vanished += cp.Vanished
		}
		windows = append(windows, cp.Window)
		s.settled = s.settled && cp.State.Closed()
	}
	s.published = len(plan.Uncovered(w, windows)) == 0
	return s
}

// The verdicts on a window.
const (
	verdictOK         = "ok"
	verdictOff        = "off"           // the counts differ by more than the threshold
	verdictUnverified = "unverified"    // the platform gave no count
	verdictOpen       = "not published" // or not whole
)

// comparison is one line of the report.
type comparison struct {
	Window        conv.Window `json:"window"`
	Held          int64       `json:"held"` // distinct rows and dead letters
	Conversations int64       `json:"conversations"`
	DeadLetters   int64       `json:"dead_letters"` // part of Held
	Vanished      int64       `json:"vanished"`     // part of Held that the platform no longer has
	Expected      *int64      `json:"expected"`     // null where the platform gave no count
	Difference    *int64      `json:"difference"`   // held, without what has vanished, less expected
	Verdict       string      `json:"verdict"`
	Reason        string      `json:"reason,omitempty"`

	bounds int64 // rows on a bound of the query, which the platform may leave out of its count
}

// compare judges by the platform's count, or by why there is none.
func (c *comparison) compare(expected int64, noCount error, vanished int64, threshold float64) {
	if noCount != nil {
		c.Verdict, c.Reason = verdictUnverified, oneLine(noCount)
		return
	}
	vanished = min(vanished, max(0, c.Held-expected)) // a row that the platform counts is there
	difference := c.Held - vanished - expected
	c.Vanished, c.Expected, c.Difference, c.Verdict = vanished, &expected, &difference, verdictOK
	unexplained := difference
	if difference > 0 {
		unexplained = max(0, difference-c.bounds)
	}
	if exceeds(unexplained, expected, threshold) {
		c.Verdict = verdictOff
	}
}

// exceeds says whether a difference is more than a share of what was expected. Where nothing
// was, anything is.
func exceeds(difference, expected int64, share float64) bool {
	if difference < 0 {
		difference = -difference
	}
	if expected == 0 {
		return difference > 0
	}
	return float64(difference)/float64(expected) > share
}

// reconcileReport is what a reconciliation found. --json prints it.
type reconcileReport struct {
	Windows      []comparison `json:"windows"`
	Held         int64        `json:"held"`
	Expected     int64        `json:"expected"` // of the windows that the platform counted
	Off          int          `json:"off"`
	Unverified   int          `json:"unverified"`
	NotPublished int          `json:"not_published"`
}

func (r *reconcileReport) add(c comparison) {
	r.Windows = append(r.Windows, c)
	r.Held += c.Held
	if c.Expected != nil {
		r.Expected += *c.Expected
	}
	switch c.Verdict {
	case verdictOff:
		r.Off++
	case verdictUnverified:
		r.Unverified++
	case verdictOpen:
		r.NotPublished++
	}
}

// verdict is the error of an interval that is not reconciled.
func (r *reconcileReport) verdict() error {
	named := map[string][]conv.Window{}
	for _, c := range r.Windows {
		named[c.Verdict] = append(named[c.Verdict], c.Window)
	}
	var errs []error
	for _, v := range []struct{ verdict, wayOut string }{
		{verdictOff, "convstream verify tells whether the topic is as the ledger says, and a backfill reads again what is not settled"},
		{verdictUnverified, "the platform gave no count; try again, or see the reason above"},
		{verdictOpen, "convstream backfill publishes what is missing"},
	} {
		if windows := named[v.verdict]; len(windows) > 0 {
			errs = append(errs, fmt.Errorf("%s: %s; %s", v.verdict, windowList(windows), v.wayOut))
		}
	}
	if errs == nil {
		return nil
	}
	return &exitError{ExitIncomplete, errors.Join(errs...)}
}

// printReconcile says it for people.
func printReconcile(out io.Writer, r reconcileReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WINDOW\tHELD\tCONVERSATIONS\tDEAD\tVANISHED\tEXPECTED\tDIFFERENCE\tVERDICT")
	for _, c := range r.Windows {
		verdict := c.Verdict
		if c.Reason != "" {
			verdict += ": " + c.Reason
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", c.Window, c.Held, c.Conversations, c.DeadLetters, c.Vanished,
			known(c.Expected), known(c.Difference), verdict)
	}
	return w.Flush()
}
