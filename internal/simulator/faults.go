package simulator

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.yaml.in/yaml/v3"
)

// Operation is a kind of request.
type Operation string

// The operations. Those of a job's life are named alike in both dialects.
const (
	Token        Operation = "token"
	Submit       Operation = "submit"
	Status       Operation = "status"
	Results      Operation = "results"
	Abort        Operation = "abort"
	Baseline     Operation = "baseline"     // reports
	Availability Operation = "availability" // jobs
	Query        Operation = "query"        // jobs: the synchronous query
)

var operations = []Operation{Token, Submit, Status, Results, Abort, Baseline, Availability, Query}

// Rates is how likely a fault is for a request of each operation, 0 to 1.
type Rates map[Operation]float64

// Faults is what the platform does wrong, and how it is set up otherwise. What says nothing
// of a dialect holds for both, and what it says of rows holds for conversations too. Only
// Revise, Late, Removed, Watermark, Invalid and Drift change what is true, and for everybody at
// once. The
// zero value is a platform without faults.
type Faults struct {
	TooMany     Rates `yaml:"too_many"`    // 429, every other one with Retry-After
	Unavailable Rates `yaml:"unavailable"` // 503
	Cut         Rates `yaml:"cut"`         // the connection ends inside the answer; what was asked for is done
	Expired     Rates `yaml:"expired"`     // 401: the token's life is over before its time
	Garbled     Rates `yaml:"garbled"`     // results only: a byte inside the page makes it no JSON
	Truncated   Rates `yaml:"truncated"`   // results only: the page, zipped if it may be, ends too soon in an answer that is whole
	RetryAfter  int   `yaml:"retry_after"` // seconds that a 429 asks to wait

	Script Script `yaml:"script"`

	RequestsPerMinute  int      `yaml:"requests_per_minute"` // of any sliding minute; one more gets a 429
	JobsInFlight       int      `yaml:"jobs_in_flight"`      // unfinished ones; a submit beyond them gets a 429
	LimitAnswer        string   `yaml:"limit_answer"`        // how these two 429 tell to wait: retry_after, message or headers; default retry_after
	MissingPermissions []string `yaml:"missing_permissions"` // 403 where none of those that an operation takes is left
	MissingLicence     bool     `yaml:"missing_licence"`     // 403 for everything but the token
	Scope              string   `yaml:"scope"`               // of the token answer

	Watermark    Watermark `yaml:"watermark"`
	Late         int       `yaml:"late"`          // rows that are nowhere until they arrive
	LateAfter    int       `yaml:"late_after"`    // jobs submitted before they arrive, default 1
	Removed      int       `yaml:"removed"`       // rows that are erased, from jobs and counts
	RemovedAfter int       `yaml:"removed_after"` // jobs submitted before they are, default 1
	Edges        string    `yaml:"edges"`         // reports: what comes back of an interval's bounds: both_in, start_out, end_out or both_out; default both_in
	Offsets      bool      `yaml:"offsets"`       // jobs: one conversation in four tells times with an offset; reports does always
	Zoneless     bool      `yaml:"zoneless"`      // some rows tell UTC without saying so

	ClockSkew  time.Duration `yaml:"clock_skew"`  // by which the platform's clock is ahead; below 0 it is behind
	Drip       Drip          `yaml:"drip"`        // results pages
	RowPadding int           `yaml:"row_padding"` // bytes of a member "padding" that every row of a page has on top
	EmptyPages int           `yaml:"empty_pages"` // every so manieth page has no rows, and a token

	Oversize      int `yaml:"oversize"`       // poison rows of this kind
	OversizeBytes int `yaml:"oversize_bytes"` // length of an oversize attribute, default 1.5 MiB
	Future        int `yaml:"future"`         // poison rows of this kind
	Keyless       int `yaml:"keyless"`        // poison rows of this kind
	Revise        int `yaml:"revise"`         // rows that are other ones after the revision: another handled time; conversations get an end and a wrap-up
	ReviseAfter   int `yaml:"revise_after"`   // jobs submitted before the revision, default 1

	Invalid Invalid `yaml:"invalid"` // rows that no contract takes
	Drift   []Drift `yaml:"drift"`   // rows whose fields are other ones from some time on

	JobTime           time.Duration `yaml:"job_time"`            // from submit to the end of a job
	TokenLife         time.Duration `yaml:"token_life"`          // default 24h
	PageRows          int           `yaml:"page_rows"`           // default 10,000
	NoBoundaryRepeats bool          `yaml:"no_boundary_repeats"` // else a page starts with the last row of the one before
	Gzip              bool          `yaml:"gzip"`                // results pages, for clients that accept it
}

// Watermark is how far the data reach that jobs read: not to what happened Lag ago or
// later, or not to At. A job that asks for more gets less, and is not told. The zero value
// lets everything be read.
type Watermark struct {
	Lag time.Duration `yaml:"lag"`
	At  time.Time     `yaml:"at"`
}

func (w Watermark) set() bool { return w != Watermark{} }

// Drip is how slowly a body comes: Bytes at a time, Every so often.
type Drip struct {
	Bytes int           `yaml:"bytes"`
	Every time.Duration `yaml:"every"`
}

// DefaultFaults is a bad day, for `demo --faults`: refusals and cuts on every operation that
// can have them, and jobs and rows that go wrong.
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
		Expired:     Rates{Submit: 0.02, Status: 0.02, Results: 0.05, Abort: 0.02, Baseline: 0.02, Availability: 0.02, Query: 0.02},
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
	f.LateAfter = cmp.Or(f.LateAfter, 1)
	f.RemovedAfter = cmp.Or(f.RemovedAfter, 1)
	f.Edges = cmp.Or(f.Edges, bothIn)
	f.LimitAnswer = cmp.Or(f.LimitAnswer, limitRetryAfter)
	f.TokenLife = cmp.Or(f.TokenLife, 24*time.Hour)
	f.PageRows = cmp.Or(f.PageRows, 10_000)
	return f
}
