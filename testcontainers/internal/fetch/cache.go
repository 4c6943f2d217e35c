// Package fetch brings the foreign software that the tests run (broker jars, registry, readers) into a cache folder,
// once per machine, through the ordinary clients of the package registries: mvn, pip and npm.
package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Dir returns the folder name in the user's cache, which build fills on first use.
func Dir(ctx context.Context, name string, build func(ctx context.Context, tmp string) error) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	dir := filepath.Join(base, "convstream", name)
	return dir, Into(ctx, dir, build)
}

// Into makes dir with what build writes into the temporary folder it is given. A dir that exists is complete, because
// it appears by a rename; a lock file beside it lets test packages that start together share one download.
func Into(ctx context.Context, dir string, build func(ctx context.Context, tmp string) error) error {
	if exists(dir) {
		return nil
	}
	parent, base := filepath.Split(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	lock := flock.New(dir + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	defer lock.Close()
	if exists(dir) {
		return nil
	}
	tmp := filepath.Join(parent, base+".tmp")
	if err := os.RemoveAll(tmp); err != nil { // what a killed download left
		return err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := build(ctx, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func exists(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// versioned names a cache folder after its content's recipe, so that an edited pin is a new folder.
func versioned(name string, recipe []byte) string {
	sum := sha256.Sum256(recipe)
	return name + "-" + hex.EncodeToString(sum[:4])
}

// run runs a registry's client and turns a failure into one error that ends with what the client said.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLines(string(out), 8))
	}
	return nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
