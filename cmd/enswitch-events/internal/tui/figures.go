package tui

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// figures are the figures of the calls since the screen began.
type figures struct {
	counts  *call.Counts
	summary call.Summary
	samples []sample
}

// sample is how many calls had begun at a time of the feed, in microseconds since 1970.
type sample struct{ at, calls int64 }

// rateTime is the time over which calls a second are counted, by the clock of the feed.
const rateTime = int64(10 * time.Second / time.Microsecond)

// update takes new counts.
func (f *figures) update(i *call.Interval) {
	f.counts, f.summary = i.Total, i.Total.Summary()
	if i.From == 0 || i.To == 0 { // no event had a timestamp yet
		return
	}
	if len(f.samples) == 0 {
		f.samples = append(f.samples, sample{i.From, 0})
	}
	f.samples = append(f.samples, sample{i.To, f.counts.Attempts})
	n := 0
	for n < len(f.samples)-2 && f.samples[n+1].at <= i.To-rateTime {
		n++
	}
	f.samples = append(f.samples[:0], f.samples[n:]...)
}

// rate returns how many calls began a second in the last rateTime; false if that is not known
// yet.
func (f *figures) rate() (perSecond float64, ok bool) {
	if len(f.samples) < 2 {
		return 0, false
	}
	first, last := f.samples[0], f.samples[len(f.samples)-1]
	if last.at-first.at < 1_000_000 {
		return 0, false
	}
	return float64(last.calls-first.calls) * 1e6 / float64(last.at-first.at), true
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
	if perSecond, ok := m.figures.rate(); ok {
		rate = fmt.Sprintf("%.1f", perSecond)
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
