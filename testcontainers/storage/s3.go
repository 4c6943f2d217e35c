package storage

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"convstream/testcontainers/internal/fetch"
)

// gateway is the S3 server, from the module proxy; it is built once per machine.
const gateway = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// S3 starts versitygw.
func S3(t *testing.T) *Server {
	t.Helper()
	s := newServer(t, "the S3 server", "s3")
	program, dir := goTool(t, gateway), t.TempDir()
	root, meta := filepath.Join(dir, "buckets"), filepath.Join(dir, "meta")
	makeFolders(t, filepath.Join(root, s.Bucket), meta) // a folder is a bucket
	s.query = url.Values{"endpoint": {"http://" + s.addr}, "use_path_style": {"true"}, "region": {"us-east-1"}}
	s.Env = []string{"AWS_ACCESS_KEY_ID=convstream", "AWS_SECRET_ACCESS_KEY=" + secret}
	s.Wrong = []string{"AWS_ACCESS_KEY_ID=convstream", "AWS_SECRET_ACCESS_KEY=of-another-server"}
	s.Refusal, s.Secrets = "SignatureDoesNotMatch", []string{secret, "of-another-server"}
	s.command = func() *exec.Cmd {
		return exec.Command(program, "--port", s.addr, "--access", "convstream", "--secret", secret, "posix", "--sidecar", meta, root)
	}
	s.objects = func(t *testing.T) []string { return files(t, filepath.Join(root, s.Bucket)) }
	s.start(t)
	return s
}

// goTool builds a program on first use.
func goTool(t *testing.T, pkg string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fetchPatience)
	defer cancel()
	program, err := fetch.GoTool(ctx, pkg)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func makeFolders(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// files lists what a folder holds, as names of objects.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(folder, path) // it lies below
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
