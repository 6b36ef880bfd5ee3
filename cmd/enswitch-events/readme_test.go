package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var namedScript = regexp.MustCompile("(?s)```sh\n(# ([a-z-]+): .*?)```")

// readmeScripts returns the scripts of the README that have a name.
func readmeScripts() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		return nil, err
	}
	scripts := map[string]string{}
	for _, m := range namedScript.FindAllStringSubmatch(string(text), -1) {
		scripts[m[2]] = m[1]
	}
	return scripts, nil
}

// readmeCmd writes the script of the README that begins with "# NAME:" to
// NAME.sh, as it is printed:
//
//	readme NAME
func readmeCmd(ts *testscript.TestScript, _ bool, args []string) {
	scripts, err := readmeScripts()
	ts.Check(err)
	text, ok := scripts[args[0]]
	if !ok {
		ts.Fatalf("the README has no script %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".sh"), []byte(text), 0o600))
}

// TestReadmeScripts: each of them is run.
func TestReadmeScripts(t *testing.T) {
	scripts, err := readmeScripts()
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join("..", "..", "testdata", "scripts", "readme.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) < 5 {
		t.Errorf("%d scripts in the README", len(scripts))
	}
	for name := range scripts {
		if !strings.Contains(string(tests), "\nreadme "+name+"\n") || !strings.Contains(string(tests), "sh "+name+".sh") {
			t.Errorf("%s is not run", name)
		}
	}
}
