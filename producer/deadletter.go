package producer

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
)

// The headers of rows and dead letters, beside conv.MarkHeader.
const (
	WindowHeader   = "cs-window"   // ledger key of the window that brought it: pipeline/org/from/to
	RouteHeader    = "cs-route"    // of a dead letter of a derived route: the route's name
	RootHeader     = "cs-root"     // of a dead letter of a narrowed window: the window it was narrowed from
	ReasonHeader   = "cs-reason"   // one of conv's reasons
	PathHeader     = "cs-path"     // where in the row
	ExpectedHeader = "cs-expected" // what the contract or the broker takes
	FoundHeader    = "cs-found"    // a type or a size
	JobHeader      = "cs-job"      // job id
	PageHeader     = "cs-page"     // pages before this one
	RowHeader      = "cs-row"      // rows before this one in the page
	LengthHeader   = "cs-length"   // bytes of the row as it came, or as it was redacted
	DigestHeader   = "cs-sha256"   // of the row as it came, or as it was redacted, in hex
	EncodingHeader = "cs-encoding" // EncodingGzip, EncodingHead or EncodingWithheld
	RedactedHeader = "cs-redacted" // "true" where private values in the row's bytes were replaced

	ObservationHeader = "cs-observation" // of a dead letter without cs-mark: what the mark would say of its job
	RedrivenHeader    = "cs-redriven"    // of what was redriven: "partition/offset" of its dead letter
)

// What cs-encoding says of the value of a dead letter. Without the header it is the row's bytes.
const (
	EncodingGzip     = "gzip"     // the row's bytes, compressed
	EncodingHead     = "head"     // the row's first bytes only
	EncodingWithheld = "withheld" // nothing: the row may hold private values that could not be found
)

const (
	deadHead    = 64 << 10 // how much is kept of a row that does not fit even compressed
	deadHeaders = 4 << 10  // room for the headers of a dead letter
	longestKey  = 1 << 10  // a longer conversation id is none, and no record key
)

// deadRecord is the record of a dead letter. Its timestamp is now: the row's own may be the
// very reason why it is here.
func (p *Producer) deadRecord(d *conv.DeadLetter, cp conv.Checkpoint, now time.Time) *kgo.Record {
	var headers []kgo.RecordHeader
	add := func(key, value string) {
		if value != "" {
			headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
		}
	}
	key := d.Key
	if len(key) > longestKey {
		key = nil // the row's bytes have it
	}
	value, encoding := fit(d, p.cluster.limits.MaxBytes-deadHeaders-len(key))
	add(RouteHeader, d.Route)
	add(ReasonHeader, d.Reason)
	add(PathHeader, d.Path)
	add(ExpectedHeader, d.Expected)
	add(FoundHeader, d.Found)
	window, root := cp.Window, cp.Root()
	if d.Origin != nil {
		window, root = d.Origin.Window, d.Origin.Root
		add(RedrivenHeader, d.Origin.Letter.String())
	}
	add(WindowHeader, p.cfg.windowKey(window))
	if root != window {
		add(RootHeader, p.cfg.windowKey(root))
	}
	add(JobHeader, d.Job)
	add(PageHeader, strconv.Itoa(d.Page))
	add(RowHeader, strconv.Itoa(d.Row))
	add(LengthHeader, strconv.FormatInt(d.Length, 10))
	add(DigestHeader, hex.EncodeToString(d.Digest[:]))
	add(EncodingHeader, encoding)
	if d.Redacted {
		add(RedactedHeader, "true")
	}
	if d.Mark == nil {
		add(ObservationHeader, strconv.FormatUint(uint64(cp.Job.Observation), 10))
	} else {
		headers = append(headers, kgo.RecordHeader{Key: conv.MarkHeader, Value: d.Mark.Append(nil)})
	}
	return &kgo.Record{Topic: p.cfg.Topics.DeadLetters, Key: key, Value: value, Headers: headers, Timestamp: now}
}

// fit makes a row's bytes fit into limit: as they are, compressed, or their head.
func fit(d *conv.DeadLetter, limit int) (value []byte, encoding string) {
	if d.Withheld {
		return []byte{}, EncodingWithheld
	}
	// Redacted bytes are never a head: what is redacted was read whole.
	whole := d.Redacted || int64(len(d.Raw)) == d.Length
	if whole && len(d.Raw) <= limit {
		return d.Raw, ""
	}
	if whole {
		if packed := pack(d.Raw); len(packed) <= limit {
			return packed, EncodingGzip
		}
	}
	return d.Raw[:max(0, min(len(d.Raw), deadHead, limit))], EncodingHead
}

func pack(raw []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
