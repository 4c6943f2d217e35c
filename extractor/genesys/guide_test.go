package genesys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"convstream/extractor"
	"convstream/extractor/genesys"
	"convstream/internal/conv"
	"convstream/internal/simulator"
)

var day = conv.Window{From: 1704067200000, To: 1704153600000} // 2024-01-01

// call is one request that reached the platform.
type call struct {
	op   string // method, and the last element of the path
	body []byte
	at   time.Time
}

// platform is the simulator behind an http.Client, without a network.
type platform struct {
	handler http.Handler
	refuse  func(*http.Request) bool // with 403

	mu    sync.Mutex
	calls []call
}

func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	path := r.URL.Path
	p.mu.Lock()
	p.calls = append(p.calls, call{r.Method + " " + path[strings.LastIndex(path, "/")+1:], body, time.Now()})
	p.mu.Unlock()
	w := httptest.NewRecorder()
	if p.refuse != nil && p.refuse(r) {
		w.WriteHeader(http.StatusForbidden)
	} else {
		p.handler.ServeHTTP(w, r)
	}
	return w.Result(), nil
}

// first returns the first call of an operation, last the last.
func (p *platform) find(op string) (first, last call) {
	for _, c := range p.calls {
		if strings.Contains(c.op, op) {
			if first.op == "" {
				first = c
			}
			last = c
		}
	}
	return first, last
}

func newPlatform(t *testing.T, c simulator.Config) *platform {
	t.Helper()
	c.Window, c.Seed = day, 1
	s, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &platform{handler: s}
}

func (p *platform) client(t *testing.T) *genesys.Client {
	t.Helper()
	c, err := genesys.New(genesys.Config{
		Dialect: "reports", BaseURL: "https://api.example.org", TokenURL: "https://login.example.org/oauth/token",
		ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret, Limit: 1_000_000,
		Select: []string{"interaction.id", "interaction.type", "conversation.id", "timestamp"},
		HTTP:   &http.Client{Transport: p},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// extract takes a window from submit to its last row.
func extract(ctx context.Context, x *extractor.Extractor, w conv.Window) (rows []conv.Row, err error) {
	job, err := x.Submit(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, err := x.Await(ctx, w, job); err != nil {
		return nil, err
	}
	err = x.Read(ctx, w, job, conv.Position{}, func(c conv.Chunk) error {
		rows = append(rows, c.Rows...)
		return nil
	})
	return rows, err
}

func TestR7_SubmitStatusAndResultsAreAllThatAWindowNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, simulator.Config{Rows: 100, Faults: simulator.Faults{PageRows: 30, NoBoundaryRepeats: true}})
		p.refuse = func(r *http.Request) bool {
			switch path := r.URL.Path; {
			case path == "/oauth/token":
			case r.Method == http.MethodPost && strings.HasSuffix(path, "/conversations/details/query"): // run
			case r.Method == http.MethodGet && strings.Contains(path, "/report-queries/"): // view
			default:
				return true
			}
			return false
		}
		rows, err := extract(t.Context(), extractor.New(p.client(t), extractor.Defaults(), extractor.Hooks{}), day)
		if err != nil || len(rows) != 100 {
			t.Errorf("%d rows, %v; want 100", len(rows), err)
		}
	})
}

func TestR18_TheSubmitAnswerComesBeforeTheQueryHasRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, simulator.Config{Rows: 100, Faults: simulator.Faults{JobTime: 3 * time.Hour}})
		start := time.Now()
		job, err := p.client(t).Submit(t.Context(), day)
		if err != nil || job.ID == "" {
			t.Fatalf("job %+v, %v", job, err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("submit waited %s for a query of three hours", took)
		}
	})
}

func TestR49R50_ResultsAreAskedForAtOnceWhenTheJobHasEnded(t *testing.T) {
	for name, script := range map[string]simulator.Script{"completed": {}, "partial": {Partial: []int{1}}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t, simulator.Config{Rows: 100, Faults: simulator.Faults{JobTime: time.Minute, Script: script}})
			if _, err := extract(t.Context(), extractor.New(p.client(t), extractor.Defaults(), extractor.Hooks{}), day); err != nil {
				t.Fatal(err)
			}
			results, _ := p.find("GET results")
			var lastPoll call
			for _, c := range p.calls {
				if c.at.After(results.at) || c.op == "GET results" {
					break
				}
				lastPoll = c
			}
			if wait := results.at.Sub(lastPoll.at); wait != 0 || !strings.HasPrefix(lastPoll.op, "GET ") {
				t.Errorf("%s: results asked for %s after %q", name, wait, lastPoll.op)
			}
		})
	}
}

// Neighbouring windows ask for the millisecond before their edge both, so that it comes
// even if the platform leaves its end out; and both bounds are instants of UTC, whatever
// zone the machine is in.
func TestR67R113_NeighbouringQueriesShareTheLastMillisecondInUTC(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("far from UTC", -9*3600-1800)
	defer func() { time.Local = local }()
	client := newPlatform(t, simulator.Config{}).client(t)
	bounds := func(w conv.Window) (start, end string) {
		var body struct{ Start, End string }
		if err := json.Unmarshal(client.Payload(w), &body); err != nil {
			t.Fatal(err)
		}
		return body.Start, body.End
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		edge := day.From + rng.Int64N(day.To-day.From)
		_, end := bounds(conv.Window{From: edge - 1 - rng.Int64N(1e9), To: edge})
		start, _ := bounds(conv.Window{From: edge, To: edge + 1 + rng.Int64N(1e9)})
		if want := conv.FormatInstant(edge - 1); start != want || end != want {
			t.Fatalf("around %d one query ends at %s and the next starts at %s, want %s", edge, end, start, want)
		}
	}
}
