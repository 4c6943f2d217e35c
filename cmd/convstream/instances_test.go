package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// gate holds one results request up until its client goes away. Those before and behind it
// pass.
type gate struct {
	at      int64         // which results request, 1 for the first
	leaks   int           // bytes of its answer that pass; with 0 the platform never hears of it
	reached chan struct{} // closed when it is held up
	seen    atomic.Int64
}

func (g *gate) before(platform http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/results") || g.seen.Add(1) != g.at {
			platform.ServeHTTP(rw, r)
			return
		}
		leak := &leak{ResponseWriter: rw, left: g.leaks, hold: func() {
			close(g.reached)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}}
		if g.leaks == 0 {
			leak.hold()
		}
		platform.ServeHTTP(leak, r)
	})
}

// leak is an answer that is held up behind so many bytes.
type leak struct {
	http.ResponseWriter
	left int
	hold func()
}

func (l *leak) Write(b []byte) (int, error) {
	n, err := l.ResponseWriter.Write(b[:min(len(b), l.left)])
	l.left -= n
	if err == nil && l.left == 0 {
		if err = http.NewResponseController(l.ResponseWriter).Flush(); err == nil {
			l.hold()
		}
	}
	return n, err
}

func (g *gate) await(t *testing.T) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(patience):
		t.Fatalf("results request %d never came", g.at)
	}
}

// gated is a day in one window of ten pages, and a gate in the middle of it.
func gated(t *testing.T) (*world, *gate) {
	t.Helper()
	return gatedBehind(t, 0)
}

// gatedBehind is gated, with the gate so many bytes behind the start of its page.
func gatedBehind(t *testing.T, bytes int) (*world, *gate) {
	t.Helper()
	g := &gate{at: 5, leaks: bytes, reached: make(chan struct{})}
	w := newWorld(t, scene{
		Platform: simulator.Config{Rows: 1000, Faults: simulator.Faults{PageRows: 100, NoBoundaryRepeats: true}},
		Front:    g.before,
	})
	return w, g
}

// startDay starts a backfill of the day as one window.
func (w *world) startDay(args ...string) *process {
	w.t.Helper()
	return w.start(nil, slices.Concat([]string{"backfill", "--step", "24h", "--json"}, interval, args)...)
}

// onePass wants the platform to have had one job and served each of its pages so often.
func (w *world) onePass(t *testing.T, jobs int) {
	t.Helper()
	stats := w.sim.Stats()
	if len(stats.Jobs) != jobs {
		t.Fatalf("the platform was given %d jobs, want %d", len(stats.Jobs), jobs)
	}
	for page, times := range stats.Jobs[0].Pages {
		if times != 1 {
			t.Errorf("page %d was fetched %d times, want once: %v", page, times, stats.Jobs[0].Pages)
		}
	}
}

// committed waits until the ledger stands behind so many pages, or in the page behind them.
func (w *world) committed(t *testing.T, pages int, inside bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		at := w.position()
		if at.Page >= pages && (at.Row > 0 || !inside) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the ledger stands at %+v, want page %d", at, pages)
		}
	}
}

// position is where the ledger has the day's window.
func (w *world) position() conv.Position {
	w.t.Helper()
	var at conv.Position
	for _, r := range w.consume("genesys.checkpoints") {
		var cp struct {
			Window   string
			Position conv.Position
		}
		if err := json.Unmarshal(r.Value, &cp); err != nil {
			w.t.Fatalf("ledger record %s: %v", r.Key, err)
		}
		if cp.Window == day.String() {
			at = cp.Position
		}
	}
	return at
}

func TestAfterASignalAllThatWasReadIsCommittedAndNoPageIsFetchedTwice(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			w, g := gated(t)
			p := w.startDay()
			g.await(t)
			p.signal(s)
			stopped := p.wait().must(t, 1)
			stopped.saysOnce(t, "interrupted by signal: "+s.String(), "all that was read is committed", "the same command goes on")
			if stopped.stdout != "" {
				t.Errorf("stdout is %q", stopped.stdout)
			}
			if n := len(w.published()); n != 400 {
				t.Errorf("the topic holds %d rows of the four pages read, want 400", n)
			}
			if err := os.RemoveAll(filepath.Join(w.dir, "state")); err != nil { // it is a cache
				t.Fatal(err)
			}
			f := w.startDay().wait().must(t, 0).figures(t)
			if f.Fetched != 1000 || f.Published != 1000 || f.Duplicates != 0 {
				t.Errorf("the figures are %+v", f)
			}
			w.onePass(t, 1)
			w.holdsTheTruth(t)
			w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
		})
	}
}

