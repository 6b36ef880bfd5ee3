package main

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 23, 22, 30, 15, 5, zone)
	for _, row := range []struct{ text, want string }{
		{"now", "2026-11-23T22:30:15.000000005+01:00"},
		{"today", "2026-11-23T00:00:00+01:00"},
		{"yesterday", "2026-11-22T00:00:00+01:00"},
		{"-10m", "2026-11-23T22:20:15.000000005+01:00"},
		{"-2d", "2026-11-21T22:30:15.000000005+01:00"},
		{"2026-11-22", "2026-11-22T00:00:00+01:00"},
		{"2026-11-22 15:04", "2026-11-22T15:04:00+01:00"},
		{"2026-11-22T15:04:05.25", "2026-11-22T15:04:05.25+01:00"},
		{"2026-11-22T15:04:05Z", "2026-11-22T15:04:05Z"},
		{"2026-11-22T15:04:05.000001+02:00", "2026-11-22T15:04:05.000001+02:00"},
		{"15:04", "2026-11-23T15:04:00+01:00"},
		{"15:04:05.5", "2026-11-23T15:04:05.5+01:00"},
		{"", ""},
		{"soon", ""},
		{"-", ""},
		{"--5m", ""},
		{"-5", ""},
		{"25:00", ""},
		{"2026-13-01", ""},
		{"10m", ""},
	} {
		got, err := parseMoment(row.text, now)
		switch {
		case row.want == "" && err == nil:
			t.Errorf("%q: got %v, want an error", row.text, got)
		case row.want != "" && (err != nil || got.Format(time.RFC3339Nano) != row.want):
			t.Errorf("%q: got %v, %v, want %s", row.text, got.Format(time.RFC3339Nano), err, row.want)
		}
	}
}
