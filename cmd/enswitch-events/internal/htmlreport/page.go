package htmlreport

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/htmlpage"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Facts are what a page says beside what a Collector has collected.
type Facts struct {
	Sources []string // without keys
	Made    time.Time
	Program string       // its name and version
	Counts  *call.Counts // of all calls; nil if none are followed
	Guesses []string     // meanings of names that are guessed
}

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
	Slowest, Failed             [][]string
	SlowestColumns              []string
	FailedColumns               []string
	Causes                      []share
	Gaps                        [][]string
	GapsLeft                    string
	Calls                       bool
	Notes                       []string
}

type tile struct{ Name, Value, Note string }

// machineRow is a machine in the table.
type machineRow struct {
	Name, Events, Share string
	Part                float64 // of all, in percent
	Width               int
	D                   string // the path of its events over time
}

// share is a line with a bar.
type share struct {
	Name, Count string
	Part        float64
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

// Page returns the page, in UTF-8.
func (c *Collector) Page(f *Facts) ([]byte, error) {
	t, err := template.New("report").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	p := c.page(f)
	var b bytes.Buffer
	b.WriteString(htmlpage.Head("Enswitch events: "+p.Range, pageStyle))
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	b.WriteString(htmlpage.Foot)
	return b.Bytes(), nil
}

func (c *Collector) page(f *Facts) *page {
	p := &page{Title: "Enswitch events", Calls: c.calls && f.Counts != nil}
	var sources []string
	for _, s := range f.Sources {
		sources = append(sources, safe.String(bounded(s)))
	}
	if len(sources) > 5 {
		sources = append(sources[:5], fmt.Sprintf("%d more", len(f.Sources)-5))
	}
	p.Sources = strings.Join(sources, ", ")
	p.Made = f.Program + ", " + f.Made.In(c.location).Format("2 Jan 2006 15:04 MST")
	p.Range = "no events"
	if c.first > 0 {
		p.Range = c.moment(c.first) + " to " + c.moment(c.last) + time.Unix(c.last, 0).In(c.location).Format(" MST")
	}
	p.Tiles = c.tiles(f)
	if c.series.buckets != nil {
		c.charts(p)
		p.Machines = c.machineRows()
		p.Week = c.weekRows()
	}
	if p.Calls {
		c.callRows(p)
	}
	for _, g := range c.gaps {
		row := []string{c.micros(g.From), c.micros(g.To), safe.String(g.Reason), ""}
		if g.Dropped > 0 {
			row[3] = humanize.Comma(g.Dropped)
		}
		p.Gaps = append(p.Gaps, row)
	}
	if c.gapsLeft > 0 {
		p.GapsLeft = humanize.Comma(int64(c.gapsLeft)) + " more are not shown."
	}
	p.Notes = c.notes(f)
	return p
}

func (c *Collector) moment(second int64) string {
	return time.Unix(second, 0).In(c.location).Format("2 Jan 2006 15:04:05")
}

// micros returns a time in microseconds since 1970 as text, "" for 0.
func (c *Collector) micros(usec int64) string {
	if usec == 0 {
		return ""
	}
	return time.UnixMicro(usec).In(c.location).Format("2 Jan 15:04:05.000")
}

// tiles returns the figures at the top.
func (c *Collector) tiles(f *Facts) []tile {
	machines := len(c.machines.all)
	if slices.Contains(c.machines.all, "") {
		machines--
	}
	tiles := []tile{{"events", humanize.Comma(c.events), fmt.Sprintf("of %d classes", len(c.classes.all))}, {"machines", humanize.Comma(int64(machines)), ""}}
	if !c.calls || f.Counts == nil {
		return tiles
	}
	n, s := f.Counts, f.Counts.Summary()
	figure := func(name string, v call.Figure, text func(float64) string) tile {
		value := "–"
		if v.Known() {
			value = text(v.Value)
		}
		return tile{name, value, "of " + humanize.Comma(v.N) + " calls"}
	}
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	seconds := func(v float64) string { return spell(v) }
	tiles = append(tiles, tile{"calls", humanize.Comma(n.Attempts), humanize.Comma(n.Answered) + " answered"}, figure("ASR", s.ASR, percent))
	if s.NER.N > 0 {
		tiles = append(tiles, figure("NER", s.NER, percent))
	}
	tiles = append(
		tiles, figure("ACD", s.ACD, seconds), figure("PDD, median", s.PDD50, seconds), figure("PDD, 95 %", s.PDD95, seconds),
		tile{"calls at once", humanize.Comma(n.ConcurrentMax), peak(n.ConcurrentMaxAt, c.location)},
		tile{"calls a second", humanize.Comma(n.CPSMax), "at most"},
	)
	if !math.IsNaN(s.Erlang) {
		tiles = append(tiles, tile{"Erlang", fmt.Sprintf("%.1f", s.Erlang), "calls on average"})
	}
	return tiles
}

func peak(at int64, zone *time.Location) string {
	if at == 0 {
		return "at most"
	}
	return "at most, " + time.UnixMicro(at).In(zone).Format("2 Jan 15:04:05")
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

// shownClasses is how many classes have a colour of their own.
const shownClasses = 5

// charts adds the charts and their table.
func (c *Collector) charts(p *page) {
	s := c.series.shown()
	all := s.all()
	p.Every = interval(s.width())
	p.Charts = append(p.Charts, c.eventChart(s, all))
	p.Columns = []string{"from", "events"}
	if p.Calls {
		p.Charts = append(p.Charts, c.callChart(s, all))
		p.Charts = append(p.Charts, c.figureCharts()...)
		p.Columns = append(p.Columns, "calls", "answered", "ASR", "PDD, median", "PDD, 95 %")
	}
	for i, b := range all {
		row := []string{time.Unix(s.begin(i), 0).In(c.location).Format("2 Jan 15:04:05"), humanize.Comma(b.events)}
		if p.Calls {
			row = append(row, humanize.Comma(b.attempts), humanize.Comma(b.answered), ratioText(b), delayText(b, 0.5), delayText(b, 0.95))
		}
		p.Rows = append(p.Rows, row)
	}
}

func ratioText(b *bucket) string {
	if b.decided < minSample {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(b.answered)/float64(b.decided))
}

func delayText(b *bucket, p float64) string {
	if v, known := b.pdd.percentile(p); known {
		return spell(v)
	}
	return "–"
}

// eventChart returns the chart of events by class.
func (c *Collector) eventChart(s *series, all []*bucket) *chart {
	most, total := int64(0), int64(0)
	for _, b := range all {
		most, total = max(most, b.events), total+b.events
	}
	chart, top := newChart("events", "Events each "+interval(s.width())+", by class", s, c.location, c.gaps, float64(most), count)
	order := c.classes.ranked()
	shown := order[:min(len(order), shownClasses)]
	var classes []string
	for i, number := range shown {
		class := fmt.Sprintf("s%d", i+1)
		classes = append(classes, class)
		chart.Legend = append(chart.Legend, key{class, named(c.classes.all[number], "without a class"), humanize.Comma(c.classes.totals.of(number))})
	}
	rest := int64(0)
	for _, number := range order[len(shown):] {
		rest += c.classes.totals.of(number)
	}
	if rest > 0 {
		classes = append(classes, "s6")
		chart.Legend = append(chart.Legend, key{"s6", fmt.Sprintf("%d other classes", len(order)-len(shown)), humanize.Comma(rest)})
	}
	chart.stack(classes, top, func(i, bar int) int64 {
		if bar < len(shown) {
			return all[i].classes.of(shown[bar])
		}
		n := all[i].events
		for _, number := range shown {
			n -= all[i].classes.of(number)
		}
		return n
	})
	chart.Desc = fmt.Sprintf("Bars over time. %s events in all, at most %s in one %s.", humanize.Comma(total), humanize.Comma(most), interval(s.width()))
	return chart
}

// named returns a name of the feed as the page shows it.
func named(name, none string) string {
	if name == "" {
		return none
	}
	return safe.String(name)
}

// callChart returns the chart of calls by what became of them.
func (c *Collector) callChart(s *series, all []*bucket) *chart {
	most := int64(0)
	var sum bucket
	for _, b := range all {
		most = max(most, b.attempts)
		sum.merge(&bucket{attempts: b.attempts, decided: b.decided, answered: b.answered, unknown: b.unknown})
	}
	chart, top := newChart("calls", "Calls that began each "+interval(s.width()), s, c.location, c.gaps, float64(most), count)
	open := sum.attempts - sum.decided - sum.unknown
	chart.Legend = []key{
		{"good", "answered", humanize.Comma(sum.answered)}, {"bad", "not answered", humanize.Comma(sum.decided - sum.answered)},
		{"s6", "still up, or unknown", humanize.Comma(open + sum.unknown)},
	}
	chart.stack([]string{"good", "bad", "s6"}, top, func(i, bar int) int64 {
		b := all[i]
		return [...]int64{b.answered, b.decided - b.answered, b.attempts - b.decided}[bar]
	})
	chart.Desc = fmt.Sprintf("Bars over time. %s calls began, %s were answered.", humanize.Comma(sum.attempts), humanize.Comma(sum.answered))
	if most == 0 {
		chart.Empty = "No call has begun and is over."
	}
	return chart
}

// figureCharts returns those of ASR and PDD.
func (c *Collector) figureCharts() []*chart {
	s := c.series.fair()
	if s == nil {
		few := fmt.Sprintf("No interval has %d calls that are over: fewer say too little.", minSample)
		return []*chart{{ID: "asr", Title: "ASR over time", Empty: few}, {ID: "pdd", Title: "PDD over time", Empty: few}}
	}
	all := s.all()
	asr, top := newChart("asr", "ASR each "+interval(s.width()), s, c.location, c.gaps, 1, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) })
	asr.line("l1", top, func(i int) (float64, bool) {
		b := all[i]
		return float64(b.answered) / float64(max(b.decided, 1)), b.decided >= minSample
	})
	asr.Legend = []key{{"s1", "answered calls of those that are over", ""}}
	asr.Desc = fmt.Sprintf("A line over time: the answer seizure ratio. An interval with fewer than %d calls has no line.", minSample)

	most := 0.0
	for _, b := range all {
		if v, known := b.pdd.percentile(0.95); known {
			most = math.Max(most, v)
		}
	}
	pdd, top := newChart("pdd", "PDD each "+interval(s.width()), s, c.location, c.gaps, most, func(v float64) string { return fmt.Sprintf("%g s", round(v)) })
	for i, p := range []float64{0.95, 0.5} {
		pdd.line([]string{"l2", "l1"}[i], top, func(i int) (float64, bool) { return all[i].pdd.percentile(p) })
	}
	pdd.Legend = []key{{"s1", "median", ""}, {"s2", "95 % of calls are faster", ""}}
	pdd.Desc = fmt.Sprintf("Two lines over time: the post-dial delay. An interval with fewer than %d calls has no line.", minSample)
	if most == 0 {
		pdd.Empty = fmt.Sprintf("No interval has %d calls with a ring or an answer.", minSample)
	}
	return []*chart{asr, pdd}
}

