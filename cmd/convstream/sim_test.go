package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startSim starts the simulator on a free port and waits for the line that it is ready.
func startSim(t *testing.T, args ...string) (cmd *exec.Cmd, line, base string, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), binary, append([]string{"sim", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = []string{}
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err = bufio.NewReader(out).ReadString('\n')
	base = regexp.MustCompile(`http://[^ ]+`).FindString(line)
	if err != nil || base == "" {
		t.Fatalf("the simulator says %q, %v; %s", line, err, stderr)
	}
	return cmd, line, base, stderr
}

// token asks for an access token as an OAuth client does.
func token(t *testing.T, base, id, secret string) (status int, access string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/oauth/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return resp.StatusCode, answer.AccessToken
}

func TestTheSimulatorServesTokensAndStopsOnSIGTERM(t *testing.T) {
	sim, line, base, stderr := startSim(t, "--rows", "77", "--from", "2024-01-03", "--to", "2024-01-04", "--client-id", "me", "--client-secret", secret)
	if want := "simulator ready: " + base + " (77 rows, 2024-01-03T00:00:00.000Z..2024-01-04T00:00:00.000Z, client id me)\n"; line != want {
		t.Errorf("it says %q, want %q", line, want)
	}
	if status, access := token(t, base, "me", secret); status != http.StatusOK || access == "" {
		t.Errorf("the client gets %d and token %q", status, access)
	}
	if status, access := token(t, base, "me", "guess"); status/100 != 4 || access != "" {
		t.Errorf("a stranger gets %d and token %q", status, access)
	}
	if err := sim.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := sim.Wait(); err != nil {
		t.Errorf("after SIGTERM it ends with %v: %s", err, stderr)
	}
	if strings.Contains(line+stderr.String(), secret) {
		t.Errorf("it tells the secret: %s%s", line, stderr)
	}
}

func TestTheSimulatorMisbehavesAsItsFaultsFileSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(path, []byte("unavailable: {token: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, base, _ := startSim(t, "--faults", path, "--client-id", "me", "--client-secret", secret)
	if status, _ := token(t, base, "me", secret); status != http.StatusServiceUnavailable {
		t.Errorf("the first token request gets %d, want 503", status)
	}
}

func TestASimulatorOpenToTheNetworkWarns(t *testing.T) {
	for listen, warned := range map[string]bool{"0.0.0.0:0": true, "localhost:0": false} {
		sim, _, _, stderr := startSim(t, "--listen", listen)
		if err := sim.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := sim.Wait(); err != nil {
			t.Errorf("%s ends with %v", listen, err)
		}
		if got := strings.Contains(stderr.String(), "other machines"); got != warned {
			t.Errorf("on %s the log says %q", listen, stderr)
		}
	}
}

func TestTheSecondSignalExits1AtOnce(t *testing.T) {
	sim, _, base, _ := startSim(t)
	// A request that never ends holds the orderly stop up. "100 Continue" says that it began.
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const head = "POST /oauth/token HTTP/1.1\r\nHost: sim\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the simulator says %q, %v", line, err)
	}
	if err := sim.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for { // until the first signal has arrived
		probe, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			break
		}
		probe.Close()
	}
	if err := sim.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = sim.Wait()
	if code := sim.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

func TestTheSimulatorRefusesWhatItCannotServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", taken.Addr().String()}, 1, "address already in use"},
		{[]string{"--listen", "8099"}, 2, "--listen"},
		{[]string{"--rows", "-1"}, 2, "--rows"},
		{[]string{"--from", "2024-01-05"}, 2, "--from"},
		{[]string{"--faults", "/no/such/file"}, 2, "/no/such/file"},
	} {
		code, stdout, stderr := convstream(t, nil, append([]string{"sim"}, c.args...)...)
		if code != c.code || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("sim %s exits %d, prints %q and %q; want %d and one sentence with %q", strings.Join(c.args, " "), code, stdout, stderr, c.code, c.want)
		}
	}
}
