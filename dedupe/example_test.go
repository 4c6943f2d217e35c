package dedupe_test

import (
	"fmt"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
)

// Three jobs read a row whose content goes back and forth; the second is read twice, because
// its first commit fails.
func Example() {
	history, err := dedupe.Open(memfiles.New(), "cluster and topics", 64<<20)
	if err != nil {
		panic(err)
	}
	span := dedupe.Span{ID: "2024-01-01", Min: 1_704_067_200_000, Max: 1_704_067_200_000}
	row := dedupe.Entry{Key: conv.Key{1}, Time: span.Min}
	observe := func(batch uint64, job uint32, content uint64) {
		row.Observation, row.Fingerprint = job, content
		verdict, err := history.Check(batch, 1, row)
		fmt.Println(verdict, err)
	}
	commit := func(batch uint64) {
		span.Seq++
		if err := history.Commit(batch, span); err != nil {
			panic(err)
		}
	}

	observe(1, 1, 'A')
	commit(1)
	observe(2, 2, 'B')
	history.Forget()
	observe(3, 2, 'B')
	commit(3)
	observe(4, 3, 'A')
	commit(4)
	observe(5, 3, 'A') // the page is read again

	// Output:
	// new <nil>
	// revision <nil>
	// revision <nil>
	// revision <nil>
	// repeat <nil>
}
