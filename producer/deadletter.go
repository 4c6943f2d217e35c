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
	RootHeader     = "cs-root"     // of a dead letter of a narrowed window: the window it was narrowed from
	ReasonHeader   = "cs-reason"   // one of conv's reasons
	PathHeader     = "cs-path"     // where in the row
	ExpectedHeader = "cs-expected" // what the contract or the broker takes
	FoundHeader    = "cs-found"    // a type or a size
	JobHeader      = "cs-job"      // job id
	PageHeader     = "cs-page"     // pages before this one
	RowHeader      = "cs-row"      // rows before this one in the page
	LengthHeader   = "cs-length"   // bytes of the row as it came
	DigestHeader   = "cs-sha256"   // of the row as it came, in hex
	EncodingHeader = "cs-encoding" // "gzip", or "head" where the value is the row's first bytes only
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
	value, encoding := fit(d.Raw, d.Length, p.cluster.limits.MaxBytes-deadHeaders-len(key))
	add(ReasonHeader, d.Reason)
	add(PathHeader, d.Path)
	add(ExpectedHeader, d.Expected)
	add(FoundHeader, d.Found)
	add(WindowHeader, p.cfg.windowKey(cp.Window))
	if cp.Parent != nil {
		add(RootHeader, p.cfg.windowKey(cp.Root()))
	}
	add(JobHeader, d.Job)
	add(PageHeader, strconv.Itoa(d.Page))
	add(RowHeader, strconv.Itoa(d.Row))
	add(LengthHeader, strconv.FormatInt(d.Length, 10))
	add(DigestHeader, hex.EncodeToString(d.Digest[:]))
	add(EncodingHeader, encoding)
	if d.Mark != nil {
		headers = append(headers, kgo.RecordHeader{Key: conv.MarkHeader, Value: d.Mark.Append(nil)})
	}
	return &kgo.Record{Topic: p.cfg.Topics.DeadLetters, Key: key, Value: value, Headers: headers, Timestamp: now}
}

// fit makes a row's bytes fit into limit: as they are, compressed, or their head.
func fit(raw []byte, length int64, limit int) (value []byte, encoding string) {
	whole := int64(len(raw)) == length
	if whole && len(raw) <= limit {
		return raw, ""
	}
	if whole {
		if packed := pack(raw); len(packed) <= limit {
			return packed, "gzip"
		}
	}
	return raw[:max(0, min(len(raw), deadHead, limit))], "head"
}

func pack(raw []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
