package producertest

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"convstream/internal/conv"
	"convstream/producer"
)

// night is a window beside day.
var night = conv.Window{From: day.To, To: day.To + 3_600_000}

// letter is a dead letter of a row's bytes.
func letter(raw []byte) conv.DeadLetter {
	return conv.DeadLetter{
		Raw: raw, Digest: sha256.Sum256(raw), Length: int64(len(raw)), Key: []byte("c"),
		Reason: conv.ReasonType, Path: "a.b", Expected: "long", Found: "string", Job: "job-1", Page: 2, Row: 3,
	}
}

func allLetters(t *testing.T, p *producer.Producer) (letters []conv.Letter) {
	t.Helper()
	for l, err := range p.Letters(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

func lettersReadBack(t *testing.T, b Broker) {
	cfg := b.config(t)
	createTopic(t, cfg, cfg.Topics.DeadLetters, map[string]string{"max.message.bytes": "60000"})
	p := claimed(t, cfg)
	hard := noise(100_000)
	marked := letter([]byte(`{"a":{"b":"x"}}`))
	marked.Mark = &conv.Mark{Identity: 1, Fingerprint: 2, Time: day.From + 3, Observation: 4}
	route := letter([]byte(`{"r":1}`))
	route.Route, route.Mark = "voice", marked.Mark
	redacted := letter([]byte(`{"private":"***"}`))
	redacted.Redacted = true
	withheld := letter([]byte(`"private"`))
	withheld.Raw, withheld.Withheld = nil, true
	packed, cut := letter([]byte(strings.Repeat("long ", 50_000))), letter(hard)

	bt := &conv.Batch{Checkpoint: conv.Checkpoint{
		Window: night, State: conv.Paging, Attempt: 1, Job: conv.Job{ID: "job-1", Observation: 9}, Parent: &day, Origin: &day,
	}}
	for _, d := range []conv.DeadLetter{marked, route, redacted, withheld, packed, cut} {
		bt.AddDead(d)
	}
	mustCommit(t, p, bt)
	other := cfg
	other.Pipeline += "-other" // it shares the topics
	po := claimed(t, other)
	mustCommit(t, po, func() *conv.Batch {
		bt := batch(0, 1)
		bt.AddDead(letter([]byte(`{}`)))
		return bt
	}())

	got := allLetters(t, p)
	cutRaw := hard
	if len(got) == 6 {
		cutRaw = cutRaw[:len(got[5].Raw)]
	}
	var want []conv.Letter
	for i, d := range []conv.DeadLetter{marked, route, redacted, withheld, packed, cut} {
		l := conv.Letter{DeadLetter: d, Window: night, Root: day, Observation: 9}
		switch i {
		case 0, 1:
			l.Observation = 4
		case 3:
			l.Withheld = false // it reads as unfit
			l.Unfit = "its bytes were withheld, because private values in them could not be told"
		case 5:
			l.Raw, l.Unfit = cutRaw, "only its first bytes were kept"
		}
		want = append(want, l)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(conv.Letter{}, "ID", "Written"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("letters (-as written +as read):\n%.3000s", diff)
	}
	ids := map[conv.LetterID]bool{}
	for _, l := range got {
		ids[l.ID] = true
	}
	if len(ids) != len(got) || len(cutRaw) == 0 || !bytes.HasPrefix(hard, cutRaw) {
		t.Errorf("%d names of %d letters", len(ids), len(got))
	}
}

func redrivenKnown(t *testing.T, b Broker) {
	cfg := b.config(t)
	p := claimed(t, cfg)
	bt := batch(0, 2)
	for range 3 {
		bt.AddDead(letter([]byte(`{}`)))
	}
	mustCommit(t, p, bt)
	letters := allLetters(t, p)

	again := batch(0, 0)
	again.Checkpoint = bt.Checkpoint
	again.Others = []conv.Checkpoint{{Window: night, State: conv.Published, Attempt: 5, Counters: conv.Counters{Redriven: 1}}}
	again.Origin = &conv.Origin{Letter: letters[1].ID, Window: night, Root: night}
	addRow(again, "redriven", "value", night.From)
	again.Redriven = []conv.LetterID{letters[1].ID, letters[2].ID}
	mustCommit(t, p, again)
	if again.Checkpoint.Seq == again.Others[0].Seq {
		t.Errorf("both windows have checkpoint %d", again.Checkpoint.Seq)
	}
	row := committed(t, cfg, cfg.Topics.Rows)
	last := slices.IndexFunc(row, func(r *kgo.Record) bool { return string(r.Key) == "redriven" })
	if last < 0 || string(producer.Header(row[last], producer.RedrivenHeader)) != letters[1].ID.String() ||
		string(producer.Header(row[last], producer.WindowHeader)) != cfg.Pipeline+"/acme/"+night.String() {
		t.Errorf("the redriven row is none of %+v", row)
	}

	cfg.Run = "second"
	next := open(t, cfg)
	windows, err := next.Claim(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if windows[night].Counters.Redriven != 1 || windows[day].Seq != again.Checkpoint.Seq {
		t.Errorf("the ledger has %+v", windows)
	}
	var attempts []int
	for _, r := range windows[day].Ranges {
		if r.Topic == cfg.Topics.Rows && !slices.Contains(attempts, r.Attempt) {
			attempts = append(attempts, r.Attempt)
		}
	}
	if want := []int{conv.Redriving, 1}; !slices.Equal(attempts, want) {
		t.Errorf("ranges of attempts %v, want %v: what a redrive writes lies far behind", attempts, want)
	}
	var done []bool
	for _, l := range allLetters(t, next) {
		done = append(done, l.Redriven)
	}
	if want := []bool{false, true, true}; !slices.Equal(done, want) {
		t.Errorf("redriven: %v, want %v", done, want)
	}
}
