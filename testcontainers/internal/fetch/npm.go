package fetch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Npm returns a folder of modules in the cache, to be used as NODE_PATH: those that a package's lock file names, which npm
// checks by their hashes. The file is written by `npm install --package-lock-only --omit-lockfile-registry-resolved`, so
// that it holds for every mirror of the registry.
func Npm(ctx context.Context, name string, pkg, lock []byte) (string, error) {
	dir, err := Dir(ctx, versioned(name, lock), func(ctx context.Context, tmp string) error {
		if _, err := exec.LookPath("npm"); err != nil {
			return fmt.Errorf("npm is not in PATH: Node.js 20 or newer with npm is needed")
		}
		for name, text := range map[string][]byte{"package.json": pkg, "package-lock.json": lock} {
			if err := os.WriteFile(filepath.Join(tmp, name), text, 0o644); err != nil {
				return err
			}
		}
		return run(ctx, "npm", "--prefix", tmp, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	})
	return filepath.Join(dir, "node_modules"), err
}
