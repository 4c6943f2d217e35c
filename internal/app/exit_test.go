package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"convstream/avro"
)

func TestR12_ErrorsHaveTheirExitCode(t *testing.T) {
	returns := func(err error) error {
		cmd := &cobra.Command{}
		cmd.SetContext(t.Context())
		return action(func(*cobra.Command, []string) error { return err })(cmd, nil)
	}
	failure := errors.New("broken")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"success", returns(nil), ExitDone},
		{"a failure", returns(failure), ExitFailed},
		{"a usage error", returns(usageError(failure)), ExitUsage},
		{"a wrapped usage error", returns(fmt.Errorf("x: %w", usageError(failure))), ExitUsage},
		{"a contract that we refuse", returns(registrationError(fmt.Errorf("route a: %w", errors.Join(failure, &avro.IncompatibleError{})))), ExitUsage},
		{"a contract that the registry finds incompatible", returns(registrationError(fmt.Errorf("%w: %w", failure, &sr.ResponseError{StatusCode: 409}))), ExitUsage},
		{"a contract that the registry cannot read", returns(registrationError(fmt.Errorf("%w: %w", failure, &sr.ResponseError{StatusCode: 422}))), ExitUsage},
		{"a registry that is down", returns(registrationError(fmt.Errorf("%w: %w", failure, &sr.ResponseError{StatusCode: 503}))), ExitFailed},
		{"a registry that forbids it", returns(registrationError(fmt.Errorf("%w: %w", failure, &sr.ResponseError{StatusCode: 403}))), ExitFailed},
		{"an incomplete window", returns(&exitError{ExitIncomplete, failure}), ExitIncomplete},
		{"an owned pipeline", returns(&exitError{ExitOwned, failure}), ExitOwned},
		{"an error of the command line", failure, ExitUsage},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s exits %d, want %d", c.name, got, c.want)
		}
		if c.want != ExitDone && !errors.Is(c.err, failure) {
			t.Errorf("%s has lost its cause: %v", c.name, c.err)
		}
	}
}

func TestAnInterruptedCommandFailsAndNamesTheSignal(t *testing.T) {
	ctx, stop := withSignals(t.Context())
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	err := action(func(*cobra.Command, []string) error { return fmt.Errorf("poll job: %w", ctx.Err()) })(cmd, nil)
	if exitCode(err) != ExitFailed || !errors.Is(err, errInterrupted) || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("exit code %d, %v", exitCode(err), err)
	}
	err = action(func(*cobra.Command, []string) error { return errors.New("broken") })(cmd, nil)
	if errors.Is(err, errInterrupted) {
		t.Errorf("an error of another kind is told as %v", err)
	}
}

// cli runs the program in this process.
func cli(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(args, nil, &out, &errs)
	return code, out.String(), errs.String()
}

func TestR12_AWrongCommandLineExits2WithOneSentence(t *testing.T) {
	interval := []string{"--from", "2024-01-01", "--to", "2024-01-02"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "needs a command"},
		{[]string{"chekpoints"}, "did you mean checkpoints?"},
		{[]string{"nonsense"}, "--help"},
		{[]string{"redrive", "-c", "x"}, "did you mean dlq redrive?"},
		{[]string{"verfy", "-c", "x"}, "did you mean verify?"},
		{[]string{"--fast"}, "--fast"},
		{[]string{"checkpoints"}, "needs a command"},
		{[]string{"checkpoints", "lst"}, "did you mean list?"},
		{[]string{"checkpoints", "show", "-c", "x"}, "1 arg"},
		{[]string{"checkpoints", "show", "-c", "x", "2024-01-01"}, "FROM/TO"},
		{[]string{"completion", "tcsh"}, "tcsh"},
		{append([]string{"backfill"}, interval...), `"config"`},
		{[]string{"backfill", "-c", "x"}, `"from", "to"`},
		{append([]string{"backfill", "-c", "/no/such/file"}, interval...), "/no/such/file"},
		{append([]string{"backfill", "-c", "x", "--fast"}, interval...), "--fast"},
		{append([]string{"backfill", "-c", "x", "extra"}, interval...), "extra"},
		{[]string{"backfill", "-c", "x", "--from", "2024-01-01", "--to", "2024-01-01"}, "not before"},
		{[]string{"verify", "-c", "x", "--from", "then", "--to", "2024-01-01"}, `--from: "then"`},
		{[]string{"tail", "-c", "x", "-n", "0"}, "-n"},
		{[]string{"demo", "--rows", "-1"}, "--rows"},
		{[]string{"version", "now"}, "now"},
	} {
		code, stdout, stderr := cli(t, c.args...)
		if code != ExitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 ||
			!strings.HasPrefix(stderr, "convstream: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("convstream %s exits %d, prints %q and %q; want 2 and one sentence with %q",
				strings.Join(c.args, " "), code, stdout, stderr, c.want)
		}
	}
}

func TestTheStepFlagWinsAndIsCheckedLikeTheFile(t *testing.T) {
	code, _, stderr := cli(t, "backfill", "-c", validConfig(t), "--from", "2024-01-01", "--to", "2024-01-02", "--step", "1 day")
	if code != ExitUsage || !strings.Contains(stderr, `command line: window.step: "1 day"`) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// validConfig writes a configuration without a mistake.
func validConfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "convstream.yaml")
	const text = `pipeline: p
source: {org: acme, region: eu-central-1, client_id: me, client_secret: hunter2}
kafka: {brokers: ["127.0.0.1:9092"]}
registry: {url: "http://127.0.0.1:8081"}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyCommandsThatWorkAreListed(t *testing.T) {
	root := newRoot(&process{})
	want := map[string]bool{
		"demo": true, "backfill": true, "run": true, "plan": true, "doctor": true, "schema": true, "drift": true, "dlq": true, "reconcile": true, "checkpoints": true, "verify": true, "tail": true, "sim": true, "version": true, "completion": true,
	}
	for _, c := range root.Commands() {
		if !want[c.Name()] {
			t.Errorf("%s is listed", c.Name())
		}
		delete(want, c.Name())
	}
	for name := range want {
		t.Errorf("%s is not listed", name)
	}
}

func TestEveryErrorThatIsJoinedIsOneLine(t *testing.T) {
	problems := errors.Join(errors.New("a: 1"), errors.New("b:\n<html>\n2"))
	gone := fmt.Errorf("%w: %w", errors.New("job gone"), errors.New("HTTP 404"))
	for _, c := range []struct {
		err  error
		want string
	}{
		{usageError(problems), "convstream: a: 1\nconvstream: b: <html> 2\n"},
		{errors.Join(gone, errors.Join(problems)), "convstream: job gone: HTTP 404\nconvstream: a: 1\nconvstream: b: <html> 2\n"},
		{fmt.Errorf("load: %w", problems), "convstream: load: a: 1 b: <html> 2\n"},
		{&exitError{ExitFailed, gone}, "convstream: job gone: HTTP 404\n"},
	} {
		var out bytes.Buffer
		printError(&out, c.err)
		if got := out.String(); got != c.want {
			t.Errorf("printed %q, want %q", got, c.want)
		}
	}
}