func TestAfterASignalInsideAPageItsRowsAreCountedOnce(t *testing.T) {
	t.Parallel()
	w, g := gatedBehind(t, 10_000)
	p := w.startDay()
	g.await(t)
	w.committed(t, 4, true)
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 1)
	inside := w.position()
	if n := len(w.published()); inside.Row >= 100 || n != 400+inside.Row {
		t.Errorf("the topic holds %d rows, and the ledger stands at row %d of page %d", n, inside.Row, inside.Page)
	}
	f := w.startDay().wait().must(t, 0).figures(t)
	if f.Fetched != 1000 || f.Published != 1000 || f.Duplicates != 0 {
		t.Errorf("the figures are %+v", f)
	}
	w.holdsTheTruth(t)
}

func TestAfterAKillTheNextRunGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	p := w.startDay()
	g.await(t)
	w.committed(t, 4, false)
	p.signal(syscall.SIGKILL)
	p.wait().must(t, -1)

	next := w.startDay("--take-over=false").wait().must(t, 0)
	if f := next.figures(t); f.Fetched != 1000 || f.Published != 1000 || f.Duplicates != 0 {
		t.Errorf("the figures are %+v", f)
	}
	w.onePass(t, 1)
	w.holdsTheTruth(t)
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
}

func TestASignalWhileCommitsFailPromisesNothingThatIsNotKnown(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	p := w.startDay()
	g.await(t)
	if _, err := w.admin().DeleteTopics(t.Context(), "genesys.checkpoints"); err != nil {
		t.Fatal(err)
	}
	p.await(`"wait_ms":2000`) // the second try to find out: it sleeps
	p.signal(syscall.SIGTERM)
	r := p.wait().must(t, 1)
	r.saysOnce(t, "interrupted by signal: terminated", "the same command")
	if strings.Contains(r.stderr, "all that was read is committed") {
		t.Errorf("it says %q", r.sentences())
	}
}

func TestASecondInstanceExits4AndNamesTheFirst(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	first := w.startDay()
	g.await(t)
	second := w.startDay().wait().must(t, 4)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	second.saysOnce(t, "p/acme", "pid "+strconv.Itoa(first.cmd.Process.Pid), "host "+host, "--take-over")
	if second.stdout != "" {
		t.Errorf("stdout is %q", second.stdout)
	}
	// Looking is allowed.
	list := w.run(nil, "checkpoints", "list").must(t, 0)
	if !strings.Contains(list.stdout, day.String()) {
		t.Errorf("checkpoints list prints %q", list.stdout)
	}

	third := w.startDay("--take-over").wait().must(t, 0)
	if f := third.figures(t); f.Published != 1000 {
		t.Errorf("the figures are %+v", f)
	}
	first.wait().must(t, 4).saysOnce(t, "p/acme", "pid "+strconv.Itoa(third.pid))
	if jobs := w.jobs(); jobs != 1 {
		t.Errorf("the platform was given %d jobs: the first one's was not adopted", jobs)
	}
	w.holdsTheTruth(t)
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
}

func TestTwoPipelinesShareTopicsAndNotTheirRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 100}})
	w.backfill().must(t, 0)
	other := []string{"CONVSTREAM_PIPELINE=q"}
	r := w.run(other, slices.Concat([]string{"backfill", "--json"}, interval)...).must(t, 0)
	if f := r.figures(t); f.Published != 100 {
		t.Errorf("the other pipeline's figures are %+v", f)
	}
	for _, environ := range [][]string{nil, other} {
		verify := w.run(environ, append([]string{"verify"}, interval...)...).must(t, 0)
		if !strings.Contains(verify.stdout, "100 distinct rows, 0 missing, 0 doubled, 0 foreign") {
			t.Errorf("verify says %q", verify.stdout)
		}
	}
}
