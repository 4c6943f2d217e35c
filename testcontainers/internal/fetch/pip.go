package fetch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Pip returns a cache folder holding the pinned requirements, to be used as PYTHONPATH. A folder and not a virtual
// environment: it needs no ensurepip, and it can be renamed.
func Pip(ctx context.Context, name string, requirements []byte) (string, error) {
	return Dir(ctx, versioned(name, requirements), func(ctx context.Context, tmp string) error {
		if _, err := exec.LookPath("python3"); err != nil {
			return fmt.Errorf("python3 is not in PATH: Python 3.9 or newer with pip is needed")
		}
		file := filepath.Join(tmp, "requirements.txt")
		if err := os.WriteFile(file, requirements, 0o644); err != nil {
			return err
		}
		return run(ctx, "python3", "-m", "pip", "install", "--quiet", "--no-input", "--only-binary=:all:", "--target", tmp, "-r", file)
	})
}
