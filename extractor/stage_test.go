package extractor

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// fakeStage keeps pages in memory and notes what happened in which order, the emitted rows
// included.
type fakeStage struct {
	fail  func(n int) error // what the n-th call of Page fails with
	calls int
	log   []string
	ended conv.JobStatus
}

func (s *fakeStage) Page(_ context.Context, _ conv.Window, _ conv.Job, page int, body io.Reader) error {
	s.calls++
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if s.fail != nil {
		if err := s.fail(s.calls); err != nil {
			return err
		}
	}
	s.log = append(s.log, fmt.Sprintf("page %d: %s", page, text))
	return nil
}

func (s *fakeStage) Result(_ context.Context, _ conv.Window, _ conv.Job, status conv.JobStatus, pages int) error {
	s.log = append(s.log, fmt.Sprintf("result of %d pages", pages))
	s.ended = status
	return nil
}

func (s *fakeStage) emit(c conv.Chunk) error {
	for i := range c.Rows {
		s.log = append(s.log, fmt.Sprintf("row %d/%d", c.At.Page, c.At.Row+i))
	}
	return nil
}

func staging(t *testing.T, s Stage) Config {
	c := quick()
	c.Stage, c.Spool = s, t.TempDir()
	return c
}

// tearing is a stage behind whose back the disk fails, once a page is kept.
type tearing struct {
	fakeStage
	unreadable *os.File
}

func (s *tearing) Page(ctx context.Context, w conv.Window, job conv.Job, page int, body io.Reader) error {
	err := s.fakeStage.Page(ctx, w, job, page, body)
	kept := body.(cipher.StreamReader).R.(spooled).spool
	_ = kept.file.Close()
	kept.file = s.unreadable
	return err
}

// stagedResult is what a Stage sees of the three pages, and when.
var stagedResult = []string{
	"page 0: " + threePages(""), "row 0/0", "row 0/1",
	"page 1: " + threePages("t1"), "row 1/0", "row 1/1",
	"page 2: " + threePages("t2"), "row 2/0", "row 2/1",
	"result of 3 pages",
}

func TestR13_NoRowIsHandedOnWhosePageIsNotKept(t *testing.T) {
	faults := map[string]func() (io.ReadCloser, error){
		"none":         func() (io.ReadCloser, error) { return body(threePages("t1")), nil },
		"503":          func() (io.ReadCloser, error) { return nil, refuse(OpResults, 503) },
		"cut off":      func() (io.ReadCloser, error) { return body(`{"data":[2,3`), nil },
		"no JSON amid": func() (io.ReadCloser, error) { return body(`{"data":[2,<html>,3],"nextPageToken":"t2"}`), nil },
		"reset at end": func() (io.ReadCloser, error) { return broken(threePages("t1")), nil },
		"more behind":  func() (io.ReadCloser, error) { return body(threePages("t1") + "{}"), nil },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeSource{
					page: func(_ context.Context, n int, token string) (io.ReadCloser, error) {
						if 2 <= n && n <= 4 && name != "none" {
							return fault()
						}
						return body(threePages(token)), nil
					},
					status: func(int) (conv.JobStatus, error) {
						return conv.JobStatus{State: conv.JobPartial, Word: "partial", Count: 7}, nil
					},
				}
				s := &fakeStage{}
				e := New(f, staging(t, s), Hooks{})
				if _, err := e.Await(t.Context(), window, newJob()); err != nil {
					t.Fatal(err)
				}
				if err := e.Read(t.Context(), window, newJob(), conv.Position{}, s.emit); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(stagedResult, s.log); diff != "" {
					t.Error(diff)
				}
				if s.ended.State != conv.JobPartial || s.ended.Word != "partial" || s.ended.Count != 7 {
					t.Errorf("the stage was told that the job ended as %+v", s.ended)
				}
			})
		})
	}
}

