package extractor

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

func newSplitter() *Splitter { return NewSplitter(reportsEnvelope, reportsKeys) }

// pages are seeds that between them touch every rule of the grammar and of the envelope.
var pages = []string{
	string(guidePage(3, `"eyJwYWdlIjoyfQ"`)),
	`{"data":[],"nextPageToken":null}`,
	`{"nextPageToken":"a+/=&%\u0041\n","count":3,"data":[1,-0.5e+3,"x\"\\\/\b\f\n\r\té",true,false,null,[],{},[[{"a":[1,{"b":2}]}]]]}`,
	"\t{ \"x\" : { \"data\" : [ 1 ] } , \"data\" : [ { } , [ ] ]\r\n}\n",
	`{"data":null,"nextPageToken":"t"}`,
	`{"data":null}`, `{}`, `{"nextPageToken":null}`, `{"nextPageToken":""}`, `{"data":[{}]}`,
	`{"data":[1],"data":[2]}`, `{"nextPageToken":"a","nextPageToken":"b"}`, `{"count":1,"count":2,"data":[]}`,
	`{"data":{},"nextPageToken":null}`, `{"data":"[]"}`, `{"data":[],"nextPageToken":5}`,
	`{"d\u0061ta":[{"a":1}]}`, `{"data":[],"count":-1}`, `{"data":[],"count":"7"}`, `{"data":[],"count":1e2}`,
	`[]`, `null`, ``, ` `, `{`, `{"data":[`, `{"data":[1`, `{"data":[1,`, `{"data":[1]`, `{"data":[1]}x`, `{"data":[1]}{}`,
	`{"data":[01]}`, `{"data":[1.]}`, `{"data":[.5]}`, `{"data":[1e]}`, `{"data":[+1]}`, `{"data":[-]}`, `{"data":[0x1]}`,
	`{"data":[tru]}`, `{"data":[nulll]}`, `{"data":["a]}`, `{"data":["\x"]}`, `{"data":["\u12g4"]}`, "{\"data\":[\"a\nb\"]}",
	"{\"data\":[\"\x00\"]}", "{\"data\":[\"\xff\xfe\", \"\\ud800\", \"\\ud83d\\ude00\"]}", "{\"data\":[1]}\x00", "\x00",
	`{"data":[1,]}`, `{"data":[1 2]}`, `{"data":[{"a":1,}]}`, `{"data":[{"a" 1}]}`, `{"data":[{a:1}]}`, `{"data":[{"a":1]}`, `{"data":[[1}]}`,
	`{"data":[1],}`, `{"data":[1]"x":1}`, `{"data"[1]}`, `{,}`, `{"data":[` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `]}`,
	`{"x":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `,"data":[]}`,
	`{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `,"data":[]}`,
}

// checkAgainstNaive holds one page, read in one way, against encoding/json.
func checkAgainstNaive(t *testing.T, page []byte, r io.Reader) {
	t.Helper()
	want, next, count, ok := naive(page, reportsEnvelope)
	got, err := splitAll(newSplitter(), r, conv.Position{Token: "tok", Page: 7})
	var broken *PageError
	switch {
	case ok && err != nil:
		t.Fatalf("page %.300q: %v, encoding/json reads it", page, err)
	case !ok && !errors.As(err, &broken):
		t.Fatalf("page %.300q: got %v, want a PageError", page, err)
	case !ok:
		return
	}
	if got.Next != next || got.Count != count || len(got.Rows) != len(want) {
		t.Fatalf("page %.300q: next %q count %d rows %d, want %q, %d, %d", page, got.Next, got.Count, len(got.Rows), next, count, len(want))
	}
	for i := range want {
		row := &got.Rows[i]
		if !bytes.Equal(row.Raw, want[i]) {
			t.Fatalf("row %d is %q, want %q", i, row.Raw, want[i])
		}
		first, length := row.Tokens[0], uint32(len(row.Raw))
		if first.Kind == conv.String {
			first.Start, first.End = first.Start-1, first.End+1 // the quotes
		}
		if first.Start != 0 || first.End != length || int(first.Next) != len(row.Tokens) {
			t.Fatalf("row %d %q: token 0 is %+v, want all of it", i, row.Raw, row.Tokens[0])
		}
		// cmp takes exponential time over deep nesting, so it only explains.
		if want, got := naiveTree(want[i]), tree(row, 0); !reflect.DeepEqual(want, got) {
			t.Fatalf("row %d %q:\n%s", i, row.Raw, cmp.Diff(want, got))
		}
	}
}

