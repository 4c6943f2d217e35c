package conv

// Record is one row of a batch, ready for Kafka.
type Record struct {
	key, value [2]uint32 // first byte and one past the last, in Batch.Buf
	Time       int64     // record timestamp, epoch ms
	Mark       Mark
}

// DeadLetter is a row that must not reach the row topic, with the reason why.
type DeadLetter struct {
	Raw      []byte // the row's bytes as they came, or their head
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
	Row      int // index in its page
}

// Event is one entry of the events topic, and one call of a hook.
type Event struct {
	Kind     string         `json:"kind"`               // checkpoint, claim, partial, boundary, reconcile, drift, job
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
	Buf        []byte     // keys and values of Records
	Records    []Record
	Dead       []DeadLetter
	Events     []Event
	deadBytes  int
}

// recordOverhead is what a record weighs beside key and value: headers, framing, and its
// entry in Records.
const recordOverhead = 150

// Add appends a record whose key and value stand in b.Buf at [start, mid) and
// [mid, len(b.Buf)).
func (b *Batch) Add(start, mid int, time int64, m Mark) {
	b.Records = append(b.Records, Record{
		key:   [2]uint32{uint32(start), uint32(mid)},
		value: [2]uint32{uint32(mid), uint32(len(b.Buf))},
		Time:  time,
		Mark:  m,
	})
}

// AddDead appends a dead letter.
func (b *Batch) AddDead(d DeadLetter) {
	b.Dead = append(b.Dead, d)
	b.deadBytes += len(d.Raw)
}

// Key is the record key of r, a record of this batch.
func (b *Batch) Key(r *Record) []byte { return b.Buf[r.key[0]:r.key[1]:r.key[1]] }

// Value is the record value of r, a record of this batch.
func (b *Batch) Value(r *Record) []byte { return b.Buf[r.value[0]:r.value[1]:r.value[1]] }

// Size is the batch's weight in bytes, as commit.bytes bounds it.
func (b *Batch) Size() int {
	return len(b.Buf) + b.deadBytes + recordOverhead*(len(b.Records)+len(b.Dead))
}

// Empty says whether the batch holds nothing but its checkpoint.
func (b *Batch) Empty() bool { return len(b.Records)+len(b.Dead)+len(b.Events) == 0 }
