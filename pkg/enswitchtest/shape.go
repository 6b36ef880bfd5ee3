package enswitchtest

import (
	"cmp"
	"fmt"
	"time"
)

// ShapeKind is the way in which the load of a [Generator] goes up and down.
type ShapeKind uint8

// The shapes of load.
const (
	// Constant is the rate at all times.
	Constant ShapeKind = iota
	// Ramp grows evenly from the rate to Peak times the rate over the first Period,
	// and stays there.
	Ramp
	// Burst is Peak times the rate in the last tenth of each Period, otherwise the
	// rate.
	Burst
	// Storm is what follows the failure of a machine: in the last tenth of each Period
	// an Asterisk machine goes down and phones register again, so many that the load
	// is Peak times the rate.
	Storm
)

var shapeNames = [...]string{Constant: "constant", Ramp: "ramp", Burst: "burst", Storm: "storm"}

// String returns the name in lower case.
func (k ShapeKind) String() string { return shapeNames[k] }

// MarshalText returns the same as String.
func (k ShapeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name that String returns.
func (k *ShapeKind) UnmarshalText(text []byte) error {
	for i, name := range shapeNames {
		if string(text) == name {
			*k = ShapeKind(i)
			return nil
		}
	}
	return fmt.Errorf("there is no shape %q: it is constant, ramp, burst or storm", text)
}

// Shape is how the load goes up and down in event time.
type Shape struct {
	Kind ShapeKind
	// Period is at least a second; one minute if zero.
	Period time.Duration
	// Peak is the highest load, as a multiple of the rate; 10 if zero.
	Peak int
}

// slicesPerPeriod is the number of parts of a period within which the load does not change.
const slicesPerPeriod = 100

// setDefaults fills in the defaults.
func (s *Shape) setDefaults() {
	s.Period = max(cmp.Or(s.Period, time.Minute), time.Second)
	s.Peak = max(cmp.Or(s.Peak, 10), 1)
}

// high reports whether at is in the part of a period for bursts and storms, and returns
// the number of the period.
func (s *Shape) high(at time.Duration) (number int64, ok bool) {
	return int64(at / s.Period), at%s.Period >= s.Period/10*9
}

// rateFactor is the arrival rate ÷ the base rate × 1000. Whole numbers are the same on
// every machine.
func (s *Shape) rateFactor(at time.Duration) int64 {
	peak := int64(s.Peak-1) * 1000
	switch _, high := s.high(at); {
	case s.Kind == Ramp:
		n := min(int64(at/(s.Period/slicesPerPeriod)), slicesPerPeriod)
		return 1000 + peak*n/slicesPerPeriod
	case s.Kind == Burst && high:
		return 1000 + peak
	case s.Kind == Storm && high:
		return 1000 + int64(float64(peak)*perArrival) // a registration is one event
	}
	return 1000
}

// after returns the time of an arrival that would be at+gap if the load were constant.
func (s *Shape) after(at, gap time.Duration) time.Duration {
	if s.Kind == Constant {
		return at + gap
	}
	slice := s.Period / slicesPerPeriod
	for {
		factor := s.rateFactor(at)
		end := at - at%slice + slice
		room := (end - at) / 1000 * time.Duration(factor)
		if gap <= room {
			return at + gap*1000/time.Duration(factor)
		}
		gap -= room
		at = end
	}
}