func FuzzSplitReadsWhatEncodingJSONReads(f *testing.F) {
	for _, p := range pages {
		f.Add([]byte(p), uint64(1))
	}
	f.Fuzz(func(t *testing.T, page []byte, seed uint64) {
		checkAgainstNaive(t, page, bytes.NewReader(page))
		checkAgainstNaive(t, page, iotest.OneByteReader(bytes.NewReader(page)))
		checkAgainstNaive(t, page, iotest.DataErrReader(bytes.NewReader(page)))
		checkAgainstNaive(t, page, randomReader{bytes.NewReader(page), rand.New(rand.NewPCG(seed, 0)), 9})
	})
}

func TestSplitAgreesWithEncodingJSONOnMutatedPages(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, seed := range pages {
		if len(seed) > 2000 {
			continue // depth, covered as it is by the fuzz target's seeds
		}
		for range 300 {
			page := []byte(seed)
			for range 1 + rng.IntN(3) {
				mutate(rng, &page)
			}
			checkAgainstNaive(t, page, randomReader{bytes.NewReader(page), rng, 1 + rng.IntN(40)})
		}
	}
}

func mutate(rng *rand.Rand, page *[]byte) {
	const alphabet = `{}[]",:\/bfnrtu0123456789+-.eE aldst` + "\n\x00\x1f\x80"
	at := rng.IntN(len(*page) + 1)
	c := alphabet[rng.IntN(len(alphabet))]
	switch rest := (*page)[at:]; {
	case rng.IntN(3) == 0 && len(rest) > 0:
		*page = append((*page)[:at:at], rest[1:]...)
	case rng.IntN(2) == 0 && len(rest) > 0:
		rest[0] = c
	default:
		*page = append(append((*page)[:at:at], c), rest...)
	}
}

