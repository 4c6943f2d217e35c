package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "convstream")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "convstream")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// convstream runs the program with no environment but what is given.
func convstream(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = environ
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Dir = t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

const secret = "hunter2hunter2"

// valid is a configuration without a mistake.
const valid = `pipeline: p
source:
  org: acme
  base_url: http://127.0.0.1:1
  token_url: http://127.0.0.1:1/oauth/token
  client_id: me
  client_secret: ` + secret + `
kafka:
  brokers: ["127.0.0.1:1"]
registry: {url: "http://127.0.0.1:1"}
`

func TestR12_AWrongConfigurationExits2WithOneSentenceAndNoSecret(t *testing.T) {
	interval := []string{"--from", "2024-01-01", "--to", "2024-01-02"}
	for _, c := range []struct {
		name         string
		old, replace string // in valid
		environ      []string
		args         []string
		want         string
	}{
		{name: "unknown key", old: "  org:", replace: "  orgg: a\n  org:", args: interval, want: "source.orgg: unknown key; did you mean source.org?"},
		{name: "unknown variable", environ: []string{"CONVSTREAM_SOURCE_CLIENT=" + secret}, args: interval, want: "CONVSTREAM_SOURCE_CLIENT_ID?"},
		{name: "missing secret", old: "  client_secret: " + secret + "\n", args: interval, want: "CONVSTREAM_SOURCE_CLIENT_SECRET"},
		{name: "unset variable", old: secret, replace: "${NO_SUCH}", args: interval, want: "source.client_secret: environment variable NO_SUCH is not set"},
		{name: "unparsable duration", old: "pipeline: p", replace: "pipeline: p\ncommit: {interval: soon}", args: interval, want: `commit.interval: "soon"`},
		{name: "http to a public host", old: "http://127.0.0.1:1/oauth", replace: "http://login.mypurecloud.com/oauth", args: interval, want: "source.token_url: http://login.mypurecloud.com"},
		{name: "password in a URL", old: "base_url: http://", replace: "base_url: http://me:" + secret + "@", args: interval, want: "source.base_url"},
		{name: "limit above the cap", old: "  org:", replace: "  limit: 20000000\n  org:", args: interval, want: "source.limit: 20000000 is above the platform's cap of 10,000,000; choose 1 to 10000000"},
		{name: "status page for all", environ: []string{"CONVSTREAM_STATUS_LISTEN=0.0.0.0:8080"}, args: interval, want: "status.listen"},
		{name: "empty interval", args: []string{"--from", "2024-01-02", "--to", "2024-01-02"}, want: "--from"},
		{name: "interval backwards", args: []string{"--from", "2024-01-02", "--to", "2024-01-01"}, want: "not before"},
		{name: "instant too fine", args: []string{"--from", "2024-01-01T00:00:00.0001Z", "--to", "2024-01-02"}, want: "millisecond"},
		{name: "instant without zone", args: []string{"--from", "2024-01-01T00:00:00", "--to", "2024-01-02"}, want: "--from"},
		{name: "unparsable step", args: append([]string{"--step", "daily"}, interval...), want: `window.step: "daily"`},
		{name: "no YAML", old: "source:", replace: "\tsource:", args: interval, want: "yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(valid, c.old) {
				t.Fatalf("the configuration holds no %q", c.old)
			}
			path := filepath.Join(t.TempDir(), "convstream.yaml")
			if err := os.WriteFile(path, []byte(strings.Replace(valid, c.old, c.replace, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"backfill", "verify"} {
				if c.name == "unparsable step" && command == "verify" {
					continue
				}
				code, stdout, stderr := convstream(t, c.environ, append([]string{command, "-c", path}, c.args...)...)
				if code != 2 || stdout != "" {
					t.Errorf("%s exits %d and prints %q", command, code, stdout)
				}
				if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "convstream: ") || !strings.Contains(stderr, c.want) {
					t.Errorf("%s says %q; want one sentence with %q", command, stderr, c.want)
				}
				if strings.Contains(stderr, secret) {
					t.Errorf("%s tells the secret: %s", command, stderr)
				}
			}
		})
	}
}

func TestVersionSaysWhichProgramAndGoThisIs(t *testing.T) {
	code, stdout, stderr := convstream(t, nil, "version")
	if code != 0 || !strings.HasPrefix(stdout, "convstream ") || !strings.Contains(stdout, " go1.") || stderr != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestCompletionIsThereForEveryShell(t *testing.T) {
	for shell, want := range map[string]string{"bash": "complete -o", "zsh": "#compdef convstream", "fish": "complete -c convstream"} {
		code, stdout, stderr := convstream(t, nil, "completion", shell)
		if code != 0 || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("%s: exit code %d, %q, script of %d bytes", shell, code, stderr, len(stdout))
		}
	}
}
