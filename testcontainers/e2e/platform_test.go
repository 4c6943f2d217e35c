package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

const pageRows = 10_000

// platform is Genesys Cloud: the simulator behind a server that counts what it serves. Tests find their moment in a run
// by that count, and so need no clock.
type platform struct {
	*simulator.Simulator
	url   string
	span  conv.Window  // of its rows
	ahead atomic.Int64 // by how much its clock is ahead of ours, ms

	mu     sync.Mutex
	served int64 // bytes of results pages
	marks  []*mark
}

// mark is a place in the stream of results.
type mark struct {
	at      int64
	reached chan struct{} // closed when so many bytes are served
	open    chan struct{} // the answer that reaches the mark waits until this is closed
}

// faults are a bad day on which every row still comes.
func faults() simulator.Faults {
	everywhere := simulator.Rates{
		simulator.Token: 0.05, simulator.Submit: 0.05, simulator.Status: 0.05,
		simulator.Results: 0.05, simulator.Baseline: 0.05,
	}
	return simulator.Faults{
		TooMany: everywhere, Unavailable: everywhere, Cut: everywhere,
		Expired:    simulator.Rates{simulator.Status: 0.05, simulator.Results: 0.05},
		RetryAfter: 1, PageRows: pageRows,
	}
}

// newPlatform is a platform whose rows lie in the day.
func newPlatform(t *testing.T, rows int, f simulator.Faults) *platform {
	t.Helper()
	return newPlatformOf(t, rows, day, f)
}

func newPlatformOf(t *testing.T, rows int, span conv.Window, f simulator.Faults) *platform {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Rows: rows, Window: span, Seed: 1, Faults: f})
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{Simulator: sim, span: span}
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close) // after every mark is opened, as cleanups run last in first out
	p.url = server.URL
	return p
}

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	now := time.Now().Add(time.Duration(p.ahead.Load()) * time.Millisecond)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if strings.HasSuffix(r.URL.Path, "/results") {
		w = &meter{ResponseWriter: w, platform: p, gone: r.Context().Done()}
	}
	p.ServeHTTP(w, r)
}

// setClock sets the platform's clock, as its answers tell it, to an instant in epoch ms.
func (p *platform) setClock(ms int64) { p.ahead.Store(ms - time.Now().UnixMilli()) }

// soFar is how many bytes of results pages were served.
func (p *platform) soFar() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.served
}

// passing returns a channel that is closed once so many bytes of results pages are served.
func (p *platform) passing(bytes int64) <-chan struct{} {
	m := &mark{at: bytes, reached: make(chan struct{}), open: make(chan struct{})}
	close(m.open)
	p.add(m)
	return m.reached
}

// holding has the answer that passes so many bytes wait, in the middle of its page, until release is called. What was
// served before has arrived.
func (p *platform) holding(t *testing.T, bytes int64) (held <-chan struct{}, release func()) {
	t.Helper()
	m := &mark{at: bytes, reached: make(chan struct{}), open: make(chan struct{})}
	release = sync.OnceFunc(func() { close(m.open) })
	t.Cleanup(release)
	p.add(m)
	return m.reached, release
}

func (p *platform) add(m *mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = append(p.marks, m)
}

// pass counts bytes and returns the marks that they reach.
func (p *platform) pass(bytes int) (reached []*mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served += int64(bytes)
	var ahead []*mark
	for _, m := range p.marks {
		if m.at <= p.served {
			reached = append(reached, m)
		} else {
			ahead = append(ahead, m)
		}
	}
	p.marks = ahead
	return reached
}

// meter counts the bytes of one answer.
type meter struct {
	http.ResponseWriter
	platform *platform
	gone     <-chan struct{} // closed when the client is
}

func (m *meter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (m *meter) Write(b []byte) (int, error) {
	n, err := m.ResponseWriter.Write(b)
	for _, mark := range m.platform.pass(n) {
		_ = http.NewResponseController(m.ResponseWriter).Flush() // a client that is gone needs no more
		close(mark.reached)
		select {
		case <-mark.open:
		case <-m.gone:
		}
	}
	return n, err
}

// resultBytes estimates from below how many bytes the pages of so many rows have.
func resultBytes(rows int) int64 { return int64(rows) * 200 }

// detailBytes does so for conversations that are read by windows of 6 h: one in three comes more than once.
func detailBytes(conversations int) int64 { return int64(conversations) * 5000 }
