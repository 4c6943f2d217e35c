package extractor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
)

// threePages is a result of pages "", "t1" and "t2" with two rows each.
func threePages(token string) string {
	return map[string]string{
		"":   `{"data":[0,1],"nextPageToken":"t1"}`,
		"t1": `{"data":[2,3],"nextPageToken":"t2"}`,
		"t2": `{"data":[4,5],"nextPageToken":null}`,
	}[token]
}

// collector notes where each row came from.
type collector []string

func (c *collector) emit(k conv.Chunk) error {
	for i, r := range k.Rows {
		*c = append(*c, fmt.Sprintf("%s/%d/%d:%s", k.At.Token, k.At.Page, k.At.Row+i, r.Raw))
	}
	if k.End {
		*c = append(*c, "end:"+k.Next)
	}
	return nil
}

var wholeResult = collector{"/0/0:0", "/0/1:1", "end:t1", "t1/1/0:2", "t1/1/1:3", "end:t2", "t2/2/0:4", "t2/2/1:5", "end:"}

func (f *fakeSource) tokens() (list []string) {
	for _, a := range f.asked {
		list = append(list, a.token)
	}
	return list
}

func TestReadFollowsTheTokensToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		var got collector
		var pages []conv.Position
		hooks := Hooks{PageRead: func(_ conv.Window, _ conv.Job, at conv.Position, facts conv.PageFacts) {
			pages = append(pages, at)
			if facts.Bytes != int64(len(threePages(at.Token))) {
				t.Errorf("page %d has %d bytes", at.Page, facts.Bytes)
			}
		}}
		if err := New(f, quick(), hooks).Read(t.Context(), window, newJob(), conv.Position{}, got.emit); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wholeResult, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]conv.Position{{Row: 2}, {Token: "t1", Page: 1, Row: 2}, {Token: "t2", Page: 2, Row: 2}}, pages); diff != "" {
			t.Errorf("pages told of:\n%s", diff)
		}
	})
}

func TestR77R79_ReadResumesAtTheTokenOfItsPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		var got collector
		if err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{Token: "t1", Page: 1, Row: 1}, got.emit); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wholeResult[3:], got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestR72R77R78_EveryFaultAsksForTheSameTokenAgain(t *testing.T) {
	faults := map[string]func() (io.ReadCloser, error){
		"429":          func() (io.ReadCloser, error) { return nil, pushBack(OpResults, 5*time.Second) },
		"503":          func() (io.ReadCloser, error) { return nil, refuse(OpResults, 503) },
		"500":          func() (io.ReadCloser, error) { return nil, refuse(OpResults, 500) },
		"network":      func() (io.ReadCloser, error) { return nil, errNetwork },
		"cut off":      func() (io.ReadCloser, error) { return body(`{"data":[2,`), nil },
		"no JSON amid": func() (io.ReadCloser, error) { return body(`{"data":[2,<html>,3],"nextPageToken":"t2"}`), nil },
		"no JSON":      func() (io.ReadCloser, error) { return body(`<html>`), nil },
		"no envelope":  func() (io.ReadCloser, error) { return body(`{"message":"oops"}`), nil },
		"reset":        func() (io.ReadCloser, error) { return broken(`{"data":[2,3`), nil },
		"reset at end": func() (io.ReadCloser, error) { return broken(threePages("t1")), nil },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeSource{page: func(_ context.Context, n int, token string) (io.ReadCloser, error) {
					if 2 <= n && n <= 4 {
						return fault()
					}
					return body(threePages(token)), nil
				}}
				last := map[string]string{} // what the pipeline keeps: each row once
				err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(c conv.Chunk) error {
					for i, r := range c.Rows {
						at := fmt.Sprint(c.At.Page, "/", c.At.Row+i)
						if before, again := last[at]; again && before != string(r.Raw) {
							t.Errorf("row %s was %s and is %s", at, before, r.Raw)
						}
						last[at] = string(r.Raw)
					}
					return nil
				})
				if err != nil || len(last) != 6 {
					t.Fatalf("%v, %v", last, err)
				}
				if diff := cmp.Diff([]string{"", "t1", "t1", "t1", "t1", "t2"}, f.tokens()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// broken is a body whose connection breaks behind the text.
func broken(text string) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(text), readFunc(func([]byte) (int, error) { return 0, errNetwork })))
}

func TestR64_AnEmptyPageWithATokenIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := map[string]string{
			"":  `{"data":[],"nextPageToken":"a"}`,
			"a": `{"data":null,"nextPageToken":"b"}`,
			"b": `{"nextPageToken":"c"}`,
			"c": `{"data":[7],"nextPageToken":""}`,
		}
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) { return body(pages[token]), nil }}
		var got collector
		if err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, got.emit); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(collector{"end:a", "end:b", "end:c", "c/3/0:7", "end:"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestR72_PageThatNeverGetsWholeGivesTheJobUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(context.Context, int, string) (io.ReadCloser, error) { return body(`{"data":[1 `), nil }}
		err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil })
		var page *PageError
		if !errors.Is(err, conv.ErrJobGone) || !errors.As(err, &page) || len(f.asked) != brokenPages {
			t.Errorf("%v after %d attempts", err, len(f.asked))
		}
	})
}

func TestPageThatGetsFurtherEachTimeIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
			if n == 50 {
				return body(`{"data":[` + strings.Repeat("1,", 100) + `1]}`), nil
			}
			return body(`{"data":[` + strings.Repeat("1,", n)), nil
		}}
		if err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestR59_RefusedTokenOrJobIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]bool{400: true, 404: true, 410: true, 413: true, 422: true, 401: false, 403: false, 501: false} {
			f := &fakeSource{page: func(context.Context, int, string) (io.ReadCloser, error) { return nil, refuse(OpResults, status) }}
			err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{Token: "t"}, nil)
			if err == nil || errors.Is(err, conv.ErrJobGone) != want || len(f.asked) != 1 {
				t.Errorf("%d: %v after %d calls", status, err, len(f.asked))
			}
		}
	})
}

func TestTokensThatLeadBackGiveTheJobUp(t *testing.T) {
	for _, c := range []struct{ tail, length int }{{0, 1}, {1, 1}, {5, 1}, {0, 2}, {3, 7}, {100, 64}, {7, 129}} {
		synctest.Test(t, func(t *testing.T) {
			pages := 0
			f := &fakeSource{page: func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
				at := n // pages of the tail, and then of the circle for ever
				if at > c.tail {
					at = c.tail + (n-c.tail-1)%c.length + 1
				}
				return body(fmt.Sprintf(`{"data":[],"nextPageToken":"t%d"}`, at)), nil
			}}
			err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error {
				if pages++; pages > 4*(c.tail+c.length)+4 {
					return errors.New("no end of it")
				}
				return nil
			})
			if !errors.Is(err, conv.ErrJobGone) || !strings.Contains(err.Error(), "leads back") {
				t.Errorf("tail %d, circle %d: %v", c.tail, c.length, err)
			}
		})
	}
}

func TestTokensThatAllDifferAreNoCircle(t *testing.T) {
	var c circle
	for n := range 10_000 {
		if !c.extend(fmt.Sprint(n), fmt.Sprint(n+1)) {
			t.Fatalf("token %d came before", n+1)
		}
	}
}

func TestReadReturnsTheErrorOfEmitAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := &PageError{Reason: "whatever emit returns, even this"}
		f := &fakeSource{page: func(_ context.Context, _ int, token string) (io.ReadCloser, error) {
			return body(threePages(token)), nil
		}}
		err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return want })
		if err != error(want) || len(f.asked) != 1 {
			t.Errorf("%v after %d calls", err, len(f.asked))
		}
	})
}

// pipeBody is a body that ends with its context, as those of net/http do.
type pipeBody struct {
	*io.PipeReader
	stop func() bool
}

func (b pipeBody) Close() error { b.stop(); return b.PipeReader.Close() }

func pipe(ctx context.Context) (io.ReadCloser, *io.PipeWriter) {
	r, w := io.Pipe()
	return pipeBody{r, context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })}, w
}

func TestBodyThatSendsNothingForAMinuteIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(ctx context.Context, n int, _ string) (io.ReadCloser, error) {
			if n == 2 {
				return body(`{"data":[1,2]}`), nil
			}
			r, w := pipe(ctx)
			go func() {
				for _, piece := range []string{`{"da`, `ta":[1`, `,2`} { // slow, but alive
					if _, err := w.Write([]byte(piece)); err != nil {
						t.Errorf("a live body was ended: %v", err)
					}
					time.Sleep(59 * time.Second)
				}
			}()
			return r, nil
		}}
		var cause error
		hooks := Hooks{Retrying: func(_ Op, _ conv.Window, _ time.Duration, err error) { cause = err }}
		start := time.Now()
		if err := New(f, quick(), hooks).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(cause, errIdle) {
			t.Errorf("the retry is for %v", cause)
		}
		if got := time.Since(start); got < 178*time.Second || got > 181*time.Second {
			t.Errorf("took %s, want 2 × 59 s of life, 60 s of silence and the wait", got)
		}
	})
}

// Bytes that never make a row are no progress, however regularly they come.
func TestPageThatDripsWithoutARowIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var causes []error
		hooks := Hooks{Retrying: func(_ Op, _ conv.Window, _ time.Duration, err error) { causes = append(causes, err) }}
		f := &fakeSource{page: func(_ context.Context, n int, _ string) (io.ReadCloser, error) {
			if n == 2 {
				return body(`{"data":[1,2]}`), nil
			}
			drops := 0
			return io.NopCloser(io.MultiReader(strings.NewReader(`{"data":[1,`), readFunc(func(p []byte) (int, error) {
				time.Sleep(59 * time.Second)
				if drops++; drops == 100 {
					return 0, errors.New("nobody gave up")
				}
				return copy(p, " "), nil
			}))), nil
		}}
		start := time.Now()
		if err := New(f, quick(), hooks).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if len(causes) != 1 || !errors.Is(causes[0], errDrips) {
			t.Errorf("retries are for %v", causes)
		}
		if got := time.Since(start); got < rowTimeout || got > rowTimeout+2*time.Minute {
			t.Errorf("took %s", got)
		}
	})
}

func TestSlowPageWhoseRowsComeIsNotBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := 0
		f := &fakeSource{page: func(context.Context, int, string) (io.ReadCloser, error) {
			var pieces []io.Reader
			for n := range 100 { // more than an hour and a half
				pieces = append(pieces, readFunc(func([]byte) (int, error) { time.Sleep(55 * time.Second); return 0, io.EOF }),
					strings.NewReader([]string{`{"data":[0`, `,1`}[min(n, 1)]))
			}
			return io.NopCloser(io.MultiReader(append(pieces, strings.NewReader(`]}`))...)), nil
		}}
		err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(c conv.Chunk) error {
			rows += len(c.Rows)
			return nil
		})
		if err != nil || rows != 100 || len(f.asked) != 1 {
			t.Errorf("%d rows after %d calls, %v", rows, len(f.asked), err)
		}
	})
}

func TestSlowConsumerIsNotAnIdleBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(ctx context.Context, _ int, _ string) (io.ReadCloser, error) {
			r, w := pipe(ctx)
			go func() {
				_, _ = w.Write([]byte(`{"data":[1,2,`))
				_, _ = w.Write([]byte(`3]}`))
				_ = w.Close()
			}()
			return r, nil
		}}
		err := New(f, quick(), Hooks{}).Read(t.Context(), window, newJob(), conv.Position{}, func(conv.Chunk) error {
			time.Sleep(time.Hour) // Kafka is away
			return nil
		})
		if err != nil || len(f.asked) != 1 {
			t.Errorf("%v after %d calls", err, len(f.asked))
		}
	})
}

func TestContextEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{page: func(ctx context.Context, _ int, _ string) (io.ReadCloser, error) {
			r, _ := pipe(ctx)
			return r, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := New(f, quick(), Hooks{}).Read(ctx, window, newJob(), conv.Position{}, nil); err != context.DeadlineExceeded {
			t.Error(err)
		}
	})
}
