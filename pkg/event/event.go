// Package event holds an Enswitch event and reads it without decoding it.
//
// An event is its original bytes: one JSON object, as messaged's websocket
// sends it or as package post makes it of a POSTed form. [Index] finds the
// fields of those bytes in one strict pass, and everything that filters or
// shows events works on what it found.
//
// Of an event's fields the vendor documents three that every event has:
// class, event and timestamp. All others are data. New events and new fields
// appear without warning, so nothing here depends on any other name.
//
// The package imports the standard library only.
package event

import "time"

// Event is one event as it came in.
type Event struct {
	// Raw is the event's bytes exactly as received: not yet validated, not
	// repaired. Who hands an Event out says how long Raw stays valid.
	Raw []byte
	// Received is when the read that delivered the event returned, on this
	// machine's clock. Events of one read share it.
	Received time.Time
	// Source names where the event came from and never holds a key:
	// "ws://10.0.0.5:4875", the address of the machine that POSTed it, or the
	// name of a file.
	Source string
}

// Timestamp parses the text of an event's timestamp, Unix time in seconds with
// a decimal point, into whole microseconds since 1970. A float64 is too small
// to carry a present-day time to the microsecond, hence the integer. Digits
// past the sixth decimal are cut off. It reports false for anything but
// digits with at most one point, and for times past the year 9999.
func Timestamp(text []byte) (usec int64, ok bool) {
	const most = 253402300799 // 9999-12-31T23:59:59Z
	i := 0
	var sec int64
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		if sec = sec*10 + int64(text[i]-'0'); sec > most {
			return 0, false
		}
	}
	if i == 0 {
		return 0, false
	}
	usec = sec * 1_000_000
	if i == len(text) {
		return usec, true
	}
	if text[i] != '.' || i+1 == len(text) {
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
