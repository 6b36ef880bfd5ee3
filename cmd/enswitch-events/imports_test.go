package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module  = "github.com/enswitch-events/enswitch-events/"
	library = module + "pkg/"
	rooms   = module + "cmd/enswitch-events/internal/"
)

// levels are the packages of the program, the highest first. Each imports packages
// of lower levels only, of the library and of others.
var levels = []string{
	"inputs doctor htmlreport tui forward manual",
	"live captures sequence serve calls trace schemas stats",
	"flags",
	"report whole",
	"engine",
	"render",
	"cli",
	"log statusline settings metrics",
	"caret needle tally pseudonym join",
	"safe spelling htmlpage shell fault",
}

// unwelcome are imports that a package must not have itself.
var unwelcome = []struct{ by, prefix, why string }{
	{rooms + "engine", "github.com/spf13/", "the engine gets compiled values and knows no flags"},
	{rooms + "render", "github.com/spf13/", "a format gets its options and knows no flags"},
	{rooms + "engine", "github.com/charmbracelet/", "colours are the business of render"},
	{library, "flag", "flags belong to the program"},
}

// foreign is what no package of the library may import, itself or by what it
// imports: commands, screens and settings belong to the program.
var foreign = []string{
	"github.com/spf13/",
	"github.com/charmbracelet/",
	"charm.land/",
	"github.com/muesli/termenv",
	"github.com/knadh/koanf",
	"github.com/pelletier/go-toml",
	module + "cmd/",
}

// heavy is what the program does not import, itself or by what it imports: it takes
// time at every start, used or not, and room.
var heavy = []string{"github.com/prometheus/", "google.golang.org/protobuf", "expvar", "runtime/metrics"}

// exits end the process or read its environment or talk over its streams, by
// package; nothing in pkg may use them.
var exits = map[string][]string{
	"os":      {"Exit", "Args", "Stdin", "Stdout", "Stderr", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv"},
	"syscall": {"Exit", "Getenv", "Environ", "Setenv"},
	"fmt":     {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"log":     {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Default"},
}

// flagWord is a flag as people write it, which is no word of the library.
var flagWord = regexp.MustCompile(`(^|[^-\w])--[a-z][a-z-]+`)

// listed is what go list says of a package.
type listed struct {
	Name       string
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
	Imports    []string
	Module     *struct{ Main bool }
}

// goList returns the packages of the module and all that they import.
func goList(t *testing.T) map[string]listed {
	t.Helper()
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command here")
	}
	root := filepath.Join("..", "..")
	// What go list reads is hidden from the cache of test results; a new folder
	// must not be.
	for _, dir := range []string{"pkg", "cmd", filepath.Join("cmd", "enswitch-events", "internal")} {
		if _, err := os.ReadDir(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), gotool, "list", "-pgo=off", "-deps", "-json=Name,ImportPath,Dir,Standard,GoFiles,Imports,Module", "./...")
	cmd.Dir = root
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
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// TestImports proves the direction of imports: from the command files to the
// packages below them, from there to the library, and in the library to pkg/event,
// which has the standard library only. It reads what there is, so that it holds for
// packages to come.
func TestImports(t *testing.T) {
	t.Parallel()
	packages := goList(t)
	for _, path := range []string{library + "event", rooms + "cli"} {
		if _, ok := packages[path]; !ok {
			t.Fatalf("go list does not know %s", path)
		}
	}
	for _, fault := range importFaults(packages) {
		t.Error(fault)
	}
	linked := map[string]bool{}
	find(packages, module+"cmd/enswitch-events", nil, linked)
	for path, p := range packages {
		if !strings.HasPrefix(path, module) {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Error(err)
				continue
			}
			var faults []string
			if strings.HasPrefix(path, library) {
				faults = sourceFaults(files, file)
			}
			if linked[path] {
				faults = append(faults, startFaults(files, file)...)
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		}
	}
}

// importFaults says what packages import and should not.
func importFaults(packages map[string]listed) (faults []string) {
	level := make(map[string]int)
	for i, names := range levels {
		for name := range strings.FieldsSeq(names) {
			level[rooms+name] = i
		}
	}
	for path, p := range packages {
		if !strings.HasPrefix(path, module) {
			continue
		}
		own, ok := level[path]
		if strings.HasPrefix(path, rooms) && p.Name != "main" && !ok {
			faults = append(faults, path+" has no level: add it to levels")
		}
		for _, to := range p.Imports {
			if below, known := level[to]; ok && known && below <= own {
				faults = append(faults, path+" imports "+to+", which is not below it: see levels")
			}
			if path == library+"event" && !packages[to].Standard {
				faults = append(faults, path+" imports "+to+": it has the standard library only")
			}
			for _, u := range unwelcome {
				if strings.HasPrefix(path, u.by) && (to == u.prefix || strings.HasSuffix(u.prefix, "/") && strings.HasPrefix(to, u.prefix)) {
					faults = append(faults, path+" imports "+to+": "+u.why)
				}
			}
		}
		if strings.HasPrefix(path, library) {
			if chain := find(packages, path, foreign, map[string]bool{}); chain != nil {
				faults = append(faults, strings.Join(chain, " imports "))
			}
		}
		if path == module+"cmd/enswitch-events" {
			if chain := find(packages, path, heavy, map[string]bool{}); chain != nil {
				faults = append(faults, strings.Join(chain, " imports ")+", which makes every start slower")
			}
		}
	}
	return faults
}

// find returns the chain of imports from path to one that begins with one of unwanted. If
// there is none, seen has everything that path imports.
func find(packages map[string]listed, path string, unwanted []string, seen map[string]bool) []string {
	for _, to := range packages[path].Imports {
		if slices.ContainsFunc(unwanted, func(prefix string) bool { return strings.HasPrefix(to, prefix) }) {
			return []string{path, to}
		}
		if seen[to] {
			continue
		}
		seen[to] = true
		if chain := find(packages, to, unwanted, seen); chain != nil {
			return append([]string{path}, chain...)
		}
	}
	return nil
}

// sourceFaults says what a file of the library does that only a program may do.
func sourceFaults(files *token.FileSet, file *ast.File) (faults []string) {
	fault := func(n ast.Node, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s: ", files.Position(n.Pos()))+fmt.Sprintf(format, args...))
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
				fault(n, "uses %s.%s", p.Name, n.Sel.Name)
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				fault(n, "init")
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
				fault(n, "uses %s", f.Name)
			}
		case *ast.BasicLit:
			if n.Kind != token.STRING {
				break
			}
			if text, err := strconv.Unquote(n.Value); err == nil && flagWord.MatchString(text) {
				fault(n, "the library knows no flags: %q", text)
			}
		}
		return true
	})
	return faults
}

