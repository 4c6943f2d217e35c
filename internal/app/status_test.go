package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"convstream/internal/conv"
)

func TestTheStatusPageShowsTheReportOfTheMoment(t *testing.T) {
	report := statusReport{
		Version: "v1", Pipeline: "p", Run: "r",
		Windows: []windowStatus{{
			Window:   conv.Window{From: 1704067200000, To: 1704153600000},
			State:    conv.Paging,
			Counters: conv.Counters{Fetched: 3, Published: 2, Duplicates: 1},
		}},
	}
	server := httptest.NewServer(statusHandler(func() statusReport { return report }, newMetrics().handler()))
	defer server.Close()

	for range 2 {
		status, body := get(t, server.URL+"/")
		var got statusReport
		if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK {
			t.Fatalf("%d, %v: %s", status, err, body)
		}
		if diff := cmp.Diff(report, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		report.Windows[0].Counters.Fetched++
	}
	if status, body := get(t, server.URL+"/healthz"); status != http.StatusOK || string(body) != "ok\n" {
		t.Errorf("healthz: %d %s", status, body)
	}
	if status, _ := get(t, server.URL+"/other"); status != http.StatusNotFound {
		t.Errorf("another path: %d", status)
	}
}

func TestATakenPortIsOneWarning(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var log bytes.Buffer
	stop := startStatus(t.Context(), taken.Addr().String(), func() statusReport { return statusReport{} }, newMetrics().handler(), zerolog.New(&log))
	stop()
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `"warn"`) || !strings.Contains(log.String(), "status.listen") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestTheStatusPageEndsWithItsRun(t *testing.T) {
	var log bytes.Buffer
	stop := startStatus(t.Context(), "127.0.0.1:0", func() statusReport { return statusReport{Run: "r"} }, newMetrics().handler(), zerolog.New(&log))
	var entry struct{ URL string }
	if err := json.Unmarshal(log.Bytes(), &entry); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, entry.URL); status != http.StatusOK || !strings.Contains(string(body), `"run": "r"`) {
		t.Errorf("%d %s", status, body)
	}
	stop()
	if resp, err := http.Get(entry.URL); err == nil {
		resp.Body.Close()
		t.Error("the page is still served")
	}
}

func get(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}