// machineRows returns the machines, that with the most events first.
func (c *Collector) machineRows() (rows []machineRow) {
	s := c.series.shown()
	all := s.all()
	const most = 40
	order := c.machines.ranked()
	for _, number := range order[:min(len(order), most)] {
		n := c.machines.totals.of(number)
		part := 100 * float64(n) / float64(max(c.events, 1))
		row := machineRow{
			Name: named(c.machines.all[number], "none named"), Events: humanize.Comma(n), Width: len(all),
			Part: round(part), Share: fmt.Sprintf("%.1f %%", part),
		}
		peak := int64(1)
		for _, b := range all {
			peak = max(peak, b.machines.of(number))
		}
		spark := chart{Width: len(all)}
		spark.stack([]string{""}, float64(peak), func(i, _ int) int64 { return all[i].machines.of(number) })
		row.D = spark.Bars[0].D
		rows = append(rows, row)
	}
	return rows
}

// weekRows returns the events by weekday, Monday first, and hour. It is nil if they are of
// less than two hours.
func (c *Collector) weekRows() *week {
	most, some := int64(0), 0
	for _, day := range c.week {
		for _, n := range day {
			if most = max(most, n); n > 0 {
				some++
			}
		}
	}
	if some < 2 {
		return nil
	}
	w := &week{Most: humanize.Comma(most)}
	for y := range 7 {
		day := time.Weekday((y + 1) % 7)
		d := weekday{Name: day.String()[:3]}
		for x, n := range c.week[day] {
			h := hour{X: x, Y: y, Count: humanize.Comma(n), Text: fmt.Sprintf("%s %02d:00: %s events", day, x, humanize.Comma(n))}
			if n > 0 {
				h.Opacity = math.Round(100*(0.08+0.92*float64(n)/float64(most))) / 100
			}
			d.Hours = append(d.Hours, h)
		}
		w.Days = append(w.Days, d)
	}
	return w
}

