// Package lint holds the rules of the code that no linter knows.
package lint

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module each package may import. What stands under a
// name may import what the name may.
var arrows = map[string][]string{
	"convstream/cmd":                   {"convstream/internal/app"},
	"convstream/internal/app":          {"convstream"},
	"convstream/internal/pipeline":     {"convstream/internal/plan", "convstream/dedupe", "convstream/internal/conv"},
	"convstream/internal/plan":         {"convstream/internal/conv"},
	"convstream/internal/route":        {"convstream/internal/conv"},
	"convstream/internal/rules":        {"convstream/internal/conv"},
	"convstream/internal/staging":      {"convstream/extractor", "convstream/internal/conv"},
	"convstream/internal/simulator":    {"convstream/internal/conv"},
	"convstream/internal/conv":         {},
	"convstream/internal/conv/rowtest": {"convstream/internal/conv"},
	"convstream/extractor":             {"convstream/internal/conv"},
	"convstream/extractor/genesys":     {"convstream/extractor", "convstream/internal/conv"},
	"convstream/dedupe":                {"convstream/internal/conv"},
	"convstream/dedupe/diskfiles":      {"convstream/dedupe"},
	"convstream/dedupe/memfiles":       {"convstream/dedupe"},
	"convstream/avro":                  {"convstream/internal/conv"},
	"convstream/producer":              {"convstream/internal/conv"},
	"convstream/producer/producertest": {"convstream/producer", "convstream/internal/conv"},
	"convstream/internal/lint":         {},
	"convstream/internal/soak":         {"convstream"},
	"convstream/internal/app/config":   {"convstream/extractor/genesys", "convstream/internal/conv"},
}

// pure packages do no I/O, read no clock and write no log.
var pure = map[string][]string{
	"convstream/internal/conv": {"net", "net/http", "os", "log", "log/slog", "github.com"},
	"convstream/internal/plan": {"net", "net/http", "os", "log", "log/slog", "github.com"},
	"convstream/dedupe":        {"net", "net/http", "os", "log", "log/slog", "github.com/rs"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "convstream/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := arrows[p.ImportPath]
		for dir := p.ImportPath; !known && strings.Contains(dir, "/"); {
			dir = dir[:strings.LastIndex(dir, "/")]
			allowed, known = arrows[dir]
		}
		if !known {
			t.Errorf("%s stands in no arrow", p.ImportPath)
		}
		for _, imp := range p.Imports {
			ours := strings.HasPrefix(imp, "convstream/")
			if ours && !slices.Contains(allowed, imp) && !slices.Contains(allowed, "convstream") {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
		for _, banned := range pure[p.ImportPath] {
			for _, imp := range p.Imports {
				if imp == banned || strings.HasPrefix(imp, banned+"/") && imp != "github.com/bits-and-blooms/bloom/v3" {
					t.Errorf("%s is pure, and imports %s", p.ImportPath, imp)
				}
			}
		}
	}
}

// walk parses every Go file of the repository.
func walk(t *testing.T, each func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err == nil {
			each(path, fset, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTestsDoNotSleepOutsideABubble(t *testing.T) {
	walk(t, func(path string, fset *token.FileSet, f *ast.File) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		bubbles := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && !bubbles && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep outside a bubble", fset.Position(n.Pos()))
				}
			}
			return true
		})
	})
}

func TestFilesFitAStrangersPatience(t *testing.T) {
	const longest = 450
	walk(t, func(path string, fset *token.FileSet, f *ast.File) {
		if n := fset.Position(f.FileEnd).Line; n > longest {
			t.Errorf("%s has %d lines; is there a second thing inside that wants its own name?", path, n)
		}
	})
}
