package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The parts of the README that are written here.
var (
	// <!-- flags TITLE --> … <!-- end -->: the flags under that title of the
	// help.
	flagsPart = regexp.MustCompile(`(?s)<!-- flags ([^\n]*?) -->\n.*?<!-- end -->`)
	// A console block: after each command, what it prints.
	consolePart = regexp.MustCompile("(?s)```console\n(.*?)```")

	// <!-- example FILE --> … <!-- end -->: the function Example of that file.
	examplePart = regexp.MustCompile(`(?s)<!-- example ([^\n]*?) -->\n.*?<!-- end -->`)
	exampleBody = regexp.MustCompile(`(?s)\nfunc Example\(\) \{\n(.*?)\t// Output:`)

	commandLine = regexp.MustCompile(`(?m)^  ([a-z]+)  `)
	titleLine   = regexp.MustCompile(`^([A-Z][^:]*):$`)
	flagLine    = regexp.MustCompile(`^ {2,6}(-\S, )?(--\S.*?) {2,}(.*)$`)
	// The text of a flag goes on below its first line, far to the right.
	nextLine = regexp.MustCompile(`^ {12,}(\S.*)$`)
)

// rewrite brings the README up to date.
func rewrite(ctx context.Context, p *program, root string) error {
	file := filepath.Join(root, "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	tables, err := flagTables(ctx, p)
	if err != nil {
		return err
	}
	var failed error
	shown := map[string]bool{}
	text = flagsPart.ReplaceAllFunc(text, func(part []byte) []byte {
		title := string(flagsPart.FindSubmatch(part)[1])
		table, ok := tables[title]
		if !ok {
			failed = fmt.Errorf("no command has flags under %q", title)
		}
		shown[title] = true
		return fmt.Appendf(nil, "<!-- flags %s -->\n%s<!-- end -->", title, table)
	})
	for title := range tables {
		if !shown[title] {
			failed = fmt.Errorf("the README does not show the flags under %q", title)
		}
	}
	if failed != nil {
		return failed
	}
	events, err := sample(root)
	if err != nil {
		return err
	}
	text = consolePart.ReplaceAllFunc(text, func(part []byte) []byte {
		out, err := console(ctx, p, consolePart.FindSubmatch(part)[1], events)
		if err != nil {
			failed = err
		}
		return fmt.Appendf(nil, "```console\n%s```", out)
	})
	if failed != nil {
		return failed
	}
	text = examplePart.ReplaceAllFunc(text, func(part []byte) []byte {
		name := string(examplePart.FindSubmatch(part)[1])
		code, err := example(filepath.Join(root, name))
		if err != nil {
			failed = err
		}
		return fmt.Appendf(nil, "<!-- example %s -->\n```go\n%s```\n<!-- end -->", name, code)
	})
	if failed != nil {
		return failed
	}
	return write(file, text)
}

// example returns the code of the function Example in a file of tests.
func example(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	body := exampleBody.FindSubmatch(text)
	if body == nil {
		return nil, fmt.Errorf("%s has no Example with an output", file)
	}
	var code []byte
	for line := range bytes.Lines(body[1]) {
		code = append(code, bytes.TrimPrefix(line, []byte("\t"))...)
	}
	return code, nil
}

// flagTables returns a Markdown table for each title of flags. Commands that
// have flags under one title have the same.
func flagTables(ctx context.Context, p *program) (map[string]string, error) {
	root, err := p.run(ctx, "enswitch-events help")
	if err != nil {
		return nil, err
	}
	_, list, _ := strings.Cut(string(root), "\nCommands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	tables := map[string]string{}
	for _, command := range commandLine.FindAllStringSubmatch(list, -1) {
		command := command[1]
		help, err := p.run(ctx, "enswitch-events help "+command)
		if err != nil {
			return nil, err
		}
		for title, table := range tablesOf(string(help)) {
			if other, ok := tables[title]; ok && other != table {
				return nil, fmt.Errorf("the flags of %s under %q differ from those of another command", command, title)
			}
			tables[title] = table
		}
	}
	return tables, nil
}

// tablesOf returns a table for each title of flags in the help of a command.
func tablesOf(help string) map[string]string {
	tables := map[string]string{}
	title := ""
	for line := range strings.Lines(help) {
		line = strings.TrimSuffix(line, "\n")
		if m := titleLine.FindStringSubmatch(line); m != nil {
			title = m[1]
		} else if m := flagLine.FindStringSubmatch(line); m != nil {
			if tables[title] == "" {
				tables[title] = "| flag | |\n|---|---|\n"
			}
			tables[title] += fmt.Sprintf("| `%s%s` | %s |\n", m[1], cell(m[2]), cell(m[3]))
		} else if m := nextLine.FindStringSubmatch(line); m != nil && tables[title] != "" {
			tables[title] = strings.TrimSuffix(tables[title], " |\n") + " " + cell(m[1]) + " |\n"
		}
	}
	return tables
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(text)
}

// sample is what the examples of the README see.
func sample(root string) ([][]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, "testdata", "events", "calls.ndjson"))
	if err != nil {
		return nil, err
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n")), nil
}

// console runs the commands of a block, which are the lines after a "$ ", and
// returns the block with what they print now. What they say on stderr is left
// out.
func console(ctx context.Context, p *program, block []byte, events [][]byte) ([]byte, error) {
	var out []byte
	for line := range bytes.Lines(block) {
		command, ok := bytes.CutPrefix(line, []byte("$ "))
		if !ok {
			continue
		}
		printed, err := p.serve(ctx, string(bytes.TrimSpace(command)), events)
		if err != nil {
			return nil, err
		}
		out = append(append(out, line...), printed...)
	}
	return out, nil
}
