package fetch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// GoTool returns the program that a Go package at a version builds, such as "example.org/tool/cmd/tool@v1.2.3".
func GoTool(ctx context.Context, pkg string) (program string, err error) {
	name, _, _ := strings.Cut(path.Base(pkg), "@")
	dir, err := Dir(ctx, versioned(name, []byte(pkg+runtime.Version())), func(ctx context.Context, tmp string) error {
		cmd := exec.CommandContext(ctx, "go", "install", pkg)
		cmd.Env = append(os.Environ(), "GOBIN="+tmp)
		cmd.Dir = tmp // no go.mod of ours has a say
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go install %s: %w: %s", pkg, err, lastLines(string(out), 8))
		}
		return nil
	})
	return filepath.Join(dir, name), err
}
