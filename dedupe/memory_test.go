package dedupe_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/diskfiles"
	"convstream/internal/conv"
)

// numbered is the i-th of any number of different rows within a day.
func numbered(rnd *rand.Rand, i int) dedupe.Entry {
	var key conv.Key
	at := start + rnd.Int64N(24*hour)
	binary.BigEndian.PutUint64(key[:], rnd.Uint64())
	binary.BigEndian.PutUint64(key[8:], uint64(i))
	return dedupe.Entry{Key: key, Time: at, Fingerprint: uint64(i), Observation: 1}
}

// Design promise 4: memory does not grow with history. The rows come in no order of time.
func TestMemoryStaysUnderTheLimit(t *testing.T) {
	keys := 2_000_000
	if testing.Short() {
		keys = 200_000
	}
	const limit, perBatch = 16 << 20, 20_000
	files, err := diskfiles.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, files, limit)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	rnd := rand.New(rand.NewPCG(1, 2))
	s := dedupe.Span{ID: "w", Min: start, Max: start + 24*hour}
	heaviest := 0
	for i := range keys {
		check(t, h, 1, numbered(rnd, i), dedupe.New)
		heaviest = max(heaviest, h.Bytes())
		if i%perBatch == perBatch-1 {
			s.Seq++
			commit(t, h, 1, s)
		}
	}
	// One filter may be loaded beyond the limit before the next check gives memory back.
	if filter := 2 * keys / 24; heaviest > limit+filter {
		t.Errorf("the history counted %d bytes, want at most %d", heaviest, limit+filter)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if heap := int64(after.HeapAlloc) - int64(before.HeapAlloc); heap > 2*limit {
		t.Errorf("the heap grew by %d bytes under a limit of %d: the history counts too little", heap, limit)
	}
	t.Logf("%d keys, %d bytes counted at most, heap grew by %d", keys, heaviest, int64(after.HeapAlloc)-int64(before.HeapAlloc))

	if n, err := h.Count(start, start+24*hour); n != int64(keys) || err != nil {
		t.Errorf("count %d, %v; want %d", n, err, keys)
	}
	rnd = rand.New(rand.NewPCG(1, 2))
	for i := range keys / 10 {
		check(t, h, 1, numbered(rnd, i), dedupe.Repeat)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}
