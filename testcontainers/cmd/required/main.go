// Command required reads the output of go test -json on stdin, prints it as go test would have, and fails unless every
// test on a list has passed. A test that is skipped, renamed or never run is thereby as loud as one that fails. What the
// failed tests said is repeated at the end, without the logs of brokers and programs between.
//
//	go test -json ./... | go run ./cmd/required -list required.txt
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	list := flag.String("list", "required.txt", "file with a package and a test name on each line")
	flag.Parse()
	missed, said, err := run(*list, os.Stdin, os.Stdout)
	for _, line := range said {
		fmt.Fprintln(os.Stderr, line)
	}
	for _, m := range missed {
		fmt.Fprintln(os.Stderr, "required:", m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "required:", err)
	}
	if err != nil || len(missed) > 0 {
		os.Exit(1)
	}
}

// test names a test as go test -json does.
type test struct{ pkg, name string }

// event is the part of a line of test2json that counts here.
type event struct {
	Action, Package, Test, Output string
}

// run passes the output on and returns one sentence for each listed test that did not pass, and the lines that say why
// any test failed.
func run(list string, in io.Reader, out io.Writer) (missed, said []string, err error) {
	file, err := os.Open(list)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	required, err := readList(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", list, err)
	}
	reasons := newReasons()
	ended, err := follow(in, out, reasons.take)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range required {
		switch how := ended[t]; how {
		case "pass":
		case "":
			missed = append(missed, fmt.Sprintf("%s %s did not run", t.pkg, t.name))
		default:
			missed = append(missed, fmt.Sprintf("%s %s: %s", t.pkg, t.name, how))
		}
	}
	return missed, reasons.lines, nil
}

// readList reads lines of a package and a test name; # starts a comment.
func readList(r io.Reader) ([]test, error) {
	var tests []test
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		switch words := strings.Fields(line); len(words) {
		case 0:
		case 2:
			tests = append(tests, test{words[0], words[1]})
		default:
			return nil, fmt.Errorf("line %d: want a package and a test name, got %q", n, line)
		}
	}
	return tests, lines.Err()
}

// follow writes what the tests and the tool wrote, and returns how each test ended the last time: pass, fail or skip.
// A line that is not JSON, such as a build error of an old toolchain, is passed on as it is. take is given every event.
func follow(in io.Reader, out io.Writer, take func(event)) (map[test]string, error) {
	ended := map[test]string{}
	lines := bufio.NewReader(in)
	for {
		line, readErr := lines.ReadString('\n')
		text, e := line, event{}
		if json.Unmarshal([]byte(line), &e) == nil {
			text = e.Output
		}
		if _, err := io.WriteString(out, text); err != nil {
			return nil, err
		}
		take(e)
		switch e.Action {
		case "pass", "fail", "skip":
			note(ended, e)
		}
		if readErr == io.EOF {
			return ended, nil
		}
		if readErr != nil {
			return nil, readErr
		}
	}
}

// note records an ending. With -count or several runs a test has to pass every time; and a test whose subtests were all
// or partly skipped did not prove what it is listed for.
func note(ended map[test]string, e event) {
	if e.Test == "" {
		return
	}
	parent, _, sub := strings.Cut(e.Test, "/")
	t := test{e.Package, parent}
	if sub && e.Action == "pass" {
		return
	}
	how := e.Action
	if sub {
		how += " in " + e.Test
	}
	if was := ended[t]; was == "" || was == "pass" {
		ended[t] = how
	}
}
