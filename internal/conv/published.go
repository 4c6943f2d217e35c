package conv

import "strconv"

// Stored is a row or a dead letter as it is read back from Kafka: what the dedupe history
// needs of it.
type Stored struct {
	Key         Key
	Time        int64 // event time of a row; start of the root window of a dead letter
	Fingerprint uint64
	Observation uint32
	Dead        bool

	Conversation []byte // id; only until the next one is read
	Letter       *Mark  // of a dead letter's row; nil where that has no key
}

// Routed is a record of a derived route, or a dead letter of one, as it is read back from Kafka.
type Routed struct {
	Route string
	Key   []byte // of the record; of a dead letter, the conversation id. Only until the next one is read
	Mark  Mark
	Dead  bool
}

// Limits is what the broker takes in the row topic.
type Limits struct {
	MaxBytes int   // largest record: key, value and headers
	Before   int64 // milliseconds before now that a record's timestamp may lie
	After    int64 // milliseconds after now
	Ingest   bool  // records carry the time of their commit, not the event's
}

// Refuses says why the broker would refuse a row's record, or nil. A refused record would
// fail its whole transaction, again and again.
func (l Limits) Refuses(now, eventTime int64, keyValueBytes int) *Reject {
	if size := keyValueBytes + recordOverhead; size > l.MaxBytes {
		return &Reject{Reason: ReasonTooLarge, Path: "$", Expected: sizeText(l.MaxBytes), Found: sizeText(size)}
	}
	switch {
	case l.Ingest:
		return nil
	case eventTime-now > l.After:
		return &Reject{Reason: ReasonTimestamp, Path: "$", Expected: "at most " + msText(l.After) + " ahead of the clock", Found: "later"}
	case eventTime < 0 || now-eventTime > l.Before:
		return &Reject{Reason: ReasonTimestamp, Path: "$", Expected: "at most " + msText(l.Before) + " behind the clock and not before 1970", Found: "earlier"}
	}
	return nil
}

func sizeText(n int) string { return strconv.Itoa(n) + " bytes" }

func msText(ms int64) string { return strconv.FormatInt(ms, 10) + " ms" }
