package manual

import (
	"bytes"
	"fmt"
	"strings"
)

// escape keeps troff from taking what is in a text for its own, and a hyphen for a dash.
var escape = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`) //nolint:gochecknoglobals // a table that nothing changes

// Man returns the manual page and the name of its file: section 1 for commands, 7 for topics.
func (p Page) Man() (file string, text []byte) {
	name, number := program, 1
	if p.Name != program {
		name += "-" + p.Name
	}
	if p.Topic {
		number = 7
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, ".\\\" made by 'go generate' from the help of the program\n.TH %s %d \"\" %s \"Enswitch events\"\n", strings.ToUpper(escape.Replace(name)), number, program)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape.Replace(name), escape.Replace(p.Short))
	for _, s := range p.sections {
		manSection(&b, s)
	}
	b.WriteString(".SH SEE ALSO\n")
	if p.Name == program {
		fmt.Fprintf(&b, "\\fB%s help\\fR lists the commands and topics.\nEach has a page of its own, such as\n.BR %s\\-tail (1)\nand\n.BR %s\\-filters (7).\n", escape.Replace(program), escape.Replace(program), escape.Replace(program))
	} else {
		fmt.Fprintf(&b, ".BR %s (1)\n", escape.Replace(program))
	}
	return fmt.Sprintf("%s.%d", name, number), b.Bytes()
}

func manSection(b *bytes.Buffer, s section) {
	switch {
	case s.name != "":
		fmt.Fprintf(b, ".SH %s\n%s.\n", escape.Replace(strings.ToUpper(s.name)), escape.Replace(s.short))
		lines(b, []string{s.usage})
	case s.usage != "":
		b.WriteString(".SH SYNOPSIS\n")
		lines(b, []string{s.usage})
		b.WriteString(".SH DESCRIPTION\n")
	default:
		b.WriteString(".SH DESCRIPTION\n")
	}
	for _, block := range s.blocks {
		manBlock(b, block)
	}
	if s.examples != nil {
		b.WriteString(".SS Examples\n")
		lines(b, s.examples)
	}
	for _, g := range s.flags {
		fmt.Fprintf(b, ".SS %s\n", escape.Replace(g.Title))
		for _, f := range rows(g) {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR %s\n", escape.Replace(f.names), escape.Replace(f.value))
			fmt.Fprintln(b, line(f.usage))
		}
	}
	if s.exit != "" {
		fmt.Fprintf(b, ".SS Exit codes\n%s.\n", line(s.exit))
	}
}

func manBlock(b *bytes.Buffer, block block) {
	switch block.kind {
	case heading:
		fmt.Fprintf(b, ".SS %s\n", escape.Replace(block.lines[0]))
	case item:
		fmt.Fprintf(b, ".IP \\(bu 2\n%s\n", line(block.lines[0]))
	case verbatim:
		lines(b, block.lines)
	default:
		fmt.Fprintf(b, ".PP\n%s\n", line(block.lines[0]))
	}
}

// lines writes lines that stay as they are.
func lines(b *bytes.Buffer, text []string) {
	b.WriteString(".PP\n.RS 2\n.nf\n")
	for _, l := range text {
		b.WriteString(line(l) + "\n")
	}
	b.WriteString(".fi\n.RE\n")
}

// line escapes a line, which is no request of troff even if it begins with a dot or a quote.
func line(text string) string {
	text = escape.Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
