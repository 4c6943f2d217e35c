package dedupe_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
)

// saved returns the files of a history with one bucket of n rows, each with two contents so
// that some keys lie across the edge of a block.
func saved(t testing.TB, n int, falseHits float64) *memfiles.Dir {
	t.Helper()
	files := memfiles.New()
	h := open(t, files, roomy)
	h.SetFalseHits(falseHits)
	for i := range n {
		check(t, h, 1, row(fmt.Sprint(i), start, 1, 1), dedupe.New)
		check(t, h, 1, row(fmt.Sprint(i), start, 2, 1), dedupe.Revision)
	}
	commit(t, h, 1, span("w", 1))
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	return files
}

// A filter that says yes to everything costs reads, and no row.
func TestR115_FilterNeverDropsARowOnItsOwnWord(t *testing.T) {
	for _, falseHits := range []float64{0.01, 0.5, 0.999999} {
		for _, n := range []int{1, 63, 64, 127, 1000} { // around the edges of a block
			h := open(t, saved(t, n, falseHits), roomy)
			for i := range 1000 {
				check(t, h, 1, row(fmt.Sprint("unknown", i), start, 1, 1), dedupe.New)
			}
			for i := range n {
				check(t, h, 1, row(fmt.Sprint(i), start, 1, 1), dedupe.Repeat)
				check(t, h, 1, row(fmt.Sprint(i), start, 2, 1), dedupe.Repeat)
				check(t, h, 1, row(fmt.Sprint(i), start, 3, 0), dedupe.Stale)
			}
		}
	}
}

// What the filter spares: of unknown rows few cost a read.
func TestFilterSparesReads(t *testing.T) {
	files := saved(t, 5000, 0.01)
	h := open(t, files, roomy)
	check(t, h, 1, row("first", start, 1, 1), dedupe.New) // opens the segment
	reads := 0
	files.SetFault(func(op, _ string) error {
		if op == "read" {
			reads++
		}
		return nil
	})
	const rows = 10_000
	for i := range rows {
		check(t, h, 1, row(fmt.Sprint("unknown", i), start, 1, 1), dedupe.New)
	}
	if reads > rows/50 {
		t.Errorf("%d of %d unknown rows were looked up on disk, want about 1%%", reads, rows)
	}
}

// Wherever a segment is damaged, the answer is right or the rows have to be loaded again.
func FuzzDamagedSegment(f *testing.F) {
	const n = 300
	pristine := saved(f, n, 0.01)
	f.Add(uint32(0), byte(1), uint32(0))             // a key
	f.Add(uint32(20), byte(1), uint32(0))            // a fingerprint
	f.Add(uint32(4095), byte(1), uint32(0))          // a block's checksum
	f.Add(uint32(4096*5+3), byte(0x80), uint32(0))   // the index
	f.Add(uint32(4096*5+16*5+4), byte(1), uint32(0)) // the filter
	f.Add(uint32(1<<31), byte(1), uint32(1))         // cut by a byte
	f.Add(uint32(1<<31), byte(1), uint32(64))        // the footer is gone
	f.Add(uint32(1<<31), byte(1), uint32(1<<31))     // everything is gone
	f.Add(uint32(0), byte(0), uint32(0))             // no damage
	f.Add(uint32(4096*4+32*100), byte(2), uint32(0)) // padding of the last block
	f.Fuzz(func(t *testing.T, at uint32, flip byte, cut uint32) {
		files := pristine.Crash()
		files.Damage(dedupe.SegmentName(start/hour), func(content []byte) []byte {
			content[int(at)%len(content)] ^= flip
			return content[:len(content)-min(int(cut), len(content))]
		})
		h := open(t, files, roomy)
		h.Expect([]dedupe.Span{span("w", 1)})
		h.Missing(start)
		for i := range n {
			for content := range uint64(4) {
				want := dedupe.Repeat
				if content == 0 || content == 3 {
					want = dedupe.Stale
				}
				got, err := h.Check(1, 1, row(fmt.Sprint(i), start, content, 0))
				switch {
				case errors.Is(err, dedupe.ErrNotReady):
					if h.Missing(start) == nil {
						t.Fatal("not ready, and nothing is missing")
					}
					if _, err := files.Open("manifest.json"); !errors.Is(err, fs.ErrNotExist) {
						t.Fatalf("the manifest still speaks of a damaged segment: %v", err)
					}
					return
				case err != nil:
					t.Fatal(err)
				case got != want:
					t.Fatalf("content %d is %v, want %v", content, got, want)
				}
			}
		}
	})
}

