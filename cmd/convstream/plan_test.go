package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// planned is the object that plan --json prints.
type planned struct {
	Windows  int              `json:"windows"`
	Done     *int             `json:"done"`
	Todo     int              `json:"todo"`
	First    []conv.Window    `json:"first"`
	Payload  json.RawMessage  `json:"payload"`
	Requests map[string]int64 `json:"requests"`
	Seconds  float64          `json:"seconds"`
	Rows     *int64           `json:"rows"`
	Notes    []string         `json:"notes"`
}

// plan runs a plan of the day.
func (w *world) plan(environ []string, args ...string) planned {
	w.t.Helper()
	r := w.run(environ, slices.Concat([]string{"plan", "--json"}, interval, args)...).must(w.t, 0)
	var p planned
	if err := json.Unmarshal([]byte(r.stdout), &p); err != nil {
		w.t.Fatalf("%v: %q", err, r.stdout)
	}
	return p
}

// submits remembers the bodies of submit requests.
type submits struct {
	mu     sync.Mutex
	bodies []string
}

func (s *submits) before(platform http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			s.mu.Lock()
			s.bodies = append(s.bodies, string(body))
			s.mu.Unlock()
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		platform.ServeHTTP(rw, r)
	})
}

func TestAPlanSubmitsNothingAndShowsWhatABackfillSends(t *testing.T) {
	t.Parallel()
	var sent submits
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}, Front: sent.before})
	filter := []string{`CONVSTREAM_SOURCE_FILTER=[{"path":"media_type","operator":"eq","value":"voice"}]`}
	before := w.plan(filter)
	if w.jobs() != 0 {
		t.Errorf("the platform was given %d jobs", w.jobs())
	}
	if before.Windows != 4 || before.Todo != 4 || len(before.First) != 4 || before.First[0] != quarter(0) || before.Done != nil {
		t.Errorf("before anything was published it says %+v", before)
	}
	w.run(append(filter, "CONVSTREAM_WINDOW_RECONCILE=false", "CONVSTREAM_SOURCE_CONCURRENCY=1"), append([]string{"backfill"}, interval...)...).must(t, 0)
	if len(sent.bodies) == 0 || sent.bodies[0] != string(before.Payload) {
		t.Errorf("planned was %s, and sent %q", before.Payload, sent.bodies)
	}
}

func TestAPlanCountsWhatIsDoneByTheLedgerAndRowsByThePlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	before := w.plan(nil)
	if before.Rows == nil || *before.Rows != int64(w.sim.Count(day)) {
		t.Errorf("rows to do are %v, want %d", before.Rows, w.sim.Count(day))
	}
	want := map[string]int64{"submit": 4, "status": 8, "results": 4, "baseline": 8, "availability": 0, "token": 1}
	if diff := cmp.Diff(want, before.Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	w.run(nil, "backfill", "--from", "2024-01-01", "--to", "2024-01-01T12:00:00Z").must(t, 0)
	after := w.plan(nil)
	if after.Windows != 4 || after.Done == nil || *after.Done != 2 || after.Todo != 2 || after.First[0] != quarter(2) || after.Requests["submit"] != 2 {
		t.Errorf("after half of it it says %+v", after)
	}
	if after.Rows == nil || *after.Rows != int64(w.sim.Count(day))/2 {
		t.Errorf("rows to do are %v, want half of %d", after.Rows, w.sim.Count(day))
	}
	w.backfill().must(t, 0)
	if end := w.plan(nil); end.Todo != 0 || *end.Done != 4 || string(end.Payload) != "null" || len(end.First) != 0 || end.Seconds != 0 {
		t.Errorf("after all of it it says %+v", end)
	}
}

