package tui

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// figures are the figures of the calls since the screen began.
type figures struct {
	counts    *call.Counts
	summary   call.Summary
	perSecond float64 // calls that began, in the last seconds; negative if it is not known
}

// update takes new figures.
func (f *figures) update(i *call.Interval, perSecond float64) {
	f.counts, f.summary, f.perSecond = i.Total, i.Total.Summary(), perSecond
}

// figureParts returns the parts of the second line. A figure of too few calls is -.
func (m *model) figureParts() []string {
	c := m.figures.counts
	if c == nil {
		return []string{""}
	}
	mark := func(names ...call.Kind) string {
		for _, k := range names {
			if m.guessed[k.String()] {
				return guessSign
			}
		}
		return ""
	}
	rate := "-"
	if m.figures.perSecond >= 0 {
		rate = fmt.Sprintf("%.1f", m.figures.perSecond)
	}
	asr, pdd := m.figures.summary.ASR, m.figures.summary.PDD95
	return []string{
		fmt.Sprintf("calls %s now, %s at most", humanize.Comma(c.Concurrent), humanize.Comma(c.ConcurrentMax)),
		rate + "/s",
		fmt.Sprintf("ASR%s %s n=%s", mark(call.Answer, call.End), figure(asr, func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) }), humanize.Comma(asr.N)),
		fmt.Sprintf("PDD%s p95 %s n=%s", mark(call.Ring, call.Answer), figure(pdd, func(v float64) string { return fmt.Sprintf("%.1fs", v) }), humanize.Comma(pdd.N)),
	}
}

// figure writes a figure, - for one of too few calls.
func figure(f call.Figure, write func(float64) string) string {
	if !f.Known() {
		return "-"
	}
	return write(f.Value)
}
