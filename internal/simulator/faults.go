package simulator

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Operation is a kind of request.
type Operation string

// The operations.
const (
	Token    Operation = "token"
	Submit   Operation = "submit"
	Status   Operation = "status"
	Results  Operation = "results"
	Abort    Operation = "abort"
	Baseline Operation = "baseline"
)

var operations = []Operation{Token, Submit, Status, Results, Abort, Baseline}

// Rates is how likely a fault is for a request of each operation, 0 to 1.
type Rates map[Operation]float64

// Faults is what the platform does wrong, and how it is set up otherwise. No fault changes
// which rows are true. The zero value is a platform without faults.
type Faults struct {
	TooMany     Rates `yaml:"too_many"`    // 429, every other one with Retry-After
	Unavailable Rates `yaml:"unavailable"` // 503
	Cut         Rates `yaml:"cut"`         // the connection ends inside the answer; what was asked for is done
	Expired     Rates `yaml:"expired"`     // 401: the token's life is over before its time
	RetryAfter  int   `yaml:"retry_after"` // seconds that a 429 asks to wait

	Script Script `yaml:"script"`

	Oversize      int `yaml:"oversize"`       // poison rows of this kind
	OversizeBytes int `yaml:"oversize_bytes"` // length of an oversize attribute, default 1.5 MiB
	Future        int `yaml:"future"`         // poison rows of this kind
	Keyless       int `yaml:"keyless"`        // poison rows of this kind
	Revise        int `yaml:"revise"`         // rows whose handled time is another one after the revision
	ReviseAfter   int `yaml:"revise_after"`   // jobs submitted before the revision, default 1

	JobTime           time.Duration `yaml:"job_time"`            // from submit to the end of a job
	TokenLife         time.Duration `yaml:"token_life"`          // default 24h
	PageRows          int           `yaml:"page_rows"`           // default 10,000
	NoBoundaryRepeats bool          `yaml:"no_boundary_repeats"` // else a page starts with the last row of the one before
	Gzip              bool          `yaml:"gzip"`                // results pages, for clients that accept it
}

// Script is what happens to jobs by their number, 1 for the first one submitted.
type Script struct {
	Partial []int  `yaml:"partial"` // end partial, with the first half of their rows
	Failed  []int  `yaml:"failed"`  // end failed
	Gone    []Gone `yaml:"gone"`
}

// Gone is a job that is no longer known after some of its pages were served.
type Gone struct {
	Job   int `yaml:"job"`
	Pages int `yaml:"pages"`
}

// DefaultFaults is a bad day, for `demo --faults`: every kind of fault, on every operation
// that can have it.
func DefaultFaults() Faults {
	everywhere := func(p float64) Rates {
		r := Rates{}
		for _, op := range operations {
			r[op] = p
		}
		return r
	}
	return Faults{
		TooMany:     everywhere(0.10),
		Unavailable: everywhere(0.05),
		Cut:         everywhere(0.10),
		Expired:     Rates{Submit: 0.02, Status: 0.02, Results: 0.05, Abort: 0.02, Baseline: 0.02},
		RetryAfter:  1,
		Script:      Script{Partial: []int{1}, Failed: []int{3}, Gone: []Gone{{Job: 2, Pages: 1}}},
		Oversize:    1,
		Future:      2,
		Keyless:     3,
		JobTime:     200 * time.Millisecond,
		TokenLife:   time.Minute,
		PageRows:    500,
		Gzip:        true,
	}
}

// LoadFaults reads faults from a YAML file. Its keys are those of the tags of [Faults]; an
// unknown one is an error.
func LoadFaults(path string) (Faults, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Faults{}, fmt.Errorf("read faults: %w", err)
	}
	var f Faults
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return Faults{}, fmt.Errorf("read faults %s: %w", path, err)
	}
	if err := f.validate(); err != nil {
		return Faults{}, fmt.Errorf("read faults %s: %w", path, err)
	}
	return f, nil
}

func (f Faults) withDefaults() Faults {
	f.OversizeBytes = cmp.Or(f.OversizeBytes, 3<<19)
	f.ReviseAfter = cmp.Or(f.ReviseAfter, 1)
	f.TokenLife = cmp.Or(f.TokenLife, 24*time.Hour)
	f.PageRows = cmp.Or(f.PageRows, 10_000)
	return f
}

func (f Faults) validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	sum := map[Operation]float64{}
	for _, kind := range faultKinds {
		for op, p := range f.rates(kind) {
			if !slices.Contains(operations, op) {
				refuse("%s: %q is no request kind; use %s", kind, op, listed(operations))
			}
			if !(p >= 0 && p <= 1) {
				refuse("%s.%s: %v is no probability; use 0 to 1", kind, op, p)
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
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"retry_after", int64(f.RetryAfter)}, {"oversize", int64(f.Oversize)}, {"oversize_bytes", int64(f.OversizeBytes)},
		{"future", int64(f.Future)}, {"keyless", int64(f.Keyless)}, {"revise", int64(f.Revise)},
		{"revise_after", int64(f.ReviseAfter)}, {"job_time", int64(f.JobTime)}, {"token_life", int64(f.TokenLife)},
		{"page_rows", int64(f.PageRows)},
	} {
		if n.value < 0 {
			refuse("%s: %d is below 0", n.key, n.value)
		}
	}
	for _, n := range slices.Concat(f.Script.Partial, f.Script.Failed) {
		if n < 1 {
			refuse("script: there is no job %d; the first is 1", n)
		}
	}
	for _, g := range f.Script.Gone {
		if g.Job < 1 || g.Pages < 1 {
			refuse("script.gone: job %d after %d pages; both start at 1", g.Job, g.Pages)
		}
	}
	return errors.Join(errs...)
}

func listed(ops []Operation) string {
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}
