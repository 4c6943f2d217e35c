// Package sdk has the vendor's own SDKs drive the simulator's dialect jobs, so that the simulator is like the platform
// and not only as we think it is: what it cannot tell a program that was written for the platform, it must not tell us.
package sdk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// convstream is the program under test, built once.
var convstream string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "convstream-sdk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	convstream = filepath.Join(dir, "convstream")
	build := exec.Command("go", "build", "-o", convstream, "convstream/cmd/convstream")
	build.Dir = filepath.Join("..", "..") // the parent module, with its own go.sum
	if said, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build convstream: %v\n%s", err, said)
		return 1
	}
	return m.Run()
}
