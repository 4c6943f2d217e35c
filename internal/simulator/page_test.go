package simulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPageIsZippedForAClientThatAcceptsIt(t *testing.T) {
	c := start(t, Config{Rows: 100, Faults: Faults{Gzip: true}})
	id := c.submit(body(day))
	plain := c.want(200, "GET", resultsPath(id, nil), "")
	r := httptest.NewRequest("GET", resultsPath(id, nil), nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	c.sim.ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal("not zipped")
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain) {
		t.Errorf("%v, %d bytes, want %d", err, len(text), len(plain))
	}
}

func TestReadersMayComeTogether(t *testing.T) {
	c := start(t, Config{Rows: 2000, Faults: Faults{PageRows: 100}})
	id := c.submit(body(day))
	paths := []string{resultsPath(id, nil)}
	var want []string
	for _, p := range c.read(id) {
		want = append(want, marshal(t, p))
		paths = append(paths, resultsPath(id, p.NextPageToken))
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := range want {
				var p page
				_, _, text := c.send("GET", paths[i], "")
				if err := json.Unmarshal(text, &p); err != nil || marshal(t, p) != want[i] {
					t.Errorf("page %d is another one: %v", i, err)
				}
				c.sim.Stats()
			}
		})
	}
	readers.Wait()
	for i, n := range c.sim.Stats().Jobs[0].Pages {
		if n != 5 {
			t.Errorf("page %d was counted %d times", i, n)
		}
	}
}

// resultsOf are the paths of the first page of a job of each dialect.
func (c *client) resultsOf() []string {
	return []string{resultsPath(c.submit(body(day)), nil), detailsPath(c.job(ask(day)), "", 0)}
}

// zipped asks for a page that may be zipped.
func (c *client) zipped(path string) (int, string, []byte) {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Accept-Encoding", "gzip")
	status, header, text := c.serve(r)
	return status, header.Get("Content-Encoding"), text
}

func TestAGarbledPageIsWholeAndNoJSON(t *testing.T) {
	for _, f := range []Faults{{}, {Gzip: true}} {
		f.Garbled = Rates{Results: 1}
		f.PageRows = 50
		c := start(t, Config{Rows: 300, Faults: f})
		for _, path := range c.resultsOf() {
			status, encoding, text := c.zipped(path)
			if encoding == "gzip" {
				z, err := gzip.NewReader(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if text, err = io.ReadAll(z); err != nil {
					t.Error(err)
				}
			}
			if status != 200 || bytes.Count(text, []byte{0}) != 1 || (encoding == "gzip") != f.Gzip {
				t.Errorf("%s: status %d, %q, %d bytes that no JSON has", path, status, encoding, bytes.Count(text, []byte{0}))
			}
			if mended := bytes.ReplaceAll(text, []byte{0}, nil); json.Valid(text) || !json.Valid(mended) {
				t.Errorf("%s: %.100q", path, text)
			}
		}
		for range maxStreak - 2 {
			c.zipped(c.resultsOf()[0])
		}
		c.details(c.job(ask(day)), "", 0)
		if n := c.sim.Stats().Faults[faultGarbled]; n != maxStreak {
			t.Errorf("counted %d", n)
		}
	}
}

func TestATruncatedPageEndsTooSoonInAWholeAnswer(t *testing.T) {
	whole := start(t, Config{Rows: 300, Faults: Faults{PageRows: 50, Gzip: true}})
	want := map[int][]byte{}
	for i, path := range whole.resultsOf() {
		_, _, want[i] = whole.zipped(path)
	}
	c := start(t, Config{Rows: 300, Faults: Faults{PageRows: 50, Truncated: Rates{Results: 1}}})
	for i, path := range c.resultsOf() {
		status, encoding, text := c.zipped(path)
		if status != 200 || encoding != "gzip" || len(text) >= len(want[i]) {
			t.Errorf("status %d, %q, %d bytes of %d", status, encoding, len(text), len(want[i]))
		}
		if z, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
			if _, err = io.ReadAll(z); err == nil {
				t.Error("it can be unzipped")
			}
		}
		text = c.want(200, "GET", path, "")
		if json.Valid(text) {
			t.Errorf("a plain page is whole: %.100q", text)
		}
	}
	if n := c.sim.Stats().Faults[faultTruncated]; n != 4 {
		t.Errorf("counted %d", n)
	}
}

func TestAPageMayDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 100, Faults: Faults{Drip: Drip{Bytes: 1000, Every: time.Second}}})
		for _, path := range c.resultsOf() {
			began := time.Now()
			text := c.want(200, "GET", path, "")
			if took := time.Since(began); took != time.Duration(len(text)/1000)*time.Second || !json.Valid(text) {
				t.Errorf("%d bytes took %v", len(text), took)
			}
		}
		// Who is gone is not waited for.
		ctx, leave := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer leave()
		r := httptest.NewRequestWithContext(ctx, "GET", c.resultsOf()[0], nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		began := time.Now()
		if _, _, text := c.serve(r); time.Since(began) != 2500*time.Millisecond || len(text) != 3000 {
			t.Errorf("%d bytes took %v", len(text), time.Since(began))
		}
		if n := c.sim.Stats().Faults[faultDrip]; n != 3 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestPaddingMakesPagesAsLargeAsOneLikesAndChangesNothingElse(t *testing.T) {
	c := start(t, Config{Rows: 120, Faults: Faults{RowPadding: 1 << 20}})
	plain := start(t, Config{Rows: 120})
	paths, thin := c.resultsOf(), plain.resultsOf()
	for i, path := range paths {
		w := &meter{header: http.Header{}}
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		c.sim.ServeHTTP(w, r)
		less := len(plain.want(200, "GET", thin[i], ""))
		if w.size < 120<<20 || w.size-less > 121<<20 {
			t.Errorf("%d bytes, %d without padding", w.size, less)
		}
		if w.most > 2<<20 {
			t.Errorf("%d bytes were held at once", w.most)
		}
	}
	if n := c.sim.Stats().Faults[faultPadding]; n != 240 {
		t.Errorf("counted %d", n)
	}

	c = start(t, Config{Rows: 50, Faults: Faults{RowPadding: 1000}})
	for _, raw := range c.details(c.job(ask(day)), "", 0).Conversations {
		var row map[string]json.RawMessage
		c.decode(raw, &row)
		if len(row["padding"]) != 1000+len(`""`) {
			t.Errorf("%d bytes of padding", len(row["padding"]))
		}
	}
	for _, raw := range c.read(c.submit(body(day)))[0].Data {
		var row map[string]json.RawMessage
		c.decode(raw, &row)
		if len(row["padding"]) != 1000+len(`""`) {
			t.Errorf("%d bytes of padding", len(row["padding"]))
		}
	}
}

// meter measures what is written to it.
type meter struct {
	header     http.Header
	size, most int
}

func (m *meter) Header() http.Header { return m.header }
func (m *meter) WriteHeader(int)     {}
func (m *meter) Write(b []byte) (int, error) {
	m.size += len(b)
	m.most = max(m.most, len(b))
	return len(b), nil
}