func TestAPlanForPeopleNamesWindowsPayloadAndCost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	r := w.run(nil, append([]string{"plan", "--step", "2h"}, interval...)...).must(t, 0)
	for _, want := range []string{
		"12 windows of dialect reports", "12 to do", "2024-01-01T00:00:00.000Z/2024-01-01T02:00:00.000Z", "and 7 more",
		`"start":"2023-12-31T23:59:59.999Z","end":"2024-01-01T01:59:59.999Z"`, "about 300", "10000 requests a minute and 4 windows in flight",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("it lacks %q:\n%s", want, r.stdout)
		}
	}
}

// Neither a platform nor a Kafka that takes a call and never answers it holds a plan up.
func TestAPlanWaitsForNobody(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // connections are made, and nobody serves them
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	address := mute.Addr().String()
	w := newWorld(t, scene{})
	p := w.plan([]string{
		"CONVSTREAM_SOURCE_BASE_URL=http://" + address, "CONVSTREAM_SOURCE_TOKEN_URL=http://" + address + "/oauth/token",
		"CONVSTREAM_KAFKA_BROKERS=" + address, "CONVSTREAM_WINDOW_STEP=1h",
	})
	if p.Windows != 24 || p.Done != nil || p.Todo != 24 || p.Rows != nil || len(p.Payload) == 0 || len(p.Notes) != 2 {
		t.Fatalf("it says %+v", p)
	}
	for i, who := range []string{"Kafka", "the platform"} {
		if !strings.Contains(p.Notes[i], who+" did not answer within") {
			t.Errorf("note %d is %q", i, p.Notes[i])
		}
	}
}

func TestR25R32_APlanRefusesWithoutANetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	offline := []string{"CONVSTREAM_SOURCE_BASE_URL=https://127.0.0.1:1", "CONVSTREAM_SOURCE_TOKEN_URL=https://127.0.0.1:1", "CONVSTREAM_KAFKA_BROKERS=127.0.0.1:1"}
	for environ, want := range map[string][]string{
		"CONVSTREAM_SOURCE_LIMIT=10000001":                                               {"source.limit", "10000001", "10,000,000"},
		"CONVSTREAM_SOURCE_FILTER=[{path: attributes.custom.*, operator: eq, value: x}]": {"source.filter[0].path", "attributes.custom.*"},
		"CONVSTREAM_SOURCE_FILTER=[{path: metrics, operator: gte, value: 0}]":            {"source.filter[0].path", "metrics"},
	} {
		r := w.run(append(offline, environ), append([]string{"plan"}, interval...)...).must(t, 2)
		r.saysOnce(t, want...)
		if r.stdout != "" {
			t.Errorf("%s: it prints %q", environ, r.stdout)
		}
	}
	p := w.plan(offline)
	if p.Todo != 4 || len(p.Payload) == 0 || len(p.Notes) != 2 {
		t.Errorf("offline it says %+v", p)
	}
}

func TestAPlanOfJobsCountsByDaysAndPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}})
	p := w.plan([]string{"CONVSTREAM_SOURCE_DIALECT=jobs", "CONVSTREAM_SOURCE_PAGE_SIZE=10"})
	if p.Rows == nil || *p.Rows != int64(w.sim.CountConversations(day)) {
		t.Errorf("conversations to do are %v, want %d", p.Rows, w.sim.CountConversations(day))
	}
	if !strings.Contains(string(p.Payload), `"interval":"`+quarter(0).String()+`"`) {
		t.Errorf("the payload is %s", p.Payload)
	}
	if p.Requests["baseline"] != 1 || p.Requests["availability"] != 4 || p.Requests["results"] != 32 { // 300/10 and half a page each
		t.Errorf("the requests are %v", p.Requests)
	}
}

// asked is how many requests of the kinds that a plan knows the platform has answered so far.
func (w *world) asked() map[string]int64 {
	sum := map[string]int64{}
	for kind, ops := range map[string][]simulator.Operation{
		"submit":       {simulator.Submit},
		"baseline":     {simulator.Baseline, simulator.Query}, // of reports and of jobs
		"availability": {simulator.Availability},
	} {
		sum[kind] = 0
		for _, op := range ops {
			for _, n := range w.sim.Stats().Requests[op] {
				sum[kind] += int64(n)
			}
		}
	}
	return sum
}

