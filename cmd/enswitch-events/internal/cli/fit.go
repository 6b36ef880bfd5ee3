package cli

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// The widths that help is made for.
const (
	minHelpWidth = 40
	maxHelpWidth = 120
	helpWidth    = 80 // where stdout is no terminal
)

// helpColumns returns how wide a line of help may be.
func (a *App) helpColumns() int {
	if columns := Columns(a.Out); columns != nil {
		if width := columns(); width > 0 {
			return min(max(width, minHelpWidth), maxHelpWidth)
		}
	}
	return helpWidth
}

// fit makes text fit into width columns. Lines that begin at the left edge are filled, those
// that begin with "- " each by itself. Indented lines stay, unless one of their block is too
// wide: then its second column is wrapped. Commands, in blocks that begin with " $ " or without
// a second column, are never broken, so that they can be copied.
func fit(text string, width int) string {
	blocks := strings.Split(strings.TrimRight(text, "\n"), "\n\n")
	for i, block := range blocks {
		blocks[i] = fitBlock(strings.Split(block, "\n"), width)
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

// row finds the second column of an indented line.
var row = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^( +\S.*? {2,})(\S.*)$`) })

func fitBlock(lines []string, width int) string {
	var fitted []string
	for len(lines) > 0 {
		n := 1
		switch indented := strings.HasPrefix(lines[0], " ") || strings.HasPrefix(lines[0], "\t"); {
		case strings.HasPrefix(lines[0], "  $ "):
			n = len(lines)
			fitted = append(fitted, lines...)
		case indented:
			for n < len(lines) && strings.HasPrefix(lines[n], " ") && !strings.HasPrefix(lines[n], "  $ ") {
				n++
			}
			fitted = append(fitted, fitRows(lines[:n], width)...)
		default:
			for n < len(lines) && lines[n] != "" && !strings.ContainsAny(lines[n][:1], " \t") && !strings.HasPrefix(lines[n], "- ") {
				n++
			}
			hang := ""
			if strings.HasPrefix(lines[0], "- ") {
				hang = "  "
			}
			fitted = append(fitted, fill("", strings.Join(lines[:n], " "), hang, width)...)
		}
		lines = lines[n:]
	}
	return strings.Join(fitted, "\n")
}

// fitRows breaks indented lines if one of them is too wide.
func fitRows(lines []string, width int) (fitted []string) {
	wide := false
	for _, line := range lines {
		wide = wide || utf8.RuneCountInString(line) > width
	}
	if !wide {
		return lines
	}
	for i := 0; i < len(lines); {
		line := lines[i]
		i++
		var first, hang, text string
		if m := row().FindStringSubmatch(line); m != nil {
			first, text = m[1], m[2]
			hang = strings.Repeat(" ", utf8.RuneCountInString(first))
		} else if trimmed := strings.TrimLeft(line, " "); !strings.Contains(line, "enswitch-events ") { // prose
			hang = line[:len(line)-len(trimmed)]
			first, text = hang, trimmed
		} else {
			fitted = append(fitted, line)
			continue
		}
		for i < len(lines) && strings.HasPrefix(lines[i], hang) && !strings.HasPrefix(lines[i], hang+" ") && row().FindString(lines[i]) == "" {
			text += " " + strings.TrimSpace(lines[i])
			i++
		}
		const least = 20 // columns of text
		if len(hang) > width-least {
			fitted = append(fitted, strings.TrimRight(first, " "))
			first, hang = "      ", "      "
		}
		fitted = append(fitted, fill(first, text, hang, width)...)
	}
	return fitted
}

// fill breaks text at blanks into lines of at most width columns. The first begins with
// first, all others with hang.
func fill(first, text, hang string, width int) (lines []string) {
	line, n, words := first, utf8.RuneCountInString(first), 0
	for word := range strings.FieldsSeq(text) {
		w := utf8.RuneCountInString(word)
		switch {
		case words == 0:
		case n+1+w > width:
			lines = append(lines, line)
			line, n = hang, utf8.RuneCountInString(hang)
		default:
			line += " "
			n++
		}
		line += word
		n += w
		words++
	}
	return append(lines, line)
}
