package enswitchtest

import (
	"cmp"
	"fmt"
	"time"
)

// ShapeKind says how the load of a [Generator] goes up and down.
type ShapeKind uint8

// The shapes of load.
const (
	// Constant load is the rate at all times.
	Constant ShapeKind = iota
	// Ramp grows evenly from the rate to Peak times the rate over the first
	// Period, and stays there.
	Ramp
	// Burst is Peak times the rate in the last tenth of each Period, and the
	// rate otherwise.
	Burst
	// Storm is what follows when a machine fails: in the last tenth of each
	// Period an Asterisk machine is seen to go down and phones register again,
	// so many that the load is Peak times the rate.
	Storm
)

var shapeNames = [...]string{Constant: "constant", Ramp: "ramp", Burst: "burst", Storm: "storm"}

// String is the name in lower case.
func (k ShapeKind) String() string { return shapeNames[k] }

// MarshalText is String.
func (k ShapeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText takes what String gives.
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
	// Period is one minute if zero. At least a second.
	Period time.Duration
	// Peak is how many times the rate the load is at its highest, 10 if zero.
	Peak int
}

// parts is into how many parts of the same load a period is divided.
const parts = 100

// set fills in the defaults.
func (s *Shape) set() {
	s.Period = max(cmp.Or(s.Period, time.Minute), time.Second)
	s.Peak = max(cmp.Or(s.Peak, 10), 1)
}

// high reports whether a burst or a storm goes on, and the number of its period.
func (s *Shape) high(at time.Duration) (number int64, ok bool) {
	return int64(at / s.Period), at%s.Period >= s.Period/10*9
}

// arrivals is how many times as often things begin at the given time, in
// thousandths. Whole numbers are the same on every machine.
func (s *Shape) arrivals(at time.Duration) int64 {
	peak := int64(s.Peak-1) * 1000
	switch _, high := s.high(at); {
	case s.Kind == Ramp:
		part := min(int64(at/(s.Period/parts)), parts)
		return 1000 + peak*part/parts
	case s.Kind == Burst && high:
		return 1000 + peak
	case s.Kind == Storm && high:
		return 1000 + int64(float64(peak)*perArrival) // a registration is one event
	}
	return 1000
}

// after is when something begins that would begin gap after at if the load were
// constant.
func (s *Shape) after(at, gap time.Duration) time.Duration {
	if s.Kind == Constant {
		return at + gap
	}
	slice := s.Period / parts
	for {
		times := s.arrivals(at)
		end := at - at%slice + slice
		room := (end - at) / 1000 * time.Duration(times)
		if gap <= room {
			return at + gap*1000/time.Duration(times)
		}
		gap -= room
		at = end
	}
}
