package staging

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/extractor"
	"convstream/internal/conv"
)

var (
	reports = Format{
		extractor.Envelope{Rows: "data", Next: "nextPageToken", Count: "count"},
		extractor.Keys{ConversationID: "conversation.id", Time: "timestamp"},
	}
	jobs = Format{
		extractor.Envelope{Rows: "conversations", Next: "cursor", Available: "dataAvailabilityDate"},
		extractor.Keys{ConversationID: "conversationId", Time: "conversationStart", End: "conversationEnd"},
	}
	window = conv.Window{From: 1704067200000, To: 1704153600000}
	config = Config{"acme", "reports", "query-1"}
)

func job(id string, observation uint32) conv.Job {
	return conv.Job{ID: id, Submitted: 1704160000123, PlatformTime: 1704160001000, Observation: observation}
}

// masker masks phones.
type masker struct{ idle bool }

var phone = regexp.MustCompile(`"phone":"[^"]*"`)

func (m masker) Idle() bool { return m.idle }
func (m masker) Redact(dst []byte, row *conv.Row) ([]byte, bool) {
	if len(row.Tokens) == 0 || row.Tokens[0].Kind != conv.Object {
		return dst, false
	}
	return append(dst, phone.ReplaceAll(row.Raw, []byte(`"phone":"***"`))...), true
}

