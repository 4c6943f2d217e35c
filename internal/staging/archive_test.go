package staging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"convstream/extractor"
	"convstream/internal/conv"
)

// keep keeps a result of the given pages.
func keep(t *testing.T, b *Bucket, c Config, w conv.Window, j conv.Job, status conv.JobStatus, pages ...string) {
	t.Helper()
	s := NewStage(b, c, reports, nil)
	for i, text := range pages {
		if err := s.Page(t.Context(), w, j, i, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Result(t.Context(), w, j, status, len(pages)); err != nil {
		t.Fatal(err)
	}
}

var done = conv.JobStatus{State: conv.JobDone, Word: "completed", Progress: -1, Count: -1}

const onePage = `{"data":[{"conversation.id":"a"}],"nextPageToken":null}`

func archive(b *Bucket, c Config) *Archive {
	return NewArchive(b, c, reports, extractor.Retry{Initial: time.Second, Max: time.Minute}, Hooks{
		Found:    func(conv.Window, *Manifest, bool) {},
		Retrying: func(conv.Window, time.Duration, error) {},
	})
}

func TestR13_AJobIsReadFromStagingAsItWas(t *testing.T) {
	pages := []string{
		`{"data":[{"conversation.id":"a"},{"conversation.id":"b"}],"nextPageToken":"t1"}`,
		`{"data":[],"nextPageToken":"t2"}`,
		`{"data":[{"conversation.id":"c"}],"nextPageToken":null}`,
	}
	b := open(t, "mem://")
	partial := conv.JobStatus{State: conv.JobPartial, Word: "partial", Progress: 0.5, Count: 3}
	keep(t, b, config, window, job("job-1", 9), partial, pages...)
	a := archive(b, config)
	j, err := a.Submit(t.Context(), window)
	if err != nil || j != job("job-1", 9) {
		t.Fatalf("%+v, %v", j, err)
	}
	partial.Progress = -1
	if s, err := a.Await(t.Context(), window, j); err != nil || s != partial {
		t.Errorf("%+v, %v", s, err)
	}
	all := []string{"/0/0 a", "/0/1 b", "t1/1 end", "t2/2/0 c", "t2/2 end"}
	all = slices.Insert(all, 2, "/0 end")
	for from, want := range map[conv.Position][]string{{}: all, {Token: "t1", Page: 1}: all[3:], {Token: "t2", Page: 2, Row: 1}: all[4:]} {
		var got []string
		err := a.Read(t.Context(), window, j, from, func(c conv.Chunk) error {
			for i, r := range c.Rows {
				got = append(got, fmt.Sprintf("%s/%d/%d %s", c.At.Token, c.At.Page, c.At.Row+i, r.ConversationID))
			}
			if c.End {
				got = append(got, fmt.Sprintf("%s/%d end", c.At.Token, c.At.Page))
			}
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("from %+v: %v\n%s", from, err, diff)
		}
	}
}

func TestR13_TheNewestJobThatWasReadToItsEndStandsForAWindow(t *testing.T) {
	b := open(t, "mem://")
	other := config
	other.Query = "query-2"
	keep(t, b, config, window, job("old", 1_000_000), done, onePage)
	keep(t, b, config, window, job("new", 2_000_000_000), done, onePage)
	keep(t, b, other, window, job("newer", 2_000_000_001), done, onePage)
	half := NewStage(b, config, reports, nil)
	if err := half.Page(t.Context(), window, job("newest", 2_000_000_002), 0, strings.NewReader(page)); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[Config]string{config: "new", other: "newer", {"acme", "reports", "query-3"}: "newer foreign"} {
		var found string
		a := archive(b, c)
		a.hooks.Found = func(w conv.Window, m *Manifest, foreign bool) {
			if found = m.Job.ID; foreign {
				found += " foreign"
			}
		}
		if j, err := a.Submit(t.Context(), window); err != nil || found != want || !strings.HasPrefix(want, j.ID) {
			t.Errorf("query %s: job %s, told of %s, %v", c.Query, j.ID, found, err)
		}
	}
	if err := b.blob.Delete(t.Context(), config.folder(window, job("new", 2_000_000_000))+pageName(0)); err != nil {
		t.Fatal(err)
	}
	if j, err := archive(b, config).Submit(t.Context(), window); err != nil || j.ID != "old" {
		t.Errorf("with a page of the newest gone: job %s, %v", j.ID, err)
	}
}

func TestR13_AWindowThatIsNotInStagingSaysSo(t *testing.T) {
	b := open(t, "mem://")
	half := NewStage(b, config, reports, nil)
	if err := half.Page(t.Context(), window, job("a", 1), 0, strings.NewReader(page)); err != nil {
		t.Fatal(err)
	}
	if _, err := archive(b, config).Submit(t.Context(), window); !errors.Is(err, conv.ErrNotStaged) || !strings.Contains(err.Error(), "mem:///acme/reports/20240101T000000.000Z_") {
		t.Error(err)
	}
	if _, err := archive(b, config).Await(t.Context(), window, job("a", 1)); !errors.Is(err, conv.ErrJobGone) {
		t.Errorf("a job without a manifest: %v", err)
	}
	noon := window.From + 12*3600_000
	keep(t, b, config, conv.Window{From: noon, To: window.To}, job("b", 1), done, onePage)
	if _, err := archive(b, config).Submit(t.Context(), window); !errors.Is(err, conv.ErrNotStaged) {
		t.Errorf("with half of it there: %v", err)
	}
	keep(t, b, config, conv.Window{From: window.From, To: noon}, job("c", 1), done, onePage)
	if _, err := archive(b, config).Submit(t.Context(), window); !errors.Is(err, conv.ErrNoJob) {
		t.Errorf("with both halves there: %v", err)
	}
}

func TestR13_AJobThatWasReadAgainInNarrowerWindowsCountsAsPartial(t *testing.T) {
	noon := window.From + 12*3600_000
	halves := []conv.Window{{From: window.From, To: noon}, {From: noon, To: window.To}}
	for name, c := range map[string]struct {
		observations [2]uint32 // of the halves; 0 is not there
		want         conv.JobState
	}{
		"later":       {[2]uint32{10, 11}, conv.JobPartial},
		"before":      {[2]uint32{7, 8}, conv.JobDone},
		"one before":  {[2]uint32{7, 10}, conv.JobDone},
		"only one":    {[2]uint32{10, 0}, conv.JobDone},
		"none at all": {[2]uint32{0, 0}, conv.JobDone},
	} {
		b := open(t, "mem://")
		keep(t, b, config, window, job("whole", 9), done, onePage)
		for i, n := range c.observations {
			if n > 0 {
				keep(t, b, config, halves[i], job("half", n), done, onePage)
			}
		}
		a := archive(b, config)
		j, err := a.Submit(t.Context(), window)
		if err != nil || j.ID != "whole" {
			t.Fatalf("%s: job %s, %v", name, j.ID, err)
		}
		if s, err := a.Await(t.Context(), window, j); err != nil || s.State != c.want {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestAManifestIsNotWrittenWhereAPageIsMissing(t *testing.T) {
	b := open(t, "mem://")
	s := NewStage(b, config, reports, nil)
	for _, n := range []int{1, 2, 4} {
		if err := s.Page(t.Context(), window, job("j", 1), n, strings.NewReader(page)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Result(t.Context(), window, job("j", 1), done, 3); err != nil {
		t.Fatal(err)
	}
	if list := keys(t, b); len(list) != 3 {
		t.Error(list)
	}
}

func TestWhatIsDamagedEndsTheReadingAndIsNamed(t *testing.T) {
	folder := config.folder(window, job("j", 1))
	for name, damage := range map[string]func(*testing.T, *Bucket){
		pageName(0): func(t *testing.T, b *Bucket) {
			text, err := b.blob.ReadAll(t.Context(), folder+pageName(0))
			if err != nil {
				t.Fatal(err)
			}
			put(t, b, folder+pageName(0), string(text[:len(text)-5])) // the checksum, and a bit of the last block
		},
		pageName(1): func(t *testing.T, b *Bucket) { put(t, b, folder+pageName(1), onePage) }, // not compressed
		manifestName: func(t *testing.T, b *Bucket) {
			text, err := b.blob.ReadAll(t.Context(), folder+manifestName)
			if err != nil {
				t.Fatal(err)
			}
			put(t, b, folder+manifestName, strings.Replace(string(text), `"pages": 2`, `"pages": 1`, 1))
		},
	} {
		b := open(t, "mem://")
		keep(t, b, config, window, job("j", 1), done, page, onePage)
		damage(t, b)
		var got chunks
		err := archive(b, config).Read(t.Context(), window, job("j", 1), conv.Position{}, got.emit)
		if err == nil || !strings.Contains(err.Error(), folder+name+": it is not what was written") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flaky is a storage that can only be read, and of which every other call fails.
type flaky struct {
	driver.Bucket
	objects map[string][]byte
	calls   int
}

// copied is what a bucket holds.
func copied(t *testing.T, b *Bucket) map[string][]byte {
	t.Helper()
	objects := map[string][]byte{}
	for _, key := range keys(t, b) {
		text, err := b.blob.ReadAll(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		objects[key] = text
	}
	return objects
}

func (f *flaky) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }
func (f *flaky) Close() error                       { return nil }
func (f *flaky) NewRangeReader(_ context.Context, key string, _, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	if f.calls++; f.calls%2 == 1 {
		return nil, errors.New("connection reset")
	}
	return &whole{bytes.NewReader(f.objects[key]), int64(len(f.objects[key]))}, nil
}

type whole struct {
	*bytes.Reader
	size int64
}

func (w *whole) Close() error                         { return nil }
func (w *whole) Attributes() *driver.ReaderAttributes { return &driver.ReaderAttributes{Size: w.size} }
func (w *whole) As(any) bool                          { return false }

func TestR13_AReadOfTheStorageThatFailsIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "mem://")
		keep(t, b, config, window, job("j", 1), done, page, onePage)
		b = &Bucket{blob: blob.NewBucket(&flaky{objects: copied(t, b)}), place: "flaky://"}
		defer b.Close()
		var waits []time.Duration
		a := archive(b, config)
		a.hooks.Retrying = func(_ conv.Window, wait time.Duration, err error) {
			if !strings.Contains(err.Error(), "connection reset") {
				t.Error(err)
			}
			waits = append(waits, wait)
		}
		var got chunks
		if err := a.Read(t.Context(), window, job("j", 1), conv.Position{}, got.emit); err != nil {
			t.Fatal(err)
		}
		if len(got.rows) != 3 || len(waits) != 3 || waits[0] != time.Second {
			t.Errorf("%v after %v", got.rows, waits)
		}
		stop := errors.New("the epoch is over")
		if err := a.Read(t.Context(), window, job("j", 1), conv.Position{}, func(conv.Chunk) error { return stop }); err != stop {
			t.Errorf("an error of emit came back as %v", err)
		}
	})
}
