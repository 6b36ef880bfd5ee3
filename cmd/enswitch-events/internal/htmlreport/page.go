// Package htmlreport makes the report of stats: one HTML page without scripts, with charts of
// events and calls over time.
//
// The files: page.go makes of the data what template.go shows, chart.go the charts, series.go
// the buckets of time that they have.
package htmlreport

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/htmlpage"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/stats"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Facts are what a page says besides its data.
type Facts struct {
	Sources []string // where the events came from, without keys
	Made    time.Time
	Program string // its name and version
	Zone    *time.Location
}

const (
	maxText     = 120 // bytes of a name or a number that are shown
	maxMachines = 40  // that are shown
	maxGaps     = 100 // that are shown
)

// page is what the template shows.
type page struct {
	Title, Range, Sources, Made string
	Tiles                       []tile
	Charts                      []*chart
	Every                       string
	Columns                     []string
	Rows                        [][]string
	Machines                    []machineRow
	Week                        *week
	Slowest, Failed             callTable
	Causes                      []share
	Gaps                        [][]string
	GapsLeft                    string
	Calls                       bool
	Notes                       []string
}

type tile struct{ Name, Value, Note string }

// machineRow is a machine in the table.
type machineRow struct {
	Name, Events, Share, Calls, ASR, PDD string
	Part                                 float64 // of all events, in percent
}

// callTable is a list of calls.
type callTable struct {
	Columns []string
	Rows    [][]string
}

// share is a line with a bar.
type share struct {
	Name, Count string
	Part        float64 // in percent
}

// week is the events by weekday and hour.
type week struct {
	Days []weekday
	Most string
}

type weekday struct {
	Name  string
	Hours []hour
}

type hour struct {
	X, Y    int
	Opacity float64
	Text    string
	Count   string
}

// Write writes the page to a file, which has its old content until the page is complete.
func Write(name string, d *stats.ReportData, f *Facts) error {
	p, err := makePage(d, f)
	if err != nil {
		return err
	}
	return writeFile(name, p)
}

// makePage returns the page, in UTF-8. Its size is bounded.
func makePage(d *stats.ReportData, f *Facts) ([]byte, error) {
	t, err := template.New("report").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	p := newPage(d, f)
	var b bytes.Buffer
	b.WriteString(htmlpage.Head("Enswitch events: "+p.Range, pageStyle))
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	b.WriteString(htmlpage.Foot)
	return b.Bytes(), nil
}

func newPage(d *stats.ReportData, f *Facts) *page {
	m := &maker{d, f.Zone, d.Gaps[:min(len(d.Gaps), maxGaps)]}
	p := &page{Title: "Enswitch events", Calls: !d.Calls.Empty()}
	var sources []string
	for i, s := range f.Sources {
		if i == 5 {
			sources = append(sources, fmt.Sprintf("%d more", len(f.Sources)-i))
			break
		}
		sources = append(sources, safe.String(bounded(s)))
	}
	p.Sources = strings.Join(sources, ", ")
	p.Made = f.Program + ", " + f.Made.In(f.Zone).Format("2 Jan 2006 15:04 MST")
	p.Range = "no events"
	if d.From > 0 {
		const format = "2 Jan 2006 15:04:05"
		p.Range = m.time(d.From, format) + " to " + m.time(d.To, format+" MST")
	}
	p.Tiles = m.tiles()
	m.charts(p)
	p.Machines = m.machines()
	p.Week = m.week()
	m.calls(p)
	for _, g := range m.gaps {
		row := []string{m.time(g.From, "2 Jan 15:04:05.000"), m.time(g.To, "2 Jan 15:04:05.000"), shown(g.Reason, ""), shown(g.Source, ""), ""}
		if g.Dropped > 0 {
			row[4] = humanize.Comma(g.Dropped)
		}
		p.Gaps = append(p.Gaps, row)
	}
	if more := d.MoreGaps + int64(len(d.Gaps)-len(m.gaps)); more > 0 {
		p.GapsLeft = humanize.Comma(more) + " more are not shown."
	}
	p.Notes = m.notes()
	return p
}

