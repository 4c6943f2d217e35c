package conv

import (
	"maps"
	"slices"
)

// State is where a window stands in the ledger.
type State string

// The states of a window, and its side roads.
const (
	Planned    State = "planned"
	Narrowed   State = "narrowed" // its children carry on
	Submitted  State = "submitted"
	Paging     State = "paging"
	Published  State = "published"  // every row of the result is in Kafka
	Reconciled State = "reconciled" // and the platform's own count agrees, for now
	Settled    State = "settled"    // and nothing that the platform may still change is waited for
	Unverified State = "unverified" // published, without a count to compare with
	Incomplete State = "incomplete" // rows are missing and no way is left to get them
)

// Closed says whether a backfill leaves the window alone.
func (s State) Closed() bool { return s == Settled }

// Whole says whether every row of the window is in Kafka, as far as is known.
func (s State) Whole() bool {
	switch s {
	case Published, Reconciled, Settled, Unverified:
		return true
	}
	return false
}

// Position is a place in a job's result: behind it nothing is committed yet.
type Position struct {
	Token string `json:"token,omitempty"` // page token, verbatim; "" is the first page
	Page  int    `json:"page"`            // pages before this one
	Row   int    `json:"row"`             // rows before this one in the page
}

// Counters account for the rows of a window: Fetched = Published + Duplicates + Invalid.
type Counters struct {
	Fetched    int64 `json:"fetched"`
	Published  int64 `json:"published"` // new rows and revisions
	Duplicates int64 `json:"duplicates"`
	Revisions  int64 `json:"revisions"` // part of Published
	Invalid    int64 `json:"invalid"`   // dead letters that were not redriven

	// Redriven counts dead letters that dlq redrive has done with: their rows count as Published,
	// or as Duplicates where they were there already. The topic of dead letters holds Invalid +
	// Redriven of the window.
	Redriven int64 `json:"redriven,omitempty"`
}

// Balanced says whether every fetched row is accounted for.
func (c Counters) Balanced() bool { return c.Fetched == c.Published+c.Duplicates+c.Invalid }

// Add returns the sum of both.
func (c Counters) Add(o Counters) Counters {
	return Counters{
		Fetched:    c.Fetched + o.Fetched,
		Published:  c.Published + o.Published,
		Duplicates: c.Duplicates + o.Duplicates,
		Revisions:  c.Revisions + o.Revisions,
		Invalid:    c.Invalid + o.Invalid,
		Redriven:   c.Redriven + o.Redriven,
	}
}

// Less returns what c has more than o.
func (c Counters) Less(o Counters) Counters {
	return c.Add(Counters{-o.Fetched, -o.Published, -o.Duplicates, -o.Revisions, -o.Invalid, -o.Redriven})
}

// RouteCounters account for what a derived route made of the rows that the primary route
// published: published by the primary = Published + Filtered + Invalid.
type RouteCounters struct {
	Published int64 `json:"published"`
	Filtered  int64 `json:"filtered"` // the route's filter does not let them through
	Invalid   int64 `json:"invalid"`  // dead letters of the route that were not redriven

	// Redriven counts dead letters of the route that dlq redrive has done with: they count as
	// Published, or as Filtered where the route takes them no more.
	Redriven int64 `json:"redriven,omitempty"`
}

// Total is the number of rows that the route has met.
func (c RouteCounters) Total() int64 { return c.Published + c.Filtered + c.Invalid }

// Add returns the sum of both.
func (c RouteCounters) Add(o RouteCounters) RouteCounters {
	return RouteCounters{c.Published + o.Published, c.Filtered + o.Filtered, c.Invalid + o.Invalid, c.Redriven + o.Redriven}
}

// Redriving stands in Range.Attempt of what was written by redrives of dead letters.
const Redriving = 0

// Range is an inclusive range of offsets in one partition, written during one attempt at a
// window.
type Range struct {
	Topic     string `json:"topic"`
	Route     string `json:"route,omitempty"` // the derived route whose topic it is
	Partition int32  `json:"partition"`
	Attempt   int    `json:"attempt"` // or Redriving
	First     int64  `json:"first"`
	Last      int64  `json:"last"`
}

