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

import (
	"strconv"
	"time"
)

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

// Timestamp parses the text of an event's timestamp into whole microseconds
// since 1970. The feed has Unix time in seconds with a decimal point; a float64
// is too small to carry a present-day time to the microsecond, hence the
// integer. Digits past the sixth decimal are cut off.
//
// It also takes what captures made elsewhere have and what can mean one thing
// only: an integer of 13, 16 or 19 digits, which is milliseconds, microseconds or
// nanoseconds, for as seconds it would lie past the year 9999; and RFC 3339, with
// a blank for its T and without the colon of its zone, too, but never without a
// zone. It reports false for anything else and for times past the year 9999.
func Timestamp(text []byte) (usec int64, ok bool) {
	if usec, ok = seconds(text); !ok && len(text) >= 13 {
		return otherTime(text)
	}
	return usec, ok
}

// otherTime parses the forms of time that the feed does not have.
func otherTime(text []byte) (usec int64, ok bool) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && text[0] != '+' {
		switch {
		case text[0] == '0' || n < 0:
			return 0, false
		case len(text) == 13:
			return n * 1000, true
		case len(text) == 16:
			return n, true
		case len(text) == 19:
			return n / 1000, true
		}
		return 0, false
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700"} {
		if t, err := time.Parse(layout, string(text)); err == nil && t.Unix() >= 0 && t.UTC().Year() <= 9999 {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

func seconds(text []byte) (usec int64, ok bool) {
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
