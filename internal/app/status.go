package app

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"convstream/internal/conv"
)

// statusReport is what the status page shows.
type statusReport struct {
	Version  string         `json:"version"`
	Pipeline string         `json:"pipeline"`
	Run      string         `json:"run"`
	Windows  []windowStatus `json:"windows"`
	Events   []eventCount   `json:"events"` // of this process
}

// windowStatus is one window of a statusReport.
type windowStatus struct {
	Window   conv.Window   `json:"window"`
	State    conv.State    `json:"state"`
	Counters conv.Counters `json:"counters"`

	Routes map[string]conv.RouteCounters `json:"routes,omitempty"`
}

// startStatus serves the status page on addr, with the metrics below it, until stop is called. A page is no reason to
// lose a run: if the address is taken, it says so once in the log and does without.
func startStatus(ctx context.Context, addr string, report func() statusReport, metrics http.Handler, log zerolog.Logger) (stop func()) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		log.Warn().Err(err).Msg("no status page; choose another status.listen")
		return func() {}
	}
	log.Info().Str("url", "http://"+ln.Addr().String()+"/").Msg("status page")
	server := &http.Server{Handler: statusHandler(report, metrics), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Warn().Err(err).Msg("status page stopped")
		}
	}()
	return func() {
		_ = server.Close() // a reader of the page may miss its end
		<-done
	}
}

func statusHandler(report func() statusReport, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(report()) // it fails when the reader has gone
	})
	return mux
}
