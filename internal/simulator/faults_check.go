package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// refuse notes why a key's value cannot be.
type refuse func(format string, args ...any)

func (f Faults) validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	f.validateRates(refuse)
	f.validateNumbers(refuse)
	f.validateWords(refuse)
	if f.Watermark.Lag != 0 && !f.Watermark.At.IsZero() {
		refuse("watermark: has both lag and at; keep one")
	}
	if (f.Drip.Bytes > 0) != (f.Drip.Every > 0) {
		refuse("drip: %d bytes every %v; give both or neither", f.Drip.Bytes, f.Drip.Every)
	}
	if f.EmptyPages == 1 {
		refuse("empty_pages: 1 leaves no page for rows; use 2 or more, or 0 for none")
	}
	f.Script.validate(refuse)
	f.Invalid.validate(refuse)
	for i, d := range f.Drift {
		d.validate(refuse)
		if j := slices.IndexFunc(f.Drift[:i], d.meets); j >= 0 {
			refuse("drift: %s and %s change one field at one time; let one end before the other starts", f.Drift[j].Field, d.Field)
		}
	}
	return errors.Join(errs...)
}

func (f Faults) validateRates(refuse refuse) {
	sum := map[Operation]float64{}
	for _, kind := range faultKinds {
		for op, p := range f.rates(kind) {
			if !slices.Contains(operations, op) {
				refuse("%s: %q is no request kind; use %s", kind, op, listed(operations))
			}
			if !(p >= 0 && p <= 1) {
				refuse("%s.%s: %v is no probability; use 0 to 1", kind, op, p)
			}
			if (kind == faultGarbled || kind == faultTruncated) && op != Results && p != 0 {
				refuse("%s.%s: only results can be; remove it", kind, op)
			}
			sum[op] += p
		}
	}
	for _, op := range operations {
		if sum[op] > 1 {
			refuse("%s: its probabilities add up to %v; keep them below 1", op, sum[op])
		}
	}
	if f.Expired[Token] != 0 {
		refuse("expired.token: a token request carries no token; remove it")
	}
}

func (f Faults) validateNumbers(refuse refuse) {
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"retry_after", int64(f.RetryAfter)}, {"oversize", int64(f.Oversize)}, {"oversize_bytes", int64(f.OversizeBytes)},
		{"future", int64(f.Future)}, {"keyless", int64(f.Keyless)}, {"revise", int64(f.Revise)},
		{"revise_after", int64(f.ReviseAfter)}, {"late", int64(f.Late)}, {"late_after", int64(f.LateAfter)},
		{"removed", int64(f.Removed)}, {"removed_after", int64(f.RemovedAfter)}, {"job_time", int64(f.JobTime)},
		{"token_life", int64(f.TokenLife)}, {"page_rows", int64(f.PageRows)}, {"empty_pages", int64(f.EmptyPages)},
		{"row_padding", int64(f.RowPadding)}, {"requests_per_minute", int64(f.RequestsPerMinute)},
		{"jobs_in_flight", int64(f.JobsInFlight)}, {"watermark.lag", int64(f.Watermark.Lag)},
		{"drip.bytes", int64(f.Drip.Bytes)}, {"drip.every", int64(f.Drip.Every)},
	} {
		if n.value < 0 {
			refuse("%s: %d is below 0", n.key, n.value)
		}
	}
}

func (f Faults) validateWords(refuse refuse) {
	for _, w := range []struct {
		key, word string
		known     []string
	}{
		{"edges", f.Edges, edges},
		{"limit_answer", f.LimitAnswer, limitAnswers},
	} {
		if w.word != "" && !slices.Contains(w.known, w.word) {
			refuse("%s: %q is unknown; use %s", w.key, w.word, strings.Join(w.known, ", "))
		}
	}
	for i, p := range f.MissingPermissions {
		if !slices.Contains(permissions, p) {
			refuse("missing_permissions[%d]: no operation takes %q; use %s", i, p, strings.Join(permissions, ", "))
		}
	}
}
