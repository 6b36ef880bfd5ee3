package metrics

import (
	"sync"
	"time"
)

// bounds returns the upper bounds of the buckets of a histogram, in seconds.
func bounds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// Histogram counts durations by the value of one label. It is safe for concurrent use.
type Histogram struct {
	name, help, label string

	mu sync.Mutex
	by map[string]*durations
}

// durations are those of one value of the label.
type durations struct {
	buckets []int64 // how many are in each bucket, and no other; the last is for what no bound holds
	seconds float64 // all together
}

// NewHistogram returns a histogram without durations.
func NewHistogram(name, help, label string) *Histogram {
	return &Histogram{name: name, help: help, label: label, by: map[string]*durations{}}
}

// Of returns a function that counts a duration for a value of the label. The value is on the
// page from now on, with 0 as long as nothing is counted.
func (h *Histogram) Of(value string) func(time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.by[value]
	if !ok {
		d = &durations{buckets: make([]int64, len(bounds())+1)}
		h.by[value] = d
	}
	limits := bounds()
	return func(took time.Duration) {
		h.mu.Lock()
		defer h.mu.Unlock()
		i := 0
		for i < len(limits) && took.Seconds() > limits[i] {
			i++
		}
		d.buckets[i]++
		d.seconds += took.Seconds()
	}
}

// Collect adds the histogram to a page.
func (h *Histogram) Collect(p *Page) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for value, d := range h.by {
		lines, sum := "", int64(0)
		for i, n := range d.buckets {
			sum += n // a bucket of the page has what is in those before it, too
			bound := "+Inf"
			if limits := bounds(); i < len(limits) {
				bound = number(limits[i])
			}
			lines += line(h.name+"_bucket", labels(h.label, value, "le", bound), float64(sum))
		}
		label := labels(h.label, value)
		lines += line(h.name+"_sum", label, d.seconds) + line(h.name+"_count", label, float64(sum))
		p.family(h.name, h.help, "histogram").lines[label] = lines
	}
}
