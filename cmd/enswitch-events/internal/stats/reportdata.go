package stats

import (
	"cmp"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// ReportData returns what Options.Report has collected. It is for after the run.
func (s *Sink) ReportData() *ReportData {
	r := s.o.Report
	d := &ReportData{
		From: s.windows.first, To: s.windows.last, Events: s.windows.total, Calls: r.total, Week: r.week,
		Slowest: r.slowest, Failed: slices.Clone(r.failed), Gaps: r.gaps, MoreGaps: r.moreGaps, Guessed: s.guesses.Any(),
	}
	slices.Reverse(d.Failed)
	for text, n := range r.causes {
		if n > 0 {
			d.Causes = append(d.Causes, Cause{text, n})
		}
	}
	slices.SortFunc(d.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Text, b.Text))
	})
	d.Causes = d.Causes[:min(len(d.Causes), maxCauses)]
	for _, m := range s.machines.inOrder() {
		data := MachineData{Name: m.text, Events: m.n, Calls: &call.Counts{}}
		if i, ok := r.machines[m.text]; ok && i < len(r.by) {
			data.Calls = r.by[i]
		}
		d.Machines = append(d.Machines, data)
	}
	d.Spans = r.spans()
	return d
}

// spans returns the equal parts of the time.
func (r *Report) spans() (all []Span) {
	for r.events.n != nil && r.events.width < r.width {
		r.events.coarsen()
	}
	for r.width < r.events.width {
		r.coarsen()
	}
	from, to, any := r.events.from, r.events.to, r.events.n != nil
	for at := range r.calls {
		if !any {
			from, to, any = at, at, true
		}
		from, to = min(from, at), max(to, at)
	}
	for any && to-from >= maxSpans {
		r.events.coarsen()
		r.coarsen()
		from, to = from/2, to/2
	}
	width := r.width * 1_000_000
	for at := from; any && at <= to; at++ {
		span := Span{From: at * width, To: (at + 1) * width, Events: r.events.n[at], Calls: r.calls[at]}
		if span.Calls == nil {
			span.Calls = (&call.Interval{From: span.From, To: span.To}).Group(0)
		}
		all = append(all, span)
	}
	return all
}