// Whatever stands in the manifest, it is as Save wrote it or worth nothing.
func FuzzDamagedManifest(f *testing.F) {
	pristine := saved(f, 10, 0.01)
	var text []byte
	pristine.Damage("manifest.json", func(content []byte) []byte {
		text = slices.Clone(content)
		return content
	})
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(nil))
	f.Add([]byte("null"))
	f.Add([]byte(`{"crc32c":0}`))
	f.Add([]byte(`{"crc32c":0,"manifest":{}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		files := pristine.Crash()
		files.Damage("manifest.json", func([]byte) []byte { return content })
		h := open(t, files, roomy)
		h.Expect([]dedupe.Span{span("w", 1)})
		if h.Missing(start) == nil {
			check(t, h, 1, row("1", start, 1, 1), dedupe.Repeat)
			return
		}
		if names, err := files.List(); len(names) != 0 || err != nil {
			t.Fatalf("worth nothing, and yet there are %v, %v", names, err)
		}
	})
}

// Each flipped bit of a commit number would pass for another number.
func TestManifestWithAFlippedBitIsDiscarded(t *testing.T) {
	pristine := saved(t, 10, 0.01)
	var size int
	pristine.Damage("manifest.json", func(content []byte) []byte {
		size = len(content)
		return content
	})
	for at := range size {
		for bit := range 8 {
			files := pristine.Crash()
			files.Damage("manifest.json", func(content []byte) []byte {
				content[at] ^= 1 << bit
				return content
			})
			h := open(t, files, roomy)
			h.Expect([]dedupe.Span{span("w", 2), span("v", 1)}) // more than is covered
			if got := len(h.Missing(start)); got != 2 {
				t.Fatalf("byte %d bit %d: %d windows missing, want 2", at, bit, got)
			}
		}
	}
}

// A segment holds what is current, however often rows are revised or loaded again.
func TestSegmentDropsWhatIsOvertaken(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, roomy)
	const keys, generations = 500, 5
	var size int
	for generation := range uint32(generations) {
		for i := range keys {
			if _, err := h.Check(1, 1, row(fmt.Sprint(i), start, uint64(generation), generation)); err != nil {
				t.Fatal(err)
			}
		}
		commit(t, h, 1, span("w", uint64(generation)))
		if err := h.Save(); err != nil {
			t.Fatal(err)
		}
		again := make([]dedupe.Entry, keys)
		for i := range again {
			again[i] = row(fmt.Sprint(i), start, uint64(generation), generation)
		}
		if err := h.Load(span("w", uint64(generation)), rows(again...)); err != nil {
			t.Fatal(err)
		}
		if err := h.Save(); err != nil {
			t.Fatal(err)
		}
		files.Damage(dedupe.SegmentName(start/hour), func(content []byte) []byte {
			size = len(content)
			return content
		})
	}
	if most := 32 * keys * 3 / 2; size > most {
		t.Errorf("%d bytes for %d rows revised %d times, want at most %d", size, keys, generations-1, most)
	}
}

func TestLostSegmentFileIsLoadedAgain(t *testing.T) {
	files := saved(t, 10, 0.01)
	if err := files.Remove(dedupe.SegmentName(start / hour)); err != nil {
		t.Fatal(err)
	}
	h := open(t, files, roomy)
	h.Expect([]dedupe.Span{span("w", 1)})
	if h.Missing(start) == nil {
		t.Fatal("rows are taken as known whose segment is gone")
	}
}

// A damaged segment that cannot be disowned is not replaced: the old manifest would vouch
// for the new one.
func TestDamagedSegmentStaysWhileTheManifestCannotGo(t *testing.T) {
	files := saved(t, 10, 0.01)
	files.Damage(dedupe.SegmentName(start/hour), func(content []byte) []byte { return content[1:] })
	h := open(t, files, roomy)
	h.Expect([]dedupe.Span{span("w", 1)})
	denied := errors.New("permission denied")
	files.SetFault(func(op, name string) error {
		if op == "remove" && name == "manifest.json" {
			return denied
		}
		return nil
	})
	h.Missing(start)
	if _, err := h.Check(1, 1, row("1", start, 1, 1)); !errors.Is(err, denied) {
		t.Fatalf("check: %v, want %v", err, denied)
	}
	if err := h.Load(span("w", 1), rows(row("1", start, 1, 1))); err != nil {
		t.Fatal(err)
	}
	if err := h.Save(); !errors.Is(err, denied) {
		t.Fatalf("save: %v, want %v", err, denied)
	}
	files.SetFault(nil)
	for h.Missing(start) != nil {
		if err := h.Load(span("w", 1), rows(row("1", start, 1, 1))); err != nil {
			t.Fatal(err)
		}
	}
	check(t, h, 1, row("1", start, 1, 1), dedupe.Repeat)
}

// A full disk stops the pipeline and costs it nothing.
func TestFullDiskKeepsEntriesInMemory(t *testing.T) {
	files := memfiles.New()
	h := open(t, files, 10_000)
	files.SetFault(func(op, _ string) error {
		if op == "write" {
			return errDisk
		}
		return nil
	})
	const n = 1000
	for i := range n {
		check(t, h, 1, row(fmt.Sprint(i), start+int64(i%2)*hour, 1, 1), dedupe.New)
	}
	s := dedupe.Span{ID: "w", Seq: 1, Min: start, Max: start + hour}
	if err := h.Commit(1, s); !errors.Is(err, errDisk) {
		t.Fatalf("commit: %v, want %v", err, errDisk)
	}
	if _, err := h.Check(2, 1, row("x", start, 1, 1)); !errors.Is(err, errDisk) {
		t.Fatalf("check: %v, want %v", err, errDisk)
	}
	files.SetFault(nil)
	check(t, h, 2, row("x", start, 1, 1), dedupe.New) // the failed check left nothing in flight
	for i := range n {
		check(t, h, 2, row(fmt.Sprint(i), start+int64(i%2)*hour, 1, 1), dedupe.Repeat)
	}
	if h.Bytes() > 20_000 {
		t.Errorf("%d bytes in memory once the disk has room", h.Bytes())
	}
}

// A bucket whose filter alone is beyond the limit is not written anew for every row.
func TestBucketInUseIsSealedOnlyWhenItIsWorthIt(t *testing.T) {
	files := saved(t, 5000, 0.01)
	h := open(t, files, 8000)
	h.Expect([]dedupe.Span{span("w", 1)})
	check(t, h, 1, row("0", start, 1, 1), dedupe.Repeat)
	if h.Bytes() < 8000 {
		t.Fatalf("the segment weighs %d bytes: this proves little", h.Bytes())
	}
	seals := 0
	files.SetFault(func(op, _ string) error {
		if op == "commit" {
			seals++
		}
		return nil
	})
	const commits = 500
	for i := range uint64(commits) {
		check(t, h, i, row(fmt.Sprint("new", i), start, 1, 1), dedupe.New)
		commit(t, h, i, span("w", 2+i))
	}
	if seals > commits/10 {
		t.Errorf("%d rows sealed the bucket %d times", commits, seals)
	}
}