func TestR13_AStageThatFailsIsAskedAgainAndThePlatformIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		s := &fakeStage{fail: func(n int) error {
			if n%4 != 0 {
				return errors.New("503 Slow Down")
			}
			return nil
		}}
		var told []string
		hooks := Hooks{Retrying: func(op Op, _ conv.Window, wait time.Duration, err error) {
			told = append(told, fmt.Sprint(op, " ", wait, " ", err))
		}}
		if err := New(f, staging(t, s), hooks).Read(t.Context(), window, newJob(), conv.Position{}, s.emit); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(stagedResult, s.log); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"", "t1", "t2"}, f.tokens()); diff != "" {
			t.Errorf("pages asked for: %s", diff)
		}
		want := []string{"store 1s 503 Slow Down", "store 2s 503 Slow Down", "store 4s 503 Slow Down"}
		if diff := cmp.Diff(slices.Repeat(want, 3), told); diff != "" {
			t.Error(diff)
		}
	})
}

type refusedForGood struct{}

func (refusedForGood) Error() string   { return "access denied" }
func (refusedForGood) Permanent() bool { return true }

func TestR13_AStageThatStaysDownEndsTheRunAndNoRowIsHandedOn(t *testing.T) {
	for err, patience := range map[error]time.Duration{errors.New("no route to host"): patience, refusedForGood{}: 0} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeSource{
				page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
					return body(threePages(token)), nil
				},
				status: func(int) (conv.JobStatus, error) { return conv.JobStatus{State: conv.JobDone}, nil },
			}
			s := &fakeStage{fail: func(int) error { return err }}
			e := New(f, staging(t, s), Hooks{})
			if _, err := e.Await(t.Context(), window, newJob()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			got := e.Read(t.Context(), window, newJob(), conv.Position{}, s.emit)
			if got == nil || errors.Is(got, conv.ErrJobGone) || !strings.Contains(got.Error(), err.Error()) || len(s.log) > 0 {
				t.Errorf("%v, %v", got, s.log)
			}
			if took := time.Since(start); took != patience {
				t.Errorf("given up after %s, want %s", took, patience)
			}
		})
	}
}

func TestAPageThatBreaksAgainAndAgainButFurtherOnIsNotGivenUpBeforeItIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rows = 3 * brokenPages
		whole := `{"data":[` + strings.Repeat("1,", rows) + `1],"nextPageToken":null}`
		f := &fakeSource{page: func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
			return broken(whole[:min(len(`{"data":[`)+2*n, len(whole))]), nil
		}}
		s := &fakeStage{}
		err := New(f, staging(t, s), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, s.emit)
		if asked := len(f.tokens()); !errors.Is(err, conv.ErrJobGone) || asked < rows+brokenPages {
			t.Errorf("%v after %d requests, want more than %d", err, asked, rows+brokenPages)
		}
	})
}

func TestASpoolLeavesNothingReadable(t *testing.T) {
	dir := t.TempDir()
	s, err := newSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := strings.Repeat(`{"phone":"+4915112345678"}`, 10_000)
	if _, err := io.WriteString(s, text); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := s.reader()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	raw := make([]byte, len(text))
	if _, err := s.file.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("phone")) || bytes.Contains(raw, []byte("4915112345678")) {
		t.Error("the file holds what was written")
	}
}

func TestADiskThatFailsEndsTheRunAndIsNotTakenForABrokenPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		s := &fakeStage{}
		c := staging(t, s)
		c.Spool += "/is not there"
		err := New(f, c, Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, s.emit)
		if err == nil || errors.Is(err, conv.ErrJobGone) || !strings.Contains(err.Error(), "state_dir") || len(f.tokens()) != 1 {
			t.Errorf("%v after %d requests", err, len(f.tokens()))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		file, err := os.OpenFile(t.TempDir()+"/page", os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		s := &tearing{unreadable: file}
		err = New(f, staging(t, s), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, s.emit)
		if err == nil || errors.Is(err, conv.ErrJobGone) || !strings.Contains(err.Error(), "state_dir") || len(f.tokens()) != 1 {
			t.Errorf("%v after %d requests", err, len(f.tokens()))
		}
	})
	spool, err := newSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	spool.Close()
	p := &attemptedPage{reading: &reading{Extractor: New(&fakeSource{}, quick(), Hooks{})}}
	text := `{"data":["` + strings.Repeat("x", 2*readSize) + `"],"nextPageToken":null}`
	p.body = &watched{ctx: t.Context(), body: strings.NewReader(text), idle: time.NewTimer(time.Hour)}
	var broken *PageError
	if err := p.receive(spool); errors.As(err, &broken) || temporary(err) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("a page that the disk refuses: %v", err)
	}
}
