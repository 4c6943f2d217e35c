package apache

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"convstream/testcontainers/internal/fetch"
)

//go:embed registry.pom.xml
var registryPom []byte

// registryJava is what Apicurio 3.3 is compiled for.
const registryJava = 21

// Registry is a running Apicurio registry that keeps its schemas in memory.
type Registry struct {
	URL     string // of its Confluent-compatible API
	dir     string
	process *process
	release []func()
}

// RegistryAvailable tells why no registry can be run on this machine, fetching it on first use; nil: one can.
func RegistryAvailable(ctx context.Context) error {
	_, _, err := findRegistry(ctx)
	return err
}

func findRegistry(ctx context.Context) (java, dir string, err error) {
	if java, err = fetch.Java(ctx, registryJava); err != nil {
		return "", "", err
	}
	dir, err = fetch.Maven(ctx, "registry", registryPom, fetch.Unpack)
	if err != nil {
		return "", "", fmt.Errorf("fetch the Apicurio registry: %w", err)
	}
	return java, dir, nil
}

// StartRegistry starts a registry on the given loopback port, 0 for a free one, and returns when it answers.
func StartRegistry(ctx context.Context, onPort int) (*Registry, error) {
	java, dir, err := findRegistry(ctx)
	if err != nil {
		return nil, err
	}
	r := &Registry{}
	if r.dir, err = os.MkdirTemp("", "convstream-registry-"); err != nil {
		return nil, err
	}
	if err := r.start(ctx, java, dir, onPort); err != nil {
		err = fmt.Errorf("start the registry: %w\n%s", err, r.Logs())
		r.Close(false)
		return nil, err
	}
	return r, nil
}

func (r *Registry) start(ctx context.Context, java, dist string, onPort int) error {
	management, err := r.takePort(0)
	if err != nil {
		return err
	}
	serving, err := r.takePort(onPort)
	if err != nil {
		return err
	}
	r.URL = "http://" + serving.addr() + "/apis/ccompat/v7"
	r.process, err = startProcess(r.logFile(), java,
		"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dquarkus.http.host=127.0.0.1", fmt.Sprintf("-Dquarkus.http.port=%d", serving.number),
		"-Dquarkus.management.host=127.0.0.1", fmt.Sprintf("-Dquarkus.management.port=%d", management.number),
		"-jar", filepath.Join(dist, "quarkus-run.jar"))
	if err != nil {
		return err
	}
	return r.awaitReady(ctx)
}

func (r *Registry) takePort(number int) (p port, err error) {
	if number == 0 {
		p, err = reservePort()
	} else if taken, ok := tryPort(number); ok {
		p = taken
	} else {
		err = fmt.Errorf("port %d of 127.0.0.1 is in use", number)
	}
	if err == nil {
		r.release = append(r.release, func() { p.hold.Close() })
	}
	return p, err
}

func (r *Registry) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := answers(ctx, r.URL+"/subjects")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.process.done:
			return fmt.Errorf("it exited while starting")
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", readyWithin, err)
		}
	}
}

func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

func (r *Registry) logFile() string { return filepath.Join(r.dir, "registry.log") }

// Logs returns the last lines that the registry wrote.
func (r *Registry) Logs() string {
	return fmt.Sprintf("--- registry, end of %s\n%s\n", r.logFile(), tail(r.logFile(), 25))
}

// Close kills the registry, which has nothing to lose, and removes its log unless keep is set.
func (r *Registry) Close(keep bool) {
	if r.process != nil {
		r.process.kill()
	}
	for _, release := range r.release {
		release()
	}
	if !keep {
		os.RemoveAll(r.dir)
	}
}
