// Package apache runs the real Apache Kafka, and the real Apicurio registry, as child processes on loopback ports,
// from the jars that Maven Central serves. No Docker, no installation; Java 17 or newer and Maven are enough.
package apache

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"convstream/testcontainers/internal/fetch"
)

// LibsEnv names the folder of broker jars to use instead of the one in the user's cache.
const LibsEnv = "CONVSTREAM_KAFKA_LIBS"

//go:embed kafka.pom.xml
var kafkaPom []byte

// jars is a folder that holds a broker's class path.
type jars struct {
	dir     string
	version string
}

// findJars returns the broker's jars, fetching them when they are missing.
func findJars(ctx context.Context) (jars, error) {
	dir := os.Getenv(LibsEnv)
	var err error
	if dir == "" {
		dir, err = fetch.Maven(ctx, "kafka", kafkaPom, fetch.Copy)
	} else {
		err = fetch.Into(ctx, filepath.Clean(dir), func(ctx context.Context, tmp string) error {
			return fetch.MavenInto(ctx, tmp, kafkaPom, fetch.Copy)
		})
	}
	if err != nil {
		return jars{}, fmt.Errorf("fetch Apache Kafka: %w (or set %s to a folder with its jars)", err, LibsEnv)
	}
	const prefix, suffix = "kafka_2.13-", ".jar"
	found, _ := filepath.Glob(filepath.Join(dir, prefix+"[0-9]*"+suffix))
	if len(found) != 1 {
		return jars{}, fmt.Errorf("%d files %s*%s in %s, want one", len(found), prefix, suffix, dir)
	}
	name := filepath.Base(found[0])
	return jars{dir, strings.TrimSuffix(strings.TrimPrefix(name, prefix), suffix)}, nil
}

func (j jars) classPath() string { return filepath.Join(j.dir, "*") }

// Available tells why no broker can be run on this machine, fetching its jars on first use; nil: one can.
func Available(ctx context.Context) error {
	if _, err := fetch.Java(ctx, 17); err != nil {
		return err
	}
	_, err := findJars(ctx)
	return err
}
