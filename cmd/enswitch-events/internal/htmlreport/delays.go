package htmlreport

import "math"

// The steps of delays: perOctave for each doubling from least on. A percentile is within
// 3 % of the true one, which is less than a line is wide.
const (
	perOctave = 24
	octaves   = 28
	least     = 0.001 // seconds
)

// delays is a histogram of post-dial delays.
type delays struct{ n [perOctave * octaves]int32 }

// add adds n calls with that delay in seconds.
func (d *delays) add(seconds float64, n int32) { d.n[step(seconds)] += n }

func step(seconds float64) int {
	if !(seconds > least) {
		return 0
	}
	return min(int(math.Log2(seconds/least)*perOctave), perOctave*octaves-1)
}

// percentile returns the delay at the rank p, from 0 to 1, by nearest rank; false if there
// are fewer calls than a figure needs.
func (d *delays) percentile(p float64) (seconds float64, known bool) {
	if d == nil {
		return 0, false
	}
	total := int64(0)
	for _, n := range d.n {
		total += int64(n)
	}
	if total < minSample {
		return 0, false
	}
	rank, below := int64(math.Ceil(p*float64(total))), int64(0)
	for i, n := range d.n {
		if below += int64(n); below >= rank {
			return least * math.Exp2((float64(i)+0.5)/perOctave), true
		}
	}
	return 0, false
}
