package dedupe

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bits-and-blooms/bloom/v3"

	"convstream/internal/conv"
)

// segmentWriter writes a segment file from front to back. It keeps index and filter in
// memory, and of the records one block.
type segmentWriter struct {
	w      *bufio.Writer
	footer footer
	index  []conv.Key
	filter *bloom.BloomFilter
	block  []byte
}

// newSegmentWriter writes to w. At most atMost records follow; of keys that are not among
// them the filter will let a share of falseHits pass.
func newSegmentWriter(w io.Writer, identity uint64, hour int64, atMost int, falseHits float64) *segmentWriter {
	return &segmentWriter{
		w:      bufio.NewWriterSize(w, 16*blockSize),
		footer: footer{identity: identity, hour: hour},
		filter: bloom.NewWithEstimates(uint(atMost), falseHits),
		block:  make([]byte, 0, blockSize),
	}
}

// add appends a record; they come in the order of compareRecords. An error of the writer
// below is kept for finish.
func (w *segmentWriter) add(r record) {
	if len(w.block) == 0 {
		w.index = append(w.index, r.key)
	}
	w.block = appendRecord(w.block, r)
	w.filter.Add(r.key[:])
	w.footer.records++
	if len(w.block) == recordsPerBlock*recordSize {
		w.endBlock()
	}
}

func (w *segmentWriter) endBlock() {
	b := w.block[:blockSize-crc32.Size]
	clear(b[len(w.block):])
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, _ = w.w.Write(b)
	w.block = w.block[:0]
}

// finish writes what follows the blocks.
func (w *segmentWriter) finish() error {
	if len(w.block) > 0 {
		w.endBlock()
	}
	sum := crc32.New(castagnoli)
	tail := io.MultiWriter(w.w, sum)
	for _, key := range w.index {
		_, _ = tail.Write(key[:])
	}
	n, err := w.filter.WriteTo(tail)
	if err != nil {
		return fmt.Errorf("write filter: %w", err)
	}
	w.footer.tail = uint64(16*len(w.index)) + uint64(n)
	w.footer.tailCRC = sum.Sum32()
	_, _ = w.w.Write(w.footer.append(nil))
	return w.w.Flush()
}