// stored is a page as it stands in the bucket, without its compression.
func stored(t *testing.T, b *Bucket, key string) string {
	t.Helper()
	r, err := b.read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := decompressor(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// chunks describes what is handed on.
type chunks struct {
	rows []string
	last conv.Chunk
}

func (c *chunks) emit(k conv.Chunk) error {
	for i, r := range k.Rows {
		c.rows = append(c.rows, fmt.Sprintf("%d/%d %s id=%s length=%d redacted=%t", k.At.Page, k.At.Row+i, r.Raw, r.ConversationID, r.Length, r.Redacted))
	}
	if k.End {
		c.last = k
	}
	return nil
}

const page = ` {"data" : [{"conversation.id":"a","phone":"+49151"} , {"phone":"+1\u0035","conversation.id":"b"}],
	"secret":"of the page", "nextPageToken":"t<1>","count":2}` + "\n"

func TestR13_APageIsKeptByteForByteWhereNothingIsPrivate(t *testing.T) {
	for name, redactor := range map[string]Redactor{"keep": nil, "nothing is marked": masker{idle: true}} {
		b := open(t, "mem://")
		s := NewStage(b, config, reports, redactor)
		if err := s.Page(t.Context(), window, job("job-1", 9), 0, strings.NewReader(page)); err != nil {
			t.Fatal(err)
		}
		key := "acme/reports/20240101T000000.000Z_20240102T000000.000Z/0000000009-job-1/page-000000.json.zst"
		if diff := cmp.Diff([]string{key}, keys(t, b)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(page, stored(t, b, key)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestR13_ARedactedPageKeepsItsRowsTheWayOnAndNothingPrivate(t *testing.T) {
	b := open(t, "mem://")
	s := NewStage(b, config, reports, masker{})
	if err := s.Page(t.Context(), window, job("job-1", 9), 3, strings.NewReader(page)); err != nil {
		t.Fatal(err)
	}
	key := config.folder(window, job("job-1", 9)) + "page-000003.json.zst"
	text := stored(t, b, key)
	for _, private := range []string{"49151", "0035", "of the page"} {
		if strings.Contains(text, private) {
			t.Errorf("%s holds %s", text, private)
		}
	}
	r, err := b.read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got chunks
	if err := split(r, reports.splitter(), conv.Position{Token: "t0", Page: 3}, got.emit); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`3/0 {"conversation.id":"a","phone":"***"} id=a length=0 redacted=true`,
		`3/1 {"phone":"***","conversation.id":"b"} id=b length=0 redacted=true`,
	}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Error(diff)
	}
	if got.last.Next != "t<1>" || got.last.Page.Count != 2 || got.last.At.Token != "t0" {
		t.Errorf("%+v", got.last)
	}
}

func TestR13_APageOfConversationsKeepsItsWatermarkWhenItIsRedacted(t *testing.T) {
	for text, want := range map[string]conv.Chunk{
		`{"conversations":[{"conversationId":"a"}],"cursor":"c","dataAvailabilityDate":"2024-01-03T00:00:00.500Z"}`: {
			Next: "c", Page: conv.PageFacts{Count: -1, Available: 1704240000500},
		},
		`{"dataAvailabilityDate":"2024-01-03T00:00:00Z"}`: {Page: conv.PageFacts{Count: -1, Available: 1704240000000}},
		`{"conversations":null,"cursor":null}`:            {Page: conv.PageFacts{Count: -1}},
	} {
		b := open(t, "mem://")
		if err := NewStage(b, config, jobs, masker{}).Page(t.Context(), window, job("j", 1), 0, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		r, err := b.read(t.Context(), config.folder(window, job("j", 1))+pageName(0))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got chunks
		if err := split(r, jobs.splitter(), conv.Position{}, got.emit); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got.last.Page.Bytes = 0
		if got.last.Next != want.Next || got.last.Page != want.Page {
			t.Errorf("%s: %+v", text, got.last)
		}
	}
}

func TestR13_ARowThatCannotBeRedactedStaysTheSameDeadLetter(t *testing.T) {
	large := `{"phone":"` + strings.Repeat("1", 17<<20) + `"}`
	text := `{"data":["+4915112",{"a":1},` + large + `,["+4915112"]],"nextPageToken":null}`
	b := open(t, "mem://")
	if err := NewStage(b, config, reports, masker{}).Page(t.Context(), window, job("j", 1), 0, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	key := config.folder(window, job("j", 1)) + pageName(0)
	if strings.Contains(stored(t, b, key), "111") {
		t.Error("a number is kept")
	}
	r, err := b.read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got chunks
	if err := split(r, reports.splitter(), conv.Position{}, got.emit); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`0/0 "convstream: not kept, no object, job j, page 0, row 0" id= length=0 redacted=true`,
		`0/1 {"a":1} id= length=0 redacted=true`,
		fmt.Sprintf(`0/2 "convstream: not kept, too large: %d bytes, job j, page 0, row 2" id= length=%d redacted=true`, len(large), len(large)),
		`0/3 "convstream: not kept, no object, job j, page 0, row 3" id= length=0 redacted=true`,
	}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Error(diff)
	}
}

func TestNamesFollowFromWhatTheyAreOf(t *testing.T) {
	for id, want := range map[string]string{
		"8e1c-4f.A_9":            "0000000009-8e1c-4f.A_9/",
		"../../etc":              "0000000009-sha256-",
		"a/b":                    "0000000009-sha256-",
		".":                      "0000000009-sha256-",
		strings.Repeat("a", 101): "0000000009-sha256-",
	} {
		folder := strings.TrimPrefix(config.folder(window, job(id, 9)), config.jobs(window))
		if !strings.HasPrefix(folder, want) || strings.Count(folder, "/") != 1 {
			t.Errorf("job %s is kept in %s", id, folder)
		}
	}
	if a, b := config.folder(window, job("a/b", 9)), config.folder(window, job("a/c", 9)); a == b {
		t.Errorf("two jobs in %s", a)
	}
	if a, b := config.folder(window, job("z", 999_999_999)), config.folder(window, job("a", 1_000_000_000)); a > b {
		t.Errorf("%s is not before %s", a, b)
	}
	for _, n := range []int{0, 999_999, 1_000_000} {
		if got, ok := pageNumber(pageName(n)); !ok || got != n {
			t.Errorf("page %d is %s, read as %d", n, pageName(n), got)
		}
	}
	for _, name := range []string{"page-1.json.zst", "page-0000001.json.zst", "page--00001.json.zst", "page-000001.json", "job.json"} {
		if n, ok := pageNumber(name); ok {
			t.Errorf("%s is read as page %d", name, n)
		}
	}
	if w, ok := parseWindow(strings.TrimPrefix(config.jobs(window), config.windows())); !ok || w != window {
		t.Errorf("%v, %t", w, ok)
	}
}

func TestTheSamePageIsKeptUnderTheSameNameAsTheSameBytes(t *testing.T) {
	for _, redactor := range []Redactor{nil, masker{}} {
		b := open(t, "mem://")
		s := NewStage(b, config, reports, redactor)
		var before []byte
		for range 2 {
			if err := s.Page(t.Context(), window, job("job-1", 9), 0, strings.NewReader(page)); err != nil {
				t.Fatal(err)
			}
			list := keys(t, b)
			now, err := b.blob.ReadAll(t.Context(), list[0])
			if err != nil || len(list) != 1 || before != nil && string(now) != string(before) {
				t.Errorf("%v, %v, %d bytes after %d", list, err, len(now), len(before))
			}
			before = now
		}
	}
}

func TestAPageThatCannotBeReadIsNotKept(t *testing.T) {
	failing := errors.New("the disk failed")
	for _, redactor := range []Redactor{nil, masker{}} {
		b := open(t, "mem://")
		err := NewStage(b, config, reports, redactor).Page(t.Context(), window, job("j", 1), 0, io.MultiReader(strings.NewReader(page[:50]), failer{failing}))
		if !errors.Is(err, failing) || len(keys(t, b)) > 0 {
			t.Errorf("%v, %v", err, keys(t, b))
		}
	}
}

type failer struct{ err error }

func (f failer) Read([]byte) (int, error) { return 0, f.err }
