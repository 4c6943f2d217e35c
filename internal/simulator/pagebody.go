package simulator

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"time"
)

// body returns what a results page is written to: zipped, slow and damaged as it has to be.
// The caller calls end behind the page's last byte.
func (s *Simulator) body(w *reply, r *http.Request) (out io.Writer, end func()) {
	f := &s.cfg.Faults
	w.Header().Set("Content-Type", "application/json")
	out, end = w, func() {}
	if f.Drip.Bytes > 0 {
		s.tally(faultDrip, 1)
		out = &dripper{reply: w, drip: f.Drip, left: f.Drip.Bytes, gone: r.Context().Done()}
	}
	truncated := w.damage == faultTruncated
	if truncated {
		out = &truncator{to: out, left: w.at}
	}
	if (f.Gzip || truncated) && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		zipped, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		out, end = zipped, func() { _ = zipped.Close() } // a client that is gone needs no end
	}
	if w.damage == faultGarbled {
		g := &garbler{to: out, left: w.at}
		inner := end
		out, end = g, func() { g.strike(); inner() }
	}
	return out, end
}

// garbler puts a byte into the body that no JSON has anywhere: after left bytes, or at the
// end if that is sooner.
type garbler struct {
	to     io.Writer
	left   int
	struck bool
}

func (g *garbler) Write(b []byte) (int, error) {
	if g.struck || len(b) <= g.left {
		g.left -= len(b)
		return g.to.Write(b)
	}
	n, err := g.to.Write(b[:g.left])
	if err != nil {
		return n, err
	}
	g.strike()
	rest, err := g.to.Write(b[n:])
	return n + rest, err
}

func (g *garbler) strike() {
	if !g.struck {
		g.struck = true
		_, _ = g.to.Write([]byte{0}) // the writes around it meet the same error
	}
}

// truncator leaves out what lies behind left bytes, and in any case the last few, without
// telling the writer.
type truncator struct {
	to   io.Writer
	left int
	tail []byte
}

// lastFew is longer than the check sum at the end of a zipped body.
const lastFew = 12

func (t *truncator) Write(b []byte) (int, error) {
	t.tail = append(t.tail, b...)
	n := min(len(t.tail)-lastFew, t.left)
	if n > 0 {
		if _, err := t.to.Write(t.tail[:n]); err != nil {
			return 0, err
		}
		t.left -= n
		t.tail = append(t.tail[:0], t.tail[n:]...)
	}
	if t.left == 0 {
		t.tail = t.tail[:0]
	}
	return len(b), nil
}

// dripper sends a few bytes at a time.
type dripper struct {
	*reply
	drip Drip
	left int // bytes until the next wait
	gone <-chan struct{}
}

func (d *dripper) Write(b []byte) (int, error) {
	sent := 0
	for len(b) > 0 {
		n, err := d.reply.Write(b[:min(len(b), d.left)])
		sent += n
		if err != nil {
			return sent, err
		}
		b = b[n:]
		if d.left -= n; d.left > 0 {
			continue
		}
		d.left = d.drip.Bytes
		_ = http.NewResponseController(d.reply.ResponseWriter).Flush() // what cannot flush sends as it likes
		wait := time.NewTimer(d.drip.Every)
		select {
		case <-wait.C:
		case <-d.gone:
			wait.Stop()
			return sent, io.ErrClosedPipe
		}
	}
	return sent, nil
}
