package testcontainers

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// EndTxn is the API key of the request that commits or aborts.
const EndTxn int16 = 26

// ReplyLoss loses the broker's answers to requests of one kind: the broker has done what was asked, the client never
// learns it. It works with every kind of broker, as a dialer: kgo.Dialer(loss.DialContext).
type ReplyLoss struct {
	Key int16 // API key of the requests, for example [EndTxn]
	// Err is what the client's read returns. Nil is an EOF, upon which kgo asks again by itself; any other error goes
	// to the caller.
	Err error

	left, lost atomic.Int64
}

// Lose makes the next n answers be lost.
func (l *ReplyLoss) Lose(n int) { l.left.Add(int64(n)) }

// Lost returns how many answers were lost so far.
func (l *ReplyLoss) Lost() int { return int(l.lost.Load()) }

// DialContext dials a connection on which answers may be lost.
func (l *ReplyLoss) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &lossyConn{Conn: conn, loss: l, watched: map[uint32]bool{}}, nil
}

// lossyConn reads the frames of Kafka's protocol: requests carry their key and a correlation id, answers the latter.
type lossyConn struct {
	net.Conn
	loss *ReplyLoss

	mu      sync.Mutex
	watched map[uint32]bool // correlation ids of the requests of that kind

	unread []byte // of the answer being handed out; reads are sequential
}

// Write expects a whole request, which is how kgo writes.
func (c *lossyConn) Write(p []byte) (int, error) {
	const sizeAndHeader = 12 // size 4, key 2, version 2, correlation id 4
	if len(p) >= sizeAndHeader && int16(binary.BigEndian.Uint16(p[4:])) == c.loss.Key {
		c.mu.Lock()
		c.watched[binary.BigEndian.Uint32(p[8:])] = true
		c.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func (c *lossyConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		if err := c.nextAnswer(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *lossyConn) nextAnswer() error {
	var size [4]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return err
	}
	answer := make([]byte, 4+binary.BigEndian.Uint32(size[:]))
	copy(answer, size[:])
	if _, err := io.ReadFull(c.Conn, answer[4:]); err != nil {
		return err
	}
	if c.watches(binary.BigEndian.Uint32(answer[4:])) && c.loss.take() {
		c.Conn.Close()
		if c.loss.Err != nil {
			return c.loss.Err
		}
		return io.EOF
	}
	c.unread = answer
	return nil
}

func (c *lossyConn) watches(correlation uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer delete(c.watched, correlation)
	return c.watched[correlation]
}

// take uses up one of the answers to lose, if any is left.
func (l *ReplyLoss) take() bool {
	for {
		n := l.left.Load()
		if n == 0 {
			return false
		}
		if l.left.CompareAndSwap(n, n-1) {
			l.lost.Add(1)
			return true
		}
	}
}
