package htmlreport

import (
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/stats"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// widths are the lengths of the buckets of a chart, in seconds.
var widths = []int64{60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800, 4 * 604800, 26 * 604800} //nolint:gochecknoglobals // a table that nothing changes

// maxShown bounds the buckets of a chart.
const maxShown = 120

// series is buckets of one length, one after the other.
type series struct {
	width   int64 // seconds
	offset  int64 // of the time zone, in seconds: days begin with a bucket
	from    int64 // the number of the first bucket: its time in the zone divided by width
	buckets []bucket
}

// bucket is what happened in a time.
type bucket struct {
	events int64
	calls  *call.Counts
	asr    call.Figure
	pdd    [2]call.Figure // the median and the 95th percentile
}

// newSeries returns the spans as a series of at most maxShown buckets, each of at least that
// length in seconds. A span is in the bucket in which it begins. It is nil without a span.
func newSeries(spans []stats.Span, zone *time.Location, least int64) *series {
	if len(spans) == 0 {
		return nil
	}
	first, last := spans[0].From/1_000_000, spans[len(spans)-1].From/1_000_000
	_, offset := time.Unix(first, 0).In(zone).Zone()
	s := &series{offset: int64(offset)}
	n := int64(0)
	for _, s.width = range widths {
		s.from = s.number(first)
		if n = s.number(last) - s.from + 1; n <= maxShown && s.width >= least {
			break
		}
	}
	s.buckets = make([]bucket, min(n, maxShown))
	for i := range s.buckets {
		s.buckets[i].calls = &call.Counts{}
	}
	for _, span := range spans {
		at := s.number(span.From/1_000_000) - s.from
		if at >= int64(len(s.buckets)) {
			continue
		}
		b := &s.buckets[at]
		b.events += span.Events
		b.calls.Add(span.Calls)
	}
	for i := range s.buckets {
		b := &s.buckets[i]
		summary := b.calls.Summary()
		b.asr, b.pdd = summary.ASR, [2]call.Figure{summary.PDD50, summary.PDD95}
	}
	return s
}

// fair returns the spans as a series with buckets long enough that most of those with calls
// have enough calls for a figure, or nil if there is no such length.
func fair(spans []stats.Span, zone *time.Location) *series {
	var best *series
	for least := int64(0); ; {
		s := newSeries(spans, zone, least)
		if s == nil {
			return nil
		}
		some, enough := 0, 0
		for i := range s.buckets {
			if s.buckets[i].asr.N > 0 {
				some++
			}
			if s.buckets[i].asr.Known() {
				enough++
			}
		}
		if enough > 0 {
			best = s
		}
		if enough > 0 && 3*enough >= 2*some || len(s.buckets) < 4 || s.width == widths[len(widths)-1] {
			return best
		}
		least = s.width + 1
	}
}

// number returns the number of the bucket of a second since 1970.
func (s *series) number(second int64) int64 {
	second += s.offset
	if second < 0 {
		second -= s.width - 1
	}
	return second / s.width
}

// begin returns when bucket i begins, in seconds since 1970.
func (s *series) begin(i int) int64 { return (s.from+int64(i))*s.width - s.offset }
