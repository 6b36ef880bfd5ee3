package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is a row of the table, as it is printed.
type row struct {
	what, against string
	ratio         string
	ours, theirs  string
	reach         string
}

// printTable prints the column reach if a row has something there.
func printTable(w io.Writer, rows []row, skipped []string) error {
	var b strings.Builder
	aimed := slices.ContainsFunc(rows, func(r row) bool { return r.reach != "" })
	line := func(cells ...string) {
		if !aimed {
			cells = cells[:len(cells)-1]
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	if len(rows) > 0 {
		line("what", "against", "ratio", "this program", "the other", "reach")
		line("---", "---", "--:", "--:", "--:", "--:")
	}
	for _, r := range rows {
		cells := []string{r.what, r.against, r.ratio, r.ours, r.theirs, r.reach}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		line(cells...)
	}
	for i, s := range skipped {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString("Skipped: " + s + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// median of a list that is not empty.
func median[T int | int64 | float64 | time.Duration](list []T) T { return quantile(list, 0.5) }

// quantile of a list that is not empty: the smallest value that is not less
// than the share q of all.
func quantile[T int | int64 | float64 | time.Duration](list []T, q float64) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// perSecond is a rate as people read it.
func perSecond(n int, d time.Duration) string {
	rate := float64(n) / d.Seconds()
	switch {
	case rate >= 1e6:
		return fmt.Sprintf("%.2f million/s", rate/1e6)
	case rate >= 1e4:
		return fmt.Sprintf("%.0f,000/s", rate/1e3)
	}
	return fmt.Sprintf("%.0f/s", rate)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func round(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
