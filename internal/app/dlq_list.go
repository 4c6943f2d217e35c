package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"convstream/internal/app/config"
	"convstream/internal/conv"
)

// listOptions are what dlq list is told beside the configuration.
type listOptions struct {
	Choice letterChoice
	Newest int  // so many, 0 for all
	Raw    bool // with the bytes of the rows
	JSON   bool // one object a line
}

// listed is how many letters a table has unless it is told otherwise.
const listed = 50

func newDLQList(p *process) *cobra.Command {
	var (
		file    string
		letters letterFlags
		opts    listOptions
	)
	cmd := &cobra.Command{
		Use:   "list -c FILE",
		Short: "Print dead letters: what is wrong with which row, and whether it was redriven",
		Long: `Print dead letters: what is wrong with which row, and whether it was redriven.

One line for each letter, the newest last, and a summary by reason. LETTER is the letter's
partition/offset in the topic of dead letters, as header cs-redriven names it. The rows themselves are
not printed, because they may hold personal data; --raw prints their bytes alone, one row a
line, or with --json as the member "value".`,
		Example: "  convstream dlq list -c convstream.yaml --reason wrong_type\n  convstream dlq list -c convstream.yaml --raw -n 1",
		Args:    cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Choice, err = letters.choice(); err != nil {
				return err
			}
			switch given := cmd.Flags().Changed("letters"); {
			case given && opts.Newest < 1:
				return usageError(fmt.Errorf("-n %d asks for no letters; give 1 or more", opts.Newest))
			case !given && !opts.JSON:
				opts.Newest = listed
			}
			cfg, err := p.configure(file, nil)
			if err != nil {
				return err
			}
			return runDLQList(cmd.Context(), p, cfg, opts)
		}),
	}
	configFlag(cmd, &file)
	letters.add(cmd)
	cmd.Flags().IntVarP(&opts.Newest, "letters", "n", 0, fmt.Sprintf("how many letters: the newest `N` (default %d, and with --json all)", listed))
	cmd.Flags().BoolVar(&opts.Raw, "raw", false, "print the bytes of the rows: they may hold personal data")
	cmd.Flags().BoolVar(&opts.JSON, "json", false, "print one JSON object for each letter, and one with the summary as the last line")
	return cmd
}