// Checkpoint is what the ledger knows of a window: one compacted JSON record, committed in
// the same transaction as the rows it speaks of.
type Checkpoint struct {
	Version  int    `json:"version"`
	Pipeline string `json:"pipeline"`
	Org      string `json:"org"`
	Window   Window `json:"window"`
	Run      string `json:"run"` // the process that wrote it
	Seq      uint64 `json:"seq"` // grows with every commit of the pipeline

	State   State    `json:"state"`
	Attempt int      `json:"attempt"`            // jobs submitted for this window
	Parent  *Window  `json:"parent,omitempty"`   // the window that this one was cut from
	Origin  *Window  `json:"root,omitempty"`     // the first of its parents
	Nested  []Window `json:"children,omitempty"` // what a narrowed window was cut into

	Dialect  string   `json:"dialect"`
	Query    string   `json:"query"` // hash of the submit payload
	Job      Job      `json:"job"`
	Position Position `json:"position"`
	PageEnd  *Key     `json:"page_end,omitempty"` // of the last row of the page before, which this one may repeat

	Counters Counters `json:"counters"`
	MinTime  *int64   `json:"min_time,omitempty"` // of the present job's rows, epoch ms
	MaxTime  *int64   `json:"max_time,omitempty"`
	MinEnd   *int64   `json:"min_end,omitempty"`  // the earliest end of them, where rows have one
	Held     *int64   `json:"held,omitempty"`     // distinct rows and dead letters of the window in Kafka
	Expected *int64   `json:"expected,omitempty"` // the platform's count of them
	Counted  *Window  `json:"counted,omitempty"`  // what both speak of, where it is not the window

	// Routes are the counters of the derived routes by name. A route that was added later counts
	// from then on.
	Routes map[string]RouteCounters `json:"routes,omitempty"`

	// Refused counts the window's dead letters by route and reason.
	Refused []Refused `json:"refused,omitempty"`

	// Drift is what the rows of the present job have of each deviation, of MaxDrift unknown keys at
	// the most; DriftMore counts unknown keys of rows that found no place in it.
	Drift     []Drift `json:"drift,omitempty"`
	DriftMore int64   `json:"drift_more,omitempty"`

	// StoredMin and StoredMax bound the times under which the rows and dead letters of the
	// window are remembered. A row of a wild date that became a dead letter is not in them.
	StoredMin *int64 `json:"stored_min,omitempty"`
	StoredMax *int64 `json:"stored_max,omitempty"`

	// JobRows counts the rows of the present job, but for the one that a page repeats from the
	// page before. DeadInside counts its dead letters that the platform's count of the window
	// includes, as far as their timestamps tell, and DeadOnBounds those of them that lie on the
	// window's first or last millisecond.
	JobRows      int64 `json:"job_rows,omitempty"`
	DeadInside   int64 `json:"dead_inside,omitempty"`
	DeadOnBounds int64 `json:"dead_on_bounds,omitempty"`

	// Ranges hold every record published for the window, over all attempts. They may hold
	// records of other windows too.
	Ranges []Range `json:"ranges,omitempty"`

	// Available is the platform's watermark when the present job was submitted, epoch ms.
	Available int64 `json:"available,omitempty"`
	// Vanished counts rows in Kafka that the last reading of the window no longer found.
	Vanished int64 `json:"vanished,omitempty"`

	LastError string `json:"last_error,omitempty"`
	Updated   int64  `json:"updated"` // epoch ms
}

// Root is the window that this one was narrowed from, or the window itself.
func (c *Checkpoint) Root() Window {
	if c.Origin != nil {
		return *c.Origin
	}
	return c.Window
}

// Span is the stretch of time that Held and Expected speak of.
func (c *Checkpoint) Span() Window {
	if c.Counted != nil {
		return *c.Counted
	}
	return c.Window
}

// Clone returns a copy that shares nothing with c.
func (c *Checkpoint) Clone() Checkpoint {
	d := *c
	d.Nested = slices.Clone(c.Nested)
	d.Ranges = slices.Clone(c.Ranges)
	d.Routes = maps.Clone(c.Routes)
	d.Drift = slices.Clone(c.Drift)
	d.Refused = slices.Clone(c.Refused)
	return d
}

// Saw widens MinTime, MaxTime and MinEnd to hold those of a row that was fetched.
func (c *Checkpoint) Saw(r *Row) {
	if r.HasTime {
		c.MinTime, c.MaxTime = widen(c.MinTime, c.MaxTime, r.Time)
	}
	if r.HasEnd {
		c.MinEnd, _ = widen(c.MinEnd, c.MinEnd, r.End)
	}
}

// Stored widens StoredMin and StoredMax to hold the instant under which a row or a dead
// letter is remembered.
func (c *Checkpoint) Stored(ms int64) { c.StoredMin, c.StoredMax = widen(c.StoredMin, c.StoredMax, ms) }

// widen returns new pointers, so that checkpoints copied earlier keep what they said.
func widen(lo, hi *int64, ms int64) (*int64, *int64) {
	if lo == nil || ms < *lo {
		lo = &ms
	}
	if hi == nil || ms > *hi {
		hi = &ms
	}
	return lo, hi
}
