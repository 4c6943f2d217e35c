// Package storage runs object storages as child processes on loopback ports. S3 is a real server, versitygw: the protocol
// with its signatures, over a folder. Azure Blob Storage is Azurite, Microsoft's own emulator, which checks signatures too.
// Google Cloud Storage is fake-gcs-server, an emulator by others, which checks no credentials.
package storage

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convstream/testcontainers/apache"
)

// patience is how long fetching a server, on first use, and starting it may take.
const (
	fetchPatience = 20 * time.Minute
	startPatience = 30 * time.Second
)

// secret opens the servers; no message may hold it.
const secret = "of-a-throw-away-server"

// Starter starts a server, which ends with the test: [S3], [Azure] or [Google].
type Starter func(t *testing.T) *Server

// Server is a server with one bucket.
type Server struct {
	Name    string   // of the storage
	Bucket  string   // the one that is there, or another to be named
	Env     []string // credentials, as the storage's SDK looks for them
	Wrong   []string // the same with a key that the storage refuses
	Refusal string   // what it says then
	Secrets []string // what no message may hold: the keys

	scheme  string
	query   url.Values
	command func() *exec.Cmd
	objects func(t *testing.T) []string
	makes   func(t *testing.T) // the bucket, where a server that was ended may have lost it; nil for none

	addr  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// newServer finds a port for a server.
func newServer(t *testing.T, name, scheme string) *Server {
	t.Helper()
	addr, release, err := apache.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return &Server{Name: name, Bucket: "pages", scheme: scheme, addr: addr, log: filepath.Join(t.TempDir(), "log")}
}

// start starts a server for the first time.
func (s *Server) start(t *testing.T) {
	t.Helper()
	s.Up(t)
	t.Cleanup(func() {
		s.Down()
		if said, err := os.ReadFile(s.log); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", s.Name, said[max(0, len(said)-4000):])
		}
	})
}

// Up starts the server again, on the same address and with the same objects: Azurite has those of five seconds ago.
func (s *Server) Up(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = s.command()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		defer out.Close()
		_ = cmd.Wait() // its log tells
	}(s.cmd, s.ended)
	for deadline := time.Now().Add(startPatience); ; {
		conn, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-s.ended:
			t.Fatalf("%s ended with %s", s.Name, s.cmd.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", s.Name, err)
		}
	}
	if s.makes != nil {
		s.makes(t)
	}
}

// Down ends the server at once.
func (s *Server) Down() {
	_ = s.cmd.Process.Kill() // fails only when it is gone already
	<-s.ended
}

// URL is the bucket as gocloud.dev spells it.
func (s *Server) URL() string {
	u := url.URL{Scheme: s.scheme, Host: s.Bucket, RawQuery: s.query.Encode()}
	return u.String()
}

// Place is the bucket as messages name it.
func (s *Server) Place() string { return s.scheme + "://" + s.Bucket }

// Objects lists the names of the bucket's objects, in order.
func (s *Server) Objects(t *testing.T) []string {
	t.Helper()
	return s.objects(t)
}

// Holding returns which of the secrets a text holds.
func (s *Server) Holding(text string) (held []string) {
	for _, key := range s.Secrets {
		if strings.Contains(text, key) {
			held = append(held, key)
		}
	}
	return held
}