func TestSplitReadsPagesLargerThanItsBuffers(t *testing.T) {
	// Rows from a few bytes to several buffers, so that every kind of token straddles a
	// buffer's end somewhere.
	rng := rand.New(rand.NewPCG(3, 4))
	var page bytes.Buffer
	page.WriteString(`{"nextPageToken":"n","data":[`)
	for i := range 400 {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"s":"%s","n":[%s1.25e-3],"o":{"\u00e9":null}}`,
			strings.Repeat(`x\n`, rng.IntN(1<<rng.IntN(16))), strings.Repeat("true, ", rng.IntN(1<<rng.IntN(13))))
	}
	page.WriteString(`]}`)
	for _, size := range []int{1 << 20, 4095, 1000, 61} {
		checkAgainstNaive(t, page.Bytes(), randomReader{bytes.NewReader(page.Bytes()), rng, size})
	}
}

func TestR72_TruncatedPageIsBrokenAtEveryByte(t *testing.T) {
	page := guidePage(2, `"next"`)
	for n := range page {
		_, err := splitAll(newSplitter(), bytes.NewReader(page[:n]), conv.Position{})
		var broken *PageError
		if !errors.As(err, &broken) || !errors.Is(err, io.ErrUnexpectedEOF) || broken.Offset != int64(n) {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
	}
}

func TestR72_CutConnectionIsABrokenPage(t *testing.T) {
	cut := errors.New("connection reset by peer")
	page := guidePage(2, `"next"`)
	for _, n := range []int{0, 1, 300, len(page)} {
		r := io.MultiReader(bytes.NewReader(page[:n]), iotest.ErrReader(cut))
		_, err := splitAll(newSplitter(), r, conv.Position{})
		var broken *PageError
		if !errors.As(err, &broken) || !errors.Is(err, cut) {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
	}
}

func TestR69_RowsAreHandedOnBeforeTheNextRead(t *testing.T) {
	rows := 0
	var pieces []io.Reader
	piece := func(text string, complete int) {
		pieces = append(pieces, readerFunc(func() {
			if rows != complete {
				t.Errorf("before %q was read, %d rows had been handed on, want %d", text, rows, complete)
			}
		}), strings.NewReader(text))
	}
	piece(`{"data":[{"a":1},`, 0)
	piece(`{"a":2},{"a":`, 1)
	piece(`3}`, 2)
	piece(`]`, 3)
	piece(`}`, 3)
	err := newSplitter().Split(io.MultiReader(pieces...), conv.Position{}, func(c conv.Chunk) error {
		rows += len(c.Rows)
		return nil
	})
	if err != nil || rows != 3 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

// readerFunc is an empty reader that notices when it is its turn.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestRowsOwnTheirMemory(t *testing.T) {
	page := guidePage(3000, "null")
	var rows []conv.Row
	var copies [][]byte
	var tokens [][]conv.Token
	var longer []conv.Row // the first chunk and a row of the consumer's own
	err := newSplitter().Split(randomReader{bytes.NewReader(page), rand.New(rand.NewPCG(5, 6)), 5000}, conv.Position{}, func(c conv.Chunk) error {
		for _, r := range c.Rows {
			rows = append(rows, r)
			copies = append(copies, bytes.Clone(r.Raw))
			tokens = append(tokens, append([]conv.Token(nil), r.Tokens...))
		}
		// Whoever appends to what it was given must not reach the next row.
		for _, r := range c.Rows {
			_ = append(r.Raw, "overwritten"...)
			_ = append(r.Tokens, conv.Token{})
		}
		if longer == nil {
			longer = append(c.Rows, conv.Row{Raw: []byte("mine")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if mine := longer[len(longer)-1]; string(mine.Raw) != "mine" {
		t.Errorf("the consumer's own row became %q", mine.Raw)
	}
	for i := range rows {
		if !bytes.Equal(rows[i].Raw, copies[i]) || !cmp.Equal(rows[i].Tokens, tokens[i]) || string(copies[i]) != guideRow(i) {
			t.Fatalf("row %d was overwritten", i)
		}
	}
}

func TestRowAboveTheLimitIsDigestedAndNotKept(t *testing.T) {
	huge := `{"s":"` + strings.Repeat("abcdefgh", 1<<14) + `","t":[1,{"u":null}]}` // 128 KiB
	exact := `"` + strings.Repeat("y", 100_000-2) + `"`
	over := `"` + strings.Repeat("y", 100_000-1) + `"`
	page := `{"data":[{"a":1},` + huge + ` ,` + exact + `,{"a":2},` + over + `],"nextPageToken":"n"}`
	for _, size := range []int{1, 777, 1 << 20} {
		s := newSplitter()
		s.maxRow = 100_000
		got, err := splitAll(s, randomReader{strings.NewReader(page), rand.New(rand.NewPCG(7, 8)), size}, conv.Position{})
		if err != nil || len(got.Rows) != 5 || got.Next != "n" {
			t.Fatalf("reads of %d: %d rows, next %q, %v", size, len(got.Rows), got.Next, err)
		}
		want := conv.Row{Raw: []byte(huge[:headSize]), Length: int64(len(huge)), Digest: sha256.Sum256([]byte(huge))}
		if diff := cmp.Diff(want, got.Rows[1]); diff != "" {
			t.Fatalf("reads of %d:\n%s", size, diff)
		}
		if r := got.Rows[2]; string(r.Raw) != exact || r.Length != 0 || len(r.Tokens) != 1 {
			t.Fatalf("reads of %d: a row of the very limit was not kept", size)
		}
		if string(got.Rows[3].Raw) != `{"a":2}` {
			t.Fatalf("reads of %d: row behind it is %q", size, got.Rows[3].Raw)
		}
		if r := got.Rows[4]; r.Length != int64(len(over)) || r.Tokens != nil || r.Digest != sha256.Sum256([]byte(over)) {
			t.Fatalf("reads of %d: a row one byte above the limit was kept", size)
		}
	}
}

func TestRowAboveTheLimitIsStillChecked(t *testing.T) {
	s := newSplitter()
	s.maxRow = 1000
	page := `{"data":["` + strings.Repeat("z", 1<<20) + `\q"]}`
	_, err := splitAll(s, strings.NewReader(page), conv.Position{})
	var broken *PageError
	if !errors.As(err, &broken) || broken.Offset != int64(strings.IndexByte(page, 'q')) {
		t.Fatalf("got %v", err)
	}
}

// endless is a page that never ends; n bytes of it are read.
func endless(head, unit string, n int64) io.Reader {
	return io.LimitReader(io.MultiReader(strings.NewReader(head), &repeater{unit: unit}), n)
}

type repeater struct {
	unit string
	at   int
}

func (r *repeater) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.unit[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.unit)
	}
	return n, nil
}

func TestR3_MemoryDoesNotGrowWithThePage(t *testing.T) {
	// 24 MB each: rows, one row, one skipped member.
	for name, r := range map[string]io.Reader{
		"many rows":           endless(`{"data":[`, guideRow(1)+",", 24e6),
		"one row":             endless(`{"data":["`, "x", 24e6),
		"one row of tokens":   endless(`{"data":[[1`, ", null", 24e6),
		"a member to skip":    endless(`{"x":[1`, `,{"a":"b"}`, 24e6),
		"a page token":        endless(`{"nextPageToken":"`, "x", 24e6),
		"a key":               endless(`{"`, "x", 24e6),
		"space":               endless(`{`, " ", 24e6),
		"an enormous integer": endless(`{"data":[1`, "0", 24e6),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSplitter()
			s.maxRow = 1 << 20
			var peak, before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var read, probed int
			probe := readFunc(func(p []byte) (int, error) {
				if read-probed > 2e6 {
					probed = read
					runtime.GC()
					var now runtime.MemStats
					if runtime.ReadMemStats(&now); now.HeapAlloc > peak.HeapAlloc {
						peak = now
					}
				}
				n, err := r.Read(p)
				read += n
				return n, err
			})
			err := s.Split(probe, conv.Position{}, func(conv.Chunk) error { return nil })
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("%d bytes are held in the middle of the page", grown)
			}
		})
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestErrorOfEmitIsReturnedAsItIs(t *testing.T) {
	want := errors.New("pipeline is full")
	for calls := range 3 {
		n := 0
		err := newSplitter().Split(iotest.OneByteReader(strings.NewReader(`{"data":[1 ,2 ]}`)), conv.Position{}, func(conv.Chunk) error {
			if n++; n > calls {
				return want
			}
			return nil
		})
		if err != want {
			t.Errorf("emit failing on call %d: %v", calls+1, err)
		}
	}
}

func TestReaderThatGivesNothingIsABrokenPage(t *testing.T) {
	err := newSplitter().Split(readFunc(func([]byte) (int, error) { return 0, nil }), conv.Position{}, nil)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

func TestR63_PageWithoutRowsOrTokenIsBroken(t *testing.T) {
	for page, ok := range map[string]bool{
		`{"data":[],"nextPageToken":null}`:    true,
		`{"data":null,"nextPageToken":null}`:  true,
		`{"nextPageToken":"x"}`:               true,
		`{"data":[]}`:                         true,
		`{"data":null}`:                       false,
		`{}`:                                  false,
		`{"conversations":[]}`:                false,
		`{"message":"internal server error"}`: false,
	} {
		if _, err := splitAll(newSplitter(), strings.NewReader(page), conv.Position{}); (err == nil) != ok {
			t.Errorf("%s: %v", page, err)
		}
	}
}

func TestR64_NullMissingAndEmptyTokenEndTheResult(t *testing.T) {
	for page, want := range map[string]string{
		`{"data":[1],"nextPageToken":null}`:         "",
		`{"data":[1],"nextPageToken":""}`:           "",
		`{"data":[1]}`:                              "",
		`{"data":[],"nextPageToken":"go on"}`:       "go on",
		`{"nextPageToken":"a\/b\u002bc","data":[]}`: "a/b+c",
	} {
		got, err := splitAll(newSplitter(), strings.NewReader(page), conv.Position{})
		if err != nil || got.Next != want {
			t.Errorf("%s: next %q, %v", page, got.Next, err)
		}
	}
}

func TestR35R88_PageFactsCountBytesAndRows(t *testing.T) {
	page := `{"count":1234,"data":[1]}  ` + "\n"
	var facts conv.PageFacts
	err := newSplitter().Split(strings.NewReader(page), conv.Position{}, func(c conv.Chunk) error {
		facts = c.Page
		return nil
	})
	if want := (conv.PageFacts{Bytes: int64(len(page)), Count: 1234}); err != nil || facts != want {
		t.Errorf("got %+v, want %+v, %v", facts, want, err)
	}
}

func BenchmarkSplit(b *testing.B) {
	page := guidePage(1000, "null")
	s := newSplitter()
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		if err := s.Split(bytes.NewReader(page), conv.Position{}, func(c conv.Chunk) error {
			rows += len(c.Rows)
			return nil
		}); err != nil || rows != 1000 {
			b.Fatal(rows, err)
		}
	}
}

// BenchmarkEncodingJSON is what Split is measured against: the page by encoding/json, its
// rows left as they are, without tokens, keys or times.
func BenchmarkEncodingJSON(b *testing.B) {
	page := guidePage(1000, "null")
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		var p struct {
			Data          []json.RawMessage `json:"data"`
			NextPageToken *string           `json:"nextPageToken"`
		}
		if err := json.Unmarshal(page, &p); err != nil || len(p.Data) != 1000 {
			b.Fatal(len(p.Data), err)
		}
	}
}
