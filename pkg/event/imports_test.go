package event_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbidden is what no package of the library may import, itself or by what it
// imports: commands, screens and settings belong to the program.
var forbidden = []string{
	"github.com/spf13/",
	"github.com/charmbracelet/lipgloss",
	"github.com/charmbracelet/bubble",
	"github.com/charmbracelet/colorprofile",
	"github.com/knadh/koanf",
}

// exits end the process or read its environment or talk over its streams, by
// package; nothing in pkg may use them.
var exits = map[string][]string{
	"os":  {"Exit", "Args", "Stdin", "Stdout", "Stderr", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv"},
	"fmt": {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"log": {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Default"},
}

type listed struct {
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
	Imports    []string
	Module     *struct{ Main bool }
}

// TestImports proves the direction of imports: from the program to the library
// and in the library to pkg/event, which has the standard library only. It
// reads what there is, so that it holds for packages to come.
func TestImports(t *testing.T) {
	const module = "github.com/enswitch-events/enswitch-events"
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command here")
	}
	// What go list reads is hidden from the cache of test results; a new folder
	// must not be.
	if _, err := os.ReadDir(".."); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), gotool, "list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,Imports,Module", "./pkg/...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	packages := make(map[string]listed)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	if _, ok := packages[module+"/pkg/event"]; !ok {
		t.Fatal("go list does not know pkg/event")
	}

	for _, path := range packages[module+"/pkg/event"].Imports {
		if !packages[path].Standard {
			t.Errorf("pkg/event imports %s", path)
		}
	}
	for path, p := range packages {
		if !strings.HasPrefix(path, module+"/pkg/") {
			if p.Module != nil && p.Module.Main {
				t.Errorf("a package in pkg imports %s", path)
			}
			continue
		}
		if chain := find(packages, path, map[string]bool{}); chain != nil {
			t.Errorf("%s", strings.Join(chain, " imports "))
		}
		if slices.Contains(p.Imports, "flag") {
			t.Errorf("%s imports flag", path)
		}
		for _, name := range p.GoFiles {
			checkFile(t, filepath.Join(p.Dir, name))
		}
	}
}

// find returns the chain of imports from path to one that is forbidden.
func find(packages map[string]listed, path string, seen map[string]bool) []string {
	for _, to := range packages[path].Imports {
		if slices.ContainsFunc(forbidden, func(prefix string) bool { return strings.HasPrefix(to, prefix) }) {
			return []string{path, to}
		}
		if seen[to] {
			continue
		}
		seen[to] = true
		if chain := find(packages, to, seen); chain != nil {
			return append([]string{path}, chain...)
		}
	}
	return nil
}

func checkFile(t *testing.T, name string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, 0)
	if err != nil {
		t.Error(err)
		return
	}
	imported := make(map[string]bool)
	for _, i := range file.Imports {
		if i.Name == nil {
			imported[strings.Trim(i.Path.Value, `"`)] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if p, ok := n.X.(*ast.Ident); ok && imported[p.Name] && slices.Contains(exits[p.Name], n.Sel.Name) {
				t.Errorf("%s uses %s.%s", files.Position(n.Pos()), p.Name, n.Sel.Name)
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				t.Errorf("%s: init", files.Position(n.Pos()))
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
				t.Errorf("%s uses %s", files.Position(n.Pos()), f.Name)
			}
		}
		return true
	})
}
