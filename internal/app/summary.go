package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"convstream/internal/conv"
	"convstream/internal/pipeline"
)

// summaryJSON is the object that --json prints.
type summaryJSON struct {
	Windows    int           `json:"windows"`
	Fetched    int64         `json:"fetched"`
	Published  int64         `json:"published"`
	Duplicates int64         `json:"duplicates"`
	Revisions  int64         `json:"revisions"`
	Invalid    int64         `json:"invalid"`
	Incomplete []conv.Window `json:"incomplete"` // and those whose count could not be had
	Seconds    float64       `json:"seconds"`    // of this process
}

func newSummary(s pipeline.Summary, took time.Duration) summaryJSON {
	c := s.Counters
	return summaryJSON{
		Windows: s.Windows, Fetched: c.Fetched, Published: c.Published, Duplicates: c.Duplicates,
		Revisions: c.Revisions, Invalid: c.Invalid,
		Incomplete: append(append([]conv.Window{}, s.Incomplete...), s.Unverified...),
		Seconds:    took.Seconds(),
	}
}

// printSummary says it for people; dlq is the topic of dead letters, "" where nobody can ask for
// them any more.
func printSummary(w io.Writer, s pipeline.Summary, dlq string, took time.Duration) {
	c := s.Counters
	fmt.Fprintf(w, "%d windows, over all runs: %d rows fetched = %d published (%d of them revisions) + %d repeats + %d dead letters\nin this run: %d fetched, %d published; it took %s\n",
		s.Windows, c.Fetched, c.Published, c.Revisions, c.Duplicates, c.Invalid, s.Here.Fetched, s.Here.Published, took.Round(10*time.Millisecond))
	refused := c.Invalid
	for _, name := range slices.Sorted(maps.Keys(s.Routes)) {
		r := s.Routes[name]
		refused += r.Invalid
		fmt.Fprintf(w, "route %s: %d of the published rows + %d that its filter leaves out + %d dead letters\n", name, r.Published, r.Filtered, r.Invalid)
	}
	if refused > 0 && dlq != "" {
		fmt.Fprintf(w, "the dead letters lie in topic %s; convstream dlq list says what is wrong with each\n", dlq)
	}
	if s.Short > 0 {
		fmt.Fprintf(w, "%d rows fewer than the platform counts, below window.reconcile_threshold; checkpoints show tells where\n", s.Short)
	}
	if s.Unasked > 0 {
		fmt.Fprintf(w, "%d windows are unverified: window.reconcile is false, so the platform was not asked for its count\n", s.Unasked)
	}
}

// unfinished is the error of a run that ended with windows that are not whole.
func unfinished(s pipeline.Summary) error {
	var errs []error
	incomplete := slices.DeleteFunc(slices.Clone(s.Incomplete), func(w conv.Window) bool { return slices.Contains(s.Unread, w) })
	if len(s.Unread) > 0 {
		errs = append(errs, fmt.Errorf("not read from staging: %s: %s", windowList(s.Unread), strings.Join(s.Unreadable, "; ")))
	}
	if len(incomplete) > 0 {
		errs = append(errs, fmt.Errorf("incomplete, or off the platform's count: %s; convstream checkpoints show tells why, and the same command tries again",
			windowList(incomplete)))
	}
	if len(s.Unverified) > 0 {
		errs = append(errs, fmt.Errorf("published, but the platform gave no count to compare with: %s; the same command asks again, and window.reconcile: false does without",
			windowList(s.Unverified)))
	}
	if errs == nil {
		return nil
	}
	if last := len(errs) - 1; len(s.Reasons) > 0 {
		errs[last] = fmt.Errorf("%w (%s)", errs[last], strings.Join(s.Reasons, "; "))
	}
	return &exitError{ExitIncomplete, errors.Join(errs...)}
}
