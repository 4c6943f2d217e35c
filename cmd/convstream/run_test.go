package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/internal/simulator"
)

// present is a platform whose rows are those of the last two days, and the environment that
// leads to it.
func present(t *testing.T) (*simulator.Simulator, []string) {
	t.Helper()
	now := time.Now().UnixMilli()
	sim, err := simulator.New(simulator.Config{
		Rows: 2000, Seed: seed, ClientSecret: secret, Window: conv.Window{From: now - 48*3_600_000, To: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, sim)
	return sim, []string{
		"CONVSTREAM_SOURCE_BASE_URL=" + url, "CONVSTREAM_SOURCE_TOKEN_URL=" + url + "/oauth/token", "CONVSTREAM_WINDOW_STEP=1h",
	}
}

// ledger is what checkpoints export prints.
func (w *world) ledger() []conv.Checkpoint {
	w.t.Helper()
	var all []conv.Checkpoint
	for line := range strings.Lines(w.run(nil, "checkpoints", "export").must(w.t, 0).stdout) {
		var cp conv.Checkpoint
		if err := json.Unmarshal([]byte(line), &cp); err != nil {
			w.t.Fatalf("%v: %q", err, line)
		}
		all = append(all, cp)
	}
	return all
}

func TestARunFollowsThePlatformAndASignalIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, scene{})
			sim, environ := present(t)
			p := w.start(environ, "run")
			p.await(`"due":1`)
			p.await(`"message":"nothing to do`)
			p.signal(s)
			r := p.wait().must(t, 0)
			if got := r.sentences(); len(got) != 0 || r.stdout != "" {
				t.Errorf("beside the log it says %q and %q", got, r.stdout)
			}
			ledger := w.ledger()
			if len(ledger) == 0 {
				t.Fatal("the ledger is empty")
			}
			for _, cp := range ledger {
				if cp.Window.Duration() != time.Hour || cp.State != conv.Settled {
					t.Errorf("window %s is %s", cp.Window, cp.State)
				}
				rows := 0
				for _, rec := range w.consume("genesys.conversations") {
					if cp.Window.Contains(rec.Timestamp.UnixMilli()) {
						rows++
					}
				}
				if want := sim.Count(cp.Window); rows != want || want == 0 {
					t.Errorf("the topic holds %d rows of %s, want %d", rows, cp.Window, want)
				}
			}
		})
	}
}

func TestARunWaitsForALiveOwnerAndGoesOnBehindIt(t *testing.T) {
	t.Parallel()
	w, g := gated(t)
	owner := w.startDay()
	g.await(t)
	w.committed(t, 4, false)
	p := w.start([]string{"CONVSTREAM_WINDOW_STEP=744h"}, "run")
	p.await("waiting for it to end")
	owner.signal(syscall.SIGTERM)
	owner.wait().must(t, 1).saysOnce(t, "all that was read is committed")
	p.await("pipeline claimed")
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 0)
}

func TestASignalBeforeTheFirstWindowIsNobodysFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"run"}, 0}, {append([]string{"backfill"}, interval...), 1}} {
		t.Run(c.args[0], func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{})
			once := sync.OnceFunc(func() { close(asked) })
			w := newWorld(t, scene{Registry: func(http.Handler) http.Handler {
				return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the client goes away
					once()
					<-r.Context().Done() // it answers nobody
				})
			}})
			p := w.start(nil, c.args...)
			select {
			case <-asked:
			case <-time.After(patience):
				t.Fatal("the registry was never asked")
			}
			p.signal(syscall.SIGTERM)
			r := p.wait().must(t, c.code)
			if c.code == 0 {
				if got := r.sentences(); len(got) != 0 {
					t.Errorf("beside the log it says %q", got)
				}
				return
			}
			r.saysOnce(t, "interrupted by signal: terminated", "the same command")
			if strings.Contains(r.stderr, "registry") {
				t.Errorf("it blames the registry: %s", r.stderr)
			}
		})
	}
}

func TestARunThatIsFencedExits4(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	_, environ := present(t)
	fenced := w.start(environ, "run")
	fenced.await("nothing to do")
	next := w.start(environ, "run", "--take-over")
	fenced.wait().must(t, 4).saysOnce(t, "has taken pipeline p/acme over")
	next.await("nothing to do")
	next.signal(syscall.SIGTERM)
	next.wait().must(t, 0)
}

func TestR95_ARunCountsItsEventsForAMonitor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{})
	_, environ := present(t)
	p := w.start(environ, "run")
	var page struct{ URL string }
	if err := json.Unmarshal([]byte(p.await("status page")), &page); err != nil {
		t.Fatal(err)
	}
	p.await("nothing to do")
	if body := string(w.fetch(page.URL + "metrics")); !strings.Contains(body, `convstream_events_total{kind="reconcile",severity="alert"} 0`) {
		t.Errorf("the metrics are %s", body)
	}
	if body := string(w.fetch(page.URL)); !strings.Contains(body, `"kind": "boundary"`) {
		t.Errorf("the status page is %s", body)
	}
	p.signal(syscall.SIGTERM)
	p.wait().must(t, 0)
}
