package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// demo runs the demonstration in a folder.
func demo(t *testing.T, dir string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"demo", "--rows", "2000"}, args...)...)
	cmd.Env = []string{}
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code tells
	return result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func TestADemonstrationRepeatedPublishesNothingNew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := demo(t, dir, "--json").must(t, 0)
	f := first.figures(t)
	if f.Windows != 4 || f.Published != 2000 || f.Invalid != 0 || first.stderr != "" {
		t.Errorf("the figures are %+v, and stderr is %q", f, first.stderr)
	}
	second := demo(t, dir, "--json").must(t, 0)
	if again := second.figures(t); !same(again, f) || second.stderr != "" {
		t.Errorf("a second demonstration prints %+v and %q, the first one %+v", again, second.stderr, f)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(found) != 1 || filepath.Base(found[0]) != "state" {
		t.Errorf("it left %v, %v", found, err)
	}
}

func TestADemonstrationShowsRowsAsAConsumerDecodesThem(t *testing.T) {
	t.Parallel()
	r := demo(t, t.TempDir()).must(t, 0)
	if strings.Count(r.stdout, `{"interaction_id":"`) != 3 || !strings.Contains(r.stdout, "2000 published") {
		t.Errorf("it prints %s", r.stdout)
	}
}

func TestADemonstrationOfABadDayIsWholeAtItsEnd(t *testing.T) {
	t.Parallel()
	r := demo(t, t.TempDir(), "--faults", "--json").must(t, 0)
	if f := r.figures(t); f.Published != 2000 || f.Invalid != 6 || len(f.Incomplete) != 0 {
		t.Errorf("the figures are %+v", f)
	}
}

func TestADemonstrationNamesCommandsThatCanBeTyped(t *testing.T) {
	t.Parallel()
	r := demo(t, t.TempDir(), "--faults").must(t, 0)
	for _, line := range strings.Split(r.stdout, "\n") {
		if named := strings.TrimSpace(line); strings.Contains(named, " demo --rows") && !strings.HasPrefix(named, binary+" demo") {
			t.Errorf("it names the command %q, and was started as %s", named, binary)
		}
	}
	if strings.Contains(r.stdout, "dlq list") || !strings.Contains(r.stdout, binary+" demo --rows") {
		t.Errorf("it prints %s", r.stdout)
	}
}
