package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const stream = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"--- PASS: TestGood (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"skip","Package":"p","Test":"TestSkipped"}
{"Action":"fail","Package":"p","Test":"TestFailed"}
{"Action":"skip","Package":"p","Test":"TestHalf/docker"}
{"Action":"pass","Package":"p","Test":"TestHalf"}
{"Action":"pass","Package":"p","Test":"TestTwice"}
{"Action":"fail","Package":"p","Test":"TestTwice"}
{"Action":"pass","Package":"q","Test":"TestElsewhere"}
not json
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`

func write(t *testing.T, list string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "required.txt")
	if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryListedTestMustPass(t *testing.T) {
	list := write(t, `# the promises
p TestGood
p TestSkipped   # a comment
p TestFailed

p TestHalf
p TestTwice
p TestElsewhere
p TestRenamed
`)
	var out strings.Builder
	missed, err := run(list, strings.NewReader(stream), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"p TestSkipped: skip",
		"p TestFailed: fail",
		"p TestHalf: skip in TestHalf/docker",
		"p TestTwice: fail",
		"p TestElsewhere did not run",
		"p TestRenamed did not run",
	}
	if !slices.Equal(missed, want) {
		t.Errorf("missed:\n%s\nwant:\n%s", strings.Join(missed, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheRunnersOwnLinesCloseTheOutput(t *testing.T) {
	var out strings.Builder
	if _, err := run(write(t, "p TestGood\n"), strings.NewReader(stream), &out); err != nil {
		t.Fatal(err)
	}
	want := "--- PASS: TestGood (0.00s)\nnot json\nok  \tp\t0.1s\n"
	if out.String() != want {
		t.Errorf("output %q, want %q", out.String(), want)
	}
}

func TestListWithoutTestNameIsRefused(t *testing.T) {
	_, err := run(write(t, "p TestGood\nTestAlone\n"), strings.NewReader(stream), &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one that names line 2", err)
	}
}

func TestMissingListIsAnError(t *testing.T) {
	if _, err := run(filepath.Join(t.TempDir(), "none"), strings.NewReader(stream), &strings.Builder{}); err == nil {
		t.Error("no error")
	}
}
