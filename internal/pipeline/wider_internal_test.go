package pipeline

import (
	"testing"

	"convstream/internal/conv"
)

// content is a contract whose fingerprint is a number, and whose value is 100 bytes.
type content uint64

func (c content) Encode(dst []byte, _ uint32, _ *conv.Row, _ *[]conv.Deviation) ([]byte, conv.Facts) {
	return append(dst, make([]byte, 100)...), conv.Facts{Fingerprint: uint64(c)}
}

func TestARowThatDiffersInWhatOnlyAWiderRouteReadsIsARevision(t *testing.T) {
	fingerprint := func(wider bool, said content) uint64 {
		b := &conv.Batch{Buf: []byte("before")}
		p := &Pipeline{cfg: Config{Routes: []Route{{Name: "narrow", Contract: said}, {Name: "wide", Contract: said, Wider: wider}}}}
		r := &worker{epoch: &epoch{Pipeline: p}}
		got := r.widened(7, b, &conv.Row{})
		if string(b.Buf) != "before" {
			t.Errorf("the batch holds %q, and nothing of the row is published yet", b.Buf)
		}
		return got
	}
	if got := fingerprint(false, 1); got != 7 {
		t.Errorf("without a wider route the fingerprint is %d, want the primary's 7", got)
	}
	one, two := fingerprint(true, 1), fingerprint(true, 2)
	if one == two || one == 7 {
		t.Errorf("contents 1 and 2 of a wider route have the fingerprints %d and %d, want two that differ", one, two)
	}
	if again := fingerprint(true, 1); again != one {
		t.Errorf("the same content has the fingerprints %d and %d", one, again)
	}
}
