package htmlreport

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/stats"
)

// chart is a drawing over time. Its shapes are in an SVG that is stretched to the width of the
// page; its texts are beside it, so that they can be read on any width.
type chart struct {
	ID          string
	Title, Desc string
	Width       int // of the drawing: the number of buckets
	Bands       []band
	Bars, Lines []shape
	Y, X        []tick
	Legend      []key
	Empty       string // why there is nothing to draw
}

// shape is a path with the class of its style.
type shape struct{ Class, D string }

// band marks a time from which events are missing.
type band struct{ X, Width float64 }

// tick is a text at a place from 0 to 100. Minor ones are left out where there is little
// room.
type tick struct {
	At        float64
	Text, Day string
	Minor     bool
}

// Up returns the place, counted from the top.
func (t tick) Up() float64 { return 100 - t.At }

// key is a line of a legend.
type key struct{ Class, Text, Value string }

// height is that of a drawing.
const height = 100

// newChart returns a chart without a shape, whose values go up to most.
func newChart(id, title string, s *series, zone *time.Location, gaps []stats.Gap, most float64, text func(float64) string) (*chart, float64) {
	c := &chart{ID: id, Title: title, Width: len(s.buckets), X: timeTicks(s, zone)}
	step := niceStep(most / 4)
	top := math.Max(math.Ceil(most/step-1e-9), 1) * step
	for v := 0.0; v <= top*1.0001; v += step {
		c.Y = append(c.Y, tick{At: 100 * v / top, Text: text(v)})
	}
	begin, width := float64(s.begin(0)), float64(s.width)
	for _, g := range gaps {
		from := math.Max((float64(g.From)/1e6-begin)/width, 0)
		to := math.Min((float64(g.To)/1e6-begin)/width, float64(c.Width))
		if g.From > 0 && to > from {
			c.Bands = append(c.Bands, band{round(from), round(math.Max(to-from, float64(c.Width)/300))})
		}
	}
	return c, top
}

func round(f float64) float64 { return math.Round(f*100) / 100 }

// niceStep returns the least of 1, 2 and 5 times a power of ten that is not below f.
func niceStep(f float64) float64 {
	if !(f > 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= f*0.9999 {
			return m * power
		}
	}
	return 10 * power
}

// count returns the text of a number on an axis.
func count(f float64) string {
	if f != math.Trunc(f) {
		return ""
	}
	if f >= 10_000 {
		return humanize.SIWithDigits(f, 1, "")
	}
	return humanize.Comma(int64(f))
}

// stack adds bars that stand on each other: values has those of each bucket, the lowest bar
// first.
func (c *chart) stack(classes []string, top float64, values func(bucket, bar int) int64) {
	base := make([]float64, c.Width)
	gap := 0.0
	if c.Width <= 60 {
		gap = 0.1
	}
	for bar, class := range classes {
		var d []byte
		for i := range c.Width {
			v := values(i, bar)
			if v <= 0 {
				continue
			}
			h := height * float64(v) / top
			d = append(strconv.AppendFloat(append(d, 'M'), float64(i)+gap, 'g', 5, 64), ' ')
			d = strconv.AppendFloat(d, round(height-base[i]), 'g', 5, 64)
			d = strconv.AppendFloat(append(d, 'v'), -round(h), 'g', 5, 64)
			d = strconv.AppendFloat(append(d, 'h'), 1-2*gap, 'g', 3, 64)
			d = strconv.AppendFloat(append(d, 'v'), round(h), 'g', 5, 64)
			d = append(d, 'z')
			base[i] += h
		}
		c.Bars = append(c.Bars, shape{class, string(d)})
	}
}

// line adds a line. Where a value is not known it has a hole.
func (c *chart) line(class string, top float64, value func(bucket int) (float64, bool)) {
	var d []byte
	drawn := false
	for i := range c.Width {
		v, known := value(i)
		if !known {
			drawn = false
			continue
		}
		y := round(height - height*v/top)
		if drawn {
			d = strconv.AppendFloat(append(d, 'V'), y, 'g', 5, 64)
		} else {
			d = strconv.AppendFloat(append(strconv.AppendInt(append(d, 'M'), int64(i), 10), ' '), y, 'g', 5, 64)
		}
		d = append(d, "h1"...)
		drawn = true
	}
	c.Lines = append(c.Lines, shape{class, string(d)})
}

// timeTicks returns up to six places on the axis of time, at round times.
func timeTicks(s *series, zone *time.Location) (ticks []tick) {
	const most = 6
	n := int64(len(s.buckets))
	step := s.width
	for _, w := range widths {
		if step = w; w >= s.width && w%s.width == 0 && n*s.width <= most*w {
			break
		}
	}
	format := "15:04"
	day := ""
	for i := range int(n) {
		begin := s.begin(i)
		if (begin+s.offset)%step != 0 {
			continue
		}
		at := time.Unix(begin, 0).In(zone)
		t := tick{At: 100 * float64(i) / float64(n), Text: at.Format(format), Minor: len(ticks)%2 == 1}
		if step >= 86400 {
			t.Text = at.Format("2 Jan")
		} else if d := at.Format("2 Jan"); d != day {
			t.Day, day = d, d
		}
		if t.At <= 96 {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// interval names a length of time, as in "events each minute".
func interval(seconds int64) string {
	for _, u := range []struct {
		seconds int64
		name    string
	}{{604800, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}} {
		if seconds%u.seconds == 0 {
			if n := seconds / u.seconds; n > 1 {
				return fmt.Sprintf("%d %ss", n, u.name)
			}
			return u.name
		}
	}
	return ""
}
