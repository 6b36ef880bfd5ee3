package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measured is the part of a Markdown file that a run of all rows writes. With the word
// short it has the rows of the front page only.
var measured = regexp.MustCompile(`(?s)<!-- benchmark( short)? -->\n.*?<!-- end -->`)

// frontPage finds the rows of the short table by what they measure.
var frontPage = regexp.MustCompile("^`tail -c |^`tail` into a file|^`cat -c .* into a file|of a \\.zst|forms POSTed|resident memory at its highest$|event in to line out|^start-up|stripped$")

// writeReadme puts the table into the file, with the machine and the day.
func writeReadme(path string, rows []row, skipped []string, day time.Time) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	marks := measured.FindAllSubmatch(text, 2)
	if len(marks) != 1 {
		return fmt.Errorf("%s: not one place between <!-- benchmark --> and <!-- end -->", path)
	}
	kind := string(marks[0][1])
	if kind != "" {
		rows, skipped = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !frontPage.MatchString(r.what) }), nil
	}
	var part bytes.Buffer
	part.WriteString("<!-- benchmark" + kind + " -->\n")
	if err := printTable(&part, withoutReach(rows), skipped); err != nil {
		return err
	}
	fmt.Fprintf(&part, "\nMeasured on %s: %s/%s, %d processors, %s.\n<!-- end -->",
		day.Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), strings.Replace(runtime.Version(), "go", "Go ", 1))
	return os.WriteFile(path, measured.ReplaceAllLiteral(text, part.Bytes()), 0o600) // it is there, and keeps its mode
}

// withoutReach is the rows without what they are to reach, which is for those
// who work on the program.
func withoutReach(rows []row) []row {
	plain := make([]row, len(rows))
	for i, r := range rows {
		r.reach = ""
		plain[i] = r
	}
	return plain
}
