package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// asProgram makes the test's own binary the program, for shells that look for it on the PATH.
const asProgram = "RUN_AS_CONVSTREAM"

func init() {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
}

// fence is a block of code of a page.
type fence struct{ language, text string }

func fences(t *testing.T, page string) (all []fence) {
	t.Helper()
	text := read(t, filepath.Join("..", "..", "docs", page))
	for _, match := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		all = append(all, fence{match[1], match[2]})
	}
	return all
}

// The page is worked through from its top, in a folder with a convstream.yaml: commands run as
// they stand there, what they print is what stands behind them, and its edits are made.
func TestR106_TheCommandsOfThePageOnSchemaChangesRunAsWritten(t *testing.T) {
	w := newSchemaWorld(t)
	bin := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, program)
	if err := os.WriteFile(filepath.Join(bin, "convstream"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	commands, printed, edits := 0, "", 0
	for _, f := range fences(t, "schema-changes.md") {
		switch f.language {
		case "sh":
			printed = ""
			for command := range strings.Lines(f.text) {
				commands++
				printed += w.shell(bin, strings.TrimSpace(command))
			}
		case "text":
			if printed != f.text {
				t.Errorf("printed %q\nthe page says %q", printed, f.text)
			}
		case "yaml":
			w.write("convstream.yaml", read(t, w.config)+f.text)
		case "json":
			edits++
			addField(t, filepath.Join(w.dir, "contracts", "next.avsc"), f.text)
		default:
			t.Errorf("a block of %s, which this test does not know", f.language)
		}
	}
	if commands < 8 || edits != 1 {
		t.Errorf("%d commands and %d edits were found", commands, edits)
	}
	stored, ok := w.registry.GetSchema("genesys.conversations-value", 2)
	if !ok || !strings.Contains(stored.Schema.Schema, `"attributes.custom.language"`) {
		t.Errorf("in the end the registry holds %+v", stored)
	}
}

// shell runs one command of a page; "# exits N" behind it says that it does not exit 0.
func (w *schemaWorld) shell(bin, command string) (stdout string) {
	w.t.Helper()
	want := 0
	if _, note, found := strings.Cut(command, "# exits "); found {
		var err error
		if want, err = strconv.Atoi(note); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(w.t.Context(), "/bin/sh", "-c", command)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else if err != nil {
		w.t.Fatal(err)
	}
	if code != want {
		w.t.Errorf("%s exits %d, want %d: %s", command, code, want, errs.String())
	}
	return string(out)
}

// addField does what the page tells its reader to do with an editor.
func addField(t *testing.T, file, field string) {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal([]byte(read(t, file)), &schema); err != nil {
		t.Fatal(err)
	}
	schema["fields"] = append(schema["fields"].([]any), json.RawMessage(field))
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
