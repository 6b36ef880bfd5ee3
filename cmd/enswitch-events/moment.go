package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// moments are the ways to write a time, beside RFC 3339 and those by name. What
// they leave out is that of now; a day without a time is its beginning.
var moments = [...]struct {
	layout string
	day    bool // the layout has the day
}{
	{"2006-01-02T15:04:05.999999999", true},
	{"2006-01-02 15:04:05.999999999", true},
	{"2006-01-02T15:04", true},
	{"2006-01-02 15:04", true},
	{"2006-01-02", true},
	{"15:04:05.999999999", false},
	{"15:04", false},
}

// parseMoment returns the time that text names: RFC 3339, 2026-11-22 (its beginning),
// 2026-11-22 15:04, 15:04 (of today), -10m or -2d (before now), today and
// yesterday (their beginnings), or now. Where it names no zone, that of now
// counts.
func parseMoment(text string, now time.Time) (time.Time, error) {
	midnight := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
	}
	switch text {
	case "now":
		return now, nil
	case "today":
		return midnight(0), nil
	case "yesterday":
		return midnight(-1), nil
	}
	if back, ok := strings.CutPrefix(text, "-"); ok {
		if days, ok := strings.CutSuffix(back, "d"); ok {
			if n, err := strconv.ParseUint(days, 10, 16); err == nil {
				return now.AddDate(0, 0, -int(n)), nil
			}
		}
		if d, err := time.ParseDuration(back); err == nil && d >= 0 {
			return now.Add(-d), nil
		}
		return time.Time{}, errors.New("a time before now is written like -10m, -2h30m or -2d")
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, m := range moments {
		t, err := time.ParseInLocation(m.layout, text, now.Location())
		if err != nil {
			continue
		}
		if !m.day {
			t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		}
		return t, nil
	}
	return time.Time{}, errors.New("a time is written like 2026-11-22T15:04:05Z, 2026-11-22, 15:04, -10m or yesterday")
}
