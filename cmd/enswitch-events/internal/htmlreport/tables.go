package htmlreport

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// machines returns the rows of the machines.
func (m *maker) machines() (rows []machineRow) {
	for i := range m.Machines {
		if i == maxMachines {
			return append(rows, machineRow{Name: fmt.Sprintf("%d more", len(m.Machines)-i)})
		}
		v := &m.Machines[i]
		part := 100 * float64(v.Events) / float64(max(m.Events, 1))
		s := v.Calls.Summary()
		rows = append(rows, machineRow{
			Name: shown(v.Name, "none named"), Events: humanize.Comma(v.Events), Part: round(part), Share: fmt.Sprintf("%.1f %%", part),
			Calls: humanize.Comma(v.Calls.Attempts), ASR: percent(s.ASR), PDD: seconds(s.PDD50),
		})
	}
	return rows
}

// week returns the events by weekday, Monday first, and hour. It is nil if they are all of one
// hour.
func (m *maker) week() *week {
	most, some := int64(0), 0
	for _, day := range m.Week {
		for _, h := range day {
			if most = max(most, h.Events); h.Events > 0 {
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
		for x, v := range m.Week[day] {
			h := hour{X: x, Y: y, Count: humanize.Comma(v.Events), Text: fmt.Sprintf("%s %02d:00: %s events, %s calls", day, x, humanize.Comma(v.Events), humanize.Comma(v.Attempts))}
			if v.Events > 0 {
				h.Opacity = math.Round(100*(0.08+0.92*float64(v.Events)/float64(most))) / 100
			}
			d.Hours = append(d.Hours, h)
		}
		w.Days = append(w.Days, d)
	}
	return w
}

// calls adds the lists of calls.
func (m *maker) calls(p *page) {
	cells := func(row *call.Row, what string) []string {
		return []string{m.time(row.Begin, "2 Jan 15:04:05"), what, shown(row.From, unknown), shown(row.To, unknown), shown(row.CallID, unknown)}
	}
	p.Slowest.Columns = []string{"began", "PDD", "from", "to", "call"}
	for _, row := range m.Slowest {
		p.Slowest.Rows = append(p.Slowest.Rows, cells(row, spell(row.PDD)))
	}
	p.Failed.Columns = []string{"began", "cause", "from", "to", "call"}
	for _, row := range m.Failed {
		cause := shown(row.Cause, unknown)
		if row.State == call.Lost {
			cause = "no end came"
		}
		p.Failed.Rows = append(p.Failed.Rows, cells(row, cause))
	}
	total := int64(0)
	for _, c := range m.Causes {
		total += c.Calls
	}
	for _, c := range m.Causes {
		p.Causes = append(p.Causes, share{shown(c.Text, "no cause"), humanize.Comma(c.Calls), round(100 * float64(c.Calls) / float64(total))})
	}
}

// notes returns what a reader must know.
func (m *maker) notes() (notes []string) {
	if n := m.Calls; !n.Empty() {
		notes = append(notes, "A call is answered if an answer was seen. ASR is the answered calls of those that are over and of which it is known whether they were answered; "+
			"ACD is the time from the answer to the end; PDD the time from the start to the ring, or to the answer if that is earlier. A figure of fewer than 20 calls is not shown.")
		for _, v := range []struct {
			n    int64
			text string
		}{
			{n.Partial, "calls began before the events did: they are in no figure."},
			{n.Lost, "calls without an answer have no end: they are unknown, and in no figure."},
			{n.Doubtful, "calls without an answer were up while events were missing: they are unknown, and in no figure."},
		} {
			if v.n > 0 {
				notes = append(notes, humanize.Comma(v.n)+" "+v.text)
			}
		}
		if m.Guessed {
			notes = append(notes, "* rests on meanings that are guessed from the names of events and fields: --map says what they mean.")
		}
	}
	return append(notes, "Times are those of the events, in the time zone "+time.UnixMicro(m.To).In(m.zone).Format("MST")+".")
}
