package app

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// stored is a record as the producer writes rows and dead letters.
func stored(owner string, brought conv.Window, conversation string, m *conv.Mark, extra ...kgo.RecordHeader) *kgo.Record {
	headers := append(extra, kgo.RecordHeader{Key: producer.WindowHeader, Value: []byte(owner + "/" + brought.String())})
	if m != nil {
		headers = append(headers, kgo.RecordHeader{Key: conv.MarkHeader, Value: m.Append(nil)})
	}
	return &kgo.Record{Key: []byte(conversation), Headers: headers}
}

// dead is a dead letter of so many bytes, each its own.
func dead(brought conv.Window, body byte, m *conv.Mark, extra ...kgo.RecordHeader) *kgo.Record {
	digest := hex.EncodeToString(append(make([]byte, 31), body))
	return stored("p/acme", brought, "c", m, append(extra, kgo.RecordHeader{Key: producer.DigestHeader, Value: []byte(digest)})...)
}

func TestATallyCountsRowsConversationsAndDeadLettersByTheirTime(t *testing.T) {
	at := func(identity uint64, ms int64) *conv.Mark { return &conv.Mark{Identity: identity, Time: ms} }
	root := kgo.RecordHeader{Key: producer.RootHeader, Value: []byte("p/acme/" + tuesday.String())}
	tally := newTally("acme", true, []conv.Window{monday, tuesday})
	for _, r := range []*kgo.Record{
		dead(monday, 1, nil), dead(monday, 1, nil), // one of unknown time, twice
		dead(monday, 2, at(9, tuesday.From)), // its time is known
		dead(monday, 3, at(1, monday.From)),  // published after all
		dead(conv.Window{From: 0, To: 1}, 4, nil),
		dead(tuesday, 5, nil), dead(conv.Window{From: tuesday.From + 7, To: tuesday.To}, 5, nil, root), // narrowed: the same once more
		stored("p/other", monday, "c", nil),
		dead(monday, 6, at(7, monday.From), kgo.RecordHeader{Key: producer.RouteHeader, Value: []byte("voice")}), // its row is published
	} {
		if err := tally.deadLetter(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*kgo.Record{
		stored("p/acme", monday, "c", at(1, monday.From)),
		stored("p/acme", tuesday, "c", at(2, monday.To-1)), // another row of it, brought by the neighbour
		stored("q/acme", tuesday, "c", at(1, monday.From)), // a revision, by another pipeline
		stored("p/acme", monday, "c", at(3, monday.To)),    // on tuesday
		stored("p/acme", monday, "d", at(3, tuesday.To)),   // on wednesday
		stored("p/other", monday, "e", at(4, monday.From)), // of another organisation
		stored("p/acme", monday, "f", nil),                 // not written by convstream
		{Key: []byte("g"), Headers: []kgo.RecordHeader{{Key: conv.MarkHeader, Value: at(5, monday.From).Append(nil)}}},
	} {
		if err := tally.row(r); err != nil {
			t.Fatal(err)
		}
	}
	tally.endPartition()
	if err := tally.row(stored("p/acme", monday, "h", at(6, monday.From))); err != nil {
		t.Fatal(err)
	}
	tally.endPartition()
	tally.end()
	type counts struct{ Held, Conversations, Dead []int64 }
	want := counts{[]int64{4, 3}, []int64{2, 1}, []int64{1, 2}}
	if diff := cmp.Diff(want, counts{tally.held, tally.callers, tally.dead}); diff != "" {
		t.Errorf("monday and tuesday (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{3, 2}, tally.bounds); diff != "" { // a dead letter among tuesday's
		t.Errorf("rows on the first or last millisecond (-want +got):\n%s", diff)
	}
}

// The platform counts it where its query brought it.
func TestADeadLetterOfAWildTimeCountsInItsWindowOfReports(t *testing.T) {
	tally := newTally("acme", false, []conv.Window{monday, tuesday})
	for body, at := range []int64{tuesday.To + 5, monday.From + 1, monday.From - 1} { // far ahead, its own, its neighbour's
		if err := tally.deadLetter(dead(monday, byte(body), &conv.Mark{Identity: uint64(body), Time: at})); err != nil {
			t.Fatal(err)
		}
	}
	tally.end()
	if diff := cmp.Diff([]int64{2, 0}, tally.dead); diff != "" {
		t.Error(diff)
	}
}

func TestARedrivenDeadLetterCountsAsItsRowAndNotTwiceWhereItsKeyHasChanged(t *testing.T) {
	tally := newTally("acme", false, []conv.Window{monday})
	tally.redriven = conv.LetterSet{}.With([]conv.LetterID{{Partition: 0, Offset: 0}, {Partition: 0, Offset: 1}, {Partition: 0, Offset: 2}})
	for body, mark := range []*conv.Mark{
		nil, // its time could not be read
		{Identity: 1, Time: monday.From + 1},
		{Identity: 2, Time: monday.To + 5},   // far ahead
		{Identity: 3, Time: monday.From + 3}, // not redriven
	} {
		letter := dead(monday, byte(body), mark)
		letter.Offset = int64(body)
		if err := tally.deadLetter(letter); err != nil {
			t.Fatal(err)
		}
	}
	for i, at := range []int64{monday.From, monday.From + 1, monday.To + 5} {
		mark := conv.Mark{Identity: 99, Time: at} // by another field than the letters'
		if err := tally.row(stored("p/acme", monday, "row"+string(rune('a'+i)), &mark)); err != nil {
			t.Fatal(err)
		}
	}
	tally.endPartition()
	tally.end()
	if diff := cmp.Diff([][]int64{{4}, {2}}, [][]int64{tally.held, tally.dead}); diff != "" {
		t.Errorf("held and dead (-want +got):\n%s", diff)
	}
}
