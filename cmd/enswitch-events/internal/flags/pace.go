package flags

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Pace is the pflag value of a speed or a rate: a number above 0, or max, which is infinite.
type Pace struct {
	N    float64
	Unit string // may follow the number, and does when it is printed
	Name string // of the type
	Form string // how it is written, for the error
}

// Set parses text.
func (p *Pace) Set(text string) error {
	if text == "max" {
		p.N = math.Inf(1)
		return nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, p.Unit), 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return errors.New(p.Form)
	}
	p.N = n
	return nil
}

// String returns the pace as Set parses it.
func (p *Pace) String() string {
	if math.IsInf(p.N, 1) {
		return "max"
	}
	return strconv.FormatFloat(p.N, 'g', -1, 64) + p.Unit
}

// Type returns the name of the type.
func (p *Pace) Type() string { return p.Name }
