package apache

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The range lies below the ephemeral ports, so that no outgoing connection takes a broker's port while it is down.
const (
	firstPort = 15000
	lastPort  = 31999
)

// port is a loopback TCP port for a child. Other harnesses on the machine keep off it because the UDP port of the
// same number is bound for as long as the child may need it; the kernel frees that when we die.
type port struct {
	number int
	hold   net.PacketConn
}

func (p port) addr() string { return addr(p.number) }

func addr(number int) string { return fmt.Sprintf("127.0.0.1:%d", number) }

// FreeAddr returns a loopback address that nobody listens on, kept from other harnesses until release is called.
func FreeAddr() (address string, release func(), err error) {
	p, err := reservePort()
	if err != nil {
		return "", nil, err
	}
	return p.addr(), func() { p.hold.Close() }, nil
}

func reservePort() (port, error) {
	for range 1000 {
		if p, ok := tryPort(firstPort + rand.IntN(lastPort-firstPort+1)); ok {
			return p, nil
		}
	}
	return port{}, fmt.Errorf("no free loopback port between %d and %d", firstPort, lastPort)
}

func tryPort(number int) (port, bool) {
	hold, err := net.ListenPacket("udp", addr(number))
	if err != nil {
		return port{}, false
	}
	l, err := net.Listen("tcp", addr(number))
	if err != nil {
		hold.Close()
		return port{}, false
	}
	l.Close()
	return port{number, hold}, true
}