// maker makes a page of data.
type maker struct {
	*stats.ReportData
	zone *time.Location
	gaps []stats.Gap // that are shown
}

// time returns a time in microseconds since 1970 as text, "" for 0.
func (m *maker) time(usec int64, format string) string {
	if usec == 0 {
		return ""
	}
	return time.UnixMicro(usec).In(m.zone).Format(format)
}

// shown returns a text of the feed as the page shows it, or none if it is empty.
func shown(text, none string) string {
	if text == "" {
		return none
	}
	return safe.String(bounded(text))
}

func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// unknown stands for a figure that is not known.
const unknown = "–"

func percent(v call.Figure) string {
	if !v.Known() {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", 100*v.Value)
}

func seconds(v call.Figure) string {
	if !v.Known() {
		return unknown
	}
	return spell(v.Value)
}

// spell returns seconds as text.
func spell(seconds float64) string {
	switch {
	case seconds < 10:
		return fmt.Sprintf("%.2f s", seconds)
	case seconds < 120:
		return fmt.Sprintf("%.1f s", seconds)
	}
	return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
}

// tiles returns the figures at the top.
func (m *maker) tiles() []tile {
	machines := int64(0)
	for i := range m.Machines {
		if m.Machines[i].Name != "" {
			machines++
		}
	}
	tiles := []tile{{"events", humanize.Comma(m.Events), ""}, {"machines", humanize.Comma(machines), ""}}
	n := m.Calls
	if n.Empty() {
		return tiles
	}
	s := n.Summary()
	mark := ""
	if m.Guessed {
		mark = "*"
	}
	of := func(v call.Figure) string { return "of " + cli.Plural(v.N, "call") }
	tiles = append(tiles, tile{"calls" + mark, humanize.Comma(n.Attempts), humanize.Comma(n.Answered) + " answered"}, tile{"ASR" + mark, percent(s.ASR), of(s.ASR)})
	if s.NER.N > 0 {
		tiles = append(tiles, tile{"NER" + mark, percent(s.NER), of(s.NER)})
	}
	tiles = append(
		tiles, tile{"ACD" + mark, seconds(s.ACD), of(s.ACD)},
		tile{"PDD, median" + mark, seconds(s.PDD50), of(s.PDD50)}, tile{"PDD, 95 %" + mark, seconds(s.PDD95), of(s.PDD95)},
		tile{"calls at once" + mark, humanize.Comma(n.ConcurrentMax), strings.TrimSuffix("at most, "+m.time(n.ConcurrentMaxAt, "2 Jan 15:04:05"), ", ")},
		tile{"calls a second" + mark, humanize.Comma(n.CPSMax), "at most"},
	)
	if !math.IsNaN(s.Erlang) {
		tiles = append(tiles, tile{"Erlang" + mark, fmt.Sprintf("%.1f", s.Erlang), "calls on average"})
	}
	return tiles
}

// charts adds the charts and their table.
func (m *maker) charts(p *page) {
	s := newSeries(m.Spans, m.zone, 0)
	if s == nil {
		return
	}
	p.Every = interval(s.width)
	p.Charts = append(p.Charts, m.eventChart(s))
	p.Columns = []string{"from", "events"}
	if p.Calls {
		p.Charts = append(append(p.Charts, m.callChart(s)), m.figureCharts()...)
		p.Columns = append(p.Columns, "calls", "over", "answered", "ASR", "PDD, median", "PDD, 95 %")
	}
	for i := range s.buckets {
		b := &s.buckets[i]
		row := []string{m.time(s.begin(i)*1_000_000, "2 Jan 15:04"), humanize.Comma(b.events)}
		if p.Calls {
			row = append(row, humanize.Comma(b.calls.Attempts), humanize.Comma(b.calls.Decided), humanize.Comma(b.calls.Answered), percent(b.asr), seconds(b.pdd[0]), seconds(b.pdd[1]))
		}
		p.Rows = append(p.Rows, row)
	}
}

func (m *maker) eventChart(s *series) *chart {
	most, total := int64(0), int64(0)
	for i := range s.buckets {
		most, total = max(most, s.buckets[i].events), total+s.buckets[i].events
	}
	c, top := newChart("events", "Events each "+interval(s.width), s, m.zone, m.gaps, float64(most), count)
	c.stack([]string{"s1"}, top, func(i, _ int) int64 { return s.buckets[i].events })
	c.Legend = []key{{"s1", "events", humanize.Comma(total)}}
	c.Desc = fmt.Sprintf("Bars over time. %s events in all, at most %s in one %s.", humanize.Comma(total), humanize.Comma(most), interval(s.width))
	return c
}

// callChart returns the chart of calls by what became of them.
func (m *maker) callChart(s *series) *chart {
	most := int64(1)
	for i := range s.buckets {
		n := s.buckets[i].calls
		most = max(most, n.Attempts, n.Decided+n.Lost+n.Doubtful)
	}
	c, top := newChart("calls", "Calls that were over each "+interval(s.width), s, m.zone, m.gaps, float64(most), count)
	c.stack([]string{"good", "bad", "s6"}, top, func(i, bar int) int64 {
		n := s.buckets[i].calls
		return [...]int64{n.Answered, n.Decided - n.Answered, n.Lost + n.Doubtful}[bar]
	})
	c.line("l0", top, func(i int) (float64, bool) { return float64(s.buckets[i].calls.Attempts), true })
	n := m.Calls
	c.Legend = []key{
		{"good", "answered", humanize.Comma(n.Answered)},
		{"bad", "not answered", humanize.Comma(n.Decided - n.Answered)},
		{"s6", "unknown", humanize.Comma(n.Lost + n.Doubtful)},
		{"s0", "calls that began", humanize.Comma(n.Attempts)},
	}
	c.Desc = fmt.Sprintf("Bars over time, and a line of the calls that began. %s calls began, %s were answered.", humanize.Comma(n.Attempts), humanize.Comma(n.Answered))
	return c
}

// figureCharts returns those of ASR and PDD.
func (m *maker) figureCharts() []*chart {
	s := fair(m.Spans, m.zone)
	if s == nil {
		few := fmt.Sprintf("No interval has %d calls that are over: a figure of fewer says too little.", call.MinSample)
		return []*chart{{ID: "asr", Title: "ASR over time", Empty: few}, {ID: "pdd", Title: "PDD over time", Empty: few}}
	}
	hole := fmt.Sprintf(" An interval with fewer than %d calls has no line.", call.MinSample)
	asr, top := newChart("asr", "ASR each "+interval(s.width), s, m.zone, m.gaps, 1, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) })
	asr.line("l1", top, func(i int) (float64, bool) { return s.buckets[i].asr.Value, s.buckets[i].asr.Known() })
	asr.Legend = []key{{"s1", "answered calls of those that are over", ""}}
	asr.Desc = "A line over time: the answer seizure ratio." + hole

	most := 0.0
	for i := range s.buckets {
		if v := s.buckets[i].pdd[1]; v.Known() {
			most = math.Max(most, v.Value)
		}
	}
	pdd, top := newChart("pdd", "PDD each "+interval(s.width), s, m.zone, m.gaps, most, func(v float64) string { return fmt.Sprintf("%g s", round(v)) })
	for _, i := range []int{1, 0} {
		pdd.line([]string{"l1", "l2"}[i], top, func(at int) (float64, bool) { return s.buckets[at].pdd[i].Value, s.buckets[at].pdd[i].Known() })
	}
	pdd.Legend = []key{{"s1", "median", ""}, {"s2", "95 % of calls are faster", ""}}
	pdd.Desc = "Two lines over time: the post-dial delay." + hole
	if most == 0 {
		pdd.Empty = fmt.Sprintf("No interval has %d calls with a ring or an answer.", call.MinSample)
	}
	return []*chart{asr, pdd}
}
