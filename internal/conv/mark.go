package conv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// MarkHeader is the record header that carries a row's mark.
const MarkHeader = "cs-mark"

const (
	markVersion = 1
	markSize    = 1 + 8 + 8 + 8 + 4
)

// Mark says which row a record holds and what it said. Together with the record's key (the
// conversation id) it is all that the dedupe history needs, so that the history is rebuilt
// from the topic without decoding a value.
type Mark struct {
	Identity    uint64 // hash of the row's own id; 0 where the contract marks none
	Fingerprint uint64 // hash of the row's content
	Time        int64  // event time, epoch ms
	Observation uint32 // when the row's job was submitted, epoch seconds
}

// Append writes the mark as the value of its header: the version byte 1, then identity,
// fingerprint, time and observation, big-endian.
func (m Mark) Append(dst []byte) []byte {
	dst = append(dst, markVersion)
	dst = binary.BigEndian.AppendUint64(dst, m.Identity)
	dst = binary.BigEndian.AppendUint64(dst, m.Fingerprint)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Time))
	return binary.BigEndian.AppendUint32(dst, m.Observation)
}

// ParseMark reads a header's value.
func ParseMark(b []byte) (Mark, error) {
	if len(b) != markSize || b[0] != markVersion {
		return Mark{}, fmt.Errorf("%s: %d bytes %.32x are no mark of version %d", MarkHeader, len(b), b, markVersion)
	}
	return Mark{
		Identity:    binary.BigEndian.Uint64(b[1:]),
		Fingerprint: binary.BigEndian.Uint64(b[9:]),
		Time:        int64(binary.BigEndian.Uint64(b[17:])),
		Observation: binary.BigEndian.Uint32(b[25:]),
	}, nil
}

// Key is the 128-bit dedupe key. As text it is in hexadecimal.
type Key [16]byte

// MarshalText writes the key for JSON.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(b []byte) error {
	if n, err := hex.Decode(k[:], b); err != nil || n != len(k) {
		return fmt.Errorf("%q is no dedupe key", b)
	}
	return nil
}

// RowKey is the dedupe key of a row: the first 16 bytes of SHA-256 over the organisation
// and the conversation id, each behind its length as a 32-bit big-endian number, then the
// mark's identity and time as 64-bit big-endian numbers.
func RowKey(org string, conversationID []byte, m Mark) Key {
	var scratch [256]byte
	b := appendSized(scratch[:0], org)
	b = appendSized(b, conversationID)
	b = binary.BigEndian.AppendUint64(b, m.Identity)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Time))
	sum := sha256.Sum256(b)
	return Key(sum[:16])
}

// DeadKey is the key under which a dead letter is remembered: the same bytes under the same
// root window are one dead letter.
func DeadKey(org string, root Window, digest Digest) Key {
	var scratch [256]byte
	b := append(scratch[:0], "dead"...)
	b = appendSized(b, org)
	b = binary.BigEndian.AppendUint64(b, uint64(root.From))
	b = binary.BigEndian.AppendUint64(b, uint64(root.To))
	b = append(b, digest[:]...)
	sum := sha256.Sum256(b)
	return Key(sum[:16])
}

// Digest is the SHA-256 of a row's bytes as they came.
type Digest [32]byte

// Hash64 is the first eight bytes of SHA-256, the hash that a mark's identity and
// fingerprint are made with.
func Hash64(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

func appendSized[T string | []byte](dst []byte, s T) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}