// callRows adds the lists of calls.
func (c *Collector) callRows(p *page) {
	p.SlowestColumns = []string{"began", "PDD", "from", "to", "call"}
	for _, k := range c.slowest {
		p.Slowest = append(p.Slowest, c.callCells(&k, spell(k.PDD)))
	}
	p.FailedColumns = []string{"began", "cause", "from", "to", "call"}
	for _, k := range c.failed {
		p.Failed = append(p.Failed, c.callCells(&k, named(k.Cause, "–")))
	}
	total := int64(0)
	for cause, n := range c.causes {
		if total += n; n > 0 {
			p.Causes = append(p.Causes, share{Name: cause, Part: float64(n)})
		}
	}
	slices.SortFunc(p.Causes, func(a, b share) int {
		if a.Part != b.Part {
			return int(b.Part - a.Part)
		}
		return strings.Compare(a.Name, b.Name)
	})
	p.Causes = p.Causes[:min(len(p.Causes), 10)]
	for i := range p.Causes {
		s := &p.Causes[i]
		s.Name, s.Count, s.Part = named(s.Name, "no cause"), humanize.Comma(int64(s.Part)), round(100*s.Part/float64(max(total, 1)))
	}
}

// callCells returns the row of a call in a list that says what of it.
func (c *Collector) callCells(k *Call, what string) []string {
	began := time.UnixMicro(k.Start).In(c.location).Format("2 Jan 15:04:05")
	return []string{began, what, named(k.From, "–"), named(k.To, "–"), named(k.ID, "–")}
}

