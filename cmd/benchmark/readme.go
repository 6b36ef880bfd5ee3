package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// measured is the part of the README that a run of all rows writes.
var measured = regexp.MustCompile(`(?s)<!-- benchmark -->\n.*?<!-- end -->`)

// writeReadme puts the table into the file, with the machine and the day.
func writeReadme(path string, rows []row, skipped []string, day time.Time) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(measured.FindAllIndex(text, 2)) != 1 {
		return fmt.Errorf("%s: not one place between <!-- benchmark --> and <!-- end -->", path)
	}
	var part bytes.Buffer
	part.WriteString("<!-- benchmark -->\n")
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
