package conv

import (
	"bytes"
	"fmt"
	"maps"
	"math/bits"
	"slices"
)

// LetterID is the place of a dead letter in the topic of dead letters, which is its name.
type LetterID struct {
	Partition int32
	Offset    int64
}

// String renders the id as "partition/offset".
func (id LetterID) String() string { return fmt.Sprintf("%d/%d", id.Partition, id.Offset) }

// Letter is a dead letter as it is read back from Kafka.
type Letter struct {
	DeadLetter
	ID          LetterID
	Written     int64  // when it was committed, epoch ms
	Window      Window // that brought it
	Root        Window // the first of its parents, or the window itself
	Observation uint32 // of the job that brought it, 0 where the letter does not tell
	Unfit       string // why its bytes are not the whole row, "" where they are
	Redriven    bool   // it was published again, or its row is there otherwise
}

// Origin is where a row comes from that is published again: a dead letter, and the window that
// brought it.
type Origin struct {
	Letter LetterID
	Window Window
	Root   Window
}

// blockLetters is how many offsets one block of a LetterSet speaks of.
const blockLetters = 8192

// LetterBlock names a block of a LetterSet: a stretch of offsets that begins at First.
type LetterBlock struct {
	Partition int32
	First     int64
}

// LetterSet is a set of dead letters: a bitmap for each block that has any. What stands in it
// is never changed in place, so that a clone of the map may be read while the set grows.
type LetterSet map[LetterBlock][]byte

// Has says whether the letter is in the set.
func (s LetterSet) Has(id LetterID) bool {
	block, at := place(id)
	bitmap := s[block]
	return at/8 < len(bitmap) && bitmap[at/8]&(1<<(at%8)) != 0
}

// With returns the blocks that change when letters are added, as they are then.
func (s LetterSet) With(letters []LetterID) LetterSet {
	changed := LetterSet{}
	for _, id := range letters {
		block, at := place(id)
		bitmap, begun := changed[block]
		if !begun {
			bitmap = bytes.Clone(s[block])
		}
		if grow := at/8 + 1 - len(bitmap); grow > 0 {
			bitmap = append(bitmap, make([]byte, grow)...)
		}
		bitmap[at/8] |= 1 << (at % 8)
		changed[block] = bitmap
	}
	return changed
}

// Put takes over the blocks of another set in place of its own.
func (s LetterSet) Put(blocks LetterSet) { maps.Copy(s, blocks) }

// Len is the number of letters in the set.
func (s LetterSet) Len() (n int) {
	for _, bitmap := range s {
		for _, b := range bitmap {
			n += bits.OnesCount8(b)
		}
	}
	return n
}

// Blocks lists the names of the set's blocks, in order.
func (s LetterSet) Blocks() []LetterBlock {
	return slices.SortedFunc(maps.Keys(s), func(a, b LetterBlock) int {
		if a.Partition != b.Partition {
			return int(a.Partition) - int(b.Partition)
		}
		return int((a.First - b.First) / blockLetters)
	})
}

func place(id LetterID) (block LetterBlock, at int) {
	at = int(id.Offset % blockLetters)
	return LetterBlock{id.Partition, id.Offset - int64(at)}, at
}
