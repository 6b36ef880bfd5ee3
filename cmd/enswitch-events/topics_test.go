package main

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// TestTopicExamples runs the commands of the topics of help and compares what they print
// with what the topic says; -update writes it there. events.ndjson is the sample of the
// README, and a message daemon sends the same events.
func TestTopicExamples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh: the examples are for a Unix shell")
	}
	sample, err := os.ReadFile(filepath.Join("..", "..", "testdata", "events", "calls.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range cli.Topics() {
		t.Run(topic.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), sample, 0o600); err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			lines := strings.Split(topic.Text, "\n")
			for i := 0; i < len(lines); {
				command, printed, n := example(lines[i:])
				for _, line := range lines[i : i+n] {
					text.WriteString(line + "\n")
				}
				i += n + len(printed)
				if command == "" {
					continue
				}
				got := runExample(t, dir, command, strings.Split(strings.TrimSpace(string(sample)), "\n"))
				if want := strings.Join(printed, "\n"); got != want && !*update {
					t.Errorf("$ %s\nprints\n%s\nand not\n%s", command, got, want)
				}
				if got != "" {
					text.WriteString("  " + strings.ReplaceAll(got, "\n", "\n  ") + "\n")
				}
			}
			if *update {
				file := filepath.Join("internal", "cli", "topics", topic.Name+".txt")
				if err := os.WriteFile(file, []byte(strings.TrimSuffix(text.String(), "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// example returns the command that lines begin with, if they begin with one, what the
// topic says that it prints, without the blanks in front, and the number of lines that
// are not what it prints.
func example(lines []string) (command string, printed []string, n int) {
	command, ok := strings.CutPrefix(lines[0], "  $ ")
	if !ok {
		return "", nil, 1
	}
	n = 1
	for ; strings.HasSuffix(command, "\\") || strings.HasSuffix(command, "|"); n++ { // it goes on
		command += "\n" + lines[n]
	}
	for _, line := range lines[n:] {
		if line == "" || strings.HasPrefix(line, "  $ ") {
			break
		}
		printed = append(printed, strings.TrimPrefix(line, "  "))
	}
	return command, printed, n
}

// runExample returns what a command line prints on stdout in dir, while a message daemon
// sends the events.
func runExample(t *testing.T, dir, command string, events []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := enswitchtest.NewServer(nil)
	defer server.Close()
	go func() {
		if server.WaitClients(ctx, 1) == nil {
			for _, ev := range events {
				server.Send([]byte(ev))
			}
		}
	}()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(exampleEnv(t, dir), "ENSWITCH_ADDRESS="+server.URL())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("$ %s\n%v: %s", command, err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// exampleEnv returns the environment of an example in dir, in which enswitch-events is this
// program and its settings are the defaults.
func exampleEnv(t *testing.T, dir string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, ".bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "enswitch-events")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"HOME="+dir, "XDG_CONFIG_HOME="+dir, "TZ=UTC", "LC_ALL=C.UTF-8", exitAtOnce)
}

// TestTopicsFit holds the topics to the form that topicFiles states.
func TestTopicsFit(t *testing.T) {
	for _, topic := range cli.Topics() {
		if topic.Short == "" || strings.HasSuffix(topic.Short, ".") {
			t.Errorf("%s begins with %q", topic.Name, topic.Short)
		}
		for i, line := range strings.Split(topic.Text, "\n") {
			if utf8.RuneCountInString(line) > 80 || strings.ContainsAny(line, "\t\r") || strings.TrimRight(line, " ") != line {
				t.Errorf("%s, line %d: %q", topic.Name, i+1, line)
			}
		}
	}
}

// topic returns the text of a topic.
func topic(t *testing.T, name string) string {
	t.Helper()
	for _, topic := range cli.Topics() {
		if topic.Name == name {
			return topic.Text
		}
	}
	t.Fatalf("there is no topic %s", name)
	return ""
}

var templateRow = regexp.MustCompile(`(?m)^  ([a-z]+) .*? {2,}(\S.*\}\}\]?)(?: +(\S.*))?$`)

// TestTemplateTopic compares the topic with the functions that a template has, and each
// example with what it prints.
func TestTemplateTopic(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh: the examples are for a Unix shell")
	}
	sample, err := os.ReadFile(filepath.Join("..", "..", "testdata", "events", "calls.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), sample, 0o600); err != nil {
		t.Fatal(err)
	}
	var names []string
	var all, want strings.Builder
	for _, m := range templateRow.FindAllStringSubmatch(topic(t, "template"), -1) {
		names = append(names, m[1])
		all.WriteString(m[2] + "\n")
		want.WriteString(strings.TrimSpace(m[3]) + "\n")
	}
	slices.Sort(names)
	if known := render.TemplateFunctions(); !slices.Equal(names, known) {
		t.Errorf("the topic has %q, a template %q", names, known)
	}
	if err := os.WriteFile(filepath.Join(dir, "template"), []byte(all.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runExample(t, dir, `enswitch-events cat -n 1 events.ndjson --template "$(cat template)"`, nil)
	// println ends its line itself.
	got = strings.ReplaceAll(got, "start\n\n", "start\n")
	if got != strings.TrimSuffix(want.String(), "\n") {
		t.Errorf("the examples print\n%s\nand not\n%s", got, want.String())
	}
}

// TestExitCodesTopic compares the topic with the constants of package cli.
func TestExitCodesTopic(t *testing.T) {
	var topicCodes []string
	for _, m := range regexp.MustCompile(`(?m)^  (\d+) `).FindAllStringSubmatch(topic(t, "exit-codes"), -1) {
		topicCodes = append(topicCodes, m[1])
	}
	if codes := exitConstants(t); !slices.Equal(topicCodes, codes) {
		t.Errorf("the topic has %q, the program %q", topicCodes, codes)
	}
}

// exitConstants returns the values of the constants ExitOK and so on, in order.
func exitConstants(t *testing.T) (codes []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("internal", "cli", "errors.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "Exit") && len(spec.Values) == 1 {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				codes = append(codes, lit.Value)
			}
		}
		return true
	})
	return codes
}
