package cli

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"time"
	_ "time/tzdata" // for systems that have no database of time zones
)

// SetTimeZone has the time zone be that of TZ also where it is a rule, as
// CET-1CEST,M3.5.0,M10.5.0/3, which package time takes for UTC. Nothing else may
// run yet.
func SetTimeZone() {
	if tz := unknownZone(); tz != "" {
		if loc := ruledZone(tz); loc != nil {
			time.Local = loc
		}
	}
}

// unknownZone returns the value of TZ if it names no time zone that is known, so
// that times are in UTC.
func unknownZone() string {
	tz := strings.TrimPrefix(os.Getenv("TZ"), ":")
	// Windows has its own setting and ignores TZ.
	if runtime.GOOS == "windows" || tz == "" || tz == "UTC" || time.Local.String() != "UTC" {
		return ""
	}
	return tz
}

// ruledZone returns the time zone of a rule as POSIX has them, nil if it is none.
func ruledZone(rule string) *time.Location {
	// Package time reads such rules at the end of its files (RFC 9636): this is
	// one without anything before that, but for a zone that tells when the rule
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
