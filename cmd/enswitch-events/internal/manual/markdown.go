package manual

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

var (
	special = strings.NewReplacer(`\`, `\\`, "*", `\*`, "<", "&lt;", "`", "\\`", "~", `\~`, "|", `\|`) //nolint:gochecknoglobals // a table that nothing changes

	// A flag, or a command line in single quotes.
	code = regexp.MustCompile(`(?:^|[\s(])(--?[a-zA-Z][a-z-]*|'[^']+')`)
)

// Markdown returns the page. Pages link to each other by NAME.md; known says which there are.
func (p Page) Markdown(known map[string]bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!-- made by 'go generate' from the help of the program -->\n\n# %s\n\n%s.\n", p.title(), inline(p.Short, known))
	for _, s := range p.sections {
		if s.name != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s.\n", s.name, inline(s.short, known))
		}
		if s.usage != "" {
			fence(&b, "text", []string{s.usage})
		}
		if s.examples != nil {
			fence(&b, "sh", s.examples)
		}
		for _, block := range s.blocks {
			markdownBlock(&b, block, known)
		}
		for _, g := range s.flags {
			fmt.Fprintf(&b, "\n### %s\n\n| flag | |\n|---|---|\n", g.Title)
			for _, f := range rows(g) {
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(strings.TrimSpace(f.names+" "+f.value), "|", `\|`), special.Replace(f.usage))
			}
		}
		if s.exit != "" {
			fmt.Fprintf(&b, "\nExit codes: %s. See [exit-codes](exit-codes.md).\n", special.Replace(s.exit))
		}
	}
	return b.Bytes()
}

func (p Page) title() string {
	if p.Topic || p.Name == program {
		return p.Name
	}
	return program + " " + p.Name
}

func markdownBlock(b *bytes.Buffer, block block, known map[string]bool) {
	switch block.kind {
	case heading:
		fmt.Fprintf(b, "\n## %s\n", inline(block.lines[0], known))
	case item:
		fmt.Fprintf(b, "\n- %s\n", inline(block.lines[0], known))
	case verbatim:
		language := "text"
		if strings.HasPrefix(block.lines[0], "$ ") {
			language = "console"
		}
		fence(b, language, block.lines)
	default:
		fmt.Fprintf(b, "\n%s\n", inline(block.lines[0], known))
	}
}

func fence(b *bytes.Buffer, language string, lines []string) {
	fmt.Fprintf(b, "\n```%s\n%s\n```\n", language, strings.Join(lines, "\n"))
}

// inline returns prose with flags and commands as code, and a link where help names a page.
func inline(text string, known map[string]bool) string {
	var b strings.Builder
	for {
		m := code.FindStringSubmatchIndex(text)
		if m == nil {
			b.WriteString(special.Replace(text))
			return b.String()
		}
		quoted := text[m[2]:m[3]]
		word := strings.Trim(quoted, "'")
		if first, _, _ := strings.Cut(word, " "); first != program && first != "help" && !known[first] {
			word = quoted // it is no command: the quotes are part of what is meant
		}
		b.WriteString(special.Replace(text[:m[2]]))
		if name := strings.TrimPrefix(strings.TrimPrefix(word, program+" "), "help "); strings.Contains(word, "help ") && known[name] {
			fmt.Fprintf(&b, "[%s](%s.md)", name, name)
		} else {
			fmt.Fprintf(&b, "`%s`", word)
		}
		text = text[m[3]:]
	}
}

// Index returns the page that lists all others.
func Index(pages []Page) []byte {
	var b bytes.Buffer
	b.WriteString("<!-- made by 'go generate' from the help of the program -->\n\n# Reference\n\nThe text of `enswitch-events help`, as pages.\n")
	known := Names(pages)
	for _, topics := range []bool{false, true} {
		if topics {
			b.WriteString("\n## Topics\n\n| topic | |\n|---|---|\n")
		} else {
			b.WriteString("\n## Commands\n\n| command | |\n|---|---|\n")
		}
		for _, p := range pages {
			if p.Topic == topics {
				fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", p.Name, p.Name, inline(p.Short, known))
			}
		}
	}
	b.WriteString("\nSpeed beside other programs: [speed](speed.md). Manual pages: `man enswitch-events`.\n")
	return b.Bytes()
}

// Names returns the names of pages.
func Names(pages []Page) map[string]bool {
	names := map[string]bool{}
	for _, p := range pages {
		names[p.Name] = true
	}
	return names
}
