// Package e2e holds convstream's promises on real brokers: the program as it is shipped runs as a process of its own,
// Genesys Cloud is the simulator inside the test, and Kafka and the registry are real.
package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"convstream/internal/conv"
	"convstream/testcontainers"
)

// The programs under test, built once.
var (
	convstream      string
	negativeControl string // the same with transactions off
)

func TestMain(m *testing.M) { testcontainers.Main(program{m}) }

// program builds the programs before the tests and removes them afterwards.
type program struct{ *testing.M }

func (p program) Run() int {
	dir, err := os.MkdirTemp("", "convstream-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	convstream, negativeControl = filepath.Join(dir, "convstream"), filepath.Join(dir, "negativecontrol")
	for out, tags := range map[string]string{convstream: "", negativeControl: "negativecontrol"} {
		build := exec.Command("go", "build", "-tags", tags, "-o", out, "convstream/cmd/convstream")
		build.Dir = filepath.Join("..", "..") // the parent module, with its own go.sum
		if said, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build convstream: %v\n%s", err, said)
			return 1
		}
	}
	return p.M.Run()
}

// million is how many rows the great tests move; fewer while one works on them.
func million(t *testing.T) int {
	t.Helper()
	rows, err := strconv.Atoi(setting("CONVSTREAM_E2E_ROWS", "1000000"))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// random returns the test's dice, and has a failure tell how to throw them again.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	const variable = "CONVSTREAM_E2E_SEED"
	seed, err := strconv.ParseUint(setting(variable, strconv.FormatInt(time.Now().UnixNano(), 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with %s=%d", variable, seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// day is what the tests extract.
var day = conv.Window{
	From: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(),
	To:   time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC).UnixMilli(),
}
