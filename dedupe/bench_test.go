package dedupe_test

import (
	"math/rand/v2"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/diskfiles"
	"convstream/internal/conv"
)

const benchKeys = 1_000_000

// filled is a history of benchKeys committed rows of one day, and those rows.
func filled(b *testing.B) (*dedupe.History, []dedupe.Entry) {
	b.Helper()
	files, err := diskfiles.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	h := open(b, files, 1<<30)
	b.Cleanup(func() { h.Close() })
	rnd := rand.New(rand.NewPCG(1, 2))
	entries := make([]dedupe.Entry, benchKeys)
	for i := range entries {
		entries[i] = numbered(rnd, i)
		check(b, h, 1, entries[i], dedupe.New)
	}
	commit(b, h, 1, dedupe.Span{ID: "w", Seq: 1, Min: start, Max: start + 24*hour})
	return h, entries
}

func seal(b *testing.B, h *dedupe.History) {
	b.Helper()
	if err := h.Save(); err != nil {
		b.Fatal(err)
	}
}

// checkNew checks rows that the history does not know, and forgets them in batches.
func checkNew(b *testing.B, h *dedupe.History) {
	rnd := rand.New(rand.NewPCG(3, 4))
	fresh := make([]dedupe.Entry, 50_000) // a batch of 8 MiB holds about as many
	for i := range fresh {
		fresh[i] = numbered(rnd, benchKeys+i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(fresh) == 0 {
			h.Forget()
		}
		if v, err := h.Check(2, 1, fresh[i%len(fresh)]); v != dedupe.New || err != nil {
			b.Fatal(v, err)
		}
	}
}

func checkRepeats(b *testing.B, h *dedupe.History, entries []dedupe.Entry) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if v, err := h.Check(2, 1, entries[i%len(entries)]); v != dedupe.Repeat || err != nil {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkCheckNewInMemory(b *testing.B) {
	h, _ := filled(b)
	checkNew(b, h)
}

func BenchmarkCheckNewSealed(b *testing.B) {
	h, _ := filled(b)
	seal(b, h)
	checkNew(b, h)
}

func BenchmarkCheckRepeatInMemory(b *testing.B) {
	h, entries := filled(b)
	checkRepeats(b, h, entries)
}

func BenchmarkCheckRepeatSealed(b *testing.B) {
	h, entries := filled(b)
	seal(b, h)
	checkRepeats(b, h, entries)
}

// The floor: a Go map with the same keys that knows no buckets, contents or batches.
func BenchmarkPlainMap(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	entries := make([]dedupe.Entry, benchKeys)
	known := map[conv.Key]uint64{}
	for i := range entries {
		entries[i] = numbered(rnd, i)
		known[entries[i].Key] = entries[i].Fingerprint
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if e := &entries[i%len(entries)]; known[e.Key] != e.Fingerprint {
			b.Fatal("unknown")
		}
	}
}

func BenchmarkMissingReady(b *testing.B) {
	h, entries := filled(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if h.Missing(entries[i%len(entries)].Time) != nil {
				b.Fatal("missing")
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h, _ := filled(b)
		b.StartTimer()
		seal(b, h)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}
