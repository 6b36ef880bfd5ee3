package call

import "math"

// MinSample is the number of calls below which a [Figure] says too little to be shown.
const MinSample = 20

// Figure is a figure and the number of calls that it rests on.
type Figure struct {
	Value float64
	N     int64
}

// Known reports whether the figure rests on at least MinSample calls.
func (f Figure) Known() bool { return f.N >= MinSample }

// Summary is the figures of Counts. A call is decided if it is over and it is known
// whether it was answered; a call that still runs, or whose beginning is missing, is in no
// figure, and one that was lost or doubtful only if it was answered.
type Summary struct {
	// ASR is the answer seizure ratio, from 0 to 1: answered calls of the decided ones
	// (ITU-T E.411, 3.2.1, and E.425: seizures that result in an answer signal, of all
	// seizures). A seizure is a call here, however many legs it has.
	ASR Figure
	// NER is the network effectiveness ratio, from 0 to 1: calls that were answered, or
	// not because of the person or the terminal that was called (busy, no answer,
	// rejected), of the decided ones whose cause says which it was (E.425). As long as no
	// call had a cause there is none: calls that were answered alone would make it 1.
	NER Figure
	// ACD is the average call duration in seconds: the time from the answer to the end of
	// answered calls (the mean conversation time of E.425, the average session duration
	// time of RFC 6076, 4.5).
	ACD Figure
	// PDD50, PDD95 and PDD99 are percentiles of the post-dial delay in seconds, by
	// nearest rank, within 0.1 %: the time from the start to the ring, or to the answer if
	// that is earlier (the session request delay of RFC 6076, 4.3, as far as events tell
	// it).
	PDD50, PDD95, PDD99 Figure
	// Erlang is the traffic intensity: the mean number of calls that were up (ITU-T
	// E.600, 2.16). A call is up from its start until all its legs have ended; a lost one
	// until its last event. It is NaN for an interval of no length.
	Erlang float64
}

// Summary returns the figures.
func (c *Counts) Summary() Summary {
	ratio := func(a, b int64) Figure {
		if b == 0 {
			return Figure{}
		}
		return Figure{float64(a) / float64(b), b}
	}
	s := Summary{
		ASR:    ratio(c.Answered, c.Decided),
		NER:    ratio(c.effective, c.effectiveOf),
		ACD:    ratio(c.talk, c.talks),
		Erlang: float64(c.upTime) / float64(c.length),
	}
	if c.causeless {
		s.NER = Figure{}
	}
	s.ACD.Value /= 1e6
	if c.length <= 0 {
		s.Erlang = math.NaN()
	}
	if c.pdd == nil {
		return s
	}
	n, below := c.pdd.TotalCount(), int64(0)
	percentiles := [...]struct {
		figure *Figure
		rank   int64
	}{{&s.PDD50, (n*50 + 99) / 100}, {&s.PDD95, (n*95 + 99) / 100}, {&s.PDD99, (n*99 + 99) / 100}}
	for value, count := range c.pdd.ForEachBucket {
		for _, p := range percentiles {
			if below < p.rank && p.rank <= below+count {
				*p.figure = Figure{float64(value) / 1e6, n}
			}
		}
		below += count
	}
	return s
}
