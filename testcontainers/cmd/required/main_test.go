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
	missed, _, err := run(list, strings.NewReader(stream), &out)
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
	if _, _, err := run(write(t, "p TestGood\n"), strings.NewReader(stream), &out); err != nil {
		t.Fatal(err)
	}
	want := "--- PASS: TestGood (0.00s)\nnot json\nok  \tp\t0.1s\n"
	if out.String() != want {
		t.Errorf("output %q, want %q", out.String(), want)
	}
}

func TestListWithoutTestNameIsRefused(t *testing.T) {
	_, _, err := run(write(t, "p TestGood\nTestAlone\n"), strings.NewReader(stream), &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one that names line 2", err)
	}
}

func TestMissingListIsAnError(t *testing.T) {
	if _, _, err := run(filepath.Join(t.TempDir(), "none"), strings.NewReader(stream), &strings.Builder{}); err == nil {
		t.Error("no error")
	}
}

// The test's own lines stand between a broker's log, which the harness writes, and a program's, which is long.
const failing = `{"Action":"output","Package":"p","Test":"TestGood","Output":"    a_test.go:1: fine\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    a_test.go:5: want 1 row\n"}
{"Action":"output","Package":"q","Test":"TestOther","Output":"    b_test.go:9: from between\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        -one\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    a_test.go:9: pid 1, backfill:\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 1\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 2\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 3\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 4\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 5\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 6\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        log 7\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    env.go:190: \n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"        INFO the broker\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"--- FAIL: TestBad (0.10s)\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestLost","Output":"panic: nil map\n"}
{"Action":"fail","Package":"p","Test":"TestLost"}
{"Action":"skip","Package":"q","Test":"TestOther"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`

func TestTheLinesOfAFailedTestAreRepeatedWithoutTheLogsBetween(t *testing.T) {
	_, said, err := run(write(t, "p TestGood\n"), strings.NewReader(failing), &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	want := `FAIL p TestBad
    a_test.go:5: want 1 row
        -one
    a_test.go:9: pid 1, backfill:
        log 1
        log 2
        log 3
        log 4
        log 5
        log 6
FAIL p TestLost
panic: nil map`
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("said:\n%s\nwant:\n%s", got, want)
	}
}
