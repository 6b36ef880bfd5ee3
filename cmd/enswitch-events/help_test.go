package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// commands calls visit for cmd and all commands below it.
func commands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		commands(c, visit)
	}
}

// helpOf returns what --help prints for the command of these names.
func helpOf(t *testing.T, names ...string) string {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var out, stderr bytes.Buffer
	s := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &stderr}
	if code := run(context.Background(), append(names, "--help"), s); code != 0 {
		t.Fatalf("%v --help: code %d, %s", names, code, &stderr)
	}
	return out.String()
}

// TestHelp compares the help of every command with testdata/help, which -update rewrites,
// and checks that it fits on a terminal and reads like the help of other programs.
func TestHelp(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "help")
	seen := map[string]bool{}
	commands(newRoot(t.Context(), &cli.App{}, ""), func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		path := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		seen[path+".txt"] = true
		got := helpOf(t, strings.Fields(cmd.CommandPath())[1:]...)
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > 80 || strings.Contains(line, "\t") || strings.HasSuffix(line, " ") {
				t.Errorf("%s, %d columns, a tab, or a blank at the end: %s", path, n, line)
			}
		}
		first, _, _ := strings.Cut(cmd.Short, " ")
		if strings.HasSuffix(first, "s") || strings.HasSuffix(first, "ing") || first[0] < 'A' || first[0] > 'Z' || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is no imperative with a capital letter and without a full stop", path, cmd.Short)
		}
		file := filepath.Join(dir, path+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs: go test ./cmd/enswitch-events -run TestHelp -update writes\n%s", file, got)
		}
	})
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("%s is the help of no command", f.Name())
		}
	}
}
