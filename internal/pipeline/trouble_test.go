package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"convstream/dedupe"
	"convstream/dedupe/memfiles"
	"convstream/internal/conv"
	"convstream/internal/pipeline"
	"convstream/producer"
)

func TestAStopIsReturnedAsItsCauseWhereverItStrikes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		src := &scripted{base: func(conv.Window) int64 { return 1 }}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(errKilled) })
		_, err := w.run(ctx, src, w.defaults("first"), w1, plain{})
		if !errors.Is(err, errKilled) {
			t.Errorf("stopped run returned %v, want the cause of the stop", err)
		}
	})
}

// Its id is too large for a record key, of a dead letter too.
func TestARowWithAGiantIDIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		src := &always{platform: p, extra: []conv.Row{makeRow(strings.Repeat("x", 2<<20), w1.From+5, "x")}}
		s := w.defaults("first")
		s.config.Reconcile = false
		sum, err := w.backfill(t.Context(), src, s)
		if err != nil || sum.Counters.Invalid != 1 || w.count("dlq") != 1 {
			t.Errorf("%+v, %v, %d dead letters; want one", sum, err, w.count("dlq"))
		}
		w.want(p)
	})
}

// mended is a contract that refuses some rows.
type mended struct{ bad func(string) bool }

func (m mended) Encode(dst []byte, id uint32, row *conv.Row, drift *[]conv.Deviation) ([]byte, conv.Facts) {
	if m.bad != nil && m.bad(string(row.Raw)) {
		return dst, conv.Facts{Fingerprint: conv.Hash64(row.Raw), Reject: &conv.Reject{Reason: conv.ReasonType, Path: "$"}}
	}
	return plain{}.Encode(dst, id, row, drift)
}

// Two rows are dead letters until the contract is mended; then two others are missing.
func TestADeadLetterThatWasPublishedLaterIsNotCountedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		var rows []conv.Row
		for i := range 20 {
			rows = append(rows, makeRow(fmt.Sprint("c", i), w1.From+int64(i), "x"))
		}
		give := 10
		src := &scripted{base: func(conv.Window) int64 { return 20 }}
		src.read = func(ctx context.Context, v conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
			return emit(conv.Chunk{Rows: rows[:give], End: true})
		}
		s := w.defaults("first")
		bad := func(r string) bool { return strings.Contains(r, `"c1"`) || strings.Contains(r, `"c2"`) }
		if sum, err := w.run(t.Context(), src, s, w1, mended{bad}); err != nil || sum.Counters.Invalid != 2 {
			t.Fatalf("%+v, %v; want two dead letters", sum, err)
		}
		give = 18 // two are still missing
		s = w.defaults("second")
		s.takeOver = true
		sum, err := w.run(t.Context(), src, s, w1, plain{})
		if n := len(w.records("rows")); err != nil || n != 18 || len(sum.Incomplete) != 1 {
			t.Errorf("%d rows in Kafka, %+v, %v; want 18 of 20, and the window incomplete", n, sum, err)
		}
	})
}

// always adds rows to the first window, every time it is read.
type always struct {
	*platform
	extra []conv.Row
}

func (p *always) Read(ctx context.Context, w conv.Window, job conv.Job, at conv.Position, emit func(conv.Chunk) error) error {
	if w.From == interval.From {
		if err := emit(conv.Chunk{At: at, Rows: p.extra}); err != nil {
			return err
		}
	}
	return p.platform.Read(ctx, w, job, at, emit)
}

func TestADamagedCacheIsReadBackFromKafka(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		p := newPlatform(24, 5)
		files := memfiles.New()
		kafka, err := producer.Open(t.Context(), w.kafka("first", nil))
		if err != nil {
			t.Fatal(err)
		}
		h, _ := dedupe.Open(files, kafka.Identity(), 1<<20)
		s := w.defaults("first")
		s.config.Reconcile = false
		if _, err := pipeline.New(s.config, p, plain{}, kafka, h, s.events).Backfill(t.Context(), interval, false); err != nil {
			t.Fatal(err)
		}
		if err := h.Save(); err != nil {
			t.Fatal(err)
		}
		h.Close()
		kafka.Close()
		names, _ := files.List()
		for _, n := range names {
			if strings.HasSuffix(n, ".segment") {
				files.Damage(n, func(b []byte) []byte { b[20] ^= 1; return b })
				break
			}
		}
		s = w.defaults("second")
		s.takeOver, s.files = true, files
		if _, err := w.backfill(t.Context(), p, s); err != nil {
			t.Error(err)
		}
		w.want(p)
	})
}

// outage is a network that refuses and cuts connections while it is down.
type outage struct {
	under dialer
	mu    sync.Mutex
	down  bool
}

func (o *outage) set(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *outage) is() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down
}

func (o *outage) dial(ctx context.Context, n, a string) (net.Conn, error) {
	if o.is() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	c, err := o.under(ctx, n, a)
	if err != nil {
		return nil, err
	}
	return &outConn{c, o}, nil
}

type outConn struct {
	net.Conn
	o *outage
}

func (c *outConn) Write(b []byte) (int, error) {
	if c.o.is() {
		c.Close()
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
	}
	return c.Conn.Write(b)
}

func TestAnOutageWhileHistoryIsReadEndsNoRun(t *testing.T) {
	for d := range 40 {
		out := time.Duration(d) * 700 * time.Millisecond
		t.Run(fmt.Sprint(out), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.cluster.Close()
				p := newPlatform(60, 4)
				p.slow = time.Second
				ctx, stop := context.WithCancelCause(t.Context())
				time.AfterFunc(3500*time.Millisecond, func() { stop(errKilled) })
				if _, err := w.backfill(ctx, p, w.defaults("first")); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				o := &outage{under: w.net.DialContext}
				s := w.defaults("second")
				s.takeOver, s.dial = true, o.dial
				p.slow = 0
				s.config.Windows = 1
				first := true
				s.events.Claimed = func(int) {
					if !first {
						return
					}
					first = false
					o.set(true)
					time.AfterFunc(out, func() { o.set(false) })
				}
				if _, err := w.backfill(t.Context(), p, s); err != nil {
					t.Error(err)
				}
				w.want(p)
			})
		})
	}
}

// refusing is a platform that takes no query longer than an hour.
type refusing struct {
	*platform
	lengths []time.Duration
}

func (r *refusing) Submit(ctx context.Context, w conv.Window) (conv.Job, error) {
	r.lengths = append(r.lengths, w.Duration())
	if w.Duration() > time.Hour {
		return conv.Job{}, conv.ErrNoJob
	}
	return r.platform.Submit(ctx, w)
}

func TestR36_AWindowWhoseQueryIsNotTakenIsNarrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cluster.Close()
		r := &refusing{platform: newPlatform(60, 7)}
		var n notes
		s := w.wide("first", &n)
		s.config.Windows = 1
		sum, err := w.backfill(t.Context(), r, s)
		if err != nil || len(sum.Incomplete) != 0 || len(r.lengths) != 5 {
			t.Errorf("%+v, %v, submitted %v; want the day once, and its hours", sum, err, r.lengths)
		}
		w.want(r.platform)
	})
}
