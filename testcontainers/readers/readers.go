// Package readers decodes what convstream wrote with programs that share no code with it: librdkafka with fastavro, and
// Kafka's own Java client with Avro's own decoder. What both read alike, a downstream consumer reads too.
package readers

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"convstream/testcontainers/internal/fetch"
)

var (
	//go:embed fastavro_reader.py
	pythonProgram []byte
	//go:embed requirements.txt
	pythonRequirements []byte
	//go:embed java/Reader.java
	javaProgram []byte
	//go:embed java/pom.xml
	javaPom []byte
)

// Row is a committed record as a reader saw it. Numbers of the value are json.Number, so that no long loses a digit.
type Row struct {
	Partition int32
	Offset    int64
	Key       *string
	Timestamp int64 // epoch milliseconds
	Value     map[string]any
}

// Reader is one independent implementation.
type Reader struct {
	Name    string
	prepare func(ctx context.Context, dir string) (*exec.Cmd, error)
}

// All returns the readers; the first Read of each fetches its libraries into the user's cache.
func All() []Reader {
	return []Reader{{"confluent-kafka and fastavro", python}, {"kafka-clients and avro", java}}
}

// Read returns the committed records of a topic from its start to its ends as of now.
func (r Reader) Read(ctx context.Context, brokers []string, registryURL, topic string) ([]Row, error) {
	dir, err := os.MkdirTemp("", "convstream-reader-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd, err := r.prepare(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("reader %s: %w", r.Name, err)
	}
	cmd.Args = append(cmd.Args, "--brokers", strings.Join(brokers, ","), "--registry", registryURL, "--topic", topic)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("reader %s: %w: %s", r.Name, errors.Join(err, ctx.Err()), errOut.String())
	}
	return parse(out)
}

func parse(out []byte) ([]Row, error) {
	var rows []Row
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	for decoder.More() {
		var row Row
		if err := decoder.Decode(&row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func python(ctx context.Context, dir string) (*exec.Cmd, error) {
	libs, err := fetch.Pip(ctx, "python-reader", pythonRequirements)
	if err != nil {
		return nil, err
	}
	program, err := save(dir, "fastavro_reader.py", pythonProgram)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "python3", program)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+libs)
	return cmd, nil
}

func java(ctx context.Context, dir string) (*exec.Cmd, error) {
	program, err := save(dir, "Reader.java", javaProgram)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("java") // the bundled runtime has no compiler
	if err != nil {
		return nil, fmt.Errorf("java is not in PATH: a JDK of version 17 or newer is needed")
	}
	libs, err := fetch.Maven(ctx, "java-reader", javaPom, fetch.Copy)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, path, "-cp", filepath.Join(libs, "*"), program), nil
}

func save(dir, name string, content []byte) (string, error) {
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, content, 0o644)
}
