package lint

import (
	_ "embed"
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:embed requirements.txt
var requirements string

var write = flag.Bool("write", false, "write docs/requirements.md anew")

var document = filepath.Join("..", "..", "docs", "requirements.md")

// numbered finds the numbers in the name of a test: TestR62_…, TestR85R86_….
var (
	numbered = regexp.MustCompile(`^Test(R\d+)+_`)
	number   = regexp.MustCompile(`R\d+`)
)

func numbersOf(test string) []string { return number.FindAllString(numbered.FindString(test), -1) }

// held lists for each requirement the tests that carry its number.
func held(t *testing.T) map[string][]string {
	tests := map[string][]string{}
	walk(t, func(path string, _ *token.FileSet, f *ast.File) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		dir, err := filepath.Rel(filepath.Join("..", ".."), filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				for _, n := range numbersOf(fn.Name.Name) {
					tests[n] = append(tests[n], filepath.ToSlash(dir)+" "+fn.Name.Name)
				}
			}
		}
	})
	for _, list := range tests {
		slices.Sort(list)
	}
	return tests
}

// rows are the requirements in order: number and sentence.
func rows() (list [][2]string) {
	for line := range strings.Lines(requirements) {
		if n, sentence, ok := strings.Cut(strings.TrimSpace(line), " "); ok && n != "#" {
			list = append(list, [2]string{n, sentence})
		}
	}
	return list
}

func TestEveryRequirementIsHeldByATestThatCarriesItsNumber(t *testing.T) {
	tests := held(t)
	known := map[string]bool{}
	for _, r := range rows() {
		known[r[0]] = true
		if len(tests[r[0]]) == 0 {
			t.Errorf("no test holds %s: %s", r[0], r[1])
		}
	}
	for _, n := range slices.Sorted(maps.Keys(tests)) {
		if !known[n] {
			t.Errorf("%s is no requirement, and %v carries it", n, tests[n])
		}
	}
}

// make requirements writes the document.
func TestTheListOfRequirementsIsThatOfTheTests(t *testing.T) {
	tests := held(t)
	var b strings.Builder
	b.WriteString("# Requirements and their tests\n\nWhat the specification asks for, and the tests that hold it. Written by `make requirements`.\n\n| | requirement | tests |\n|---|---|---|\n")
	for _, r := range rows() {
		var cells []string
		for _, test := range tests[r[0]] {
			dir, name, _ := strings.Cut(test, " ")
			cells = append(cells, fmt.Sprintf("`%s` in %s", name, dir))
		}
		if len(cells) == 0 {
			cells = []string{"none yet"}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r[0], strings.ReplaceAll(r[1], "|", `\|`), strings.Join(cells, "<br>"))
	}
	if *write {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(document)
	if err != nil || string(have) != b.String() {
		t.Errorf("docs/requirements.md is not what the tests say (%v): run make requirements", err)
	}
}
