package app

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func TestR100_ARegistryThatGoesDownAfterTheStartIsNotMissed(t *testing.T) {
	const rows = 2000
	stage, err := openStage(filepath.Join(t.TempDir(), "state"), demoOptions{Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.close()

	var registered, later atomic.Int32
	fake := srfake.NewRegistry().Handler()
	registry, err := serve(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if registered.Load() == 2 { // conversations and speech
			later.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fake.ServeHTTP(w, req)
		if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/versions") {
			registered.Add(1)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer registry.close()
	stage.config.Registry.URL = registry.url

	p := &process{stdout: io.Discard, stderr: io.Discard, log: zerolog.Nop(), metrics: newMetrics()}
	summary, err := p.backfill(t.Context(), stage.config, demoDay, false, p.pipelineEvents())
	if err != nil || summary.Counters.Published != rows {
		t.Errorf("%v: %+v", err, summary)
	}
	if registered.Load() != 2 || later.Load() != 0 {
		t.Errorf("%d contracts were registered, and %d calls came later", registered.Load(), later.Load())
	}
}
