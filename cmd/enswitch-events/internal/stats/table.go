package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// The rules of the table: no row is wider than the terminal. Without a terminal nothing is
// cut, and bars fit 80 columns. Text of an event is printed with safe.String only, so that it
// cannot move the cursor.
const (
	maxRows    = 20 // of a section
	nameWidth  = 30
	tableWidth = 80
	// figuresWidth is the columns of the figures of a group.
	figuresWidth = 63
)

// tableFormat prints a block as a table.
type tableFormat struct {
	width func() int
	mark  func() string
	begun bool
}

func (f *tableFormat) append(dst []byte, s *Sink, b *block) []byte {
	if f.begun {
		dst = append(dst, '\n')
	}
	f.begun = true
	return appendLines(dst, f.lines(s, b, maxRows))
}

func appendLines(dst []byte, lines []string) []byte {
	for _, line := range lines {
		dst = append(append(dst, line...), '\n')
	}
	return dst
}

// lines returns the rows of the table, each section with at most the given number of rows. With
// 0 there is only the section of the calls, or the heading of the groups.
func (f *tableFormat) lines(s *Sink, b *block, rows int) []string {
	width := tableWidth
	if f.width != nil {
		if n := f.width(); n > 0 {
			width = n
		}
	}
	lines := s.heading(b, width)
	switch {
	case len(s.o.By) > 0:
		lines = append(lines, f.groups(s, b, width, rows)...)
	case rows > 0:
		lines = append(lines, f.events(s, b, width, rows)...)
		lines = append(lines, f.machines(s, b, rows)...)
		lines = append(lines, f.feeds(s, rows)...)
		fallthrough
	default:
		lines = append(lines, f.calls(b)...)
	}
	for i, line := range lines {
		if f.width != nil {
			line = ansi.Truncate(line, width, "…")
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// linesFor returns the table in at most height rows, or any number for 0: the sections become
// shorter, and those before the calls are left out if there is no place for them.
func (f *tableFormat) linesFor(s *Sink, b *block, height int) []string {
	rows := pictureRows
	lines := f.lines(s, b, rows)
	for ; len(lines) > height && height > 0 && rows > 0; rows-- {
		lines = f.lines(s, b, rows-1)
	}
	return lines
}

// heading returns the rows about the interval.
func (s *Sink) heading(b *block, width int) []string {
	if s.timeless() {
		return []string{cli.Plural(b.window.total, "event") + " without a timestamp", ""}
	}
	clock := func(usec int64) string { return time.UnixMicro(usec).Format("2006-01-02 15:04:05") }
	span := time.Duration(b.to-b.from) * time.Microsecond
	line := fmt.Sprintf("%s to %s, %s: %s", clock(b.from), clock(b.to)[len("2006-01-02 "):], cli.RoundDuration(span), cli.Plural(b.window.total, "event"))
	if clock(b.from)[:10] != clock(b.to)[:10] {
		line = fmt.Sprintf("%s to %s, %s: %s", clock(b.from), clock(b.to), cli.RoundDuration(span), cli.Plural(b.window.total, "event"))
	}
	if span > 0 {
		line += ", " + rate(b.window.total, span) + "/s"
	}
	lines := []string{line}
	if n, each := s.timeline.counts(min(60, width-34)); len(n) > 1 {
		lines = append(lines, fmt.Sprintf("%s  %s each, at most %s/s", spark(n), time.Duration(each)*time.Second, rate(slices.Max(n), time.Duration(each)*time.Second)))
	}
	return append(lines, "")
}

// rate returns events a second.
func rate(n int64, span time.Duration) string {
	if span <= 0 {
		return "-"
	}
	r := float64(n) / span.Seconds()
	switch {
	case r >= 100:
		return humanize.Comma(int64(math.Round(r)))
	case r >= 10:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

// spark returns a row of bars, one for each number.
func spark(n []int64) string {
	const bars = "▁▂▃▄▅▆▇█"
	most := slices.Max(n)
	var b strings.Builder
	for _, v := range n {
		if v == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune([]rune(bars)[min((v*8-1)/most, 7)])
	}
	return b.String()
}

// bar returns a bar for n, which has all the columns for most.
func bar(n, most int64, columns int) string {
	if most <= 0 || columns <= 0 {
		return ""
	}
	eighths := int(float64(n) / float64(most) * float64(columns) * 8)
	if n > 0 && eighths == 0 {
		eighths = 1
	}
	text := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[eighths%8-1])
	}
	return text
}

// fit returns text of an event for a column: escaped, cut on a terminal, and padded with
// blanks.
func (f *tableFormat) fit(text string, columns int) string {
	if text = safe.String(text); f.width != nil {
		text = ansi.Truncate(text, columns, "…")
	}
	return text + strings.Repeat(" ", max(columns-ansi.StringWidth(text), 0))
}

// column returns the columns for texts: least or, where nothing is cut, those of the widest.
func (f *tableFormat) column(least int, texts ...string) int {
	if f.width != nil {
		return least
	}
	for _, text := range texts {
		least = max(least, ansi.StringWidth(safe.String(text)))
	}
	return least
}

// String returns the text of a value.
func (v value) String() string {
	if v.absent {
		return "-"
	}
	return v.text
}

// events returns the section of the events by class and name.
func (f *tableFormat) events(s *Sink, b *block, width, rows int) []string {
	type count struct {
		name string
		n    int64
	}
	var all []count
	for i, n := range b.window.events {
		if n > 0 {
			values := s.groups.names[i].values
			all = append(all, count{values[0].String() + "." + values[1].String(), n})
		}
	}
	slices.SortStableFunc(all, func(a, b count) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	span := time.Duration(b.to-b.from) * time.Microsecond
	var names []string
	for _, c := range all[:min(len(all), rows)] {
		names = append(names, c.name)
	}
	column := f.column(nameWidth, names...)
	lines := []string{fmt.Sprintf("%-*s %12s %9s", column, "events", "n", "/s")}
	others := int64(0)
	for i, c := range all {
		if i >= rows {
			others += c.n
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %12s %9s  %s", f.fit(c.name, column), humanize.Comma(c.n), rate(c.n, span), bar(c.n, all[0].n, width-column-26)))
	}
	if others > 0 {
		lines = append(lines, fmt.Sprintf("%-*s %12s %9s", column, cli.Plural(int64(len(all)-rows), "other"), humanize.Comma(others), rate(others, span)))
	}
	return append(lines, "")
}

// machines returns the section of the machines.
func (f *tableFormat) machines(s *Sink, b *block, rows int) []string {
	all := s.machines.inOrder()
	if len(all) == 0 {
		return nil
	}
	now := b.to
	var names []string
	for _, m := range all[:min(len(all), rows)] {
		names = append(names, m.text)
	}
	column := f.column(16, names...)
	lines := []string{fmt.Sprintf("%-*s %12s %10s %10s", column, "machine", "n", "lag", "offset")}
	if !s.o.Live {
		lines[0] = fmt.Sprintf("%-*s %12s  %s", column, "machine", "n", "lag and offset: of live events only")
	}
	for i, m := range all {
		if i >= rows {
			lines = append(lines, cli.Plural(int64(len(all)-rows), "other"))
			break
		}
		name := m.text
		if name == "" {
			name = "-"
		}
		line := fmt.Sprintf("%s %12s", f.fit(name, column), humanize.Comma(m.n))
		if s.o.Live {
			lag, offset := "-", "-"
			if mean, least, ok := m.lags.over(now); ok {
				lag, offset = seconds(mean.Seconds()), seconds(least.Seconds())
			}
			line += fmt.Sprintf(" %10s %10s", lag, offset)
		}
		lines = append(lines, line+"  "+m.verdict(now))
	}
	return append(lines, "")
}

// seconds returns seconds for a reader.
func seconds(f float64) string {
	if math.Abs(f) < 10 {
		return fmt.Sprintf("%.3f s", f)
	}
	return fmt.Sprintf("%.1f s", f)
}

// known returns a figure as a text, - if it rests on too few calls.
func known(f call.Figure, text func(float64) string) string {
	if !f.Known() {
		return "-"
	}
	return text(f.Value)
}

func percent(f float64) string { return fmt.Sprintf("%.1f %%", 100*f) }

// calls returns the section of the calls.
func (f *tableFormat) calls(b *block) []string {
	c := b.calls
	if c == nil {
		return nil
	}
	s, mark := c.Summary(), f.mark()
	var unknown []string
	for _, u := range []struct {
		n    int64
		what string
	}{{c.Lost, "lost"}, {c.Doubtful, "doubtful"}, {c.Partial, "partial"}} {
		if u.n > 0 {
			unknown = append(unknown, humanize.Comma(u.n)+" "+u.what)
		}
	}
	rests := func(n int64) string { return "of " + cli.Plural(n, "call") }
	attempts := humanize.Comma(c.Attempts)
	if len(unknown) > 0 {
		attempts = fmt.Sprintf("%-28s unknown: %s", attempts, strings.Join(unknown, ", "))
	}
	most := humanize.Comma(c.Concurrent) + " now, " + humanize.Comma(c.ConcurrentMax) + " at most"
	if c.ConcurrentMax > 0 {
		most += ", at " + time.UnixMicro(c.ConcurrentMaxAt).Format("15:04:05")
	}
	erlang := "-"
	if !math.IsNaN(s.Erlang) {
		erlang = fmt.Sprintf("%.2f", s.Erlang)
	}
	pdd := "-"
	if s.PDD50.Known() {
		pdd = fmt.Sprintf("p50 %s  p95 %s  p99 %s", seconds(s.PDD50.Value), seconds(s.PDD95.Value), seconds(s.PDD99.Value))
	}
	row := func(name, text string, n int64) string {
		return fmt.Sprintf("%-16s %-44s %s", name+mark, text, rests(n))
	}
	ner := row("NER", known(s.NER, percent), s.NER.N)
	if s.NER.N == 0 {
		ner = fmt.Sprintf("%-16s - (it needs --map cause=FIELD)", "NER")
	}
	lines := []string{
		"calls",
		fmt.Sprintf("%-16s %s", "attempts", attempts),
		row("ASR", known(s.ASR, percent), s.ASR.N),
		ner,
		row("ACD", known(s.ACD, seconds), s.ACD.N),
		row("PDD", pdd, s.PDD50.N),
		fmt.Sprintf("%-16s %s", "calls up"+mark, most),
		fmt.Sprintf("%-16s %s at most", "calls a second", humanize.Comma(c.CPSMax)),
		fmt.Sprintf("%-16s %s", "Erlang"+mark, erlang),
	}
	if mark != "" {
		lines = append(lines, mark+" rests on guesses from the names of events; --map says what they mean")
	}
	return lines
}

// groups returns the section of the groups.
func (f *tableFormat) groups(s *Sink, b *block, width, rows int) []string {
	span := time.Duration(b.to-b.from) * time.Microsecond
	names := strings.Join(s.o.By, " ")
	column := max(12, len(names))
	for i := range b.rows[:min(len(b.rows), rows)] {
		column = max(column, ansi.StringWidth(safe.String(joined(b.rows[i].by))))
	}
	if f.width != nil {
		column = min(column, nameWidth)
	}
	if f.width != nil && b.calls != nil {
		column = min(column, max(width-figuresWidth, 12)) // rather a shorter name than no last figure
	}
	mark := f.mark()
	heading := fmt.Sprintf("%s %9s %8s", f.fit(names, column), "events", "/s")
	if b.calls != nil {
		heading += fmt.Sprintf(" %8s %8s %9s %9s %5s", "attempts", "ASR"+mark, "ACD"+mark, "PDD95"+mark, "up")
	}
	lines := []string{heading}
	for i := range b.rows {
		if i >= rows {
			lines = append(lines, cli.Plural(int64(len(b.rows)-rows), "other"))
			break
		}
		r := &b.rows[i]
		line := fmt.Sprintf("%s %9s %8s", f.fit(joined(r.by), column), humanize.Comma(r.events), rate(r.events, span))
		if r.calls != nil {
			sum := r.calls.Summary()
			line += fmt.Sprintf(" %8s %8s %9s %9s %5s", humanize.Comma(r.calls.Attempts), known(sum.ASR, percent), known(sum.ACD, seconds), known(sum.PDD95, seconds), humanize.Comma(r.calls.ConcurrentMax))
		} else {
			line += "  " + bar(r.events, b.rows[0].events, width-column-23)
		}
		lines = append(lines, line)
	}
	if mark != "" && b.calls != nil {
		lines = append(lines, mark+" rests on guesses from the names of events; --map says what they mean")
	}
	return lines
}

func joined(values []value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, " ")
}
