package conv_test

import (
	"maps"
	"slices"
	"testing"

	"convstream/internal/conv"
)

func TestALetterSetHoldsWhatWasAddedAndNothingElse(t *testing.T) {
	set := conv.LetterSet{}
	added := []conv.LetterID{{0, 0}, {0, 7}, {0, 8191}, {0, 8192}, {2, 8}, {0, 1 << 40}}
	set.Put(set.With(added[:3]))
	before := maps.Clone(set)
	set.Put(set.With(added[3:]))
	for _, id := range added {
		if !set.Has(id) {
			t.Errorf("%s is not in the set", id)
		}
	}
	for _, id := range []conv.LetterID{{0, 1}, {0, 8}, {0, 8190}, {0, 8193}, {1, 0}, {2, 9}, {2, 8200}, {0, 1<<40 + 1}} {
		if set.Has(id) {
			t.Errorf("%s is in the set", id)
		}
	}
	if set.Len() != len(added) {
		t.Errorf("the set has %d letters, want %d", set.Len(), len(added))
	}
	if before.Len() != 3 || before.Has(added[3]) {
		t.Errorf("what was taken aside before holds %d letters, want 3", before.Len())
	}
	want := []conv.LetterBlock{{0, 0}, {0, 8192}, {0, 1 << 40}, {2, 0}}
	if got := set.Blocks(); !slices.Equal(got, want) {
		t.Errorf("blocks %v, want %v", got, want)
	}
}

func FuzzALetterSetIsTheSetOfItsLetters(f *testing.F) {
	f.Add([]byte{0, 0, 1, 255, 255, 3, 9, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		set, want := conv.LetterSet{}, map[conv.LetterID]bool{}
		var batch []conv.LetterID
		for len(data) >= 3 {
			id := conv.LetterID{Partition: int32(data[0] & 3), Offset: int64(data[1])<<6 | int64(data[2])}
			want[id] = true
			if batch = append(batch, id); data[0]&128 != 0 {
				set.Put(set.With(batch))
				batch = nil
			}
			data = data[3:]
		}
		set.Put(set.With(batch))
		if set.Len() != len(want) {
			t.Errorf("%d letters, want %d", set.Len(), len(want))
		}
		for id := range want {
			if !set.Has(id) {
				t.Errorf("%s is not in the set", id)
			}
			if next := (conv.LetterID{Partition: id.Partition, Offset: id.Offset + 1}); set.Has(next) != want[next] {
				t.Errorf("%s in the set: %v", next, set.Has(next))
			}
		}
	})
}
