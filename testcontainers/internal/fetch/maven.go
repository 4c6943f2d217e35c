package fetch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Goal is what Maven does with the dependencies of a pom.
type Goal string

// The two goals: leave archives as they are (jars), or unpack them (a distribution's tar.gz).
const (
	Copy   Goal = "dependency:copy-dependencies"
	Unpack Goal = "dependency:unpack-dependencies"
)

// Maven returns a cache folder with the dependencies of pom.
func Maven(ctx context.Context, name string, pom []byte, goal Goal) (string, error) {
	return Dir(ctx, versioned(name, pom), func(ctx context.Context, tmp string) error {
		return MavenInto(ctx, tmp, pom, goal)
	})
}

// MavenInto puts the dependencies of pom, and the pom itself, into dir.
func MavenInto(ctx context.Context, dir string, pom []byte, goal Goal) error {
	if _, err := exec.LookPath("mvn"); err != nil {
		return fmt.Errorf("mvn is not in PATH: Apache Maven with Java 17 or newer is needed to fetch it from Maven Central")
	}
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	return run(ctx, "mvn", "-q", "-B", "-f", file, string(goal), "-DincludeScope=runtime", "-DoutputDirectory="+dir)
}
