package conv

// Facts is what a contract found in a row while it encoded it.
type Facts struct {
	Identity    uint64  // Hash64 of the row's own id, 0 where the contract marks none
	Fingerprint uint64  // hash of the row's content, not of its spelling
	Reject      *Reject // why the row breaks the contract; nil where it keeps it
}

// Reject says why a row is a dead letter.
type Reject struct {
	Reason   string // one of the Reason constants
	Path     string // source path, or JSON path
	Expected string
	Found    string // a type or a size, never a value: values may be personal
}

// Why rows become dead letters.
const (
	ReasonNotAnObject = "not_an_object"     // the row is no JSON object
	ReasonNoKey       = "no_key"            // conversation id or timestamp missing or unreadable
	ReasonMissing     = "missing_field"     // a required field is absent or null
	ReasonType        = "wrong_type"        // a value fits its field in no lossless way
	ReasonJSONSchema  = "json_schema"       // the user's own JSON Schema refuses the row
	ReasonRoute       = "route_failed"      // a route's filter or key cannot be computed for the row
	ReasonTooLarge    = "too_large"         // the record would exceed the topic's limit
	ReasonTimestamp   = "timestamp_refused" // the broker would refuse the record's timestamp
)
