package call

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counts are what the figures of a group of calls in an interval rest on. [Figures] makes
// them. They can be added up.
type Counts struct {
	// Attempts are the calls that began, Partial those whose beginning is missing, which
	// count nowhere else.
	Attempts, Partial int64
	// Decided are the calls that are over and of which it is known whether they were
	// answered, Answered those that were. Lost and Doubtful ones that were answered are
	// among them; the others are counted in Lost and Doubtful.
	Decided, Answered int64
	Lost, Doubtful    int64
	// Concurrent is how many calls were up at the end of the interval. ConcurrentMax is the
	// highest number in it, first reached at ConcurrentMaxAt, in microseconds since 1970.
	Concurrent, ConcurrentMax, ConcurrentMaxAt int64
	// CPSMax is the highest number of calls that began in one second.
	CPSMax int64

	effectiveOf int64 // decided calls of which it is known whether they were effective
	effective   int64
	causeless   bool  // no call had a cause until then, so that there is no NER
	talks       int64 // calls
	talk        int64 // of all of them, in microseconds
	upTime      int64 // of all calls, in microseconds
	length      int64 // of the interval, in microseconds
	pdd         *hdrhistogram.PackedHistogram
}

// maxPDD bounds the post-dial delays, in microseconds: longer ones count as this.
const maxPDD = 24 * 3600 * 1_000_000

// result is what has become of a call that is over.
type result struct {
	decided, answered, lost bool
	effective               effect
	pdd, talk               int64 // microseconds, -1 for unknown
}

// resultOf returns the result of a call that is over.
func resultOf(c *Call, ner bool) result {
	r := result{answered: c.Answered(), lost: c.state == Lost, pdd: -1, talk: -1}
	r.decided = r.answered || !r.lost && !c.doubt
	if !r.decided {
		return r
	}
	micros := func(seconds float64, ok bool) int64 {
		if !ok {
			return -1
		}
		return int64(math.Round(seconds * 1e6))
	}
	r.pdd, r.talk = micros(c.PDD()), micros(c.Talk())
	switch {
	case !ner:
	case r.answered:
		r.effective = effective
	default:
		r.effective = effectOf(c.Text(Cause), c.ring.json != nil)
	}
	return r
}

// add adds n calls with that result.
func (c *Counts) add(r *result, n int64) {
	switch {
	case r.decided:
		c.Decided += n
	case r.lost:
		c.Lost += n
	default:
		c.Doubtful += n
	}
	if r.answered {
		c.Answered += n
	}
	switch r.effective {
	case effective:
		c.effective += n
		c.effectiveOf += n
	case ineffective:
		c.effectiveOf += n
	}
	if r.talk >= 0 {
		c.talks += n
		c.talk += n * r.talk
	}
	if r.pdd >= 0 {
		c.addPDD(min(r.pdd, maxPDD), n)
	}
}

// addPDD adds n calls with that post-dial delay, in microseconds. With n -1 it takes away one
// that was added.
func (c *Counts) addPDD(pdd, n int64) {
	if c.pdd == nil {
		c.pdd = newPDD()
	}
	if n > 0 {
		_ = c.pdd.RecordValues(pdd, n) // fails beyond maxPDD only
		return
	}
	bucket := int64(0)
	for value := range c.pdd.ForEachBucket {
		if value <= pdd {
			bucket = value
		}
	}
	less := newPDD()
	for value, count := range c.pdd.ForEachBucket {
		if value == bucket {
			count += n
		}
		_ = less.RecordValues(value, count)
	}
	c.pdd = less
}

func newPDD() *hdrhistogram.PackedHistogram { return hdrhistogram.NewPacked(1, maxPDD, 3) }

// span counts calls that were up for a time.
func (c *Counts) span(from, to, up int64) {
	c.upTime += up * (to - from)
	if up > c.ConcurrentMax {
		c.ConcurrentMax, c.ConcurrentMaxAt = up, from
	}
}

// clone returns a copy.
func (c *Counts) clone() *Counts {
	clone := *c
	if c.pdd != nil {
		clone.pdd = c.pdd.Clone()
	}
	return &clone
}

// SetSpan sets the time that the counts are of, in microseconds since 1970. It is needed after
// Add of intervals between which others were left out.
func (c *Counts) SetSpan(from, to int64) { c.length = max(to-from, 0) }

// Empty reports whether no call counts, and none was up.
func (c *Counts) Empty() bool {
	return c.Attempts == 0 && c.Partial == 0 && c.Decided == 0 && c.Lost == 0 && c.Doubtful == 0 && c.ConcurrentMax == 0
}

// Add adds up counts: of other calls in the same interval, or of the interval that
// follows. The highest numbers of calls that are up at once and that begin in a second do
// not add up: the higher one of the two counts. For other calls of the same interval the
// true one may be higher: see Interval.Total.
func (c *Counts) Add(other *Counts) {
	c.Attempts += other.Attempts
	c.Partial += other.Partial
	c.Decided += other.Decided
	c.Answered += other.Answered
	c.Lost += other.Lost
	c.Doubtful += other.Doubtful
	c.Concurrent = other.Concurrent
	if other.ConcurrentMax > c.ConcurrentMax {
		c.ConcurrentMax, c.ConcurrentMaxAt = other.ConcurrentMax, other.ConcurrentMaxAt
	}
	c.CPSMax = max(c.CPSMax, other.CPSMax)
	c.effectiveOf += other.effectiveOf
	c.effective += other.effective
	c.causeless = c.causeless && other.causeless
	c.talks += other.talks
	c.talk += other.talk
	c.upTime += other.upTime
	c.length += other.length
	if other.pdd != nil {
		if c.pdd == nil {
			c.pdd = newPDD()
		}
		c.pdd.Merge(other.pdd)
	}
}