func runDLQList(ctx context.Context, p *process, cfg config.Config, opts listOptions) error {
	r, ledger, err := p.ledger(ctx, cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := opts.Choice.check(cfg, ledger.Windows); err != nil {
		return err
	}
	summary := newLetterSummary()
	show, end := opts.printer(p.stdout)
	var last []conv.Letter
	for l, err := range r.Letters(ctx, ledger) {
		if err != nil {
			return err
		}
		if !opts.Choice.has(&l) {
			continue
		}
		summary.add(&l)
		if opts.Newest == 0 {
			if err := show(&l); err != nil {
				return err
			}
			continue
		}
		if !opts.Raw {
			l.Raw = nil
		}
		if last = append(last, l); len(last) == 2*opts.Newest {
			last = newestLetters(last, opts.Newest)
		}
	}
	last = newestLetters(last, opts.Newest)
	for i := range last {
		if err := show(&last[i]); err != nil {
			return err
		}
	}
	return end(summary)
}

// newestLetters leaves the newest n letters, the oldest of them first.
func newestLetters(letters []conv.Letter, n int) []conv.Letter {
	slices.SortStableFunc(letters, func(a, b conv.Letter) int { return cmp.Compare(a.Written, b.Written) })
	return slices.Delete(letters, 0, max(0, len(letters)-n))
}

// printer returns how a letter is printed, and what comes behind the last one.
func (o listOptions) printer(w io.Writer) (show func(*conv.Letter) error, end func(*letterSummary) error) {
	switch {
	case o.JSON:
		show = func(l *conv.Letter) error { return printJSON(w, newLetterJSON(l, o.Raw)) }
		return show, func(s *letterSummary) error { return printJSON(w, s) }
	case o.Raw:
		show = func(l *conv.Letter) error {
			_, err := fmt.Fprintf(w, "%s\n", l.Raw)
			return err
		}
		return show, func(*letterSummary) error { return nil }
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LETTER\tWRITTEN\tWINDOW\tROUTE\tREASON\tPATH\tEXPECTED\tFOUND\tCONVERSATION\tREDRIVEN")
	show = func(l *conv.Letter) error {
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, conv.FormatInstant(l.Written), l.Window, printable(routeName(l)),
			printable(l.Reason), printable(l.Path), printable(l.Expected), printable(l.Found), printable(string(l.Key)), yesNo(l.Redriven))
		return err
	}
	return show, func(s *letterSummary) error {
		if err := table.Flush(); err != nil {
			return err
		}
		return s.print(w, o.Newest)
	}
}

// printable makes a text of the platform fit for a cell of a table on a terminal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	return cmp.Or(text, "-")
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// letterJSON is a dead letter as --json prints it.
type letterJSON struct {
	Letter       string      `json:"letter"`  // partition/offset
	Written      string      `json:"written"` // when it was committed
	Window       conv.Window `json:"window"`  // that brought it
	Root         conv.Window `json:"root"`    // the first of its parents, or itself
	Route        string      `json:"route"`
	Reason       string      `json:"reason"`
	Path         string      `json:"path"`
	Expected     string      `json:"expected"`
	Found        string      `json:"found"`
	Conversation string      `json:"conversation,omitempty"`
	Time         string      `json:"time,omitempty"` // of the row
	Job          string      `json:"job"`
	Page         int         `json:"page"`
	Row          int         `json:"row"`
	Bytes        int64       `json:"bytes"`  // of the row as it came
	SHA256       string      `json:"sha256"` // of the row as it came
	Redacted     bool        `json:"redacted"`
	Unfit        string      `json:"unfit,omitempty"` // why it cannot be redriven
	Redriven     bool        `json:"redriven"`
	Value        *string     `json:"value,omitempty"`
}

func newLetterJSON(l *conv.Letter, raw bool) letterJSON {
	j := letterJSON{
		Letter: l.ID.String(), Written: conv.FormatInstant(l.Written), Window: l.Window, Root: l.Root, Route: routeName(l),
		Reason: l.Reason, Path: l.Path, Expected: l.Expected, Found: l.Found, Conversation: string(l.Key),
		Job: l.Job, Page: l.Page, Row: l.Row, Bytes: l.Length, SHA256: hex.EncodeToString(l.Digest[:]),
		Redacted: l.Redacted, Unfit: l.Unfit, Redriven: l.Redriven,
	}
	if l.Mark != nil {
		j.Time = conv.FormatInstant(l.Mark.Time)
	}
	if raw {
		value := string(l.Raw)
		j.Value = &value
	}
	return j
}

// letterSummary counts letters. --json prints it as its last line.
type letterSummary struct {
	Letters  int64         `json:"letters"`
	Redriven int64         `json:"redriven"`
	Waiting  int64         `json:"waiting"`
	Reasons  []reasonCount `json:"reasons"` // in order of route and reason
}

type reasonCount struct {
	Route    string `json:"route"`
	Reason   string `json:"reason"`
	Letters  int64  `json:"letters"`
	Redriven int64  `json:"redriven"`
	Waiting  int64  `json:"waiting"`
}

func newLetterSummary() *letterSummary { return &letterSummary{Reasons: []reasonCount{}} }

func (s *letterSummary) add(l *conv.Letter) {
	at, found := slices.BinarySearchFunc(s.Reasons, reasonCount{Route: routeName(l), Reason: l.Reason}, func(a, b reasonCount) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Reason, b.Reason))
	})
	if !found {
		s.Reasons = slices.Insert(s.Reasons, at, reasonCount{Route: routeName(l), Reason: l.Reason})
	}
	c := &s.Reasons[at]
	c.Letters++
	s.Letters++
	if l.Redriven {
		c.Redriven++
		s.Redriven++
	} else {
		c.Waiting++
		s.Waiting++
	}
}

func (s *letterSummary) print(w io.Writer, shown int) error {
	if s.Letters == 0 {
		_, err := fmt.Fprintln(w, "no dead letters")
		return err
	}
	fmt.Fprintln(w)
	if int64(shown) < s.Letters && shown > 0 {
		fmt.Fprintf(w, "the newest %d of %d letters; -n prints more\n\n", shown, s.Letters)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROUTE\tREASON\tLETTERS\tREDRIVEN\tWAITING")
	for _, c := range s.Reasons {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\n", printable(c.Route), printable(c.Reason), c.Letters, c.Redriven, c.Waiting)
	}
	fmt.Fprintf(table, "\tall\t%d\t%d\t%d\n", s.Letters, s.Redriven, s.Waiting)
	return table.Flush()
}