// startFaults says which regular expressions a file compiles at every start of the program.
func startFaults(files *token.FileSet, file *ast.File) (faults []string) {
	for _, d := range file.Decls {
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl, *ast.FuncLit:
				return false // runs when it is called
			case *ast.SelectorExpr:
				if p, ok := n.X.(*ast.Ident); ok && p.Name == "regexp" && strings.HasPrefix(n.Sel.Name, "MustCompile") {
					faults = append(faults, fmt.Sprintf("%s: compiled at every start: use sync.OnceValue", files.Position(n.Pos())))
				}
			}
			return true
		})
	}
	return faults
}

// TestImportRules: each rule finds what breaks it.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ path, imports, want string }{
		{rooms + "cli", rooms + "flags", "not below"},
		{rooms + "live", rooms + "serve", "not below"},
		{rooms + "render", rooms + "engine", "not below"},
		{rooms + "safe", rooms + "log", "not below"},
		{rooms + "log", rooms + "log", "not below"},
		{rooms + "engine", "github.com/spf13/pflag", "knows no flags"},
		{rooms + "unheard-of", "fmt", "no level"},
		{library + "filter", "flag", "flags belong"},
		{library + "filter", rooms + "safe", "filter imports"},
		{library + "filter", "between", "filter imports between imports github.com/spf13/cobra"},
		{library + "event", library + "filter", "standard library only"},
		{rooms + "render", rooms + "cli", ""},
		{rooms + "cli", "github.com/spf13/cobra", ""},
		{library + "filter", library + "event", ""},
		{module + "cmd/enswitch-events", rooms + "live", ""},
		{module + "cmd/enswitch-events", "google.golang.org/protobuf/proto", "slower"},
	} {
		packages := map[string]listed{
			row.path:  {Name: "x", ImportPath: row.path, Imports: []string{row.imports}},
			"between": {Name: "between", ImportPath: "between", Imports: []string{"github.com/spf13/cobra"}},
		}
		got := strings.Join(importFaults(packages), "\n")
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s imports %s: %q, want %q", row.path, row.imports, got, row.want)
		}
	}
	for source, want := range map[string]string{
		`import "os"; var x = os.Getenv("A")`:                   "uses os.Getenv",
		`import "fmt"; func f() { fmt.Println() }`:              "uses fmt.Println",
		`func f() { println() }`:                                "uses println",
		`func init() {}`:                                        "init",
		`var x = regexp.MustCompile("a")`:                       "at every start",
		`var x = []any{regexp.MustCompile("a")}`:                "at every start",
		`var x = func() any { return regexp.MustCompile("a") }`: "",
		`func f() { regexp.MustCompile("a") }`:                  "",
		`const x = "see --where"`:                               "knows no flags",
		"const x = `--max-line is needed`":                      "knows no flags",
		`const x = "a -- b, a--b, ---x, -----BEGIN KEY--"`:      "",
		`import "fmt"; var x = fmt.Sprint("-w")`:                "",
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "x.go", "package x\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(append(sourceFaults(files, file), startFaults(files, file)...), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
