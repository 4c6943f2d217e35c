package dedupe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"sort"

	"github.com/bits-and-blooms/bloom/v3"

	"convstream/internal/conv"
)

// A segment file holds the sealed records of one bucket, sorted by key and fingerprint. All
// numbers are big-endian.
//
//	blocks   4096 bytes each: 127 records of 32 bytes (the last block may have fewer, and
//	         zeros behind them), 28 zero bytes, CRC-32C of the 4092 bytes before it
//	index    the first key of each block, 16 bytes
//	filter   the Bloom filter over all keys, as bloom.BloomFilter.WriteTo writes it
//	footer   64 bytes, see footer
//
// Every byte is checked before it is believed: index and filter when the segment is opened,
// a block whenever it is read.
const (
	blockSize       = 4096
	recordSize      = 32
	recordsPerBlock = (blockSize - crc32.Size) / recordSize
	footerSize      = 64

	segmentMagic   = "cs-dedup"
	segmentVersion = 1
	segmentBytes   = 512 // what an open segment weighs beside index and filter
)

// errDamaged says that a segment cannot be read, or is not what was written. The bucket has
// to be loaded again.
var errDamaged = errors.New("segment is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// footer is the end of a segment file.
type footer struct {
	identity uint64 // hash of the history's identity
	hour     int64
	records  uint64
	tail     uint64 // bytes of index and filter
	tailCRC  uint32
}

func (f footer) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.BigEndian.AppendUint32(dst, segmentVersion)
	dst = binary.BigEndian.AppendUint64(dst, f.identity)
	dst = binary.BigEndian.AppendUint64(dst, uint64(f.hour))
	dst = binary.BigEndian.AppendUint64(dst, f.records)
	dst = binary.BigEndian.AppendUint64(dst, f.tail)
	dst = binary.BigEndian.AppendUint32(dst, f.tailCRC)
	dst = append(dst, make([]byte, start+footerSize-crc32.Size-len(dst))...)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseFooter believes b only if append would write it again.
func parseFooter(b []byte) (footer, bool) {
	f := footer{
		identity: binary.BigEndian.Uint64(b[12:]),
		hour:     int64(binary.BigEndian.Uint64(b[20:])),
		records:  binary.BigEndian.Uint64(b[28:]),
		tail:     binary.BigEndian.Uint64(b[36:]),
		tailCRC:  binary.BigEndian.Uint32(b[44:]),
	}
	return f, bytes.Equal(b, f.append(nil))
}

func appendRecord(dst []byte, r record) []byte {
	dst = append(dst, r.key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, r.fingerprint)
	dst = binary.BigEndian.AppendUint32(dst, r.observation)
	return binary.BigEndian.AppendUint32(dst, r.place)
}

func parseRecord(b []byte) record {
	return record{conv.Key(b[:16]), content{
		fingerprint: binary.BigEndian.Uint64(b[16:]),
		observation: binary.BigEndian.Uint32(b[24:]),
		place:       binary.BigEndian.Uint32(b[28:]),
	}}
}

// segment is an open segment file.
type segment struct {
	file    File
	records int
	index   []conv.Key
	filter  *bloom.BloomFilter
	block   []byte // the block that was read last
}

// openSegment opens the file and checks all of it but the blocks. It closes the file if it
// fails, and every failure is errDamaged.
func openSegment(file File, identity uint64, hour int64) (_ *segment, err error) {
	defer func() {
		if err != nil {
			_ = file.Close() // it was only read
		}
	}()
	size := file.Size()
	if size < footerSize {
		return nil, fmt.Errorf("%w: %d bytes are no segment", errDamaged, size)
	}
	last, err := readAt(file, size-footerSize, footerSize)
	if err != nil {
		return nil, err
	}
	f, ok := parseFooter(last)
	blocks := blocksFor(f.records)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: its footer is not one of version %d", errDamaged, segmentVersion)
	case f.identity != identity || f.hour != hour:
		return nil, fmt.Errorf("%w: it belongs to another history or bucket", errDamaged)
	case uint64(size) != blocks*blockSize+f.tail+footerSize || f.tail < blocks*16:
		return nil, fmt.Errorf("%w: %d bytes do not hold %d records", errDamaged, size, f.records)
	}
	tail, err := readAt(file, size-footerSize-int64(f.tail), int(f.tail))
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(tail, castagnoli) != f.tailCRC {
		return nil, fmt.Errorf("%w: checksum of index and filter", errDamaged)
	}
	s := &segment{file: file, records: int(f.records), index: make([]conv.Key, blocks), block: make([]byte, blockSize)}
	for i := range s.index {
		s.index[i] = conv.Key(tail[16*i:])
	}
	s.filter = new(bloom.BloomFilter)
	if _, err := s.filter.ReadFrom(bytes.NewReader(tail[16*blocks:])); err != nil {
		return nil, fmt.Errorf("%w: read filter: %w", errDamaged, err)
	}
	return s, nil
}

func blocksFor(records uint64) uint64 { return (records + recordsPerBlock - 1) / recordsPerBlock }

func readAt(file File, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if n, err := file.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return b, nil
}

// bytes is what the open segment weighs.
func (s *segment) bytes() int {
	if s == nil {
		return 0
	}
	return segmentBytes + blockSize + 16*len(s.index) + int(s.filter.Cap()/8)
}

// see shows st what the segment holds of the key of r.
func (s *segment) see(r record, st *standing) error {
	if !s.filter.Test(r.key[:]) {
		return nil
	}
	// The contents of one key may go on over the edge of a block: the first of them stands
	// in the last block that begins with a smaller key, or begins the block behind it.
	i := sort.Search(len(s.index), func(i int) bool { return bytes.Compare(s.index[i][:], r.key[:]) >= 0 })
	for i = max(i-1, 0); i < len(s.index) && bytes.Compare(s.index[i][:], r.key[:]) <= 0; i++ {
		records, err := s.read(i)
		if err != nil {
			return err
		}
		n := len(records) / recordSize
		j := sort.Search(n, func(j int) bool { return bytes.Compare(records[j*recordSize:][:16], r.key[:]) >= 0 })
		for ; j < n; j++ {
			found := parseRecord(records[j*recordSize:])
			if found.key != r.key {
				break
			}
			st.see(found.observation, found.fingerprint == r.fingerprint)
		}
	}
	return nil
}

// read returns the records of block i, valid until the next read.
func (s *segment) read(i int) ([]byte, error) {
	if n, err := s.file.ReadAt(s.block, int64(i)*blockSize); n < blockSize {
		return nil, fmt.Errorf("%w: read block %d: %w", errDamaged, i, err)
	}
	sum := binary.BigEndian.Uint32(s.block[blockSize-crc32.Size:])
	if crc32.Checksum(s.block[:blockSize-crc32.Size], castagnoli) != sum || !bytes.Equal(s.block[:16], s.index[i][:]) {
		return nil, fmt.Errorf("%w: checksum of block %d", errDamaged, i)
	}
	n := min(recordsPerBlock, s.records-i*recordsPerBlock)
	return s.block[:n*recordSize], nil
}

// all yields every record in order. A nil segment has none.
func (s *segment) all() iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		if s == nil {
			return
		}
		for i := range s.index {
			records, err := s.read(i)
			if err != nil {
				yield(record{}, err)
				return
			}
			for b := range slices.Chunk(records, recordSize) {
				if !yield(parseRecord(b), nil) {
					return
				}
			}
		}
	}
}
