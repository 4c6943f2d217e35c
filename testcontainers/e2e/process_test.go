package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"convstream/internal/conv"
)

// process is a running convstream.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer // complete once ended is closed
	ended          chan struct{}
}

// start starts a command of a program on a configuration. The process does not outlive the test.
func start(t *testing.T, program, config, command string, args ...string) *process {
	t.Helper()
	return startIn(t, []string{}, program, config, command, args...)
}

// startIn starts a command in an environment.
func startIn(t *testing.T, env []string, program, config, command string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, append(append(strings.Fields(command), "-c", config), args...)...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = env
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its state tells
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // has mostly ended long ago
		<-p.ended
		if t.Failed() {
			t.Logf("pid %d, %s: %s\n%s%s", p.cmd.Process.Pid, command, p.cmd.ProcessState, p.stdout.String(), tail(p.stderr.String()))
		}
	})
	return p
}

// backfill starts a backfill of the whole span.
func (w *world) backfill(t *testing.T, program string, args ...string) *process {
	t.Helper()
	return start(t, program, w.config, "backfill", append(w.interval("--json"), args...)...)
}

func (w *world) interval(args ...string) []string {
	return append([]string{"--from", conv.FormatInstant(w.span.From), "--to", conv.FormatInstant(w.span.To)}, args...)
}

// exit waits until the process ends by itself, and returns its exit code.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-deadline.C:
		t.Fatalf("pid %d does not end", p.cmd.Process.Pid)
		return -1
	}
}

// wantExit fails the test unless the process ends with the code.
func (p *process) wantExit(t *testing.T, code int) {
	t.Helper()
	if got := p.exit(t); got != code {
		t.Fatalf("pid %d exits %d, want %d: %s", p.cmd.Process.Pid, got, code, p.verdict())
	}
}

// wantVerdict fails the test unless the process ended with one sentence that holds every part.
func (p *process) wantVerdict(t *testing.T, parts ...string) {
	t.Helper()
	t.Logf("pid %d says: %s", p.cmd.Process.Pid, p.verdict())
	var sentences int
	for line := range strings.Lines(p.stderr.String()) {
		if strings.HasPrefix(line, "convstream: ") {
			sentences++
		}
	}
	if sentences != 1 {
		t.Errorf("%d sentences, want one", sentences)
	}
	for _, part := range parts {
		if !strings.Contains(p.verdict(), part) {
			t.Errorf("it does not name %q", part)
		}
	}
}

// verdict is the last line on standard error.
func (p *process) verdict() string {
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	return lines[len(lines)-1]
}

// recoveries says how often the process, which has ended, asked the ledger what became of a commit.
func (p *process) recoveries() int {
	return strings.Count(p.stderr.String(), `"message":"commit failed;`)
}

// killWhen ends the process with SIGKILL at the moment, and fails the test if the process ends before.
func (p *process) killWhen(t *testing.T, moment <-chan struct{}) {
	t.Helper()
	p.reach(t, moment)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
}

// reach waits until the moment comes while the process lives.
func (p *process) reach(t *testing.T, moment <-chan struct{}) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-moment:
	case <-p.ended:
		t.Fatalf("pid %d ended with %s before its moment: %s", p.cmd.Process.Pid, p.cmd.ProcessState, p.verdict())
	case <-deadline.C:
		t.Fatalf("pid %d did not come to its moment in %s", p.cmd.Process.Pid, patience)
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %s: %v", s, err)
	}
}

// answer reads the JSON object that the process printed as its last line.
func (p *process) answer(t *testing.T, into any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.stdout.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("last line %q: %v", lines[len(lines)-1], err)
	}
}

// tail is what a failure shows of a log: its warnings and errors, and its end.
func tail(log string) string {
	const shown = 40
	var kept []string
	lines := bufio.NewScanner(strings.NewReader(log))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), `"level":"debug"`) && !strings.Contains(lines.Text(), "call is tried again") {
			kept = append(kept, lines.Text())
		}
	}
	return strings.Join(kept[max(0, len(kept)-shown):], "\n")
}
