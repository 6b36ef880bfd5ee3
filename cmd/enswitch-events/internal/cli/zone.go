package cli

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"time"
	_ "time/tzdata" // for systems that have no database of time zones
)

// SetTimeZone sets time.Local from TZ if TZ is a POSIX rule, such as
// CET-1CEST,M3.5.0,M10.5.0/3, which package time takes for UTC. It must be called
// before any other goroutine runs.
func SetTimeZone() {
	if tz := unknownZone(); tz != "" {
		if loc := parsePOSIXZone(tz); loc != nil {
			time.Local = loc
		}
	}
}

// unknownZone returns the value of TZ if it names no known time zone, so that times
// are in UTC; otherwise "".
func unknownZone() string {
	tz := strings.TrimPrefix(os.Getenv("TZ"), ":")
	// Windows has its own setting and ignores TZ.
	if runtime.GOOS == "windows" || tz == "" || tz == "UTC" || time.Local.String() != "UTC" {
		return ""
	}
	return tz
}

// parsePOSIXZone returns the time zone of a POSIX rule, or nil if rule is none.
func parsePOSIXZone(rule string) *time.Location {
	// Package time reads such rules at the end of a time zone file (RFC 9636). This
	// builds a file with nothing but the rule, and one zone that is used if the rule
	// cannot be read.
	const unread = 1 // seconds east of Greenwich
	header := "TZif2" + strings.Repeat("\x00", 15)
	file := []byte(header + strings.Repeat("\x00", 24) + header)
	for _, count := range []uint32{0, 0, 0, 0, 1, 2} { // a zone, and two bytes of names
		file = binary.BigEndian.AppendUint32(file, count)
	}
	file = binary.BigEndian.AppendUint32(file, unread)
	file = append(file, 0, 0, '?', 0)
	loc, err := time.LoadLocationFromTZData(rule, append(file, "\n"+rule+"\n"...))
	if err != nil {
		return nil
	}
	if _, offset := time.Unix(0, 0).In(loc).Zone(); offset == unread {
		return nil
	}
	return loc
}
