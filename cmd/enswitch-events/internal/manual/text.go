// Package manual makes the reference of the program from the text of its help: pages in
// Markdown and manual pages, one of each for every command and topic. Nothing is written
// twice: what help says, the pages say.
package manual

import (
	"regexp"
	"strings"
)

// kind is what a block of help is.
type kind int

const (
	paragraph kind = iota
	heading
	item     // of a list
	verbatim // tables, commands and what they print: each line stays a line
)

// block is a part of a text.
type block struct {
	kind  kind
	lines []string // of verbatim; all other kinds have one
}

// columns finds the space between two columns.
var columns = regexp.MustCompile(`\S {2,}\S`)

// parse splits the text of a topic, or the long text of a command. Lines at the left edge
// are paragraphs, or headings if an indented line follows a single one. Indented lines are
// paragraphs under a heading, unless they hold columns, commands or deeper indentation.
func parse(text string) (blocks []block) {
	for part := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(part, "\n")
		for len(lines) > 0 {
			n := 1
			if !strings.HasPrefix(lines[0], " ") {
				n += prose(lines[1:])
				blocks = append(blocks, left(lines[:n], n < len(lines)))
			} else {
				n += indented(lines[1:], strings.HasPrefix(lines[0], "  $ "))
				blocks = append(blocks, right(lines[:n], blocks))
			}
			lines = lines[n:]
		}
	}
	return blocks
}

// prose returns how many lines go on with a paragraph at the left edge.
func prose(lines []string) int {
	for n, line := range lines {
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, " ") {
			return n
		}
	}
	return len(lines)
}

// indented returns how many lines go on with an indented block.
func indented(lines []string, commands bool) int {
	for n, line := range lines {
		if !strings.HasPrefix(line, " ") || !commands && strings.HasPrefix(line, "  $ ") {
			return n
		}
	}
	return len(lines)
}

// left makes a block of lines at the left edge; followed says that indented lines follow.
func left(lines []string, followed bool) block {
	text := join(lines)
	if rest, ok := strings.CutPrefix(text, "- "); ok {
		return block{item, []string{rest}}
	}
	if followed && len(lines) == 1 && !strings.HasSuffix(text, ":") && !strings.HasSuffix(text, ".") {
		return block{heading, []string{text}}
	}
	return block{paragraph, []string{text}}
}

// right makes a block of indented lines, which come after the others.
func right(lines []string, before []block) block {
	announced := len(before) > 0 && before[len(before)-1].kind == paragraph && strings.HasSuffix(before[len(before)-1].lines[0], ":")
	kept := make([]string, len(lines))
	table := announced || strings.HasPrefix(lines[0], "  $ ")
	indent := len(lines[0])
	for _, line := range lines {
		indent = min(indent, len(line)-len(strings.TrimLeft(line, " ")))
	}
	for i, line := range lines {
		kept[i] = line[indent:]
		table = table || indent > 2 || strings.HasPrefix(kept[i], " ") || columns.MatchString(line)
	}
	if table {
		return block{verbatim, kept}
	}
	return block{paragraph, []string{join(kept)}}
}

func join(lines []string) string { return strings.Join(strings.Fields(strings.Join(lines, " ")), " ") }