// together holds requests up until so many of a kind have come.
func together(suffix string, many int64) func(http.Handler) http.Handler {
	var came atomic.Int64
	all := make(chan struct{})
	return func(platform http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, suffix) {
				if came.Add(1) == many {
					close(all)
				}
				select {
				case <-all:
				case <-r.Context().Done():
				}
			}
			platform.ServeHTTP(rw, r)
		})
	}
}

func TestR45_APlanCountsTheRequestsThatABackfillMakes(t *testing.T) {
	t.Parallel()
	const jobs, alone = "CONVSTREAM_SOURCE_DIALECT=jobs", "CONVSTREAM_SOURCE_CONCURRENCY=1"
	twoDays := []string{"--from", "2023-12-31", "--to", "2024-01-02"}
	half := []string{"--from", "2024-01-01", "--to", "2024-01-01T12:00:00Z"}
	for name, c := range map[string]struct {
		environ  []string
		interval []string
		front    func(http.Handler) http.Handler
		code     int
		want     map[string]int64
	}{
		"windows that can be narrowed": {[]string{alone}, interval, nil, 0, map[string]int64{"submit": 4, "baseline": 8, "availability": 0}},
		"windows that cannot":          {[]string{alone, "CONVSTREAM_WINDOW_STEP=3h"}, interval, nil, 0, map[string]int64{"submit": 8, "baseline": 8, "availability": 0}},
		"nothing to narrow to":         {[]string{alone, "CONVSTREAM_WINDOW_NARROW="}, interval, nil, 0, map[string]int64{"submit": 4, "baseline": 4, "availability": 0}},
		"no reconciliation":            {[]string{alone, "CONVSTREAM_WINDOW_RECONCILE=false"}, interval, nil, 0, map[string]int64{"submit": 4, "baseline": 0, "availability": 0}},
		"a filter without a count": {
			[]string{alone, `CONVSTREAM_SOURCE_FILTER=[{"path":"media_type","operator":"eq","value":"voice"}]`},
			interval, nil, 3, map[string]int64{"submit": 4, "baseline": 0, "availability": 0},
		},
		"jobs, four at once": {[]string{jobs}, interval, together("/availability", 4), 0, map[string]int64{"submit": 4, "baseline": 1, "availability": 4}},
		"jobs, two at once": {
			[]string{jobs, "CONVSTREAM_SOURCE_CONCURRENCY=2"}, interval, together("/availability", 2), 0,
			map[string]int64{"submit": 4, "baseline": 1, "availability": 2},
		},
		"jobs of two days":  {[]string{jobs, alone, "CONVSTREAM_WINDOW_STEP=48h"}, twoDays, nil, 0, map[string]int64{"submit": 1, "baseline": 1, "availability": 1}},
		"jobs, half a day":  {[]string{jobs, alone}, half, nil, 3, map[string]int64{"submit": 2, "baseline": 0, "availability": 1}},
		"jobs, not counted": {[]string{jobs, alone, "CONVSTREAM_WINDOW_RECONCILE=false"}, interval, nil, 0, map[string]int64{"submit": 4, "baseline": 0, "availability": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, scene{Platform: simulator.Config{Rows: 300}, Front: c.front})
			p := w.plan(c.environ, c.interval...)
			before := w.asked()
			w.run(c.environ, append([]string{"backfill"}, c.interval...)...).must(t, c.code)
			made, planned := w.asked(), map[string]int64{}
			for kind := range made {
				made[kind] -= before[kind]
				planned[kind] = p.Requests[kind]
			}
			if diff := cmp.Diff(c.want, planned); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, made); diff != "" {
				t.Errorf("the backfill (-want +got):\n%s", diff)
			}
		})
	}
}
