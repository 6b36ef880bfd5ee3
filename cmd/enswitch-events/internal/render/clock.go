package render

import (
	"strconv"
	"time"
)

// second is one second as text. It is kept because most events share it with the
// event before.
type second struct {
	unix int64
	set  bool
	day  [10]byte // 2006-01-02
	hms  [8]byte  // 15:04:05
	zone [6]byte  // Z or +07:00
	zlen int
}

func (s *second) at(unix int64, loc *time.Location) {
	if s.set && s.unix == unix {
		return
	}
	t := time.Unix(unix, 0).In(loc)
	s.unix, s.set = unix, true
	t.AppendFormat(s.day[:0], "2006-01-02")
	t.AppendFormat(s.hms[:0], "15:04:05")
	s.zlen = len(t.AppendFormat(s.zone[:0], "Z07:00"))
}

// clock writes the time column. It remembers the last event for the difference and
// for a new day.
type clock struct {
	style string
	loc   *time.Location
	event second
	now   second
	day   [10]byte // of the last time shown, zero before the first
	last  int64    // microseconds, of the last event
	began bool
	shown bool // a time was shown that depends on day or last
}

// append appends the time usec, in microseconds, of an event received at received.
// own is false if the event has no time of its own and usec is the time of receipt:
// then a ~ follows.
func (c *clock) append(dst []byte, usec int64, own bool, received time.Time) []byte {
	switch c.style {
	case "unix":
		dst = strconv.AppendInt(dst, usec/1_000_000, 10)
		dst = appendFraction(dst, usec, 6)
	case "delta":
		dst = c.appendDelta(dst, usec)
		c.shown = true
	case "rfc3339":
		c.event.at(usec/1_000_000, c.loc)
		dst = append(dst, c.event.day[:]...)
		dst = append(dst, 'T')
		dst = append(dst, c.event.hms[:]...)
		dst = appendFraction(dst, usec, 6)
		dst = append(dst, c.event.zone[:c.event.zlen]...)
	default:
		c.event.at(usec/1_000_000, c.loc)
		dst = c.appendDay(dst, received)
		c.shown = true
		dst = append(dst, c.event.hms[:]...)
		dst = appendFraction(dst, usec, 3)
	}
	c.last, c.began = usec, true
	if !own {
		dst = append(dst, '~')
	}
	return dst
}

// appendWhole writes the time usec with its date, whatever came before.
func (c *clock) appendWhole(dst []byte, usec int64) []byte {
	if c.style == "unix" || c.style == "rfc3339" {
		return c.append(dst, usec, true, time.Time{})
	}
	c.event.at(usec/1_000_000, c.loc)
	dst = append(append(dst, c.event.day[:]...), ' ')
	return appendFraction(append(dst, c.event.hms[:]...), usec, 6)
}

// appendNone writes the time column of an event that has no time and was not
// received: a - and blanks, one of them instead of the ~.
func (c *clock) appendNone(dst []byte) []byte {
	columns := len("2006-01-02 15:04:05.000")
	switch c.style {
	case "unix":
		columns = len("1234567890.123456")
	case "delta":
		columns = len("   +0.000")
	case "rfc3339":
		// Not the one of the event before, which may have been mapped on another core.
		columns = len(time.Now().In(c.loc).Format("2006-01-02T15:04:05.000000Z07:00"))
	}
	dst = append(dst, '-')
	for range columns {
		dst = append(dst, ' ')
	}
	return dst
}

// appendDay writes the date where the time alone would mislead: of an event
// that is not of the day it was received on, and of the first of a new day.
func (c *clock) appendDay(dst []byte, received time.Time) []byte {
	day := &c.event.day
	same := c.day == [10]byte{} || c.day == *day
	c.day = *day
	if received.IsZero() {
		return append(append(dst, day[:]...), ' ')
	}
	c.now.at(received.Unix(), c.loc)
	switch today := &c.now.day; {
	case same && *today == *day:
		return dst
	case [4]byte(today[:4]) == [4]byte(day[:4]):
		return append(append(dst, day[5:]...), ' ')
	}
	return append(append(dst, day[:]...), ' ')
}

// appendDelta writes the seconds since the event before.
func (c *clock) appendDelta(dst []byte, usec int64) []byte {
	delta := int64(0)
	if c.began {
		// Each rounded by itself, so that the differences add up.
		delta = usec/1000 - c.last/1000
	}
	sign := byte('+')
	if delta < 0 {
		sign, delta = '-', -delta
	}
	for limit := int64(1000_000); delta < limit && limit >= 10_000; limit /= 10 {
		dst = append(dst, ' ')
	}
	dst = append(dst, sign)
	dst = strconv.AppendInt(dst, delta/1000, 10)
	return appendFraction(dst, delta*1000, 3)
}

// appendFraction writes a point and the first digits decimals of usec, 3 or 6.
func appendFraction(dst []byte, usec int64, digits int) []byte {
	n := uint32(usec % 1_000_000)
	ms, us := n/1000, n%1000
	dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	if digits > 3 {
		dst = append(dst, byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
	}
	return dst
}
