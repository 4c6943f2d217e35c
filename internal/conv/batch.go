package conv

// Record is one row of a batch, ready for Kafka.
type Record struct {
	key, value [2]uint32 // first byte and one past the last, in Batch.Buf
	Time       int64     // record timestamp, epoch ms
	Mark       Mark
	Origin     *Origin // nil where a job brought the row
}

// RouteRecord is the record of a derived route, made of a row that stands in the same batch.
type RouteRecord struct {
	Record
	Route string // its name
}

// DeadLetter is a row that must not reach the row topic, or that of a derived route, with the
// reason why.
type DeadLetter struct {
	Route    string // the derived route that it must not reach; "": the row topic
	Raw      []byte // the row's bytes as they came, or their head; where Redacted, without private values
	Redacted bool   // the bytes are not as they came
	Withheld bool   // the row may hold private values that could not be found: Raw is empty
	Digest   Digest // of the whole row
	Length   int64  // of the whole row
	Key      []byte // conversation id, nil where the row has none
	Mark     *Mark  // nil where the row has no key
	Reason   string
	Path     string // where in the row
	Expected string
	Found    string
	Job      string
	Page     int
	Row      int     // index in its page
	Origin   *Origin // nil where a job brought the row
}

// Event is one entry of the events topic, and one call of a hook.
type Event struct {
	Kind     string         `json:"kind"`               // checkpoint, claim, partial, boundary, invalid, reconcile, drift, job
	Severity string         `json:"severity,omitempty"` // "alert" where a person has to look
	Time     int64          `json:"time"`               // epoch ms
	Pipeline string         `json:"pipeline"`
	Org      string         `json:"org"`
	Window   *Window        `json:"window,omitempty"`
	Detail   map[string]any `json:"detail,omitempty"`
}

// Batch is what one Kafka transaction holds. It has one fate: all of it is committed, with
// its checkpoint, or none.
type Batch struct {
	ID         uint64     // names the batch to the dedupe history
	Checkpoint Checkpoint // the window as it stands once the batch is committed
	Buf        []byte     // keys and values of Records and Derived
	Records    []Record
	Derived    []RouteRecord
	Dead       []DeadLetter
	Events     []Event
	deadBytes  int

	// A batch of redriven dead letters speaks of several windows.
	Others   []Checkpoint // beside Checkpoint
	Origin   *Origin      // of the rows and dead letters that are added from now on
	Redriven []LetterID   // what is done with: published again, or there otherwise
}

// recordOverhead is what a record weighs beside key and value: headers, framing, and its
// entry in Records.
const recordOverhead = 150

// Add appends a record whose key and value stand in b.Buf at [start, mid) and
// [mid, len(b.Buf)).
func (b *Batch) Add(start, mid int, time int64, m Mark) {
	b.Records = append(b.Records, b.record(start, mid, time, m))
}

// Derive appends a record of a derived route, whose value and key stand in b.Buf at
// [start, mid) and [mid, len(b.Buf)).
func (b *Batch) Derive(route string, start, mid int, time int64, m Mark) {
	r := b.record(start, mid, time, m)
	r.key, r.value = r.value, r.key
	b.Derived = append(b.Derived, RouteRecord{Record: r, Route: route})
}

func (b *Batch) record(start, mid int, time int64, m Mark) Record {
	return Record{
		key:   [2]uint32{uint32(start), uint32(mid)},
		value: [2]uint32{uint32(mid), uint32(len(b.Buf))},
		Time:  time,
		Mark:  m,

		Origin: b.Origin,
	}
}

// AddDead appends a dead letter.
func (b *Batch) AddDead(d DeadLetter) {
	d.Origin = b.Origin
	b.Dead = append(b.Dead, d)
	b.deadBytes += len(d.Raw)
}

// Key is the record key of r, a record of this batch.
func (b *Batch) Key(r *Record) []byte { return b.Buf[r.key[0]:r.key[1]:r.key[1]] }

// Value is the record value of r, a record of this batch.
func (b *Batch) Value(r *Record) []byte { return b.Buf[r.value[0]:r.value[1]:r.value[1]] }

// Size is the batch's weight in bytes, as commit.bytes bounds it.
func (b *Batch) Size() int {
	return len(b.Buf) + b.deadBytes + recordOverhead*(len(b.Records)+len(b.Derived)+len(b.Dead))
}

// Empty says whether the batch holds nothing but its checkpoint.
func (b *Batch) Empty() bool { return len(b.Records)+len(b.Derived)+len(b.Dead)+len(b.Events) == 0 }