// notes returns what a reader must know.
func (c *Collector) notes(f *Facts) (notes []string) {
	add := func(n int64, text string) {
		if n > 0 {
			notes = append(notes, humanize.Comma(n)+" "+text)
		}
	}
	add(c.untimed, "events have no timestamp: they are in the sums, and not in what is over time.")
	add(c.series.left, "events have timestamps that are years away from those of the others: they are not in what is over time.")
	if c.calls && f.Counts != nil {
		n := f.Counts
		notes = append(notes,
			"A call is answered if an answer was seen. ASR is the answered calls of those that are over and of which it is known whether they were answered; ACD is the time from answer to end; PDD the time from start to ring, or to the answer if that is earlier. A figure of fewer than 20 calls is not shown.")
		add(n.Partial, "calls began before the events did: they are in no figure.")
		add(n.Lost, "calls without an answer have no end: they are unknown, and in no figure.")
		add(n.Doubtful, "calls without an answer were up while events were missing: they are unknown, and in no figure.")
		if len(f.Guesses) > 0 {
			var shown []string
			for _, g := range f.Guesses[:min(len(f.Guesses), 20)] {
				shown = append(shown, safe.String(bounded(g)))
			}
			notes = append(notes, "These meanings are guessed from names, so what rests on them may be wrong: "+strings.Join(shown, ", ")+". --map says what names mean.")
		}
	}
	return append(notes, "Times are those of the events, in the time zone "+c.location.String()+".")
}

// callTable is a list of calls for the template.
type callTable struct {
	Columns []string
	Rows    [][]string
}

// SlowestTable and FailedTable return the lists with their columns.
func (p *page) SlowestTable() callTable { return callTable{p.SlowestColumns, p.Slowest} }

// FailedTable is for the calls that were not answered.
func (p *page) FailedTable() callTable { return callTable{p.FailedColumns, p.Failed} }
