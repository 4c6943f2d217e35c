// Package s3 runs a real S3 server, versitygw, as a child process on a loopback port: the protocol with its signatures,
// over a folder.
package s3

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"convstream/testcontainers/apache"
	"convstream/testcontainers/internal/fetch"
)

// gateway is the server, from the module proxy; it is built once per machine.
const gateway = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

const (
	accessKey = "convstream"
	secretKey = "of-a-throw-away-server"
)

// patience is how long building the server, on first use, and starting it may take.
const (
	buildPatience = 20 * time.Minute
	startPatience = 30 * time.Second
)

// Server is a server with one bucket.
type Server struct {
	Bucket  string
	program string
	addr    string
	root    string
	meta    string
	log     string
	cmd     *exec.Cmd
	ended   chan struct{}
}

// Start starts a server, which ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildPatience)
	defer cancel()
	program, err := fetch.GoTool(ctx, gateway)
	if err != nil {
		t.Fatal(err)
	}
	addr, release, err := apache.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	dir := t.TempDir()
	s := &Server{
		Bucket: "pages", program: program, addr: addr,
		root: filepath.Join(dir, "buckets"), meta: filepath.Join(dir, "meta"), log: filepath.Join(dir, "log"),
	}
	for _, made := range []string{filepath.Join(s.root, s.Bucket), s.meta} { // a folder is a bucket
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Up(t)
	t.Cleanup(func() {
		s.Down()
		if said, err := os.ReadFile(s.log); t.Failed() && err == nil {
			t.Logf("the S3 server said:\n%s", said[max(0, len(said)-4000):])
		}
	})
	return s
}

// Up starts the server again, on the same address and with the same objects.
func (s *Server) Up(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(s.program, "--port", s.addr, "--access", accessKey, "--secret", secretKey, "posix", "--sidecar", s.meta, s.root)
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
			return
		}
		select {
		case <-s.ended:
			t.Fatalf("the S3 server ended with %s", s.cmd.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not listen: %v", err)
		}
	}
}

// Down ends the server at once.
func (s *Server) Down() {
	_ = s.cmd.Process.Kill() // fails only when it is gone already
	<-s.ended
}

// URL is the bucket as gocloud.dev spells it.
func (s *Server) URL() string {
	q := url.Values{"endpoint": {"http://" + s.addr}, "use_path_style": {"true"}, "region": {"us-east-1"}}
	return "s3://" + s.Bucket + "?" + q.Encode()
}

// Env are the credentials, as the SDK looks for them.
func (s *Server) Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey}
}

// Objects lists the names of the bucket's objects.
func (s *Server) Objects(t *testing.T) (names []string) {
	t.Helper()
	bucket := filepath.Join(s.root, s.Bucket)
	err := filepath.WalkDir(bucket, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(bucket, path) // it lies below
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
