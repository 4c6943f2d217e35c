package conv

// DriftKind is a way in which a row departs from its contract without being a dead letter for it.
type DriftKind string

// The kinds of drift.
const (
	DriftMissing DriftKind = "missing"      // a contracted key is absent
	DriftUnknown DriftKind = "unknown"      // a key is in no contract
	DriftRetyped DriftKind = "retyped"      // a value has another JSON type than the contract's
	DriftZone    DriftKind = "zone_missing" // a timestamp names no zone; it is taken as UTC
)

// MaxDrift bounds how many unknown keys a checkpoint keeps. How many deviations of the other
// kinds there can be, the contracts bound.
const MaxDrift = 100

// Deviation is one departure of one row. Its texts are shared, and hold no values: values may
// be personal.
type Deviation struct {
	Kind     DriftKind `json:"kind"`
	Field    string    `json:"field"` // path of sources, without indexes: participants.sessions.ani
	Expected string    `json:"expected"`
	Found    string    `json:"found"`
	Route    string    `json:"route,omitempty"` // the derived route whose contract alone reads the field
}

// Drift is what a window's rows have of one deviation: kind, field and route are its key, the
// rest is of the first sighting, by the last job that brought it.
type Drift struct {
	Deviation
	Count int64  `json:"count"` // rows of the present job that have it, 0 where only an earlier one had
	Job   string `json:"job"`
	Page  int    `json:"page"`
	Row   int    `json:"row"`            // index in its page
	Told  bool   `json:"told,omitempty"` // the events topic has it
}
