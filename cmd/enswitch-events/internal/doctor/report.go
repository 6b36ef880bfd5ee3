package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// status is the result of a check.
type status string

const (
	ok   status = "ok"
	warn status = "warn"
	fail status = "fail"
)

// check is one check with its result.
type check struct {
	Name   string
	Status status
	Took   time.Duration
	Detail string // what was found, in one line
	Fix    string // what to change, in one line; "" if nothing is wrong
}

// report collects the checks and, as text, prints each as it is made.
type report struct {
	out    io.Writer
	json   bool
	color  bool
	width  func() int // of the terminal, nil if out is no terminal
	redact func(string) string

	checks   []check
	warnings int64
	failure  *cli.Error // of the first check that failed
	writeErr error
}

// add adds a check and prints it.
func (r *report) add(c check) {
	c.Detail, c.Fix = safe.String(r.redact(c.Detail)), safe.String(r.redact(oneLine(c.Fix)))
	r.checks = append(r.checks, c)
	if c.Status == warn {
		r.warnings++
	}
	if !r.json {
		r.print(r.line(&c))
	}
}

// fail adds a check that failed with err. The first such error is the error of the run.
func (r *report) fail(name string, took time.Duration, detail string, err *cli.Error, more ...string) {
	r.failure = cmp.Or(r.failure, cli.NewError(err.Code, err.Err, ""))
	fixes := slices.DeleteFunc(strings.Split(err.Hint(), "\n"), func(fix string) bool { return strings.HasPrefix(fix, "--retry ") }) // doctor connects once
	r.add(check{name, fail, took, detail, strings.Join(append(fixes, more...), "\n")})
}

// skip says which checks were not made because one before them failed.
func (r *report) skip(names ...string) {
	if !r.json && len(names) > 0 {
		r.print(indent + "not tried: " + strings.Join(names, ", ") + "\n")
	}
}

func (r *report) print(text string) {
	if r.writeErr == nil {
		_, r.writeErr = io.WriteString(r.out, text)
	}
}

// Widths of the columns of a line.
const (
	nameWidth = 12
	timeWidth = 7
	indent    = "      "
)

// line returns a check as a line. On a terminal it is broken at blanks.
func (r *report) line(c *check) string {
	word, begin, end := string(c.Status), "", ""
	if c.Status == fail {
		word = "FAIL"
	}
	if r.color {
		begin, end = map[status]string{ok: "\x1b[32m", warn: "\x1b[33m", fail: "\x1b[1;31m"}[c.Status], "\x1b[m"
	}
	text := c.Detail
	if c.Fix != "" {
		text += ": " + c.Fix
	}
	head := fmt.Sprintf("%s%-4s%s  %-*s  %*s  ", begin, word, end, nameWidth, c.Name, timeWidth, duration(c.Took))
	column := ansi.StringWidth(head)
	if r.width == nil || r.width()-column < 30 {
		return head + text + "\n"
	}
	return head + strings.ReplaceAll(ansi.Wordwrap(text, r.width()-column, ""), "\n", "\n"+strings.Repeat(" ", column)) + "\n"
}

// duration returns d with the three digits that matter.
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// oneLine joins the lines of a hint.
func oneLine(hint string) string {
	var lines []string
	for line := range strings.Lines(hint) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// end prints the report as JSON, if that was asked for, and returns the error of the run.
func (r *report) end(strict bool) error {
	if r.failure == nil && strict && r.warnings > 0 {
		r.failure = cli.NewError(cli.ExitFailure, fmt.Errorf("%s, with --strict", cli.Plural(r.warnings, "warning")), "")
	}
	if r.json {
		r.writeErr = r.writeJSON()
	}
	if err := cli.WriteError(r.writeErr); err != nil {
		return err
	}
	if r.failure == nil {
		return nil
	}
	return r.failure
}

func (r *report) writeJSON() error {
	type object struct {
		Name   string  `json:"name"`
		Status status  `json:"status"`
		MS     float64 `json:"ms"`
		Detail string  `json:"detail"`
		Fix    string  `json:"fix"`
	}
	whole := struct {
		Checks []object `json:"checks"`
		Exit   int      `json:"exit"`
	}{Checks: []object{}}
	for _, c := range r.checks {
		whole.Checks = append(whole.Checks, object{c.Name, c.Status, float64(c.Took.Microseconds()) / 1000, c.Detail, c.Fix})
	}
	if r.failure != nil {
		whole.Exit = r.failure.Code
	}
	e := json.NewEncoder(r.out)
	e.SetEscapeHTML(false)
	return e.Encode(whole)
}
