package sdk

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"convstream/testcontainers"
	"convstream/testcontainers/internal/fetch"
)

var (
	//go:embed javascript/drive.js
	javascriptProgram []byte
	//go:embed javascript/package.json
	javascriptPackage []byte
	//go:embed javascript/package-lock.json
	javascriptLock []byte
	//go:embed python/drive.py
	pythonProgram []byte
	//go:embed python/requirements.txt
	pythonRequirements []byte
)

// vendorSDK is one of the vendor's SDKs, with the program that drives the platform by it.
type vendorSDK struct {
	name     string
	programs []string // that have to be in PATH
	needs    string   // what they come with
	file     string
	program  []byte
	libs     func(context.Context) (dir string, err error) // fetches them where they are not in the user's cache
	libsPath string                                        // environment variable with the folder of libraries

	waits bool // it heeds Retry-After by itself
	typed bool // its models know the words of enums
}

var vendorSDKs = []vendorSDK{
	{
		name:     "JavaScript",
		programs: []string{"node", "npm"}, needs: "Node.js 20 or newer with npm",
		file: "drive.js", program: javascriptProgram, libs: npm, libsPath: "NODE_PATH",
	},
	{
		name:     "Python",
		programs: []string{"python3"}, needs: "Python 3.11 or newer with pip",
		file: "drive.py", program: pythonProgram, libs: pip, libsPath: "PYTHONPATH",
		waits: true, typed: true,
	},
}

// require skips the test where a program is not there, or fails it where real tests have to run.
func (s vendorSDK) require(t *testing.T) {
	t.Helper()
	for _, program := range s.programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		lack := fmt.Sprintf("%s is not in PATH: %s is needed", program, s.needs)
		if os.Getenv(testcontainers.RequireRealEnv) == "1" {
			t.Fatal(lack)
		}
		t.Skip(lack)
	}
}

// drive goes through the plan with the SDK. Its home is an empty folder, because both SDKs read settings from there.
func (s vendorSDK) drive(ctx context.Context, t *testing.T, p plan) findings {
	t.Helper()
	libs, err := s.libs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	file := filepath.Join(home, s.file)
	if err := os.WriteFile(file, s.program, 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, s.programs[0], file)
	cmd.Env = append(os.Environ(), "HOME="+home, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", s.libsPath+"="+libs)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", s.file, err, errOut.String())
	}
	var found findings
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatalf("%s: its findings: %v\n%s", s.file, err, errOut.String())
	}
	return found
}

func npm(ctx context.Context) (string, error) {
	return fetch.Npm(ctx, "javascript-sdk", javascriptPackage, javascriptLock)
}

func pip(ctx context.Context) (string, error) {
	return fetch.Pip(ctx, "python-sdk", pythonRequirements)
}
