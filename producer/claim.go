package producer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Claim is the ledger's record of who owns a pipeline. It is written when a run starts,
// every three seconds while it lives, and once more, released, when it ends.
type Claim struct {
	Version   int               `json:"version"`
	Pipeline  string            `json:"pipeline"`
	Org       string            `json:"org"`
	Run       string            `json:"run"`
	Seq       uint64            `json:"seq"`
	Host      Host              `json:"host"`
	Started   int64             `json:"started"`   // epoch ms
	Heartbeat int64             `json:"heartbeat"` // epoch ms
	Released  bool              `json:"released,omitempty"`
	Cluster   string            `json:"cluster"`
	Topics    map[string]string `json:"topics"` // topic ids by name
}

// Host says where a process runs, closely enough to tell whether it still does.
type Host struct {
	Name      string `json:"name"`
	PID       int    `json:"pid"`
	Boot      string `json:"boot,omitempty"`      // kernel boot id
	Namespace string `json:"namespace,omitempty"` // of process ids: containers on one host differ
}

// thisHost describes the present process.
func thisHost() Host {
	h := Host{PID: os.Getpid()}
	h.Name, _ = os.Hostname()
	if runtime.GOOS == "linux" {
		boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
		h.Boot = strings.TrimSpace(string(boot))
		h.Namespace, _ = os.Readlink("/proc/self/ns/pid")
	}
	return h
}

// dead says whether the process of another run provably no longer runs: it ran in our
// namespace of process ids, since the machine was started, and no process has its id.
// Every machine calls its first namespace the same, and hosts can share a name; a boot id is
// one machine's.
func (h Host) dead() bool {
	me := thisHost()
	if h.Name != me.Name || h.Namespace != me.Namespace || h.Namespace == "" || h.Boot != me.Boot {
		return false
	}
	p, err := os.FindProcess(h.PID)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}

// heldAgainst returns an OwnedError if another run must be taken to live on this claim.
func (c *Claim) heldAgainst(run string, now time.Time) error {
	if c == nil || c.Run == run || c.Released {
		return nil
	}
	age := now.Sub(time.UnixMilli(c.Heartbeat))
	if age >= heartbeatLives || c.Host.dead() {
		return nil
	}
	return &OwnedError{Claim: *c, Age: age}
}

// lost returns an OwnedError if the claim is not ours any more.
func (c *Claim) lost(run string, now time.Time) error {
	if c == nil || c.Run == run {
		return nil
	}
	return &OwnedError{Claim: *c, Age: now.Sub(time.UnixMilli(c.Heartbeat)), Fenced: true}
}

func parseClaim(b []byte) (*Claim, error) {
	var c Claim
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("read claim: %w", err)
	}
	if c.Version > ledgerVersion {
		return nil, fmt.Errorf("read claim: written by a newer convstream (version %d, this one knows %d)", c.Version, ledgerVersion)
	}
	return &c, nil
}
