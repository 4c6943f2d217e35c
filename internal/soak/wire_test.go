package soak

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

var errKilled = errors.New("killed by the test")

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// wire counts the network writes of a process. At one of them the process dies: nothing of it
// passes any more, and that write is delivered or not.
type wire struct {
	dial  dialer
	at    int // -1 for never
	after bool
	kill  func()

	mu   sync.Mutex
	n    int
	dead bool
}

func (w *wire) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, errKilled
	}
	conn, err := w.dial(ctx, network, addr)
	return &strand{conn, w}, err
}

// strand is one connection of a wire.
type strand struct {
	net.Conn
	wire *wire
}

func (s *strand) Write(b []byte) (int, error) {
	s.wire.mu.Lock()
	dead, hit := s.wire.dead, s.wire.n == s.wire.at
	s.wire.n++
	s.wire.dead = dead || hit
	s.wire.mu.Unlock()
	switch {
	case dead:
		_ = s.Close()
		return 0, errKilled
	case !hit:
		return s.Conn.Write(b)
	}
	if s.wire.after {
		_, _ = s.Conn.Write(b)
	}
	_ = s.Close()
	s.wire.kill()
	return 0, errKilled
}

func (s *strand) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	if s.wire.dead {
		return 0, io.ErrClosedPipe
	}
	return n, err
}
