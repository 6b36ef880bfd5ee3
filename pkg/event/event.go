// Package event holds an Enswitch event and reads it without decoding it.
//
// An event is its original bytes: one JSON object, as messaged's websocket
// sends it or as package post makes it from a POSTed form. An [Index] finds the
// fields in those bytes in one strict pass and returns their values as slices of
// them.
//
// The vendor documents three fields that every event has: class, event and
// timestamp. New events and new fields appear without warning, so this package
// depends on no other name.
//
// The package imports the standard library only.
package event

import (
	"encoding/binary"
	"time"
)

// Event is one event as it was received.
type Event struct {
	// Raw is the event's bytes exactly as received, neither validated nor
	// repaired. The function that returns the Event says how long Raw stays valid.
	Raw []byte
	// Received is the time at which the read that delivered the event returned, by
	// the clock of this machine. Events that came with the same read share it.
	Received time.Time
	// Source names where the event came from: "ws://10.0.0.5:4875", the address of
	// the machine that POSTed it, or the name of a file. It never holds a key.
	Source string
}

// maxSeconds is the last second of the year 9999.
const maxSeconds = 253402300799

// Timestamp parses the text of an event's timestamp and returns it in microseconds
// since 1970. The feed has Unix time in seconds with a decimal point. A float64 is
// too small to hold a present-day time to the microsecond, hence the integer.
// Digits past the sixth decimal are cut off.
//
// Timestamp also takes what captures made elsewhere have, where that can mean one
// thing only:
//   - any other notation of the number that [ParseDecimal] knows, as
//     1.234567890123456E9;
//   - a whole number of 13, 16 or 19 digits, which is milliseconds, microseconds or
//     nanoseconds: as seconds it would be past the year 9999;
//   - RFC 3339, also with a blank for its T and without the colon in its zone. A
//     time without a zone is none.
//
// It reports false for anything else, and for times before 1970 and past the year
// 9999.
func Timestamp(text []byte) (usec int64, ok bool) {
	if usec, ok = feedTime(text); ok {
		return usec, true
	}
	if d, ok := ParseDecimal(text); ok {
		return numberTime(d)
	}
	return textTime(text)
}

// feedTime parses the notation of the feed, which is digits with a point.
func feedTime(text []byte) (usec int64, ok bool) {
	if len(text) == len("1234567890.123456") && text[10] == '.' {
		seconds, ok := eightDigits(binary.LittleEndian.Uint64(text))
		tail, also := eightDigits(binary.LittleEndian.Uint64(text[9:]) ^ ('.'^'0')<<8) // 0 for the point
		if tens := text[8] - '0'; ok && also && tens <= 9 {
			return seconds*100_000_000 + int64(tens)*10_000_000 + tail/10_000_000*1_000_000 + tail%10_000_000, true
		}
		return 0, false
	}
	return anyTime(text)
}

// eightDigits returns the number that eight digits stand for, in three multiplications
// (D. Lemire, "Quickly parsing eight digits", 2018). The first digit is the lowest byte.
func eightDigits(w uint64) (n int64, ok bool) {
	const nibbles, threes, sixes = 0xf0f0f0f0f0f0f0f0, 0x3030303030303030, 0x0606060606060606
	ok = w&nibbles == threes && (w+sixes)&nibbles == threes
	w = w & 0x0f0f0f0f0f0f0f0f * (10<<8 + 1) >> 8
	w = w & 0x00ff00ff00ff00ff * (100<<16 + 1) >> 16
	return int64(w & 0x0000ffff0000ffff * (10_000<<32 + 1) >> 32), ok
}

// anyTime is feedTime for any number of digits, one after the other.
func anyTime(text []byte) (usec int64, ok bool) {
	i := 0
	var sec int64
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		if sec = sec*10 + int64(text[i]-'0'); sec > maxSeconds {
			return 0, false
		}
	}
	usec = sec * 1_000_000
	if i == 0 || i == len(text) {
		return usec, i > 0
	}
	if text[i] != '.' {
		return 0, false
	}
	unit := int64(100_000)
	for i++; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		usec += int64(text[i]-'0') * unit
		unit /= 10
	}
	return usec, true
}

// numberTime returns the time that a number stands for. The unit follows from its size.
func numberTime(d Decimal) (usec int64, ok bool) {
	if d.Sign() < 0 {
		return 0, false
	}
	if usec, _, ok = d.scaled(6); ok && usec/1_000_000 <= maxSeconds {
		return usec, true
	}
	n, ok := d.Int64()
	if !ok {
		return 0, false
	}
	switch d.exponent + 1 { // digits
	case 13:
		return n * 1000, true
	case 16:
		return n, true
	case 19:
		return n / 1000, true
	}
	return 0, false
}

// textTime parses RFC 3339 and its variants.
func textTime(text []byte) (usec int64, ok bool) {
	if len(text) < len("2006-01-02T15:04:05Z") {
		return 0, false // time.Parse would allocate an error for each layout
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700"} {
		if t, err := time.Parse(layout, string(text)); err == nil && t.Unix() >= 0 && t.UTC().Year() <= 9999 {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
