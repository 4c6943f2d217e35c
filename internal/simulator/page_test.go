package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http/httptest"
	"sync"
	"testing"
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
