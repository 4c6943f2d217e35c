package testcontainers

import (
	"net"
	"os"
	"strings"
)

// startExternal adopts a cluster that runs already. It has to be on this machine unless the environment says otherwise:
// a test that creates and drops topics must not reach a colleague's cluster by accident.
func startExternal(s spec) (*broker, error) {
	list := os.Getenv(BrokersEnv)
	if list == "" {
		return nil, unavailable("external: %s is not set", BrokersEnv)
	}
	if len(s.config) > 0 {
		return nil, unavailable("external: broker properties cannot be set")
	}
	addrs := strings.Split(list, ",")
	for _, addr := range addrs {
		if os.Getenv(AllowRemoteEnv) != "1" && !loopback(addr) {
			return nil, unavailable("external: %s is not on this machine, and %s is not 1", addr, AllowRemoteEnv)
		}
	}
	return &broker{kind: External, addrs: addrs, stop: func(bool) {}}, nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
