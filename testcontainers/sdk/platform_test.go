package sdk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

const rows = 600

// world is the interval of all conversations, day the one in its middle.
var (
	world = interval{date(1), date(4)}
	day   = interval{date(2), date(3)}
)

func date(day int) time.Time { return time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC) }

// interval is half-open.
type interval struct{ from, to time.Time }

// String writes the interval as the platform takes it.
func (i interval) String() string {
	return i.from.Format(time.RFC3339) + "/" + i.to.Format(time.RFC3339)
}

func (i interval) has(ms int64) bool { return i.from.UnixMilli() <= ms && ms < i.to.UnixMilli() }

// platform is a running `convstream sim`.
type platform struct{ url string }

var ready = regexp.MustCompile(`^simulator ready: (http://127\.0\.0\.1:\d+) `)

// simulate starts a platform on which goes wrong what the faults file says. It does not outlive the test.
func simulate(ctx context.Context, t *testing.T, faults string) platform {
	t.Helper()
	file := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(file, []byte(faults), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, convstream, "sim", "--listen", "127.0.0.1:0", "--faults", file, "--rows", strconv.Itoa(rows),
		"--from", world.from.Format(time.DateOnly), "--to", world.to.Format(time.DateOnly))
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("simulator with %q: %s", faults, errOut.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	m := ready.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("the simulator says %q, %v; want its address", line, err)
	}
	return platform{url: m[1]}
}

// truth is a conversation as the simulator knows it.
type truth struct {
	ID    string `json:"conversationId"`
	Start int64  `json:"start_ms"`
	End   *int64 `json:"end_ms"`
	Whole any    `json:"conversation"`
}

// truth returns every conversation in the order of their starts.
func (p platform) truth(ctx context.Context, t *testing.T) []truth {
	t.Helper()
	answer := p.get(ctx, t, "/_sim/truth?dialect=jobs")
	defer answer.Body.Close()
	var all []truth
	lines := json.NewDecoder(answer.Body)
	for lines.More() {
		var c truth
		if err := lines.Decode(&c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if len(all) != rows {
		t.Fatalf("%d true conversations, want %d", len(all), rows)
	}
	return all
}

// count returns how many conversations start in the interval.
func (p platform) count(ctx context.Context, t *testing.T, i interval) int {
	t.Helper()
	var answer struct{ Count int }
	p.read(ctx, t, fmt.Sprintf("/_sim/truth/count?dialect=jobs&from=%s&to=%s", i.from.Format(time.RFC3339), i.to.Format(time.RFC3339)), &answer)
	return answer.Count
}

// submits returns how often a submit was answered with the status.
func (p platform) submits(ctx context.Context, t *testing.T, status string) int {
	t.Helper()
	var stats struct{ Requests map[string]map[string]int }
	p.read(ctx, t, "/_sim/stats", &stats)
	return stats.Requests["submit"][status]
}

func (p platform) read(ctx context.Context, t *testing.T, path string, into any) {
	t.Helper()
	answer := p.get(ctx, t, path)
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func (p platform) get(ctx context.Context, t *testing.T, path string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, answer.Status)
	}
	return answer
}
