// Package readers decodes what convstream wrote with programs that share no code with it: librdkafka with fastavro,
// Kafka's own Java client with Avro's own decoder, and avsc. What all of them read alike, a downstream consumer reads too.
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
	//go:embed javascript/reader.js
	javascriptProgram []byte
	//go:embed javascript/package.json
	javascriptPackage []byte
	//go:embed javascript/package-lock.json
	javascriptLock []byte
)

// Row is a committed record as a reader saw it. Numbers of the value are json.Number, so that no long loses a digit;
// dates, times and instants are numbers as Avro stores them, and decimals are their digits as a string.
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
	fed     bool // decodes only: the records are read for it
}

// The readers. The first Read of each fetches its libraries into the user's cache.
var (
	Python     = Reader{Name: "confluent-kafka and fastavro", prepare: python}
	Java       = Reader{Name: "kafka-clients and avro", prepare: java}
	JavaScript = Reader{Name: "avsc", prepare: javascript, fed: true} // the quickest
)

// All returns the readers.
func All() []Reader { return []Reader{Python, Java, JavaScript} }

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
	if r.fed {
		if cmd.Stdin, err = committed(ctx, brokers, topic); err != nil {
			return nil, fmt.Errorf("reader %s: %w", r.Name, err)
		}
	}
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

func javascript(ctx context.Context, dir string) (*exec.Cmd, error) {
	program, err := save(dir, "reader.js", javascriptProgram)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node is not in PATH: Node.js 20 or newer is needed")
	}
	libs, err := fetch.Npm(ctx, "javascript-reader", javascriptPackage, javascriptLock)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, program)
	cmd.Env = append(os.Environ(), "NODE_PATH="+libs, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	return cmd, nil
}

func save(dir, name string, content []byte) (string, error) {
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, content, 0o644)
}
