package main

import (
	"regexp"
	"strings"
)

const (
	mostContinued = 6  // lines that are kept of one message behind its first
	mostKept      = 60 // lines that are kept of one test, the last ones
)

// reasons keeps what tests say of themselves, and what of it counts once they have failed. A log that a test shows of a
// broker or of a program comes from the harness or is long: of the former nothing is kept, of the latter its beginning.
type reasons struct {
	open  map[test]*message // what tests that have not ended have said
	lines []string          // what failed tests said
}

type message struct {
	lines     []string
	continued int // lines of the message that is being written; beyond mostContinued nothing is kept of it
}

func newReasons() *reasons { return &reasons{open: map[test]*message{}} }

var (
	// ownLine begins a message that a test file wrote, and otherLine one of any other file.
	ownLine   = regexp.MustCompile(`^ +[\w.-]+_test\.go:\d+: `)
	otherLine = regexp.MustCompile(`^ +[\w.-]+\.go:\d+: `)
)

// take reads the next event of the stream.
func (r *reasons) take(e event) {
	t := test{e.Package, e.Test} // subtests speak for themselves; "" is what no test wrote
	switch e.Action {
	case "output":
		if r.open[t] == nil {
			r.open[t] = &message{continued: mostContinued}
		}
		r.open[t].add(strings.TrimSuffix(e.Output, "\n"))
	case "pass", "skip":
		delete(r.open, t)
	case "fail":
		r.fail(t)
	}
}

func (m *message) add(line string) {
	switch {
	case ownLine.MatchString(line), strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
		m.lines, m.continued = append(m.lines, line), 0
	case otherLine.MatchString(line), strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "=== "):
		m.continued = mostContinued
	case m.continued < mostContinued:
		m.lines = append(m.lines, line)
		m.continued++
	}
}

// fail keeps what a failed test said under its name.
func (r *reasons) fail(t test) {
	m := r.open[t]
	delete(r.open, t)
	if m == nil || len(m.lines) == 0 {
		return // a test whose subtest failed mostly says nothing itself
	}
	r.lines = append(r.lines, strings.TrimSpace("FAIL "+t.pkg+" "+t.name))
	r.lines = append(r.lines, m.lines[max(0, len(m.lines)-mostKept):]...)
}
